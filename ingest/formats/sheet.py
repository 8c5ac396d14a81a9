"""The rows of one table as they are read from a part of a file, in columns that are filled where they stand.

Goes in: lines of blocks (``bytecsv``) and the ``Plan`` of their record. Numbers, days and texts are in their columns
at once; texts that are read by number wait until the part is through, so that what they say is worked out once
(``groups.read_texts``), and are put beside them then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import sheet_kernels as kernels
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.bytecsv_kernels import PADDING, Lines
from ingest.formats.cell_kernels import OTHER
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.groups import Group, Said, read_texts
from ingest.formats.plainplan import Plan
from ingest.formats.sheetcolumns import SheetColumns, values_of
from ingest.formats.uke_text import characters
from ingest.formats.vocabulary import Vocabulary

_FIRST = np.zeros(1, np.int32)
_YEARS = np.array([FIRST_YEAR, *(year for _, year, _ in ERAS)], np.int64)


@dataclass(frozen=True)
class Numbered:
    """Cells of a group's columns by the number of their text: ``rows`` of the table and for each a number; the text of
    each number by field, of the ``height`` that occur (``place_of`` says where)."""

    group: Group
    rows: Array
    ids: Array
    place_of: Array
    texts: Mapping[str, pl.Series]
    height: int


@dataclass
class _Taken:
    """What was taken by one plan, block by block: the rows of the table, the kinds of their lines, the numbers of their
    texts, and those of days and texts in another form."""

    words: Vocabulary
    rows: list[Array] = field(default_factory=list)
    kinds: list[Array] = field(default_factory=list)
    ids: list[Array] = field(default_factory=list)
    others: dict[str, list[tuple[Array, Array]]] = field(default_factory=dict)


class Sheet:
    """Rows of one table; ``plans`` are those of its records."""

    def __init__(self, plans: Sequence[Plan], encoding: str) -> None:
        self.plans, self._encoding = plans, encoding
        self.columns = SheetColumns(plans)
        self._taken = [_Taken(Vocabulary(encoding)) for _ in plans]
        self.waiting: list[list[Numbered]] = []
        self._limits = [plan.limits() for plan in plans]
        self._at_number = [self.columns.numbers.places(plan.numbers) for plan in plans]
        self._at_day = [self.columns.days.places(plan.days) for plan in plans]

    def take(self, number: int, block: Block, lines: Array, kinds: Array, rows: Array) -> None:
        """Puts some lines into ``rows`` of the table by the plan with this number."""
        if not len(lines):
            return
        plan, taken, columns = self.plans[number], self._taken[number], self.columns
        at = block.at(lines, kinds)
        if plan.numbers:
            kernels.put_numbers(
                at, plan.number_fields, plan.number_bounds, self._limits[number], rows, self._at_number[number],
                columns.numbers.value, columns.numbers.state, columns.bad,
            )  # fmt: skip
        if plan.days and kernels.put_days(
            at, plan.day_fields, _YEARS, rows, self._at_day[number], columns.days.value, columns.days.state
        ):
            for name in plan.days:
                self._take_others(number, name, at, rows, columns.days.state_of(name))
        for name, fields in zip(plan.texts, plan.text_fields, strict=True):
            if self._put_texts(name, plan.is_printed(name), at, fields, rows):
                self._take_others(number, name, at, rows, columns.texts.state_of(name))
        taken.rows.append(rows)
        taken.kinds.append(kinds)
        if plan.groups:
            taken.ids.append(taken.words.of_rows(at, plan.group_fields))

    def _put_texts(self, name: str, is_printed: bool, at: Lines, fields: Array, rows: Array) -> int:
        """Puts the texts of a column and gives how many are of another form."""
        columns, counts = self.columns, np.array([0, self.columns.used[name], 0], np.int64)
        is_printed = is_printed and self._encoding == "cp932"
        view, state = columns.texts.value_of(name), columns.texts.state_of(name)
        while True:
            kernels.put_texts(at, fields, is_printed, characters(), rows, view, state, columns.held[name], counts)
            columns.used[name] = int(counts[kernels.USED])
            if counts[kernels.DONE] == len(at.lines):
                return int(counts[kernels.OTHERS])
            columns.make_text_room(name, len(at.buf))

    def _take_others(self, number: int, name: str, at: Lines, rows: Array, state: Array) -> None:
        """Numbers the cells of a day or text that are of another form."""
        others = np.flatnonzero(state[rows] == OTHER)
        if len(others):
            plan, taken = self.plans[number], self._taken[number]
            kinds = at.kinds[others] if len(at.kinds) else at.kinds
            some = at._replace(lines=at.lines[others], kinds=kinds)
            ids = taken.words.of_rows(some, plan.fields(plan.otherwise[name].fields))
            taken.others.setdefault(name, []).append((rows[others], ids))

    def close(self) -> None:
        """No more lines come: what was taken by number is made ready to be read."""
        self.waiting = [self._numbered(number) for number in range(len(self.plans))]

    def _numbered(self, number: int) -> list[Numbered]:
        plan, taken = self.plans[number], self._taken[number]
        if not taken.rows:
            return []
        rows = np.concatenate(taken.rows)
        found = []
        for group in plan.groups:
            slots = plan.slots(group)
            ids = [np.concatenate([part[:, slot] for part in taken.ids]) for slot in slots]
            found.append(_numbered(group, rows, ids, taken.words))
        for name, others in taken.others.items():
            group = plan.otherwise[name]
            whole = np.concatenate([ids for _, ids in others])
            ids = [np.ascontiguousarray(column) for column in whole.T]
            found.append(_numbered(group, np.concatenate([rows for rows, _ in others]), ids, taken.words))
        return found

    def put(self, number: int, said: Said, begin: Sequence[int]) -> None:
        """Puts what the texts of one plan say into the columns; ``begin`` as ``Said`` has it, of those ``waiting``."""
        columns = self.columns
        for part, first in zip(self.waiting[number], begin, strict=True):
            place_of = part.place_of + np.int32(first)
            for name in part.group.columns:
                columns.spread(name, values_of(said.values[name]), place_of, part.ids, part.rows)
            is_bad = said.is_bad[part.group]
            if is_bad[first : first + part.height].any():
                kernels.mark(is_bad, place_of, part.ids, part.rows, columns.bad)
        if self._taken[number].rows:
            self._put_told(self.plans[number], self._taken[number])

    def _put_told(self, plan: Plan, taken: _Taken) -> None:
        """Puts what follows from the kinds of lines, and what is constant by this plan and not by another."""
        rows = np.concatenate(taken.rows)
        for name, words in plan.told.items():
            told = values_of(pl.Series(words, dtype=pl.String))
            kinds = np.concatenate(taken.kinds).astype(np.int32)
            self.columns.spread(name, told, np.arange(len(words), dtype=np.int32), kinds, rows)
        for name, value in plan.constant.items():
            if name not in self.columns.constant and value.item() is not None:
                self.columns.spread(name, values_of(value), _FIRST, np.zeros(len(rows), np.int32), rows)
        if plan.is_bad:
            self.columns.bad[rows] = True

    def batch(self, places: Mapping[str, Array]) -> tuple[pa.RecordBatch, Array]:
        """(the columns, beside those of ``places``, whether each row breaks a rule)."""
        rows = len(places["source_row"])
        columns = {name: pa.array(values) for name, values in places.items()} | self.columns.arrow(rows)
        return pa.RecordBatch.from_pydict(columns), self.columns.bad[:rows]


def _numbered(group: Group, rows: Array, ids: Sequence[Array], words: Vocabulary) -> Numbered:
    """The cells of a group whose texts have these numbers, of each field."""
    if len(ids) == 1:
        number = ids[0]
        is_seen = np.zeros(len(words), bool)
        kernels.see(number, is_seen)
        occurring = np.flatnonzero(is_seen)
        tuples = occurring.reshape(-1, 1)
    else:
        number, tuples = _tuples(ids)
        occurring = np.arange(len(tuples))
    place_of = np.zeros(max(len(words), len(tuples)), np.int32)
    place_of[occurring] = np.arange(len(occurring))
    texts = {name: words.texts(tuples[:, place]) for place, name in enumerate(group.fields)}
    return Numbered(group, rows, number, place_of, texts, len(tuples))


def _tuples(ids: Sequence[Array]) -> tuple[Array, Array]:
    """(the number of each row's tuple of numbers, the tuples)."""
    width, height = 4 * len(ids), len(ids[0])
    whole = np.zeros((height * width + PADDING) // 4 + 1, np.int32)
    whole[: height * len(ids)] = np.stack(ids, axis=1).reshape(-1)
    known, number = Vocabulary(""), np.empty(height, np.int32)
    offset = np.arange(0, height * width, width, dtype=np.int32)
    known.of_cells(whole.view(np.uint8), offset, np.full(height, width, np.int32), number)
    return number, known.raw(0, len(known), len(ids))


def table_of(sheets: Sequence[Sheet], places: Sequence[Mapping[str, Array]]) -> tuple[pl.DataFrame, Array]:
    """(the table of the rows of all parts, whether each breaks a rule); ``places`` are columns that say where rows
    stand, ``source_row`` among them."""
    for number in range(len(sheets[0].plans)):
        asked = [(one.group, one.texts) for sheet in sheets for one in sheet.waiting[number]]
        said = read_texts(asked) if asked else Said({}, {}, [])
        begin = iter(said.begin)
        for sheet in sheets:
            sheet.put(number, said, [next(begin) for _ in sheet.waiting[number]])
    batches, bad = zip(*(sheet.batch(own) for sheet, own in zip(sheets, places, strict=True)), strict=True)
    table = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches), rechunk=False))
    constant = [pl.lit(value.item(), value.dtype).alias(name) for name, value in sheets[0].columns.constant.items()]
    return table.with_columns(constant), np.concatenate(bad)

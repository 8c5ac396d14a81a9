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
    """What was taken by one plan: its vocabulary, the rows of the table block by block, and by the name of a day or
    text rows and numbers of its cells in another form."""

    words: Vocabulary
    rows: list[Array] = field(default_factory=list)
    others: dict[str, list[tuple[Array, Array]]] = field(default_factory=dict)


class Sheet:
    """Rows of one table; ``plans`` are those of its records."""

    def __init__(self, plans: Sequence[Plan], encoding: str) -> None:
        self.plans = plans
        self.columns = SheetColumns(plans)
        self.waiting: list[list[Numbered]] = []
        self._taken = [_Taken(Vocabulary(encoding)) for _ in plans]
        may_be_printed = encoding == "cp932"
        self._is_printed = [np.array([may_be_printed and p.is_printed(name) for name in p.texts], bool) for p in plans]

    def take(self, number: int, block: Block, lines: Array, kinds: Array, rows: Array) -> None:
        """Puts some lines into ``rows`` of the table by the plan with this number."""
        if not len(lines):
            return
        plan, taken = self.plans[number], self._taken[number]
        at, counts = block.at(lines, kinds), np.array([0, self.columns.used, 0], np.int64)
        taken.rows.append(rows)
        if plan.told:
            self.columns.ids[-1, rows] = kinds
        while True:
            kernels.put_lines(at, rows, *self._columns(number), characters(), self.columns.bad, counts)
            self.columns.used = int(counts[kernels.COUNTS.used])
            if counts[kernels.COUNTS.done] == len(lines):
                break
            taken.words.make_room(len(block.buf))
            self.columns.make_text_room(len(block.buf))
        if counts[kernels.COUNTS.others]:
            self._take_others(number, at, rows)

    def _columns(self, number: int) -> tuple[kernels.Numbers, kernels.Days, kernels.Texts, kernels.Ids]:
        """The columns that a plan fills, as the loop takes them."""
        plan, columns = self.plans[number], self.columns
        numbers, days, texts = columns.numbers, columns.days, columns.texts
        return (
            kernels.Numbers(
                plan.number_fields, plan.number_bounds, *plan.limits, numbers.places(plan.numbers),
                numbers.value, numbers.state,
            ),
            kernels.Days(plan.day_fields, _YEARS, days.places(plan.days), days.value, days.state),
            kernels.Texts(
                plan.text_fields, self._is_printed[number], texts.places(plan.texts),
                texts.value, texts.state, columns.held,
            ),
            kernels.Ids(plan.group_fields, columns.ids, self._taken[number].words.words()),
        )  # fmt: skip

    def _take_others(self, number: int, at: Lines, rows: Array) -> None:
        """Numbers the cells of days and texts that are of another form."""
        plan, taken = self.plans[number], self._taken[number]
        for name, group in plan.otherwise.items():
            grid = self.columns.days if name in plan.days else self.columns.texts
            others = np.flatnonzero(grid.state_of(name)[rows] == OTHER)
            if len(others):
                some = at._replace(lines=at.lines[others], kinds=at.kinds[others])
                ids = taken.words.of_rows(some, plan.fields(group.fields))
                taken.others.setdefault(name, []).append((rows[others], ids))

    def close(self) -> None:
        """No more lines come: what was taken by number is made ready to be read."""
        self.waiting = [self._numbered(number) for number in range(len(self.plans))]

    def _numbered(self, number: int) -> list[Numbered]:
        plan, taken = self.plans[number], self._taken[number]
        if not taken.rows:
            return []
        rows, found = np.concatenate(taken.rows), []
        is_all = len(self.plans) == 1
        for group in plan.groups:
            ids = [
                self.columns.ids[slot, : len(rows)] if is_all else self.columns.ids[slot, rows]
                for slot in plan.slots(group)
            ]
            found.append(_numbered(group, rows, ids, taken.words))
        for name, others in taken.others.items():
            whole = np.concatenate([ids for _, ids in others])
            columns = [np.ascontiguousarray(column) for column in whole.T]
            found.append(
                _numbered(plan.otherwise[name], np.concatenate([part for part, _ in others]), columns, taken.words)
            )
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
            kinds = self.columns.ids[-1, rows]
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

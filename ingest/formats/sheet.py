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
from ingest.formats.bytecsv_kernels import Lines
from ingest.formats.cell_kernels import BLANK, OTHER
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.groups import Group, Said, read_texts
from ingest.formats.plainplan import Plan
from ingest.formats.sheetcolumns import Grid, SheetColumns, Values, values_of
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


@dataclass(frozen=True)
class Learned:
    """What the texts of one plan say: by column and by group as ``groups.Said`` has it; ``begin`` for each part where
    those that wait there stand."""

    values: Mapping[str, Values]
    is_bad: Mapping[Group, Array]
    begin: Sequence[Sequence[int]]


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
        own = self.columns
        self._places = [
            (own.numbers.places(p.numbers), own.days.places(p.days), own.texts.places(p.texts)) for p in plans
        ]

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
            taken.words.make_room(block.size_of(lines[counts[kernels.COUNTS.done]]))
            self.columns.make_text_room(len(block.buf))
        if counts[kernels.COUNTS.others]:
            self._take_others(number, at, rows)

    def _columns(self, number: int) -> tuple[kernels.Numbers, kernels.Days, kernels.Texts, kernels.Ids]:
        """The columns that a plan fills, as the loop takes them."""
        plan, columns = self.plans[number], self.columns
        numbers, days, texts = columns.numbers, columns.days, columns.texts
        number_places, day_places, text_places = self._places[number]
        return (
            kernels.Numbers(
                plan.number_fields, plan.number_bounds, *plan.limits, number_places,
                numbers.value, numbers.state,
            ),
            kernels.Days(plan.day_fields, _YEARS, day_places, days.value, days.state),
            kernels.Texts(
                plan.text_fields, self._is_printed[number], text_places,
                texts.value, texts.state, columns.held,
            ),
            kernels.Ids(plan.group_fields, columns.ids, self._taken[number].words.words()),
        )  # fmt: skip

    def _take_others(self, number: int, at: Lines, rows: Array) -> None:
        """Numbers the cells of days and texts that are of another form."""
        plan, taken = self.plans[number], self._taken[number]
        for name, group in plan.otherwise.items():
            others = np.flatnonzero(self._grid(name).state_of(name)[rows] == OTHER)
            if len(others):
                some = at._replace(lines=at.lines[others], kinds=at.kinds[others])
                ids = taken.words.of_rows(some, plan.fields(group.fields))
                taken.others.setdefault(name, []).append((rows[others], ids))

    def _grid(self, name: str) -> Grid:
        """Where a day or text stands."""
        return self.columns.days if name in self.columns.days.names else self.columns.texts

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

    def fill(self, learned: Sequence[Learned], part: int, places: Mapping[str, Array]) -> tuple[pa.RecordBatch, Array]:
        """(the columns beside those of ``places``, whether each row breaks a rule), when it is learned what the texts
        of all parts say, of which this sheet is one.

        ``places`` are columns that say where rows stand, ``source_row`` among them.
        """
        for number, says in enumerate(learned):
            for waiting, begin in zip(self.waiting[number], says.begin[part], strict=True):
                self._put(waiting, begin, says)
            if self._taken[number].rows:
                self._put_told(self.plans[number], self._taken[number])
        rows = len(places["source_row"])
        for name in {name for plan in self.plans for name in plan.otherwise if plan.is_required(name)}:
            self.columns.bad[:rows] |= self._grid(name).state_of(name)[:rows] == BLANK
        columns = {name: pa.array(values) for name, values in places.items()} | self.columns.arrow(rows)
        return pa.RecordBatch.from_pydict(columns), self.columns.bad[:rows]

    def _put(self, waiting: Numbered, begin: int, says: Learned) -> None:
        """Puts what the texts of some cells say; they stand in what was learned from ``begin`` on."""
        place_of = waiting.place_of + np.int32(begin)
        for name in waiting.group.columns:
            self.columns.spread(name, says.values[name], place_of, waiting.ids, waiting.rows)
        is_bad = says.is_bad[waiting.group]
        if is_bad[begin : begin + waiting.height].any():
            kernels.mark(is_bad, place_of, waiting.ids, waiting.rows, self.columns.bad)

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


def _numbered(group: Group, rows: Array, ids: Sequence[Array], words: Vocabulary) -> Numbered:
    """The cells of a group whose texts have these numbers, of each field."""
    if len(ids) == 1:
        number = ids[0]
        is_seen = np.zeros(len(words), bool)
        kernels.see(number, is_seen)
        occurring = np.flatnonzero(is_seen)
        tuples = occurring.reshape(-1, 1)
    else:
        known = Vocabulary(words.encoding)
        number = known.of_tuples(np.stack(ids, axis=1))
        tuples = known.raw(0, len(known), len(ids))
        occurring = np.arange(len(tuples))
    place_of = np.zeros(max(len(words), len(tuples)), np.int32)
    place_of[occurring] = np.arange(len(occurring))
    texts = {name: words.texts(tuples[:, place]) for place, name in enumerate(group.fields)}
    return Numbered(group, rows, number, place_of, texts, len(tuples))


def learn(sheets: Sequence[Sheet]) -> list[Learned]:
    """What the texts say that wait in the sheets of all parts, by plan."""
    found = []
    for number in range(len(sheets[0].plans)):
        asked = [(one.group, one.texts) for sheet in sheets for one in sheet.waiting[number]]
        said = read_texts(asked) if asked else Said({}, {}, [])
        begin = iter(said.begin)
        begins = [[next(begin) for _ in sheet.waiting[number]] for sheet in sheets]
        found.append(Learned({name: values_of(told) for name, told in said.values.items()}, said.is_bad, begins))
    return found


def table_of(batches: Sequence[pa.RecordBatch], plans: Sequence[Plan]) -> pl.DataFrame:
    """The table of all parts, with what is constant by all plans: held once, however many the rows."""
    table = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches), rechunk=False))
    constant = SheetColumns(plans).constant
    return table.with_columns(pl.lit(value.item(), value.dtype).alias(name) for name, value in constant.items())

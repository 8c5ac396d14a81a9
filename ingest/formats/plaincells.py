"""Contract columns from the bytes of a CSV, block by block: whole numbers, days and texts where they stand, the others
by number.

Goes in: the cells of a contract (``cells.Cell``) and blocks of lines. Comes out: the contract's table of the lines
that break no rule, and which lines are odd: those go the long way (``cells.typed``), which says what is wrong with
them. A cell that is not in the form that nearly all have is numbered and read once a text, as are all of the columns
that have codes, patterns or rules of their own, and a text as long as there are few (``fewtexts``).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import sheet_kernels as kernels
from ingest.formats import uke_arrow
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.bytecsv_kernels import Lines
from ingest.formats.cell_kernels import OTHER, VALID
from ingest.formats.cells import Cell
from ingest.formats.contracts import Contract
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.fewtexts import FewTexts, learn
from ingest.formats.groups import place_of
from ingest.formats.plainplan import Plan
from ingest.formats.uke_text import characters
from ingest.formats.vocabulary import Vocabulary

FEW = 1_000
"""A text of more different ones than these is read where it stands, cell by cell."""
SLICE = 4_000
"""Lines of the first block whose texts are numbered before it is asked which have many."""
_HELD_BYTES = 16
"""Room for each text beside its view to begin with."""
_YEARS = np.array([FIRST_YEAR, *(year for _, year, _ in ERAS)], np.int64)


class PlainCells:
    """Reads a contract's table from blocks of one file."""

    def __init__(self, contract: Contract, own: Iterable[Cell], encoding: str) -> None:
        self._plan = plan = Plan(contract, own)
        self._encoding = encoding
        self._schema: dict[str, pl.DataType] = contract.plain_schema()
        self._limits = kernels.Limits(*plan.limits)
        self._words = Vocabulary(encoding)
        self._coded = [FewTexts(group, self._words) for group in plan.groups]
        self._texts = {name: FewTexts(plan.otherwise[name], self._words) for name in plan.texts}
        self._constants: dict[str, pa.Array] = {}
        self._slice = SLICE
        self._days = {name: FewTexts(plan.otherwise[name], self._words) for name in plan.days}

    def read(self, block: Block, lines: Array) -> tuple[pl.DataFrame, Array]:
        """(the table of the lines that are not odd, whether each is odd)."""
        height, plan = len(lines), self._plan
        if height == 0:
            return pl.DataFrame(schema=self._schema), np.zeros(0, bool)
        at, odd = block.at(lines), np.full(height, plan.is_bad)
        ids = {group: np.empty(height, np.int32) for group in (*self._coded, *self._texts.values())}
        many = {name: _Texts(self, name, height) for name, group in self._texts.items() if _has_many(group)}
        value, number_state = np.empty((len(plan.numbers), height), np.int64), _states(len(plan.numbers), height)
        day, day_state = np.empty((len(plan.days), height), np.int32), _states(len(plan.days), height)
        step, self._slice = self._slice, max(self._slice, height)
        for begin in range(0, height, step):
            here = slice(begin, begin + step)
            some, rows = at._replace(lines=lines[here]), np.arange(begin, min(begin + step, height))
            self._number(some, {group: numbers[here] for group, numbers in ids.items()})
            kernels.put_days(some, plan.day_fields, _YEARS, rows, np.arange(len(day)), day, day_state)
            kernels.put_numbers(
                some, plan.number_fields, plan.number_bounds, self._limits, rows, np.arange(len(value)), value,
                number_state, odd,
            )  # fmt: skip
            for texts in many.values():
                texts.put(some, rows)
        columns: dict[str, pa.Array] = {"source_row": pa.array(block.rows_of(lines))}
        few = [group for group in ids if group not in self._texts.values() or not _has_many(group)]
        learn(few)
        for group in few:
            odd |= group.is_bad[ids[group]] if group.is_bad.any() else False
            columns |= {name: group.column(name, ids[group]) for name in group.columns}
        for name in self._texts.keys() - columns.keys():
            texts = many.get(name) or _Texts(self, name, height)
            if name not in many:
                texts.put(at, np.arange(height))
            columns[name] = self._completed(name, self._texts[name], at, odd, texts.array(), texts.state)
        for number, (name, group) in enumerate(self._days.items()):
            days = uke_arrow.dates(day[number], day_state[number] == VALID)
            columns[name] = self._completed(name, group, at, odd, days, day_state[number])
        for number, name in enumerate(plan.numbers):
            columns[name] = uke_arrow.whole_numbers(value[number], number_state[number] == VALID)
        columns |= {name: self._constant(name, height) for name in plan.constant}
        table = uke_arrow.table({name: columns[name] for name in self._schema})
        return (table.filter(~pl.Series(odd)) if odd.any() else table), odd

    def _constant(self, name: str, height: int) -> pa.Array:
        """A column that says the same of every line, of memory that all blocks have in common."""
        if len(self._constants.get(name, ())) < height:
            self._constants[name] = uke_arrow.array(self._plan.constant[name].new_from_index(0, height))
        return self._constants[name][:height]

    def _number(self, at: Lines, ids: dict[FewTexts, Array]) -> None:
        """Numbers the texts of some lines by group; those of a text that turned out to have many are left."""
        few = [group for group in ids if group in self._coded or not _has_many(group)]
        fields = sorted({name for group in few for name in group.fields}, key=place_of)
        texts = self._words.of_rows(at, self._plan.fields(fields))
        for group in few:
            group.number([texts[:, fields.index(name)] for name in group.fields], ids[group])

    def _completed(self, name: str, group: FewTexts, at: Lines, odd: Array, column: pa.Array, state: Array) -> pa.Array:
        """A column with the cells of another form than nearly all have."""
        others = np.flatnonzero(state == OTHER)
        if len(others):
            texts = self._words.of_rows(at._replace(lines=at.lines[others]), self._plan.fields(group.fields))
            ids = np.empty(len(others), np.int32)
            group.number(list(texts.T), ids)
            learn([group])
            odd[others] |= group.is_bad[ids]
            told = group.values[name][pl.Series(ids.view(np.uint32))]
            column = uke_arrow.array(pl.Series(column).scatter(others, told).rechunk())
        if self._plan.is_required(name) and column.null_count:
            odd |= column.is_null().to_numpy(zero_copy_only=False)
        return column

    def is_decoded(self, name: str) -> bool:
        """Whether a text is read from CP932 as it is printed."""
        return self._plan.is_printed(name) and self._encoding == "cp932"

    def field_of(self, name: str) -> Array:
        """Where a text stands in its line."""
        return self._plan.text_fields[:, [self._plan.texts.index(name)]]


class _Texts:
    """A column of texts that are read where they stand."""

    def __init__(self, own: PlainCells, name: str, height: int) -> None:
        self._fields, self._is_printed = own.field_of(name), own.is_decoded(name)
        self._view, self.state = np.zeros(2 * height, np.uint64), np.zeros(height, np.uint8)
        self._held, self._counts = np.empty(_HELD_BYTES * height, np.uint8), np.zeros(3, np.int64)

    def put(self, at: Lines, rows: Array) -> None:
        """Puts the texts of some lines into some rows."""
        self._counts[kernels.DONE] = 0
        while True:
            kernels.put_texts(
                at, self._fields, self._is_printed, characters(), rows, self._view, self.state, self._held, self._counts
            )
            if self._counts[kernels.DONE] == len(at.lines):
                return
            self._held = np.concatenate([self._held, np.empty(len(self._held) + len(at.buf), np.uint8)])

    def array(self) -> pa.Array:
        """The column."""
        return uke_arrow.Texts(self._view, self.state == VALID, self._held[: self._counts[kernels.USED]]).array()


def _states(columns: int, height: int) -> Array:
    return np.zeros((columns, height), np.uint8)


def _has_many(group: FewTexts) -> bool:
    return len(group) > FEW

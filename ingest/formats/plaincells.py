"""Contract columns from the bytes of a CSV, block by block: whole numbers, days and texts where they stand, the others
by number.

Goes in: the cells of a contract (``cells.Cell``) and blocks of lines. Comes out: the contract's table of the lines
that break no rule, and which lines are odd: those go the long way (``cells.typed``), which says what is wrong with
them. A cell that is not in the form that nearly all have is numbered and read once a text, as are all of the columns
that have codes, patterns or rules of their own, and a text as long as there are few (``fewtexts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike

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
from ingest.formats.uke_text import ROOM, characters
from ingest.formats.vocabulary import Vocabulary

FEW = 250
"""A text of more different ones than these is read where it stands, cell by cell."""
SLICE = 4_000
"""Lines of the first block whose texts are numbered before it is asked which have many."""
_HELD_BYTES = 16
"""Room for the texts of a line beside their views to begin with."""
_YEARS = np.array([FIRST_YEAR, *(year for _, year, _ in ERAS)], np.int64)


class PlainCells:
    """Reads a contract's table from blocks of one file."""

    def __init__(self, contract: Contract, own: Iterable[Cell], encoding: str) -> None:
        self._plan = plan = Plan(contract, own)
        self._encoding = encoding
        self._schema: dict[str, pl.DataType] = contract.plain_schema()
        self._words = Vocabulary(encoding)
        self._coded = [FewTexts(group, self._words) for group in plan.groups]
        self._texts = {name: FewTexts(plan.otherwise[name], self._words) for name in plan.texts}
        self._constants: dict[str, pa.Array] = {}
        self._days = {name: FewTexts(plan.otherwise[name], self._words) for name in plan.days}
        self._is_begun = False

    def read(self, block: Block, lines: Array) -> tuple[pl.DataFrame, Array]:
        """(the table of the lines that are not odd, whether each is odd)."""
        height, plan = len(lines), self._plan
        if height == 0:
            return pl.DataFrame(schema=self._schema), np.zeros(0, bool)
        at = block.at(lines)
        if not self._is_begun:
            self._begin(at)
        many = [name for name, group in self._texts.items() if len(group) > FEW]
        few = [*self._coded, *(group for name, group in self._texts.items() if name not in many)]
        taken = self._taken(block, at, few, many)
        odd, ids = taken.odd, self._own_numbers(few, taken)
        columns: dict[str, pa.Array] = {"source_row": pa.array(block.rows_of(lines))}
        learn(few)
        for group in few:
            odd |= group.is_bad[ids[group]] if group.is_bad.any() else False
            columns |= {name: group.column(name, ids[group]) for name in group.columns}
        for number, name in enumerate(many):
            view, state = taken.texts.value[number], taken.texts.state[number]
            texts = uke_arrow.Texts(view, state == VALID, taken.texts.held[: taken.used])
            columns[name] = self._completed(name, self._texts[name], at, odd, texts.array(), state)
        for number, (name, group) in enumerate(self._days.items()):
            state = taken.days.state[number]
            days = uke_arrow.dates(taken.days.value[number], state == VALID)
            columns[name] = self._completed(name, group, at, odd, days, state)
        for number, name in enumerate(plan.numbers):
            value, state = taken.numbers.value[number], taken.numbers.state[number]
            columns[name] = uke_arrow.whole_numbers(value, state == VALID)
        columns |= {name: self._constant(name, height) for name in plan.constant}
        table = uke_arrow.table({name: columns[name] for name in self._schema})
        return (table.filter(~pl.Series(odd)) if odd.any() else table), odd

    def _begin(self, at: Lines) -> None:
        """Numbers the texts of the first lines, so that it is known which have many."""
        some, self._is_begun = at._replace(lines=at.lines[:SLICE]), True
        for group in self._texts.values():
            texts = self._words.of_rows(some, self._plan.fields(group.fields))
            group.number(list(texts.T), np.empty(len(texts), np.int32))

    def _taken(self, block: Block, at: Lines, few: Sequence[FewTexts], many: Sequence[str]) -> _Taken:
        """The cells of some lines: numbers, days and ``many`` where they stand, the texts of ``few`` by number."""
        plan, height, rows = self._plan, len(at.lines), np.arange(len(at.lines))
        fields = sorted({name for group in few for name in group.fields}, key=place_of)
        numbers = kernels.Numbers(
            plan.number_fields, plan.number_bounds, *plan.limits, *_columns(len(plan.numbers), height, np.int64)
        )
        days = kernels.Days(plan.day_fields, _YEARS, *_columns(len(plan.days), height, np.int32))
        text_fields = plan.fields([plan.otherwise[name].fields[0] for name in many])
        is_decoded = np.array([self._encoding == "cp932" and plan.is_printed(name) for name in many], bool)
        view, held = _columns(len(many), height, np.uint64, 2), np.empty(_HELD_BYTES * height, np.uint8)
        texts = kernels.Texts(text_fields, is_decoded, *view, held)
        number = np.empty((len(fields), height), np.int32)
        odd, counts = np.full(height, plan.is_bad), np.zeros(len(kernels.COUNTS), np.int64)
        while True:
            ids = kernels.Ids(plan.fields(fields), number, self._words.words())
            kernels.put_lines(at, rows, numbers, days, texts, ids, characters(), odd, counts)
            done, used = int(counts[kernels.COUNTS.done]), int(counts[kernels.COUNTS.used])
            if done == height:
                return _Taken(numbers, days, texts, used, dict(zip(fields, number, strict=True)), odd)
            size = block.size_of(at.lines[done])
            self._words.make_room(size)
            if used + ROOM * size > len(texts.held):
                more = np.empty(len(texts.held) + ROOM * size, np.uint8)
                texts = texts._replace(held=np.concatenate([texts.held, more]))

    def _own_numbers(self, few: Sequence[FewTexts], taken: _Taken) -> dict[FewTexts, Array]:
        """The number of each line's texts in each group."""
        ids = {group: np.empty(len(taken.odd), np.int32) for group in few}
        for group in few:
            group.number([taken.ids[name] for name in group.fields], ids[group])
        return ids

    def _constant(self, name: str, height: int) -> pa.Array:
        """A column that says the same of every line, of memory that all blocks have in common."""
        if len(self._constants.get(name, ())) < height:
            self._constants[name] = uke_arrow.array(self._plan.constant[name].new_from_index(0, height))
        return self._constants[name][:height]

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


@dataclass(frozen=True)
class _Taken:
    """The cells of some lines as the loop put them; ``used`` the bytes of ``texts.held``, ``ids`` by field the numbers
    of its texts, ``odd`` the lines that break a rule so far."""

    numbers: kernels.Numbers
    days: kernels.Days
    texts: kernels.Texts
    used: int
    ids: dict[str, Array]
    odd: Array


def _columns(count: int, height: int, kind: DTypeLike, width: int = 1) -> tuple[Array, Array, Array]:
    """Which rows of values and states so many columns are: all; their values, and states of ``BLANK``."""
    return np.arange(count), np.zeros((count, width * height), kind), np.zeros((count, height), np.uint8)

"""Contract columns from the bytes of a CSV: whole numbers, days and texts where they stand, the others by number.

Goes in: the cells of a contract (``cells.Cell``) and blocks of lines. Comes out: the contract's table of the lines
that break no rule, and which lines are odd: those go the long way (``cells.typed``), which says what is wrong with
them. A cell that is not in the form that nearly all have is numbered and read once a text, as are all of the columns
that have codes, patterns or rules of their own (``fewtexts``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats import cell_kernels as kernels
from ingest.formats import cells, uke_arrow
from ingest.formats.bytecsv import ALIKE, Block
from ingest.formats.cells import CLEANED, DAY, PRINTED, WHOLE, Cell
from ingest.formats.contracts import Contract
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.fewtexts import FewTexts, place_of, raw_fields
from ingest.formats.uke_text import INLINE, ROOM, characters
from ingest.formats.vocabulary import Vocabulary

Array = NDArray[Any]

FEW = 1_000
"""A text of more different ones than these is read where it stands, cell by cell."""
SLICE = 2_000
"""Lines read at a time, column by column: no power of two, so that the columns do not drive each other from cache."""
_YEARS = np.array([FIRST_YEAR, *(year for _, year, _ in ERAS)], np.int64)
NOTHING_TOLD: Mapping[str, Sequence[str]] = MappingProxyType({})
_NOWHERE = np.empty(0, np.int32)


@dataclass
class _Found:
    """What was read of some lines: numbers of the texts by field, values and states by column."""

    block: Block
    lines: Array
    kinds: Array
    ids: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    states: dict[str, Array] = field(default_factory=dict)
    odd: Array = field(init=False)

    def __post_init__(self) -> None:
        self.odd = np.zeros(len(self.lines), bool)


class PlainCells:
    """Reads a contract's table from blocks of one file.

    ``extra`` are columns of the result that the contract does not have. Where lines are of several kinds, ``places``
    has for each the places (from 0) in the line of the fields that the cells name, -1 for none, and ``told`` columns
    that follow from the kind.
    """

    def __init__(
        self,
        contract: Contract,
        own: Iterable[Cell],
        encoding: str,
        extra: Sequence[str] = (),
        places: Array | None = None,
        told: Mapping[str, Sequence[str]] = NOTHING_TOLD,
    ) -> None:
        self.contract = contract
        self._told = {name: pl.Series(values, dtype=pl.String) for name, values in told.items()}
        self._cells = {cell.column: cell for cell in own}
        self._encoding = encoding
        self._schema: dict[str, pl.DataType] = contract.plain_schema()
        names = [n for n in dict.fromkeys([*self._schema, *extra]) if n != "source_row" and n not in told]
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            cell = self._cells.get(name)
            if cell is None or cell.plain != WHOLE:
                groups.setdefault(() if cell is None else raw_fields(cell, self._cells), []).append(name)
        words: dict[str, Vocabulary] = {}
        self._groups = [FewTexts(*group, self._cells, contract, words, encoding) for group in groups.items()]
        self._words = words
        alone = {group.columns[0]: group for group in self._groups if len(group.columns) == 1}
        self._texts = {name: group for name, group in alone.items() if self._is_text(name)}
        self._days = {name: group for name, group in alone.items() if self._is_day(name)}
        self._coded = [group for group in self._groups if group.columns[0] not in self._days]
        self._whole = [name for name in names if name in self._cells and self._cells[name].plain == WHOLE]
        used = {name for column in self._whole for name in self._cells[column].fields}
        self._used = sorted({*used, *(name for group in self._groups for name in group.fields)}, key=place_of)
        numbers = np.array([place_of(name) for name in self._used], np.int64)
        self._places = numbers.reshape(1, -1) if places is None else places[:, numbers]
        self._place = {name: number for number, name in enumerate(self._used)}

    def _is_text(self, name: str) -> bool:
        """Whether the column is a text of which every one is allowed."""
        if name not in self._schema or name not in self._cells or self._cells[name].plain not in (PRINTED, CLEANED):
            return False
        column = self.contract.column(name)
        return column.codes is None and column.pattern is None

    def _is_day(self, name: str) -> bool:
        return name in self._schema and name in self._cells and self._cells[name].plain == DAY

    def read(self, block: Block, lines: Array, kinds: Array = ALIKE) -> tuple[pl.DataFrame, Array]:
        """(the table of the lines that are not odd, whether each is odd); ``kinds`` as ``Block.cells`` has them."""
        height = len(lines)
        if height == 0:
            return pl.DataFrame(schema=self._schema), np.zeros(0, bool)
        found = _Found(block, lines, kinds)
        for begin in range(0, height, SLICE):
            self._read_slice(found, begin, min(begin + SLICE, height))
        texts, coded = self._texts_and_coded()
        columns: dict[str, pl.Series] = {"source_row": pl.Series(block.rows_of(lines))}
        for group in coded:
            ids = group.numbers(found.ids, height)
            if group.is_bad.any():
                found.odd |= group.is_bad[ids]
            index = pl.Series(ids.view(np.uint32))
            for name in group.columns:
                values = group.values[name]
                columns[name] = values[index] if group.fields else values.new_from_index(0, height)
        for name, group in texts.items():
            columns[name] = self._text(name, group, found)
        for name, group in self._days.items():
            state = found.states[name]
            days = uke_arrow.days(found.values[name], state == kernels.VALID)
            columns[name] = self._completed(name, group, days, state, found)
        for name in self._whole:
            columns[name] = self._number(name, found)
        columns |= {name: values[pl.Series(kinds.astype(np.uint32))] for name, values in self._told.items()}
        table = pl.DataFrame({name: columns[name] for name in dict.fromkeys([*self._schema, *columns])})
        return (table.filter(~pl.Series(found.odd)) if found.odd.any() else table), found.odd

    def _texts_and_coded(self) -> tuple[dict[str, FewTexts], list[FewTexts]]:
        """(texts that are so many by now that they are read where they stand, the groups that are numbered)."""
        texts = {name: group for name, group in self._texts.items() if len(self._words[group.fields[0]]) > FEW}
        return texts, [group for group in self._coded if group.columns[0] not in texts]

    def _read_slice(self, found: _Found, begin: int, end: int) -> None:
        """Reads some of the lines, so few that their bytes stay at hand for all of their columns."""
        height, buf, place = len(found.lines), found.block.buf, self._place
        offset, length = found.block.cells(found.lines[begin:end], self._places, found.kinds[begin:end])
        _, coded = self._texts_and_coded()
        for name in {name for group in coded for name in group.fields}:
            ids = found.ids.setdefault(name, np.empty(height, np.int32))
            self._words[name].of_cells(buf, offset[place[name]], length[place[name]], ids[begin:end])
        for name in self._days:
            at, *era = (place[field] for field in self._cells[name].fields)
            value = found.values.setdefault(name, np.empty(height, np.int32))
            state = found.states.setdefault(name, np.empty(height, np.uint8))
            eras = (offset[era[0]], length[era[0]]) if era else (_NOWHERE, _NOWHERE)
            read: Callable[..., None] = kernels.plain_days
            read(buf, offset[at], length[at], *eras, _YEARS, value[begin:end], state[begin:end])
        for name in self._whole:
            choices = [place[field] for field in self._cells[name].fields]
            value = found.values.setdefault(name, np.empty(height, np.int64))
            state = found.states.setdefault(name, np.empty(height, np.uint8))
            own_offset, own_length = offset[choices[0]], length[choices[0]]
            if len(choices) > 1:
                all_offset, all_length = offset[choices], length[choices]
                kernels.first_filled(buf, all_offset, all_length, found.odd[begin:end])
                own_offset, own_length = all_offset[0], all_length[0]
            kernels.whole_numbers(buf, own_offset, own_length, value[begin:end], state[begin:end])

    def _text(self, name: str, group: FewTexts, found: _Found) -> pl.Series:
        """A text as it stands."""
        own = self._places[:, [self._place[field] for field in self._cells[name].fields]]
        (offset,), (length,) = found.block.cells(found.lines, own, found.kinds)
        height = len(found.lines)
        view, state = np.empty(2 * height, np.uint64), np.empty(height, np.uint8)
        is_printed = self._cells[name].plain == PRINTED and self._encoding == "cp932"
        room = ROOM * int(length.sum()) if is_printed else int(length[length > INLINE].sum())
        held = np.empty(room, np.uint8)
        used = kernels.plain_texts(found.block.buf, offset, length, is_printed, characters(), view, held, state)
        return self._completed(
            name, group, uke_arrow.Texts(view, state == kernels.VALID, held[:used]).series(), state, found
        )

    def _completed(self, name: str, group: FewTexts, column: pl.Series, state: Array, found: _Found) -> pl.Series:
        """A column with the cells of another form than nearly all have."""
        others = np.flatnonzero(state == kernels.OTHER)
        if len(others):
            own = self._places[:, [self._place[field] for field in group.fields]]
            kinds = found.kinds[others] if len(found.kinds) else found.kinds
            ids = group.numbers_at(found.block.buf, *found.block.cells(found.lines[others], own, kinds))
            found.odd[others] |= group.is_bad[ids]
            column = column.scatter(others, group.values[name][pl.Series(ids.view(np.uint32))])
        if self.contract.column(name).required and column.has_nulls():
            found.odd |= column.is_null().to_numpy()
        return column

    def _number(self, name: str, found: _Found) -> pl.Series:
        """A whole number, of the first of its fields that is filled."""
        value, state = found.values[name], found.states[name]
        has_value = state == kernels.VALID
        found.odd |= state == kernels.OTHER
        if name in self._schema:
            column = self.contract.column(name)
            low, high = cells.bounds(column)
            if column.required:
                found.odd |= ~has_value
            if low is not None:
                found.odd |= has_value & (value < low)
            if high is not None:
                found.odd |= has_value & (value > high)
        return uke_arrow.series(value, has_value)

"""Contract columns from the bytes of a CSV: whole numbers, days and texts where they stand, the others by number.

Goes in: the cells of a contract (``cells.Cell``) and blocks of lines. Comes out: the contract's table of the lines
that break no rule, and which lines are odd: those go the long way (``cells.typed``), which says what is wrong with
them. A cell that is not in the form that nearly all have is numbered and read once a text, as are all of the columns
that have codes, patterns or rules of their own (``fewtexts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import polars as pl

from ingest.formats import cell_kernels as kernels
from ingest.formats import cells, uke_arrow
from ingest.formats.bits import Array
from ingest.formats.bytecsv import ALIKE, Block
from ingest.formats.bytecsv_kernels import Lines, locate
from ingest.formats.cells import CLEANED, DAY, PRINTED, WHOLE, Cell
from ingest.formats.contracts import Contract
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.fewtexts import FewTexts
from ingest.formats.groups import groups_of, place_of
from ingest.formats.uke_text import INLINE, ROOM, characters
from ingest.formats.vocabulary import Vocabulary

FEW = 1_000
"""A text of more different ones than these is read where it stands, cell by cell."""
SLICE = 8_000
"""Lines whose texts are numbered at a time."""
_YEARS = np.array([FIRST_YEAR, *(year for _, year, _ in ERAS)], np.int64)
NOTHING_TOLD: Mapping[str, Sequence[str]] = MappingProxyType({})
NO_FIELD = "f0"
"""The era of a date that has none."""


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
        self._columns = {column.name: column for column in contract.columns}
        self._told = {name: pl.Series(values, dtype=pl.String) for name, values in told.items()}
        self._cells = {cell.column: cell for cell in own}
        self._encoding = encoding
        self._schema: dict[str, pl.DataType] = contract.plain_schema()
        names = [n for n in dict.fromkeys([*self._schema, *extra]) if n != "source_row" and n not in told]
        self._whole = [name for name in names if name in self._cells and self._cells[name].plain == WHOLE]
        groups = groups_of((name for name in names if name not in self._whole), self._cells)
        self._words = Vocabulary(encoding)
        self._groups = [FewTexts(*group, self._cells, contract, self._words) for group in groups.items()]
        alone = {group.columns[0]: group for group in self._groups if len(group.columns) == 1}
        self._texts = {name: group for name, group in alone.items() if self._is_text(name)}
        self._days = {name: group for name, group in alone.items() if self._is_day(name)}
        self._places = places
        days = [(*self._cells[name].fields, NO_FIELD)[:2] for name in self._days]
        self._day_fields = self._fields([name for pair in days for name in pair])
        self._whole_fields = self._fields([name for column in self._whole for name in self._cells[column].fields])
        self._whole_bounds = np.cumsum([0, *(len(self._cells[name].fields) for name in self._whole)])

    def _fields(self, names: Sequence[str]) -> Array:
        """Where some fields stand, a row for each kind of line."""
        numbers = np.array([place_of(name) for name in names], np.int64)
        if self._places is None:
            return numbers.reshape(1, -1)
        return np.where(numbers < 0, -1, self._places[:, numbers])

    def _is_text(self, name: str) -> bool:
        """Whether the column is a text of which every one is allowed."""
        column = self._columns.get(name)
        has_rule = column is not None and (column.codes is not None or column.pattern is not None)
        return name in self._cells and self._cells[name].plain in (PRINTED, CLEANED) and not has_rule

    def _is_day(self, name: str) -> bool:
        return name in self._cells and self._cells[name].plain == DAY

    def _is_required(self, name: str) -> bool:
        return name in self._columns and self._columns[name].required

    def read(self, block: Block, lines: Array, kinds: Array = ALIKE) -> tuple[pl.DataFrame, Array]:
        """(the table of the lines that are not odd, whether each is odd); ``kinds`` as ``Block.cells`` has them."""
        height = len(lines)
        if height == 0:
            return pl.DataFrame(schema=self._schema), np.zeros(0, bool)
        at, odd = block.at(lines, kinds), np.zeros(height, bool)
        columns: dict[str, pl.Series] = {"source_row": pl.Series(block.rows_of(lines))}
        for group, ids in self._numbered(block, lines, kinds):
            group.learn()
            if group.is_bad.any():
                odd |= group.is_bad[ids]
            index = pl.Series(ids.view(np.uint32))
            columns |= {name: group.values[name][index] for name in group.columns}
        for name, group in self._texts.items():
            if name not in columns:
                columns[name] = self._completed(name, group, at, odd, *self._text(name, at))
        day, state = np.empty((len(self._days), height), np.int32), np.empty((len(self._days), height), np.uint8)
        kernels.day_rows(at, self._day_fields, _YEARS, day, state)
        for number, (name, group) in enumerate(self._days.items()):
            days = uke_arrow.days(day[number], state[number] == kernels.VALID)
            columns[name] = self._completed(name, group, at, odd, days, state[number])
        value, state = np.empty((len(self._whole), height), np.int64), np.empty((len(self._whole), height), np.uint8)
        kernels.whole_rows(at, self._whole_fields, self._whole_bounds, value, state, odd)
        for number, name in enumerate(self._whole):
            columns[name] = self._number(name, value[number], state[number], odd)
        columns |= {name: values[pl.Series(kinds.astype(np.uint32))] for name, values in self._told.items()}
        table = pl.DataFrame({name: columns[name] for name in dict.fromkeys([*self._schema, *columns])})
        return (table.filter(~pl.Series(odd)) if odd.any() else table), odd

    def _numbered(self, block: Block, lines: Array, kinds: Array) -> list[tuple[FewTexts, Array]]:
        """The groups whose texts are few, with the number of each line; a text that turns out to have many is none."""
        height = len(lines)
        found = [(group, np.empty(height, np.int32)) for group in self._groups if group.columns[0] not in self._days]
        for begin in range(0, height, SLICE):
            found = [(group, ids) for group, ids in found if not self._has_many(group)]
            fields = sorted({name for group, _ in found for name in group.fields}, key=place_of)
            here = slice(begin, min(begin + SLICE, height))
            texts = self._words.of_rows(block.at(lines[here], kinds[here]), self._fields(fields))
            for group, ids in found:
                group.number([texts[:, fields.index(name)] for name in group.fields], ids[here])
        return [(group, ids) for group, ids in found if not self._has_many(group)]

    def _has_many(self, group: FewTexts) -> bool:
        return len(group) > FEW and group.columns[0] in self._texts

    def _text(self, name: str, at: Lines) -> tuple[pl.Series, Array]:
        """A text as it stands, and its states."""
        offset, length = np.empty((2, 1, len(at.lines)), np.int32)
        locate(at, self._fields(self._cells[name].fields), offset, length)
        view, state = np.empty(2 * len(at.lines), np.uint64), np.empty(len(at.lines), np.uint8)
        is_printed = self._cells[name].plain == PRINTED and self._encoding == "cp932"
        room = ROOM * int(length.sum()) if is_printed else int(length[length > INLINE].sum())
        held = np.empty(room, np.uint8)
        used = kernels.plain_texts(at.buf, offset[0], length[0], is_printed, characters(), view, held, state)
        return uke_arrow.Texts(view, state == kernels.VALID, held[:used]).series(), state

    def _completed(
        self, name: str, group: FewTexts, at: Lines, odd: Array, column: pl.Series, state: Array
    ) -> pl.Series:
        """A column with the cells of another form than nearly all have."""
        others = np.flatnonzero(state == kernels.OTHER)
        if len(others):
            kinds = at.kinds[others] if len(at.kinds) else at.kinds
            texts = self._words.of_rows(at._replace(lines=at.lines[others], kinds=kinds), self._fields(group.fields))
            ids = np.empty(len(others), np.int32)
            group.number(list(texts.T), ids)
            group.learn()
            odd[others] |= group.is_bad[ids]
            column = column.scatter(others, group.values[name][pl.Series(ids.view(np.uint32))])
        if self._is_required(name) and column.has_nulls():
            odd |= column.is_null().to_numpy()
        return column

    def _number(self, name: str, value: Array, state: Array, odd: Array) -> pl.Series:
        """A column of whole numbers; marks lines of which one breaks a rule."""
        has_value = state == kernels.VALID
        odd |= state == kernels.OTHER
        if self._is_required(name):
            odd |= ~has_value
        if name in self._columns:
            low, high = cells.bounds(self._columns[name])
            if low is not None:
                odd |= has_value & (value < low)
            if high is not None:
                odd |= has_value & (value > high)
        return uke_arrow.series(value, has_value)

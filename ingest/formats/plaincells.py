"""Contract columns from the bytes of a CSV: what a cell says is worked out once for each different text.

Goes in: the cells of a contract (``cells.Cell``) and blocks of lines. Comes out: the contract's table of the lines
that break no rule, and which lines are odd: those go the long way (``cells.typed``), which says what is wrong with
them. So there is one place that knows how a field is read and what is said of a bad one; here is only how often.

A column of few different texts (dates, codes, insurers) is numbered, its texts are read by the expressions of its
cell, and the values are looked up. Whole numbers, and texts that hardly repeat, are read where they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.formats import bytecsv_kernels as kernels
from ingest.formats import cells
from ingest.formats.bytecsv import Block, Vocabulary
from ingest.formats.cells import PRINTED, WHOLE, Cell
from ingest.formats.contracts import Contract

Array = NDArray[Any]
FEW = 256
"""So many different texts are few, however few rows they stand in."""
REPEATS = 4
"""A column whose texts stand in fewer rows each, on average, is read where it stands."""


SLICE = 4096
"""Lines read at a time, column by column."""
INLINE = 12
"""So many bytes of a text stand in its Arrow view itself."""


def raw_fields(cell: Cell, by_name: dict[str, Cell]) -> tuple[str, ...]:
    """The fields of the file that the value of a cell is made of, sorted."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [*cell.text.meta.root_names(), *cell.value.meta.root_names()]
    while waiting:
        name = waiting.pop()
        other = name.removeprefix("text:")
        if other == name:
            found.add(name)
        elif other not in seen:
            seen.add(other)
            waiting += by_name[other].text.meta.root_names()
    return tuple(sorted(found))


@dataclass
class _Known:
    """The columns that are made of the same fields, by the number of their different texts."""

    fields: tuple[str, ...]
    columns: list[str]
    needed: list[Cell] = field(default_factory=list)
    values: dict[str, pl.Series] = field(default_factory=dict)
    is_bad: Array = field(default_factory=lambda: np.empty(0, bool))


@dataclass
class _Found:
    """What was read of some lines: numbers of the texts by field; places of texts, numbers and states by column."""

    block: Block
    height: int
    ids: dict[str, Array] = field(default_factory=dict)
    cells: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    states: dict[str, Array] = field(default_factory=dict)
    odd: Array = field(init=False)

    def __post_init__(self) -> None:
        self.odd = np.zeros(self.height, bool)


class PlainCells:
    """Reads a contract's table from blocks of one file.

    ``extra`` are columns of the result that the contract does not have.
    """

    def __init__(self, contract: Contract, own: Iterable[Cell], encoding: str, extra: Sequence[str] = ()) -> None:
        self.contract = contract
        self._cells = {cell.column: cell for cell in own}
        self._encoding = encoding
        self._schema: dict[str, pl.DataType] = contract.plain_schema()
        self._faults = {c.name: cells.faults_of(c, c.name in self._cells) for c in contract.columns}
        self._words: dict[tuple[str, ...], Vocabulary] = {}
        self._direct: set[str] = set()
        self._rows_seen = 0
        groups: dict[tuple[str, ...], _Known] = {}
        self._whole: list[str] = []
        for name in dict.fromkeys([*(n for n in self._schema if n != "source_row"), *extra]):
            cell = self._cells.get(name)
            if cell is not None and cell.plain == WHOLE:
                self._whole.append(name)
                continue
            fields = () if cell is None else raw_fields(cell, self._cells)
            groups.setdefault(fields, _Known(fields, [])).columns.append(name)
        for known in groups.values():
            known.needed = self._needed(known)
        self._groups = list(groups.values())
        used = {name for fields in groups for name in fields}
        used |= {name for column in self._whole for name in self._cells[column].fields}
        self._used = sorted(used, key=lambda name: int(name[1:]))
        self._places = np.array([int(name[1:]) - 1 for name in self._used], np.int64)

    def _needed(self, known: _Known) -> list[Cell]:
        """The cells whose texts the columns of a group are made of."""
        found: dict[str, Cell] = {}
        waiting = [name for name in known.columns if name in self._cells]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = cell = self._cells[name]
                waiting += [n.removeprefix("text:") for n in cell.value.meta.root_names() if n.startswith("text:")]
        return list(found.values())

    def read(self, block: Block, lines: Array) -> tuple[pl.DataFrame, Array]:
        """(the table of the lines that are not odd, whether each is odd)."""
        height = len(lines)
        if height == 0:
            return pl.DataFrame(schema=self._schema), np.zeros(0, bool)
        self._rows_seen += height
        direct = {known.columns[0] for known in self._groups if self._is_direct(known)}
        found = _Found(block, height)
        coded = {name for known in self._groups if known.columns[0] not in direct for name in known.fields}
        for begin in range(0, height, SLICE):
            self._read_slice(found, lines[begin : begin + SLICE], begin, coded, direct)
        columns: dict[str, pl.Series] = {"source_row": pl.Series(block.rows_of(lines))}
        for known in self._groups:
            if known.columns[0] in direct:
                columns[known.columns[0]] = self._text(known.columns[0], found)
                continue
            ids = self._numbers_of(known, found.ids, height)
            if known.is_bad.any():
                found.odd |= known.is_bad[ids]
            index = pl.Series(ids.view(np.uint32))
            for name in known.columns:
                values = known.values[name]
                columns[name] = values[index] if known.fields else values.new_from_index(0, height)
        for name in self._whole:
            columns[name] = self._number(name, found)
        table = pl.DataFrame({name: columns[name] for name in dict.fromkeys([*self._schema, *columns])})
        return (table.filter(~pl.Series(found.odd)) if found.odd.any() else table), found.odd

    def _read_slice(self, found: _Found, lines: Array, begin: int, coded: set[str], direct: set[str]) -> None:
        """Reads some of the lines, so few that their bytes stay at hand for all of their columns."""
        end, buf = begin + len(lines), found.block.buf
        offset, length = found.block.cells(lines, self._places)
        place = {name: number for number, name in enumerate(self._used)}
        for name in coded:
            words = self._words.setdefault((name,), Vocabulary(self._encoding))
            ids = found.ids.setdefault(name, np.empty(found.height, np.int32))
            words.of_cells(buf, offset[place[name]], length[place[name]], ids[begin:end])
        for name in direct:
            at = place[self._cells[name].fields[0]]
            whole = found.cells.setdefault(name, np.empty((2, found.height), np.int32))
            whole[0, begin:end], whole[1, begin:end] = offset[at], length[at]
        for name in self._whole:
            choices = [place[field] for field in self._cells[name].fields]
            value = found.values.setdefault(name, np.empty(found.height, np.int64))
            state = found.states.setdefault(name, np.empty(found.height, np.uint8))
            own_offset, own_length = offset[choices[0]], length[choices[0]]
            if len(choices) > 1:
                all_offset, all_length = offset[choices], length[choices]
                kernels.first_filled(buf, all_offset, all_length, found.odd[begin:end])
                own_offset, own_length = all_offset[0], all_length[0]
            kernels.whole_numbers(buf, own_offset, own_length, value[begin:end], state[begin:end])

    def _is_direct(self, known: _Known) -> bool:
        """Whether the only column of a field is a text that hardly repeats."""
        if len(known.columns) > 1 or len(known.fields) != 1:
            return False
        name = known.columns[0]
        if name not in self._direct and self._can_be_direct(name):
            words = self._words.get(known.fields)
            if words is not None and len(words) > max(FEW, self._rows_seen // REPEATS):
                self._direct.add(name)
        return name in self._direct

    def _can_be_direct(self, name: str) -> bool:
        """Whether the column is a text of which every one is allowed."""
        if name not in self._schema or not self._cells[name].plain:
            return False
        column = self.contract.column(name)
        return column.codes is None and column.pattern is None

    def _numbers_of(self, known: _Known, numbers: dict[str, Array], height: int) -> Array:
        """The number of each line in what is known of a group, which learns what is new."""
        if not known.fields:
            ids, count = np.zeros(height, np.int32), 1
        elif len(known.fields) == 1:
            ids, count = numbers[known.fields[0]], len(self._words[known.fields])
        else:
            ids, count = self._tuples(known, numbers, height)
        if len(known.is_bad) < count:
            self._learn(known, len(known.is_bad), count)
        return ids

    def _tuples(self, known: _Known, numbers: dict[str, Array], height: int) -> tuple[Array, int]:
        """Numbers of the different tuples of numbers of several fields."""
        width = 4 * len(known.fields)
        whole = np.zeros((height * width + kernels.PADDING) // 4 + 1, np.int32)
        whole[: height * len(known.fields)] = np.stack([numbers[name] for name in known.fields], axis=1).reshape(-1)
        offset = np.arange(0, height * width, width, dtype=np.int32)
        words = self._words.setdefault(known.fields, Vocabulary(self._encoding))
        ids = np.empty(height, np.int32)
        words.of_cells(whole.view(np.uint8), offset, np.full(height, width, np.int32), ids)
        return ids, len(words)

    def _learn(self, known: _Known, begin: int, end: int) -> None:
        """Works out what the texts from ``begin`` to ``end`` say, by the expressions of the cells."""
        frame = pl.DataFrame(
            [pl.Series(name, texts, dtype=pl.String) for name, texts in self._texts(known, begin, end).items()]
        )
        if not known.fields:
            frame = pl.DataFrame({"": [None]})
        rules = [fault.broken.fill_null(False) for name in known.columns for fault in self._faults.get(name, ())]
        told = (
            cells.with_texts(frame.lazy(), known.needed)
            .with_columns(self._value(name).alias(name) for name in known.columns)
            .select(*known.columns, pl.any_horizontal(rules).alias("") if rules else pl.lit(False).alias(""))
            .collect()
        )
        known.is_bad = np.concatenate([known.is_bad, told[""].to_numpy()])
        for name in known.columns:
            known.values[name] = pl.concat([known.values[name], told[name]], rechunk=True) if begin else told[name]

    def _value(self, name: str) -> pl.Expr:
        """The value of a column, of the type that the contract says."""
        value = self._cells[name].value if name in self._cells else pl.lit(None)
        return value.cast(self._schema[name]) if name in self._schema else value

    def _texts(self, known: _Known, begin: int, end: int) -> dict[str, pl.Series]:
        """The texts of each field of a group, for the numbers from ``begin`` to ``end``; number 0 is all blank."""
        if len(known.fields) <= 1:
            return {name: self._words[(name,)].series(begin, end) for name in known.fields}
        tuples = self._words[known.fields].raw(begin, end, len(known.fields))
        return {
            name: self._words[(name,)].series(0, len(self._words[(name,)])).gather(pl.Series(tuples[:, place]))
            for place, name in enumerate(known.fields)
        }

    def _text(self, name: str, found: _Found) -> pl.Series:
        """A text that hardly repeats."""
        offset, length = found.cells[name]
        view, state = np.empty((found.height, 2), np.uint64), np.empty(found.height, np.uint8)
        held = np.empty(int(length[length > INLINE].sum()), np.uint8)
        used = kernels.plain_texts(found.block.buf, offset, length, view, held, state)
        column = _texts(view, state == kernels.VALID, held[:used])
        others = np.flatnonzero(state == kernels.OTHER)
        if len(others):
            text = cells.printed(pl.col("text")) if self._cells[name].plain == PRINTED else cells.clean(pl.col("text"))
            texts = found.block.texts(offset[others], length[others])
            column = column.scatter(others, texts.to_frame("text").select(text).to_series())
        if self._is_required(name) and column.has_nulls():
            found.odd |= column.is_null().to_numpy()
        return column

    def _number(self, name: str, found: _Found) -> pl.Series:
        """A whole number, of the first of its fields that is filled."""
        value, state = found.values[name], found.states[name]
        has_value = state == kernels.VALID
        found.odd |= state == kernels.OTHER
        if name in self._schema:
            low, high = cells.bounds(self.contract.column(name))
            if self._is_required(name):
                found.odd |= ~has_value
            if low is not None:
                found.odd |= has_value & (value < low)
            if high is not None:
                found.odd |= has_value & (value > high)
        return _numbers(value, has_value)

    def _is_required(self, name: str) -> bool:
        return name in self._schema and self.contract.column(name).required


def _bitmap(valid: Array) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _texts(view: Array, valid: Array, held: Array) -> pl.Series:
    buffers = [_bitmap(valid), pa.py_buffer(view), pa.py_buffer(held)]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), len(view), buffers))


def _numbers(value: Array, valid: Array) -> pl.Series:
    return pl.Series(pa.Array.from_buffers(pa.int64(), len(value), [_bitmap(valid), pa.py_buffer(value)]))

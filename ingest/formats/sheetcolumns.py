"""The columns of a table that is being filled: room for rows to come, and Arrow's columns of those that came.

A column is an array of values (of texts: of Arrow's views, see ``uke_text``) and one of states (``cell_kernels``),
which begin as ``BLANK``. Values begin as zeros: a view that holds anything may crash Polars, though its row is null.
Memory that is not filled is never touched, so that too much room costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike

from ingest.formats import sheet_kernels as kernels
from ingest.formats.bits import Array
from ingest.formats.memory import zeros
from ingest.formats.plainplan import Plan
from ingest.formats.uke_text import INLINE, ROOM

_SIZE = np.uint64(0xFFFFFFFF)
"""Where a view has the length of its text."""


@dataclass(frozen=True)
class Values:
    """A few values as columns take them: numbers, or views with the bytes of long ones; whether there is one."""

    value: Array
    has_value: Array
    held: tuple[pa.Buffer, ...] = ()


def values_of(column: pl.Series) -> Values:
    """The values of a column."""
    has_value = column.is_not_null().to_numpy()
    if column.dtype == pl.String:
        found = column.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        _, views, *held = found.buffers()
        pairs = np.frombuffer(views, np.uint64)[2 * found.offset : 2 * (found.offset + len(found))]
        return Values(pairs, has_value, tuple(held))
    return Values(column.to_physical().fill_null(0).to_numpy(), has_value)


class Grid:
    """Columns of one type."""

    def __init__(self, names: Sequence[str], kind: DTypeLike, width: int = 1) -> None:
        self.names, self._kind, self._width = list(names), kind, width
        self.value, self.state = np.zeros((len(names), 0), kind), np.zeros((len(names), 0), np.uint8)

    def places(self, names: Sequence[str]) -> Array:
        """Which of the columns some are."""
        return np.array([self.names.index(name) for name in names], np.int64)

    def value_of(self, name: str) -> Array:
        """The values of one."""
        return self.value[self.names.index(name)]

    def state_of(self, name: str) -> Array:
        """The states of one."""
        return self.state[self.names.index(name)]

    def arrays(self, size: int) -> list[tuple[tuple[int, int], DTypeLike]]:
        """The shapes and types of values and states of so many rows."""
        count = len(self.names)
        return [((count, size * self._width), self._kind), ((count, size), np.uint8)]

    def move(self, value: Array, state: Array) -> None:
        """Has these for values and states from now on, filled with those that it has."""
        value[:, : self.value.shape[1]], state[:, : self.state.shape[1]] = self.value, self.state
        self.value, self.state = value, state


class SheetColumns:
    """The columns of a table that some ``plans`` fill; without those that are constant by all of them.

    ``held``  bytes of long texts, of which ``used`` are filled
    ``ids``   the numbers of texts that wait to be read, a row for each field of a plan; the last has the kind of line
    ``bad``   whether a row breaks a rule
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        schema: dict[str, pl.DataType] = plans[0].contract.plain_schema()
        told = dict.fromkeys((name for plan in plans for name in plan.told), pl.String())
        names = dict.fromkeys(name for plan in plans for name in (*schema, *plan.numbers, *told))
        self.constant = constant_of(plans)
        kinds = {name: (schema | told).get(name, pl.Int64()) for name in names if name not in self.constant}
        del kinds["source_row"]
        self.numbers = Grid([name for name, kind in kinds.items() if kind == pl.Int64()], np.int64)
        self.days = Grid([name for name, kind in kinds.items() if kind == pl.Date()], np.int32)
        self.flags = Grid([name for name, kind in kinds.items() if kind == pl.Boolean()], np.uint8)
        self.texts = Grid([name for name, kind in kinds.items() if kind == pl.String()], np.uint64, 2)
        self.held, self.used = np.empty(0, np.uint8), 0
        self.ids = np.empty((1 + max(plan.group_fields.shape[1] for plan in plans), 0), np.int32)
        self._beside: dict[str, list[pa.Buffer]] = {name: [] for name in self.texts.names}
        self.bad = np.zeros(0, bool)

    def make_room(self, rows: int, expected: int) -> None:
        """Has room for so many rows in all, and at once for those ``expected`` where more is needed."""
        if rows > len(self.bad):
            size = max(rows + rows // 4, expected)
            grids = (self.numbers, self.days, self.flags, self.texts)
            wanted = [((len(self.ids), size), np.int32), *(one for grid in grids for one in grid.arrays(size))]
            ids, *others = zeros(wanted)
            ids[:, : self.ids.shape[1]] = self.ids
            self.ids = ids
            for grid, value, state in zip(grids, others[::2], others[1::2], strict=True):
                grid.move(value, state)
            self.bad = np.concatenate([self.bad, np.zeros(size - len(self.bad), bool)])

    def make_text_room(self, size: int) -> None:
        """Has room for texts of so many more bytes beside their views."""
        if self.used + ROOM * size > len(self.held):
            held = self.held
            self.held = np.empty(2 * len(held) + ROOM * size, np.uint8)
            self.held[: self.used] = held[: self.used]

    def spread(self, name: str, values: Values, place_of: Array, ids: Array, rows: Array) -> None:
        """Puts into some rows of a column what the text with each number says (see ``sheet_kernels.spread``)."""
        if name in self.texts.names:
            view = self._beside_others(name, values)
            into = self.texts.value_of(name), self.texts.state_of(name)
            kernels.spread_views(view, values.has_value, place_of, ids, rows, *into)
            return
        grid = next(grid for grid in (self.numbers, self.days, self.flags) if name in grid.names)
        value = values.value.astype(grid.value.dtype, copy=False)
        kernels.spread(value, values.has_value, place_of, ids, rows, grid.value_of(name), grid.state_of(name))

    def _beside_others(self, name: str, values: Values) -> Array:
        """Views whose bytes stand behind those that the column has already."""
        if not values.held:
            return values.value
        view = values.value.copy()
        is_long = (view[::2] & _SIZE) > INLINE
        view[1::2][is_long] += np.uint64(1 + len(self._beside[name]))
        self._beside[name] += values.held
        return view

    def arrow(self, rows: int) -> dict[str, pa.Array]:
        """The first so many rows of each column."""
        found = {}
        held = pa.py_buffer(self.held)
        for grid, kind in ((self.numbers, pa.int64()), (self.days, pa.date32()), (self.texts, pa.string_view())):
            for number, name in enumerate(grid.names):
                beside = [held, *self._beside[name]] if grid is self.texts else []
                found[name] = _array(kind, rows, grid.value[number], grid.state[number][:rows], beside)
        for number, name in enumerate(self.flags.names):
            packed = np.packbits(self.flags.value[number][:rows], bitorder="little")
            found[name] = _array(pa.bool_(), rows, packed, self.flags.state[number][:rows], [])
        return found


def constant_of(plans: Sequence[Plan]) -> dict[str, pl.Series]:
    """The columns that say the same by all plans, and what they say."""
    first, *others = (plan.constant for plan in plans)
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name].equals(value) for other in others)
    }


def _array(kind: pa.DataType, rows: int, value: Array, state: Array, beside: Sequence[pa.Buffer]) -> pa.Array:
    """A column of Arrow of so many rows, of which those have a value whose state is not ``BLANK``."""
    bitmap = None if not rows or state.all() else pa.py_buffer(np.packbits(state, bitorder="little"))
    return pa.Array.from_buffers(kind, rows, [bitmap, pa.py_buffer(value), *beside])

"""Arrays of a block as columns of Arrow, without a copy where the bytes are already Arrow's; texts as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats.bits import Array
from ingest.formats.compiled import loop
from ingest.formats.uke_text import INLINE

_NOTHING = pl.Series([None], dtype=pl.String)
_SIZE = np.uint64(0xFFFFFFFF)
"""Where a view has the length of its text."""


@dataclass(frozen=True)
class Texts:
    """A column of texts as ``uke_text`` makes them: two numbers each, whether there is one, bytes of the long ones."""

    view: Array
    valid: Array
    out: Array | None = None

    @staticmethod
    def of(values: Sequence[str | None]) -> Texts:
        """These few texts."""
        held = [(value or "").encode() for value in values]
        view, out = np.zeros((len(held), 16), np.uint8), b""
        for row, text in enumerate(held):
            size = np.array([len(text)], np.uint32).tobytes()
            if len(text) <= INLINE:
                cell = size + text.ljust(12, b"\0")
            else:
                cell = size + text[:4] + np.array([0, len(out)], np.uint32).tobytes()
                out += text
            view[row] = np.frombuffer(cell, np.uint8)
        valid = np.array([value is not None for value in values], bool)
        return Texts(view.view(np.uint64), valid, np.frombuffer(out, np.uint8) if out else None)

    @staticmethod
    def joined(*parts: Texts) -> Texts:
        """The texts of all parts, one part after the other."""
        views, outs, held = [], [], 0
        for part in parts:
            view = part.view
            if part.out is not None:
                if held:
                    view = view.copy()
                    view[view[:, 0] & _SIZE > INLINE, 1] += np.uint64(held) << np.uint64(32)
                outs.append(part.out)
                held += len(part.out)
            views.append(view)
        valid = np.concatenate([part.valid for part in parts])
        return Texts(np.concatenate(views), valid, np.concatenate(outs) if outs else None)

    def otherwise(self, other: Texts) -> Texts:
        """These texts, and where there is none that of another column of as many rows."""
        if not self.valid.any():
            return other
        own = np.arange(len(self.valid))
        return Texts.joined(self, other).take(np.where(self.valid, own, own + len(own)))

    def take(self, rows: Array) -> Texts:
        """The texts at these rows."""
        return Texts(self.view.take(rows, axis=0), self.valid.take(rows), self.out)

    def series(self) -> pl.Series:
        """The column."""
        return pl.Series(self.array()) if self.valid.any() else _NOTHING.new_from_index(0, len(self.valid))

    def array(self) -> pa.Array:
        """The same as Arrow has it."""
        buffers = [_bitmap(self.valid), pa.py_buffer(np.ascontiguousarray(self.view))]
        if self.out is not None:
            buffers.append(pa.py_buffer(self.out))
        return pa.Array.from_buffers(pa.string_view(), len(self.valid), buffers)

    def distinct(self) -> tuple[Array, pl.Series]:
        """For each row the number of its text among the distinct ones, and those; the last of them is null.

        What is worked out of a code is worked out once for each. A long text may stand among them several times.
        """
        count = len(self.valid)
        number, first = np.empty(count, np.int64), np.empty(count, np.int64)
        slots = np.full(1 << max(4, (2 * count).bit_length()), -1, np.int32)
        known = _distinct(np.ascontiguousarray(self.view).reshape(-1), self.valid, slots, number, first)
        return number, self.take(first[:known]).series().extend(_NOTHING)


@loop
def _distinct(view: Any, valid: Any, slots: Any, number: Any, first: Any) -> int:
    """``Texts.distinct`` by a table of ``slots`` (a power of two of them, more than twice the rows, all -1)."""
    known, mask = 0, slots.size - 1
    for row in range(valid.size):
        if not valid[row]:
            number[row] = -1
            continue
        low, high = view[2 * row], view[2 * row + 1]
        mixed = (low ^ (high * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xD6E8FEB86659FD93)
        place = np.int64(mixed >> np.uint64(33)) & mask
        while slots[place] >= 0:
            other = first[slots[place]]
            if view[2 * other] == low and view[2 * other + 1] == high:
                break
            place = (place + 1) & mask
        if slots[place] < 0:
            slots[place], first[known] = known, row
            known += 1
        number[row] = slots[place]
    for row in range(valid.size):
        if number[row] < 0:
            number[row] = known
    return known


def table(columns: Mapping[str, pa.Array]) -> pl.DataFrame:
    """Columns as a table, without a copy: handed over at once, since each alone takes as long as all."""
    return pl.DataFrame(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))


def array(column: pl.Series) -> pa.Array:
    """A column as Arrow has it, texts as views."""
    return column.to_arrow(compat_level=pl.CompatLevel.newest())


def series(values: Array, valid: Array) -> pl.Series:
    """Whole numbers as a column, null where not valid."""
    return pl.Series(whole_numbers(values, valid))


def whole_numbers(values: Array, valid: Array) -> pa.Array:
    """The same as Arrow has it."""
    values = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [_bitmap(valid), pa.py_buffer(values)])


def days(values: Array, valid: Array) -> pl.Series:
    """Days since 1970 as a column of dates, null where not valid."""
    return pl.Series(dates(values, valid))


def dates(values: Array, valid: Array) -> pa.Array:
    """The same as Arrow has it."""
    narrow = np.ascontiguousarray(values, np.int32)
    return pa.Array.from_buffers(pa.date32(), len(narrow), [_bitmap(valid), pa.py_buffer(narrow)])


def decimals(halves: Array, valid: Array) -> pl.Series:
    """Numbers in 1/10,000 as decimals of four places, null where not valid; two numbers each, the lower half first."""
    return pl.Series(pa.Array.from_buffers(pa.decimal128(18, 4), len(halves), [_bitmap(valid), pa.py_buffer(halves)]))


def _bitmap(valid: Array) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))

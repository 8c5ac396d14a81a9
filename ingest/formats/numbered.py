"""Columns of few different values by numbers: what is worked out of a value is worked out once for each.

A thousand rows of receipts have a few codes. To number them costs a tenth of what it costs to group by their texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import numbered_kernels as kernels
from ingest.formats.bits import Array

MOST = 10_000
"""Values of a column that are numbered; more of them are not few."""
_SLOTS = 1 << 15
_TEXTS = (pl.String(), pl.Binary())
_EVERY = np.empty(0, np.uint8)
_NO_CONTENT, _NO_BASE = np.frombuffer(b"\0", np.uint8), np.zeros(1, np.int64)


@dataclass(frozen=True)
class Numbered:
    """``number`` of each row that has a value, one after the other; ``first`` by number the first of these rows."""

    number: Array
    first: Array


def numbered(values: pl.Series, most: int = MOST) -> Numbered | None:
    """The numbers of texts, whole numbers, days or decimals of 64 bits; None where more than ``most`` are different, or
    the type is another."""
    kind = values.dtype
    if not _has_numbers(kind):
        return None
    array = as_array(values)
    valid = valid_rows(array)
    return numbered_texts(array, valid, most) if kind in _TEXTS else numbered_words(words(array, valid), most)


def distinct(values: pl.Series) -> pl.Series:
    """The different values, null among them where there is one, in no order."""
    found = numbered(values)
    if found is None:
        return values.unique()
    if not values.null_count():
        return values.gather(found.first)
    known = values.drop_nulls().gather(found.first)
    return known.extend(values.clear(1))


def is_same(values: pl.Series) -> bool:
    """Whether all rows have the same value, or none has one."""
    nulls = values.null_count()
    if nulls or values.is_empty():
        return nulls == len(values)
    if values.dtype.is_integer():
        return bool(values.min() == values.max())
    return numbered(values, 1) is not None if _has_numbers(values.dtype) else values.n_unique() == 1


def _has_numbers(kind: pl.DataType) -> bool:
    """Whether values of this type are equal where their texts, or 64 bits of them, are."""
    is_narrow = isinstance(kind, pl.Decimal) and kind.precision <= 18
    return kind in _TEXTS or kind == pl.Date() or kind.is_integer() or is_narrow


def as_array(values: pl.Series) -> pa.Array:
    """The column as one array of Arrow, texts as views."""
    return values.to_arrow(compat_level=pl.CompatLevel.newest())


def valid_rows(array: pa.Array) -> Array:
    """A byte a row that is 1 where there is a value; empty where there is one in every row."""
    if not array.null_count:
        return _EVERY
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=array.offset + len(array), bitorder="little")[array.offset :]


def words(array: pa.Array, valid: Array) -> Array:
    """The values there are, as whole numbers of 64 bits: of decimals their lower half."""
    width = array.type.bit_width // 8
    step, kind = (2, np.int64) if width == 16 else (1, np.dtype(f"i{width}"))
    held = np.frombuffer(array.buffers()[1] or b"", kind)[
        step * array.offset : step * (array.offset + len(array)) : step
    ]
    found = np.ascontiguousarray(held[valid.view(bool)] if len(valid) else held, np.int64)
    found.flags.writeable = False  # as those that are not copied: a compiled loop is made for one kind of array
    return found


def numbered_words(of: Array, most: int) -> Numbered | None:
    """The numbers of ``words``."""
    number, first = np.empty(len(of), np.int32), np.empty(most, np.int64)
    known = kernels.number_words(of, np.full(_SLOTS, -1, np.int32), number, first)
    return None if known < 0 else Numbered(number, first[:known])


def numbered_texts(array: pa.Array, valid: Array, most: int) -> Numbered | None:
    """The numbers of views."""
    _, views, *buffers = array.buffers()
    view = np.frombuffer(views or b"", np.uint64)[2 * array.offset : 2 * (array.offset + len(array))]
    content, base = _NO_CONTENT, _NO_BASE
    if buffers and len(view) and int((view[::2] & kernels.SIZE).max()) > kernels.INLINE:
        # Buffers may be shared with other columns and be large: of several nothing is taken but the texts themselves.
        held = [np.frombuffer(buffer, np.uint8) for buffer in (buffers if len(buffers) == 1 else [])]
        if not held:
            array = as_array(pl.Series(pl.Series(array).to_arrow(compat_level=pl.CompatLevel.oldest())))
            _, views, *buffers = array.buffers()
            view = np.frombuffer(views, np.uint64)[2 * array.offset : 2 * (array.offset + len(array))]
            held = [np.frombuffer(buffer, np.uint8) for buffer in buffers]
        content = held[0] if len(held) == 1 else np.concatenate(held)
        content.flags.writeable = False
        base = np.cumsum([0, *(len(one) for one in held[:-1])])
    number, first = np.empty(len(array), np.int32), np.empty(most, np.int64)
    there = int(valid.sum()) if len(valid) else len(array)
    known = kernels.number_texts(view, valid, content, base, np.full(_SLOTS, -1, np.int32), number, first)
    if known < 0:
        return None
    place = np.flatnonzero(valid).searchsorted(first[:known]) if len(valid) else first[:known]
    return Numbered(number[:there], place)

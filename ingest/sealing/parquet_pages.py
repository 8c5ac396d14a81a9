"""Columns of a frame as pages of a Parquet file: what has few values by their numbers, what goes on by its differences.

A column of a row group is a dictionary of the values that came so far and pages that tell their numbers; where a page
has too many values to number them it tells them themselves. Every page begins with which rows have a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.formats.bits import Array
from ingest.formats.numbered import MOST, as_array, numbered_texts, numbered_words, valid_rows, words
from ingest.sealing import parquet_kernels as kernels
from ingest.sealing.parquet_thrift import varint

PLAIN, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, RLE_DICTIONARY = 0, 3, 5, 6, 8
BOOLEAN, INT32, INT64, BYTE_ARRAY = 0, 1, 2, 6


@dataclass(frozen=True)
class Page:
    """Values as they stand in the file before they are compressed."""

    rows: int
    encoding: int
    body: bytes


@dataclass
class Column:
    """A column of a row group; ``pages`` in their order, ``dictionary`` the values that they number."""

    name: str
    dtype: pl.DataType
    pages: list[Page] = field(default_factory=list)
    dictionary: dict[bytes | int, int] = field(default_factory=dict)


def physical(dtype: pl.DataType) -> int:
    """How Parquet holds values of this type. Raises ValueError for one that no table of a batch has."""
    if dtype in (pl.String(), pl.Binary()):
        return BYTE_ARRAY
    if dtype in (pl.Date(), pl.Int32()):
        return INT32
    if dtype == pl.Boolean():
        return BOOLEAN
    if dtype == pl.Int64() or (isinstance(dtype, pl.Decimal) and dtype.precision <= 18):
        return INT64
    raise ValueError(f"no batch holds values of type {dtype}")


def page(column: Column, values: pl.Series) -> Page:
    """The values as the next page of ``column``, whose dictionary gets those that are new."""
    array = as_array(values)
    valid = valid_rows(array)
    kind = physical(column.dtype)
    told: Iterable[bytes]
    if array.null_count == len(array):
        encoding, told = PLAIN, []
    elif kind == BOOLEAN:
        encoding, told = PLAIN, _truths(array, valid)
    elif kind == BYTE_ARRAY:
        encoding, told = _texts(column, values, array, valid)
    else:
        encoding, told = _numbers(column, words(array, valid), kind)
    return Page(len(values), encoding, b"".join([_levels(array, valid), *told]))


def dictionary_body(column: Column) -> bytes:
    """The values of the dictionary in the order of their numbers."""
    values = list(column.dictionary)
    kind = physical(column.dtype)
    if kind == BYTE_ARRAY:
        return b"".join(len(value).to_bytes(4, "little") + value for value in values if isinstance(value, bytes))
    return np.array(values, np.int32 if kind == INT32 else np.int64).tobytes()


def _levels(array: pa.Array, valid: Array) -> bytes:
    """Which rows have a value, behind the size of that."""
    if not len(valid):
        told = varint(len(array) << 1) + b"\1"
    else:
        told = varint(-(-len(valid) // kernels.GROUP) << 1 | 1) + np.packbits(valid, bitorder="little").tobytes()
    return len(told).to_bytes(4, "little") + told


def _truths(array: pa.Array, valid: Array) -> list[bytes]:
    held = np.unpackbits(
        np.frombuffer(array.buffers()[1], np.uint8), count=array.offset + len(array), bitorder="little"
    )[array.offset :]
    return [np.packbits(held[valid.view(bool)] if len(valid) else held, bitorder="little").tobytes()]


def _numbers(column: Column, of: Array, kind: int) -> tuple[int, list[bytes]]:
    found = numbered_words(of, _most(len(of)))
    if found is not None and (own := _own_numbers(column, of[found.first].tolist())) is not None:
        return RLE_DICTIONARY, _numbered(found.number, own, len(column.dictionary))
    if kind == INT32:
        return PLAIN, [of.astype(np.int32).tobytes()]
    return DELTA_BINARY_PACKED, [_differences(of)]


def _texts(column: Column, values: pl.Series, array: pa.Array, valid: Array) -> tuple[int, list[bytes]]:
    there = values.drop_nulls()
    found = numbered_texts(array, valid, _most(len(there)))
    if found is not None:
        texts = there.gather(found.first).cast(pl.Binary()).to_list()
        if (own := _own_numbers(column, texts)) is not None:
            return RLE_DICTIONARY, _numbered(found.number, own, len(column.dictionary))
    whole = there.cast(pl.Binary()).to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(whole.buffers()[1], np.int64)[whole.offset : whole.offset + len(whole) + 1]
    body = whole.buffers()[2]
    told = bytes(memoryview(body)[offsets[0] : offsets[-1]]) if body is not None else b""
    return DELTA_LENGTH_BYTE_ARRAY, [_differences(np.diff(offsets)), told]


def _most(values: int) -> int:
    """So many of them may be different to be worth numbering."""
    return min(MOST, values // 4 + 16)


def _own_numbers(column: Column, values: list[bytes] | list[int]) -> NDArray[np.int32] | None:
    """The numbers of these values in the dictionary, which gets those that are new; None where it would be too long."""
    known = column.dictionary
    if len(known) + sum(value not in known for value in values) > MOST:
        return None
    return np.array([known.setdefault(value, len(known)) for value in values], np.int32)


def _numbered(number: NDArray[np.int32], own: NDArray[np.int32], known: int) -> list[bytes]:
    """The width of numbers below ``known``, and they."""
    width = max(1, (known - 1).bit_length())
    told = number if np.array_equal(own, np.arange(len(own))) else own[number]
    out = np.empty((len(told) // kernels.GROUP + 2) * (width + kernels.GROUP), np.uint8)
    return [bytes([width]), out[: kernels.put_hybrid(told, width, out)].tobytes()]


def _differences(values: NDArray[np.int64]) -> bytes:
    out = np.empty(64 + (len(values) // kernels.BLOCK + 1) * (16 + 8 * kernels.BLOCK), np.uint8)
    values.flags.writeable = False
    return out[: kernels.put_differences(values, np.empty(65, np.uint64), out)].tobytes()

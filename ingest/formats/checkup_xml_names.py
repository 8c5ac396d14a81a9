"""Names by number, for compiled loops: slices of bytes compared eight bytes at a time, found in a table.

A slice is an address and a size: a function that is given an array counts who holds it, which takes longer than all
that is done with a name here. Whoever calls holds the arrays, with spare bytes behind every slice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ingest.formats.bits import Array
from ingest.formats.compiled import loop_that_counts

NONE = -1
_ONE = np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _word_of(typing_context: Any, address: Any) -> Any:  # pragma: no cover  (code of the compiler)
    """Eight bytes from an address, the first the lowest."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)

    return types.uint64(types.int64), build


word_from: Any = intrinsic(_word_of)


@loop_that_counts
def _first_word(address: int, size: int) -> Any:
    """The first eight bytes of a slice, or all of a shorter one."""
    word = word_from(address)
    return word if size >= 8 else word & ((_ONE << np.uint64(size * 8)) - _ONE)


@loop_that_counts
def is_same(address: int, other: int, size: int) -> bool:
    """Whether two slices are the same, eight bytes at a time."""
    while size >= 8:
        if word_from(address) != word_from(other):
            return False
        address, other, size = address + 8, other + 8, size - 8
    return size == 0 or _first_word(address, size) == _first_word(other, size)


@loop_that_counts
def _slot(address: int, size: int, slots: int) -> int:
    """Where to look for a name first."""
    word = _first_word(address, size) ^ np.uint64(size)
    if size > 8:
        word ^= word_from(address + size - 8) * _MIX
    place: int = np.int64((word * _MIX) >> np.uint64(40)) & (slots - 1)  # type: ignore[assignment]
    return place


@loop_that_counts
def _fill(table: Any, names: Any) -> None:
    """Makes ``table`` (rows of number, size and words, all NONE) one to find ``names`` by (rows of size and words, as
    many words as the table's rows have)."""
    width = names.shape[1]
    for row in range(names.shape[0]):
        slot = _slot(names.ctypes.data + 8 * (row * width + 1), names[row, 0], table.shape[0])
        while table[slot, 0] != NONE:
            slot = (slot + 1) & (table.shape[0] - 1)
        table[slot, 0] = row
        for place in range(width):
            table[slot, place + 1] = names[row, place]


@loop_that_counts
def number_of(address: int, size: int, table: int, slots: int, width: int) -> int:
    """The number of a name in a table of ``name_table`` (address, rows, bytes of a row); NONE if it is not in it."""
    slot = _slot(address, size, slots)
    while True:
        row = table + slot * width
        found: int = np.int64(word_from(row))  # type: ignore[assignment]
        if found == NONE or np.int64(word_from(row + 8)) == size and is_same(address, row + 16, size):
            return found
        slot = (slot + 1) & (slots - 1)


def words_of(texts: list[str]) -> Array:
    """One row a text: how long it is, and its bytes as words of eight, with a word to spare."""
    held = [text.encode() for text in texts]
    width = max((len(text) for text in held), default=0) // 8 + 2
    return np.array(
        [np.frombuffer(len(text).to_bytes(8, "little") + text.ljust(8 * width, b"\0"), np.int64) for text in held]
    ).reshape(len(held), width + 1)


def name_table(names: list[str]) -> Array:
    """A table to find the number of a name by, four rows a name."""
    words = words_of(names)
    table = np.full((1 << (4 * len(names)).bit_length(), words.shape[1] + 1), NONE, np.int64)
    _fill(table, words)
    return table

"""Room for large columns: memory that is new from the system costs more than filling it.

It is asked for in large pages, where the system has them, and used again within a file.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

LARGE = 1 << 20
"""Fewer bytes are not worth pages of their own."""
_APART = 64
"""Arrays in one block begin at so many bytes, or a multiple of them."""


def _pages(size: int) -> NDArray[np.uint8]:
    """So many bytes, all zero."""
    if size < LARGE:
        return np.zeros(size, np.uint8)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(block, np.uint8)


def _kept(size: int) -> NDArray[np.uint8]:
    """So many bytes that hold anything."""
    return np.frombuffer(pa.allocate_buffer(size), np.uint8)


def zeros(arrays: Sequence[tuple[tuple[int, int], DTypeLike]]) -> list[NDArray[Any]]:
    """Arrays of some shapes and types in one block, filled with zeros; what is not filled later costs nothing."""
    sizes = [rows * width * np.dtype(kind).itemsize for (rows, width), kind in arrays]
    begin = np.cumsum([0, *(-(-size // _APART) * _APART for size in sizes)])
    block = _pages(int(begin[-1]))
    return [
        block[at : at + size].view(kind).reshape(shape)
        for (shape, kind), at, size in zip(arrays, begin.tolist(), sizes, strict=False)
    ]


class Room:
    """Memory of one file's columns: what nobody holds any more is given out again. One thread at a time may ask."""

    def __init__(self) -> None:
        self._free: list[NDArray[np.uint8]] = []

    def array(self, size: int, kind: DTypeLike) -> NDArray[Any]:
        """An array of ``size`` values that hold anything."""
        wanted = size * np.dtype(kind).itemsize
        place = next((place for place, block in enumerate(self._free) if block.size >= wanted), None)
        # One a little larger than wanted now is large enough for the next block of the file too.
        # From Arrow's pool, which keeps what the last file gave back: pages of our own are new for every file.
        block = _kept(1 + wanted + wanted // 4) if place is None else self._free.pop(place)
        # Every array, column and buffer made of this one holds it, so that the block comes back after the last of them:
        # of an array made of an array NumPy would hold the first alone.
        whole = np.frombuffer(block.data, np.uint8)
        weakref.finalize(whole, self._free.append, block)
        return whole[:wanted].view(kind)

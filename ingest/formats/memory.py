"""Room for large columns, used again: memory that is new from the system costs more than filling it."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray


class Room:
    """Memory of one file's columns: what nobody holds any more is given out again. One thread at a time may ask."""

    def __init__(self) -> None:
        self._free: list[pa.Buffer] = []

    def array(self, size: int, kind: DTypeLike) -> NDArray[Any]:
        """An array of ``size`` values that hold anything."""
        wanted = size * np.dtype(kind).itemsize
        place = next((place for place, block in enumerate(self._free) if block.size >= wanted), None)
        # One a little larger than wanted now is large enough for the next block of the file too.
        block = pa.allocate_buffer(wanted + wanted // 4) if place is None else self._free.pop(place)
        # Every array, column and buffer made of this one holds it, so that the block comes back after the last of them.
        whole = np.frombuffer(block, np.uint8)
        weakref.finalize(whole, self._free.append, block)
        return whole[:wanted].view(kind)

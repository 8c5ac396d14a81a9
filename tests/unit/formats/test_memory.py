"""Memory is given out again when nobody holds it any more, and not before."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats.memory import Room


def test_memory_comes_back_after_the_last_column_made_of_it() -> None:
    room = Room()
    first = room.array(1_000, np.int64)
    first[:] = 7
    column = pl.Series(pa.Array.from_buffers(pa.int64(), 500, [None, pa.py_buffer(first[250:750])]))
    where, frame = first.ctypes.data, column.to_frame("a").filter(pl.lit(True))
    del first, column
    second = room.array(1_000, np.int64)
    second[:] = 8
    assert frame["a"].to_list() == [7] * 500
    assert not where <= second.ctypes.data < where + 8_000
    del frame
    assert room.array(900, np.int64).ctypes.data == where


def test_nothing_takes_no_memory() -> None:
    assert Room().array(0, np.uint64).tolist() == []

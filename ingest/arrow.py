"""Polars frames on their way to DuckDB."""

from __future__ import annotations

import polars as pl
import pyarrow as pa


def as_arrow(frame: pl.DataFrame) -> pa.Table:
    """The frame as Arrow, its texts as Polars and DuckDB both hold them: nothing is copied."""
    return frame.to_arrow(compat_level=pl.CompatLevel.newest())

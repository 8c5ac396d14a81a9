"""Sums by keys of which most are the same in all rows, the file of a part, or have few values, the scheme of a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ingest.formats.numbered import Numbered, is_same, numbered

_NUMBER = "_number"


def grouped(frame: pl.DataFrame, keys: Sequence[str], *sums: pl.Expr) -> pl.DataFrame:
    """The same as ``frame.group_by(keys).agg(sums)``.

    Only keys that vary are compared, and those by the numbers of their values: several keys at once cost ten times
    what their sums do.
    """
    if frame.is_empty():
        return frame.group_by(*keys).agg(*sums)
    varying = [key for key in keys if not is_same(frame.get_column(key))]
    same = [pl.lit(frame.item(0, key), frame.schema[key]).alias(key) for key in keys if key not in varying]
    found = _by_numbers(frame, varying, sums) if varying else frame.select(*sums)
    return found.with_columns(same).select(*keys, *(name for name in found.columns if name not in keys))


def _by_numbers(frame: pl.DataFrame, keys: list[str], sums: Sequence[pl.Expr]) -> pl.DataFrame:
    columns = [frame.get_column(key) for key in keys]
    numbers = [None if column.null_count() else numbered(column) for column in columns]
    known = [number for number in numbers if number is not None]
    if len(known) < len(keys):
        return frame.group_by(*keys).agg(*sums)
    needed = dict.fromkeys(name for one in sums for name in one.meta.root_names())
    rows = pl.DataFrame([pl.Series(_NUMBER, _together(known)), *(frame.get_column(name) for name in needed)])
    found = rows.group_by(_NUMBER).agg(*sums)
    values, rest = [], found.get_column(_NUMBER).to_numpy()
    for column, number in zip(reversed(columns), reversed(known), strict=True):
        rest, own = np.divmod(rest, len(number.first))
        values.append(column.gather(number.first[own]))
    return pl.DataFrame([*reversed(values), *found.drop(_NUMBER).get_columns()])


def _together(numbers: Sequence[Numbered]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """One number a row of the numbers of its keys."""
    found = numbers[0].number.astype(np.int64)
    for one in numbers[1:]:
        found *= len(one.first)
        found += one.number
    return found

"""Sums by keys that are the same in all rows are the sums that grouping by every key gives."""

from __future__ import annotations

import polars as pl
import pytest

from ingest.quality.grouping import grouped

KEYS = ["file", "scheme"]
SUMS = [pl.len().alias("rows"), pl.col("points").sum()]


@pytest.mark.parametrize("files", [[1, 1, 1], [1, 2, 1], []])
@pytest.mark.parametrize("schemes", [["koki"] * 3, ["koki", None, "koki"], [None] * 3])
def test_whatever_varies_the_sums_are_those_of_a_grouping(files: list[int], schemes: list[str | None]) -> None:
    schema = {"file": pl.Int64(), "scheme": pl.String(), "points": pl.Int64()}
    columns = {"file": files, "scheme": schemes[: len(files)], "points": [1, 20, 300][: len(files)]}
    frame = pl.DataFrame(columns, schema=schema)
    expected = frame.group_by(KEYS).agg(SUMS)
    found = grouped(frame, KEYS, *SUMS)
    assert found.schema == expected.schema
    assert found.sort(KEYS).equals(expected.sort(KEYS))

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


ROWS = pl.DataFrame(
    {
        "file": [1, 1, 1, 1, 1],
        "scheme": ["kokuho", "koki", "kokuho", "koki", "koki"],
        "kind": ["SI", "IY", "SI", "SI", None],
        "place": [0, 1, 1, 0, 1],
        "points": [1, 2, 4, None, 16],
    }
)


@pytest.mark.parametrize(
    "keys", [["scheme"], ["scheme", "place"], ["kind", "file"], ["place", "kind", "scheme"]], ids=" ".join
)
@pytest.mark.parametrize("frame", [ROWS, ROWS.drop_nulls(), ROWS.clear()], ids=["all", "whole", "none"])
def test_however_many_keys_vary_they_are_told_apart(keys: list[str], frame: pl.DataFrame) -> None:
    expected = frame.group_by(keys).agg(SUMS)
    found = grouped(frame, keys, *SUMS)
    assert found.schema == expected.schema
    assert found.sort(keys).equals(expected.sort(keys))

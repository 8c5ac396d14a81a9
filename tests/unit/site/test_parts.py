"""Parts of a large file are put together without losing a row or a word, also of a reader that fails."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from ingest.formats.reading import Problem, Reading, empty_set_aside
from ingest.site.parts import gathered


def part(first: int, rows: int, aside: int = 0) -> Reading:
    table = pl.DataFrame({"source_row": range(first, first + rows)}, schema={"source_row": pl.Int64})
    kept_back = pl.concat([empty_set_aside(), pl.DataFrame({"source_row": range(aside)})], how="diagonal")
    problem = Problem("claim", first, "", "contract", f"part {first}", "")
    return Reading(
        "uke", "provider", [f"2024-{first % 12 + 1:02d}"], {"RE": first}, {"claim": table}, kept_back, [problem]
    )


def test_parts_are_gathered_until_they_are_large_enough_and_none_is_lost() -> None:
    given = [part(0, 5), part(5, 5), part(10, 2, aside=9), part(12, 1), part(13, 0)]
    found = list(gathered(iter(given), rows=10))
    assert [(one.tables["claim"].height, one.set_aside.height) for one in found] == [(10, 0), (2, 9), (1, 0)]
    rows = pl.concat([one.tables["claim"] for one in found])["source_row"]
    assert rows.to_list() == list(range(13))
    assert [p.message for one in found for p in one.problems] == [f"part {n}" for n in (0, 5, 10, 12, 13)]
    assert (found[-1].months, found[-1].records) == (given[-1].months, given[-1].records)


def test_what_a_failing_reader_gave_before_is_given_before_its_failure() -> None:
    def failing() -> Iterator[Reading]:
        yield part(0, 5)
        raise ValueError("broken")

    parts = gathered(failing(), rows=10)
    assert next(parts).tables["claim"].height == 5
    with pytest.raises(ValueError, match="broken"):
        next(parts)
    assert list(gathered(iter([]))) == []

"""`tsumugi bench link` links about as many records as it is asked for, and says how many came with the month."""

from __future__ import annotations

import pytest

from ingest import bench_link
from ingest.progress import silent


def test_the_bench_links_as_many_records_as_asked() -> None:
    figures = bench_link.run(20_000, silent)
    assert figures["records"] == pytest.approx(20_000, rel=0.03)
    assert 0 < figures["records_month"] < figures["records"] / 4
    assert 0 < figures["solved_in_month"] < figures["identities"] / 20

"""Counting the tokens that a site seals tells nobody's name."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ingest import bench_frequency
from ingest.identity.passes import passes
from ingest.progress import silent
from ingest.synth.settings import chosen


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """The attack on a small world; the whole one is `tsumugi bench frequency`."""
    return bench_frequency.run(chosen(people=6_000, months=1), silent)


def test_the_attack_undoes_tokens_over_a_single_field(figures: dict[str, Any]) -> None:
    assert figures["single_fields"]["sex"]["recovered_share"] == 1.0
    assert figures["single_fields"]["surname"]["recovered_share"] > 0.05


def test_every_pass_is_attacked(figures: dict[str, Any]) -> None:
    assert set(figures["passes"]) == {one.pass_id for one in passes()}
    assert all(attacked["rows"] > 100 for attacked in figures["passes"].values())


def test_the_tokens_of_every_pass_keep_who_they_are_of(figures: dict[str, Any]) -> None:
    # Of so few people some have a number of tokens that nobody else has; among a million they have company.
    assert figures["worst_share"] == max(attacked["recovered_share"] for attacked in figures["passes"].values())
    assert figures["worst_share"] < 0.005


def test_the_attack_knows_what_is_common_and_guesses_what_is_not() -> None:
    random = np.random.default_rng(7)
    common = pl.Series([b"a"] * 50 + [b"b"] * 30 + [b"c"] * 10)
    assert bench_frequency.recovered(common, random) == 1.0
    rare = pl.Series([number.to_bytes(4) for number in range(50_000)])
    assert bench_frequency.recovered(rare, random) < 0.001
    assert bench_frequency.recovered(pl.Series([], dtype=pl.Binary), random) == 0.0

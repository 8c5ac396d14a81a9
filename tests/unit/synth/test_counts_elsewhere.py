"""The demo's table for the rest of the country: one that a sender may send, invented, the same for the same seed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from ingest import workspace
from ingest.statistics import known
from ingest.statistics.columns import EVERYWHERE
from ingest.statistics.reading import StatisticsFile, read
from ingest.synth.counts_elsewhere import counts_elsewhere, write_counts_elsewhere
from ingest.synth.settings import SynthSettings

SETTINGS = SynthSettings()


@cache
def made() -> pl.DataFrame:
    return counts_elsewhere(SETTINGS)


def taken(folder: Path) -> StatisticsFile:
    """The file as the site of the whole country takes it."""
    workspace.create(folder, demo=True, with_counts=True)
    assert write_counts_elsewhere(folder, SETTINGS) == made().height
    (path,) = (folder / "site-national" / "inbox" / "statistics").iterdir()
    return read(path.read_bytes(), path.name, prefecture_code=EVERYWHERE, reference_month=SETTINGS.reference_month)


def test_the_table_holds_every_rule_of_a_table_of_counts_and_says_that_it_is_invented(tmp_path: Path) -> None:
    found = taken(tmp_path)
    assert found.rows.height == made().height
    source = found.source.row(0, named=True)
    assert source["is_generated"] and "架空" in source["source_name"]


def test_the_same_seed_gives_the_same_table_and_another_seed_another() -> None:
    assert counts_elsewhere(SynthSettings()).equals(made())
    assert not counts_elsewhere(SETTINGS.model_copy(update={"seed": 1})).equals(made())


def test_every_town_but_those_of_the_demo_s_prefectures_is_told_of_every_figure() -> None:
    towns = made().filter(pl.col("area_level") == "municipality")
    assert not towns.filter(pl.col("area_id").str.slice(0, 2).is_in(["16", "31"])).height
    others = known.areas().filter(
        (pl.col("area_level") == "municipality") & ~pl.col("prefecture_code").is_in(["16", "31"])
    )
    of_year = towns.filter(pl.col("period") == "2024").group_by("indicator_id", "scheme_code").len()
    assert of_year.height == 18 and set(of_year["len"]) == {others.height}


def test_what_does_not_add_up_is_told_of_prefectures_peers_and_the_nation_too() -> None:
    levels = made().filter(pl.col("area_level") != "municipality")
    assert set(levels["indicator_id"]) == {"attendance_legal", "attendance_asof"}
    nation = levels.filter((pl.col("area_level") == "nation") & (pl.col("period") == "2024"))
    assert set(nation["insurers_count"]) == {1741}
    peers = levels.filter(
        (pl.col("area_level") == "peer") & (pl.col("period") == "2024")
        & (pl.col("indicator_id") == "attendance_legal") & pl.col("area_id").str.starts_with("kdb_13:")
    )  # fmt: skip
    assert peers["insurers_count"].sum() == 1741, "each town is in one peer group of a reading"


def test_levels_are_those_of_the_calibration() -> None:
    shares = {
        (name, scheme): above / below
        for name, scheme, above, below in made()
        .filter((pl.col("period") == "2023") & (pl.col("area_level") == "municipality") & (pl.col("denominator") > 0))
        .group_by("indicator_id", "scheme_code")
        .agg(pl.col("numerator").sum(), pl.col("denominator").sum())
        .iter_rows()
    }
    assert 0.30 < shares["attendance_legal", "kokuho"] < 0.42
    assert 0.17 < shares["metabolic", "kokuho"] < 0.24
    assert 24_000 < shares["total_cost_per_member_month", "kokuho"] < 33_000
    assert 65_000 < shares["total_cost_per_member_month", "koki"] < 85_000
    assert 0.16 < shares["certification_rate", "care"] < 0.23


def test_a_workspace_without_such_a_sender_gets_no_table(tmp_path: Path) -> None:
    workspace.create(tmp_path, demo=True)
    assert write_counts_elsewhere(tmp_path, SETTINGS) == 0
    assert not (tmp_path / "site-national").exists()

"""Counts of a sender down the whole road: into the comparisons that a site publishes, beside the records of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from ingest import warehouse
from ingest.progress import silent
from ingest.road import run_road
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.synth.run import synthesise
from ingest.synth.settings import tiny
from tests.counts_world import row, with_national_sender, write
from tests.handmade import demo_workspace

pytestmark = pytest.mark.xdist_group("statistics_road")
TOWNS = {"01202": 40_000, "13101": 60_000, "47201": 50_000}
OWN = next(code for code in sorted(tiny().municipalities) if code.startswith("16"))


def members(area: str, months: int) -> dict[str, Any]:
    told = {"numerator": months, "contributor_count": months // 12 + 1, "largest_contribution": 12}
    return row(indicator_id="members", area_id=area, denominator=0, denominator_contributor_count=0, **told)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """About 300 invented people of two prefectures, and counts of three towns elsewhere and of one of theirs."""
    settings = with_national_sender(demo_workspace(tmp_path_factory.mktemp("statistics_road")))
    synthesise(settings.workspace, tiny(), silent)
    told = [members(town, months) for town, months in TOWNS.items()]
    write(settings.site("national").inbox / "counts.csv", *told, members(OWN, 999_999))
    run_road(settings, silent)
    return settings


@pytest.fixture
def statistics(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """What an insurer of site 16 opens."""
    site = settings.site("16")
    path = site.published / "statistics" / "insurer.duckdb"
    connection = warehouse.open_hardened(path, KeyRing(site).statistics_key("insurer"))
    yield connection
    connection.close()


def figures(statistics: duckdb.DuckDBPyConnection, level: str) -> dict[str, int]:
    """被保険者延月数 of 国保 in 2024 by area."""
    return dict(
        statistics.execute(
            "SELECT area_id, numerator::BIGINT FROM indicator_statistics WHERE indicator_id = 'members' "
            "AND period_kind = 'fiscal_year' AND period = DATE '2024-04-01' AND scheme_code = 'kokuho' "
            "AND sex_code = 'all' AND age_band_code = 'all' AND value_status = 'shown' AND area_level = ?",
            [level],
        ).fetchall()
    )


def test_the_nation_is_the_records_and_the_counts_of_others(statistics: duckdb.DuckDBPyConnection) -> None:
    towns, prefectures = figures(statistics, "municipality"), figures(statistics, "prefecture")
    assert {town: towns[town] for town in TOWNS} == TOWNS
    assert towns[OWN] < 999_999, "its records came, so its counts are not used"
    assert figures(statistics, "nation")["JP"] == sum(prefectures.values())
    assert prefectures["01"] == TOWNS["01202"]


def test_every_such_figure_says_whose_it_is_and_that_it_is_invented(statistics: duckdb.DuckDBPyConnection) -> None:
    found = statistics.execute(
        "SELECT area_level, sum(sent_insurers_count)::BIGINT, min(record_insurers_count) FROM statistics_source "
        "WHERE is_generated AND source = '架空の件数表（架空の連合会）' AND NOT is_whole GROUP BY ALL ORDER BY 1"
    ).fetchall()
    kokuho = sum(code.startswith(("16", "31")) for code in tiny().municipalities)
    assert ("nation", 3, kokuho) in found
    assert ("municipality", 3, 0) in found and ("prefecture", 3, 0) in found


def test_areas_elsewhere_are_known_by_name(statistics: duckdb.DuckDBPyConnection) -> None:
    named = statistics.execute("SELECT DISTINCT area_name FROM area WHERE area_id = '47201'").fetchall()
    assert named == [("那覇市",)]


def test_a_sender_of_counts_gets_no_results_and_a_second_run_does_nothing(settings: Settings) -> None:
    assert not list(settings.to_site("national").glob("[0-9]*[0-9]"))
    steps = dict(run_road(settings, silent)["steps"])
    assert steps["site national extract"]["note"] == "nothing waits in the inbox"
    assert steps["center build"] == {"note": "nothing to do"}

"""What senders counted beside what is counted from records: a small world in, the rows of the comparison out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.counts_world import row
from tests.dbt_fixture import Row, World
from tests.spec.models.delivery import KURAYOSHI, TOYAMA, UOZU, Delivery, Person

pytestmark = pytest.mark.xdist_group("spec_sent_counts")

MONTH = date(2024, 8, 1)
YEAR = date(2024, 4, 1)
MEMBERS = 12
"""Members of each town with records, for five months of the fiscal year."""
MONTHS = 5
SOURCE = "架空の件数表（架空の連合会）"


def counted(level: str, area: str, months: int, *, insurers: int | str = "", **more: Any) -> Row:
    """被保険者数 of an area: member-months of a tenth as many persons."""
    told = {"indicator_id": "members", "period": "2024", "denominator": 0, "denominator_contributor_count": 0}
    told |= {"numerator": months, "contributor_count": months // 10, "largest_contribution": 12}
    told |= {"area_level": level, "area_id": area, "insurers_count": insurers, "created_date": "2024-07-01"}
    return row(**(told | more))


def attended(level: str, area: str, above: int, below: int, *, insurers: int | str = "", **more: Any) -> Row:
    """受診率: persons, who do not add up over towns."""
    told = {"indicator_id": "attendance_asof", "period": "2024", "created_date": "2024-07-01"}
    return row(**told, area_level=level, area_id=area, numerator=above, denominator=below, insurers_count=insurers,
               **more)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Records of 富山市 and 魚津市 (16) and 倉吉市 (31); counts of others, and some of the same."""
    world = World(tmp_path_factory.mktemp("sent"), MONTH)
    for domain, insurers in (("16", (TOYAMA, UOZU)), ("31", (KURAYOSHI,))):
        delivery = Delivery()
        for insurer in insurers:
            for number in range(MEMBERS):
                delivery.enrol(Person(f"{insurer.number}-{number}"), insurer, date(2024, 4, 1))
        world.land(delivery.batch, domain)
    # Prefecture 16 sends counts of two more towns, and of one whose records came.
    world.land_counts(
        counted("municipality", "16201", 99_000), counted("municipality", "16205", 1_000),
        counted("municipality", "16206", 2_000), attended("municipality", "16205", 30, 100),
        domain="16",
    )  # fmt: skip
    # A sender for the whole country: 31 has records, 32 by towns, 33 as a prefecture, 34 by both, 16 once more.
    world.land_counts(
        counted("prefecture", "31", 50_000, insurers=19),
        counted("municipality", "31201", 3_000),
        counted("municipality", "32201", 4_000), counted("municipality", "32202", 5_000),
        counted("prefecture", "33", 60_000, insurers=27),
        counted("municipality", "34100", 7_000), counted("prefecture", "34", 80_000, insurers=23),
        counted("municipality", "16205", 77_000), counted("municipality", "16207", 66_000),
        counted("peer", "kdb_13:01", 500, insurers=1), counted("peer", "kdb_13:07", 900_000, insurers=300),
        attended("municipality", "32201", 300, 1_000), attended("prefecture", "32", 3_000, 10_000, insurers=19),
        attended("nation", "JP", 900_000, 2_000_000, insurers=1_700),
        domain="00",
    )  # fmt: skip
    world.build()
    yield world


def figure(world: World, indicator: str, level: str, area: str) -> tuple[int | None, int | None] | None:
    """Numerator and denominator of a figure of the year, both sexes and all ages; None where it is not there."""
    found = world.rows(
        f"SELECT numerator, denominator FROM rollups.statistic WHERE indicator_id = '{indicator}' "
        f"AND period_kind = 'fiscal_year' AND period = DATE '{YEAR}' AND scheme_code = 'kokuho' "
        f"AND area_level = '{level}' AND area_id = '{area}' AND sex_code = 'all' AND age_band_code = 'all'"
    )
    assert len(found) <= 1
    return (found[0][0], found[0][1]) if found else None


def rests_on(world: World, indicator: str, level: str, area: str) -> list[tuple[Any, ...]]:
    """Insurers by records, insurers by counts, source, whether invented, whether whole."""
    return world.rows(
        "SELECT record_insurers_count, sent_insurers_count, source, is_generated, is_whole "
        f"FROM published.statistics_source WHERE indicator_id = '{indicator}' AND period_kind = 'fiscal_year' "
        f"AND scheme_code = 'kokuho' AND area_level = '{level}' AND area_id = '{area}' ORDER BY ALL"
    )


OWN = MEMBERS * MONTHS


def test_a_town_that_sends_records_is_not_counted_by_its_counts_too(world: World) -> None:
    assert figure(world, "members", "municipality", "16201") == (OWN, 0)
    assert rests_on(world, "members", "municipality", "16201") == []


def test_a_town_without_records_is_shown_by_its_counts(world: World) -> None:
    assert figure(world, "members", "municipality", "16206") == (2_000, 0)
    assert rests_on(world, "members", "municipality", "16206") == [(0, 1, SOURCE, True, False)]


def test_a_prefecture_is_its_records_and_the_counts_of_its_other_towns(world: World) -> None:
    assert figure(world, "members", "prefecture", "16") == (2 * OWN + 1_000 + 2_000, 0)
    assert rests_on(world, "members", "prefecture", "16") == [(2, 2, SOURCE, True, False)]


def test_the_prefecture_s_own_sender_stands_before_one_for_the_country(world: World) -> None:
    assert figure(world, "members", "municipality", "16205") == (1_000, 0)
    assert figure(world, "members", "municipality", "16207") is None, "of one figure and prefecture one source is taken"


def test_a_prefecture_with_records_is_not_replaced_by_a_count_of_it(world: World) -> None:
    assert figure(world, "members", "prefecture", "31") == (OWN + 3_000, 0)


def test_a_prefecture_is_added_up_of_towns_or_taken_as_it_was_sent(world: World) -> None:
    assert figure(world, "members", "prefecture", "32") == (9_000, 0)
    assert figure(world, "members", "prefecture", "33") == (60_000, 0)
    assert figure(world, "members", "prefecture", "34") == (80_000, 0), "what was sent of it stands before its towns"


def test_the_nation_counts_nobody_twice(world: World) -> None:
    prefectures = (2 * OWN + 3_000, OWN + 3_000, 9_000, 60_000, 80_000)
    assert figure(world, "members", "nation", "JP") == (sum(prefectures), 0)
    assert rests_on(world, "members", "nation", "JP") == [(3, 2 + 1 + 2 + 27 + 23, SOURCE, True, False)]


def test_a_peer_group_is_shown_once_enough_towns_are_in_it(world: World) -> None:
    # 市 5万人未満: 倉吉市 with records; 魚津市 too; 滑川市, 氷見市 … by counts.
    ((records, sent, *_),) = rests_on(world, "members", "peer", "kdb_13:07")
    assert (records, sent) == (0, 300), "the whole group was sent and rests on more insurers"
    assert figure(world, "members", "peer", "kdb_13:07") == (900_000, 0)


def test_a_whole_figure_that_rests_on_fewer_insurers_stands_back(world: World) -> None:
    # 政令指定都市: one town by counts, and the sent whole rests on one insurer as well.
    (found,) = rests_on(world, "members", "peer", "kdb_13:01")
    assert found[:2] == (0, 1) and found[4] is False
    assert figure(world, "members", "peer", "kdb_13:01") is None, "too few other members to be shown"


def test_persons_are_shown_at_the_levels_that_were_sent_and_added_nowhere(world: World) -> None:
    assert figure(world, "attendance_asof", "municipality", "32201") == (300, 1_000)
    assert figure(world, "attendance_asof", "prefecture", "32") == (3_000, 10_000)
    assert figure(world, "attendance_asof", "nation", "JP") == (900_000, 2_000_000)
    assert rests_on(world, "attendance_asof", "nation", "JP") == [(0, 1_700, SOURCE, True, True)]
    own = world.rows(
        "SELECT denominator FROM rollups.indicator_fact WHERE indicator_id = 'attendance_asof' AND period_kind = "
        "'fiscal_year' AND area_level = 'prefecture' AND area_id = '16' AND scheme_code = 'kokuho' "
        "AND sex_code = 'all' AND age_band_code = 'all'"
    )
    assert figure(world, "attendance_asof", "prefecture", "16") == (0, own[0][0]), "the 30 of 氷見市 are not added"


def test_own_counts_of_a_tenant_stay_those_of_its_records(world: World) -> None:
    found = world.rows(
        "SELECT area_id, numerator FROM published.own_indicator WHERE indicator_id = 'members' AND period_kind = "
        "'fiscal_year' AND scheme_code = 'kokuho' AND area_level IN ('prefecture', 'municipality') "
        "AND sex_code = 'all' AND age_band_code = 'all' ORDER BY 1"
    )
    assert found == [("16", 2 * OWN), ("16201", OWN), ("16204", OWN), ("31", OWN), ("31203", OWN)]


def test_areas_and_lineage_know_what_was_sent(world: World) -> None:
    areas = {row[0] for row in world.rows("SELECT area_id FROM published.area WHERE area_level = 'municipality'")}
    assert {"16206", "32201", "34100"} <= areas
    told = world.rows(
        "SELECT prefecture_code, source_files_count, records_count FROM published.lineage "
        "WHERE indicator_id = 'members' AND stream = 'statistics' ORDER BY 1"
    )
    assert told == [("00", 1, 11), ("16", 1, 3)]


# --- protection -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Counts of three towns of a prefecture without medical areas, one of them of few persons."""
    world = World(tmp_path_factory.mktemp("small"), MONTH)
    delivery = Delivery()
    delivery.enrol(Person("a"), TOYAMA, date(2024, 4, 1))
    world.land(delivery.batch, "16")
    shares = [("32201", 5, 100), ("32202", 40, 400), ("32203", 60, 500)]
    world.land_counts(
        *(row(area_id=town, numerator=above, denominator=below, created_date="2024-07-01")
          for town, above, below in shares),
        domain="00",
    )  # fmt: skip
    world.build()
    return world


def test_small_counts_of_a_sender_are_hidden_and_are_not_found_by_subtraction(small: World) -> None:
    found = dict(
        small.rows(
            "SELECT area_id, value_status FROM published.statistics_indicator WHERE indicator_id = 'metabolic' "
            "AND area_level IN ('municipality', 'prefecture') AND threshold = 10"
        )
    )
    assert found == {
        "32201": "hidden_small", "32202": "hidden_complement", "32203": "shown", "32": "shown"
    }, "the prefecture is shown, so a second town is hidden with the first"  # fmt: skip


# --- what stands, whatever came first -------------------------------------------------------------


def started(folder: Path) -> World:
    """Records of one town, and for the rest of the country a table that came before the one it replaces."""
    world = World(folder, MONTH)
    delivery = Delivery()
    for number in range(MEMBERS):
        delivery.enrol(Person(f"a{number}"), TOYAMA, date(2024, 4, 1))
    world.land(delivery.batch, "16")
    newer = {"created_date": "2024-07-02"}
    world.land_counts(counted("municipality", "32201", 4_000, **newer), counted("municipality", "32202", 600, **newer),
                      domain="00")  # fmt: skip
    world.land_counts(counted("municipality", "32201", 1_000), counted("municipality", "32203", 9_000), domain="00")
    return world


def stands(world: World, *towns: tuple[str, int], anew: bool = False) -> None:
    """These towns are told by counts; where asked, a build from nothing tells the same."""
    world.build()
    found = world.rows(
        "SELECT area_id, numerator FROM rollups.statistic WHERE indicator_id = 'members' AND area_level = "
        "'municipality' AND period_kind = 'fiscal_year' AND sex_code = 'all' AND age_band_code = 'all' "
        "AND scheme_code = 'kokuho' AND area_id LIKE '32%' ORDER BY 1"
    )
    assert found == list(towns)
    if not anew:
        return
    step_by_step = world.content()
    world.build(full_refresh=True)
    assert world.content() == step_by_step


def test_the_newer_version_stands_whatever_came_first_and_equals_a_full_refresh(tmp_path: Path) -> None:
    world = started(tmp_path)
    stands(world, ("32201", 4_000), ("32202", 600))
    latest = {"created_date": "2024-07-02", "version_number": 2}
    corrected = world.land_counts(counted("municipality", "32201", 4_500, **latest), domain="00")
    stands(world, ("32201", 4_500), anew=True)
    world.take_back_counts(corrected, "00")
    stands(world, ("32201", 4_000), ("32202", 600))


@pytest.mark.long  # the incremental story of the short tests tells of records and counts too
def test_records_that_come_later_take_the_place_of_counts(tmp_path: Path) -> None:
    world = started(tmp_path)
    world.land_counts(counted("municipality", "16204", 700), domain="16")
    world.build()
    assert figure(world, "members", "municipality", "16204") == (700, 0)
    late = Delivery()
    for number in range(MEMBERS):
        late.enrol(Person(f"b{number}"), UOZU, date(2024, 4, 1))
    world.land(late.batch, "16")
    stands(world, ("32201", 4_000), ("32202", 600), anew=True)
    assert figure(world, "members", "municipality", "16204") == (OWN, 0)
    assert figure(world, "members", "prefecture", "16") == (2 * OWN, 0)

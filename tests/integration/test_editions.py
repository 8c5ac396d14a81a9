"""A fiscal year that was called final keeps its figures; what changes later is told figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from ingest.center.edition import FIGURE, editions, freeze
from ingest.center.errors import CenterError
from ingest.center.release import release
from ingest.progress import silent
from tests.dbt_fixture import Row, World

KOKUHO = "160077"
FROZEN_ON = date(2024, 5, 20)
KEY = FIGURE[:-2]


def enrolled(who: str) -> Row:
    start = date(2020, 4, 1)
    return {"who": who, "insurer_number": KOKUHO, "municipality_code": "16208", "qualified_start_date": start,
            "applied_start_date": start}  # fmt: skip


def claim(who: str, month: date, points: int) -> Row:
    return {"who": who, "insurer_number": KOKUHO, "service_month": month, "claim_month": month, "points": points,
            "claim_kind_code": "medical", "claim_type_code": "1112", "key": f"{who}{month}"}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Fiscal year 2022 was called final; then a receipt of July 2022 came late."""
    world = World(tmp_path_factory.mktemp("editions"))
    world.land(
        {
            "enrolment": [enrolled(who) for who in "abc"],
            "claim": [claim("a", date(2022, 6, 1), 100), claim("a", date(2023, 6, 1), 300)],
        }
    )
    world.build()
    release(world.settings, silent)
    yield world


@pytest.fixture(scope="module")
def frozen(world: World) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The figures of the year as they stood, by their grain; the year is frozen and a late receipt built in."""
    before = figures(world, 2022)
    assert freeze(world.settings, 2022, "紡木", FROZEN_ON, silent) == {"edition": "2022-1", "figures": len(before)}
    world.land({"claim": [claim("b", date(2022, 7, 1), 250)]})
    world.build()
    release(world.settings, silent)
    return before


def figures(world: World, fiscal_year: int) -> dict[tuple[Any, ...], tuple[int, int]]:
    found = world.rows(
        f"SELECT {', '.join(FIGURE)} FROM published.own_indicator "
        f"WHERE period_kind = 'fiscal_year' AND period = DATE '{fiscal_year}-04-01'"
    )
    return {row[:-2]: row[-2:] for row in found}


def changes(world: World) -> dict[tuple[Any, ...], tuple[int | None, ...]]:
    found = world.rows(
        f"SELECT {', '.join(KEY)}, frozen_numerator, frozen_denominator, numerator, denominator "
        "FROM published.own_edition_change"
    )
    return {row[: len(KEY)]: row[len(KEY) :] for row in found}


def test_a_year_that_is_not_over_stays_provisional(world: World) -> None:
    with pytest.raises(CenterError, match="fiscal year 2024 is not over"):
        freeze(world.settings, 2024, "紡木", FROZEN_ON, silent)


def test_an_edition_names_who_called_it_final(world: World) -> None:
    with pytest.raises(CenterError, match="--by"):
        freeze(world.settings, 2022, "　", FROZEN_ON, silent)


def test_a_year_without_figures_cannot_be_final(world: World) -> None:
    with pytest.raises(CenterError, match="no figures of fiscal year 2019"):
        freeze(world.settings, 2019, "紡木", FROZEN_ON, silent)
    assert not [one for one in editions(world.settings) if one["fiscal_year"] == 2019]


def test_a_late_receipt_changes_the_figures_of_now_and_not_the_edition(
    world: World, frozen: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    kept = world.rows(f"SELECT {', '.join(FIGURE)} FROM edition.figure WHERE edition_id = '2022-1'")
    assert {row[:-2]: row[-2:] for row in kept} == frozen
    assert figures(world, 2022) != frozen


def test_what_differs_from_the_edition_is_named_with_both_values(
    world: World, frozen: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    now = figures(world, 2022)
    wanted = {
        key: (*frozen.get(key, (None, None)), *now.get(key, (None, None)))
        for key in frozen.keys() | now.keys()
        if frozen.get(key) != now.get(key)
    }
    assert changes(world) == wanted
    cost = {key[4:]: told for key, told in wanted.items() if key[1] == "outpatient_cost_per_member_month"}
    # 100 points of a in June, over the three members of the one month that receipts came of; 250 of b more in July.
    assert cost["kokuho", "", "municipality", "16208", "all", "all"] == (1000, 3, 3500, 6)


def test_figures_of_a_year_that_was_not_called_final_are_not_told(
    world: World, frozen: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    assert {row[3] for row in changes(world)} == {date(2022, 4, 1)}


def test_a_new_edition_takes_the_place_of_the_old_which_is_kept(
    world: World, frozen: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    assert freeze(world.settings, 2022, "紡木", FROZEN_ON, silent)["edition"] == "2022-2"
    assert changes(world) == {}
    again = freeze(world.settings, 2022, "紡木", FROZEN_ON, silent)
    assert again == {"note": "nothing changed since edition 2022-2", "edition": "2022-2"}
    assert [one["edition_id"] for one in editions(world.settings)] == ["2022-1", "2022-2"]
    assert world.rows("SELECT edition_id FROM published.edition WHERE is_in_force") == [("2022-2",)]
    kept = world.rows(f"SELECT {', '.join(FIGURE)} FROM edition.figure WHERE edition_id = '2022-1'")
    assert {row[:-2]: row[-2:] for row in kept} == frozen


def test_the_newest_edition_is_in_force_though_a_rebuild_counts_builds_from_one_again(
    world: World, frozen: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    world.run("UPDATE edition.edition SET build_sequence = 99 WHERE edition_id = '2022-1'")
    assert world.rows("SELECT edition_id FROM published.edition WHERE is_in_force") == [("2022-2",)]
    world.run("UPDATE edition.edition SET edition_id = '2022-10', edition_number = 10 WHERE edition_id = '2022-2'")
    world.run("UPDATE edition.figure SET edition_id = '2022-10' WHERE edition_id = '2022-2'")
    assert freeze(world.settings, 2022, "紡木", FROZEN_ON, silent)["edition"] == "2022-10"

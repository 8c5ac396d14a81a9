"""statistic: what others may see of small numbers, and what they can work out in one step."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.dbt_fixture import Row
from tests.spec.models.attack import FIGURE, PLACE, RULE, Group, Reader, cell_of, denominators
from tests.spec.models.built import Built
from tests.spec.models.contributions import fiscal_year, seed
from tests.spec.models.recount import Areas, Figures

pytestmark = pytest.mark.xdist_group("spec_models")


def _truth(built: Built, row: Row) -> Figures:
    return built.facts[tuple(row[name] for name in FIGURE + PLACE)]  # type: ignore[index]


def _is_small(figures: Figures, threshold: int) -> bool:
    """Whether 1 to threshold - 1 persons stand behind either side of the line."""
    return any(0 < persons < threshold for persons in figures[2:4])


def test_every_rule_of_the_seed_has_its_figures(built: Built) -> None:
    wanted = {(int(row["threshold"]), int(row["min_peers"])) for row in seed("viewer_classes")}
    assert {tuple(row[name] for name in RULE) for row in built.table("rollups.statistic")} == wanted


def test_nothing_that_rests_on_one_to_nine_persons_is_shown(built: Built) -> None:
    shown = built.where("rollups.statistic", value_status="shown")
    assert shown
    assert not [row for row in shown if _is_small(_truth(built, row), row["threshold"])][:3]


def test_what_is_shown_is_the_full_figure_and_what_is_hidden_carries_no_count(built: Built) -> None:
    statuses = set()
    for row in built.table("rollups.statistic"):
        statuses.add(row["value_status"])
        is_shown = row["value_status"] == "shown"
        told = (row["numerator"], row["denominator"])
        assert told == (_truth(built, row)[:2] if is_shown else (None, None)), row
    assert statuses == {"shown", "hidden_small", "hidden_complement"}


def test_districts_are_in_no_statistics(built: Built) -> None:
    assert built.where("rollups.indicator_fact", area_level="district")
    assert not built.where("rollups.statistic", area_level="district")


def test_but_for_districts_and_small_peer_groups_every_figure_is_there(built: Built) -> None:
    found = {tuple(row[name] for name in FIGURE + PLACE) for row in built.table("rollups.statistic")}
    missing = {key for key in built.facts if key not in found}
    assert {key[4] for key in missing} == {"district", "peer"}


def test_a_peer_group_with_fewer_than_three_others_is_not_there(built: Built) -> None:
    areas = Areas()
    towns: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for key in built.facts:
        scheme, level, area = key[3:6]
        if level == "municipality":
            year = fiscal_year(key[2])
            for group in areas.peers(area, year):
                towns[scheme, group, year].add(area)
    groups = {(row["scheme_code"], row["area_id"], fiscal_year(row["period"]), row["min_peers"])
              for row in built.where("rollups.statistic", area_level="peer")}  # fmt: skip
    wanted = {(*group, int(row["min_peers"])) for group, members in towns.items() for row in seed("viewer_classes")
              if len(members) - 1 >= int(row["min_peers"])}  # fmt: skip
    assert groups == wanted
    assert 0 < len(wanted) < len(towns)


@pytest.fixture(scope="module")
def reader(built: Built) -> Reader:
    return Reader(built.table("rollups.statistic"))


@pytest.fixture(scope="module")
def groups(reader: Reader) -> dict[str, list[Group]]:
    return {"sexes": list(reader.sexes()), "ages": list(reader.ages()), "areas": list(reader.areas())}


@pytest.mark.parametrize("direction", ["sexes", "ages", "areas"])
def test_no_small_number_is_the_only_hidden_one_under_a_total_that_is_shown(
    built: Built, groups: dict[str, list[Group]], direction: str
) -> None:
    assert any(row["value_status"] == "hidden_complement" for group in groups[direction] for row in group.parts)
    lone = [row for group in groups[direction] if (row := group.lone())]
    assert not [row for row in lone if _is_small(_truth(built, row), row["threshold"])][:3]


@pytest.mark.parametrize("direction", ["sexes", "ages", "areas"])
def test_a_total_less_its_shown_parts_gives_no_number_under_ten(groups: dict[str, list[Group]], direction: str) -> None:
    counts = [row["indicator_id"] for row in seed("indicators") if row["unit"] in ("人", "%")]
    found = [
        (side, group.rest(side), lone)
        for group in groups[direction]
        if (lone := group.lone())
        for side in ("numerator", "denominator")
        if (side == "denominator" or lone["indicator_id"] in counts) and 0 < group.rest(side) < lone["threshold"]
    ]
    assert not found, f"{len(found)}: {found[:3]}"


SEVERAL_TABLES = pytest.mark.xfail(
    strict=True,
    reason="statistic.sql protects only against the next larger area, the sexes and the ages of one figure, as it says",
)


@SEVERAL_TABLES
@pytest.mark.parametrize("direction", ["far_areas", "schemes", "months"])
def test_no_small_number_is_the_difference_of_figures_of_several_tables(
    built: Built, reader: Reader, direction: str
) -> None:
    found = [
        lone
        for group in getattr(reader, direction)()
        if (lone := group.lone())
        and _is_small(_truth(built, lone), lone["threshold"])
        and (group.rest("numerator"), group.rest("denominator")) == _truth(built, lone)[:2]
    ]
    assert not found, f"{len(found)}: {found[:3]}"


@SEVERAL_TABLES
def test_no_small_number_comes_out_of_subtracting_again_and_again(built: Built) -> None:
    rows = {cell_of(row): row for row in built.where("rollups.statistic", period_kind="fiscal_year")}
    found = [
        (value, rows[cell])
        for cell, value in Reader(list(rows.values())).again_and_again().items()
        if _is_small(_truth(built, rows[cell]), rows[cell]["threshold"]) and value == _truth(built, rows[cell])[:2]
    ]
    assert not found, f"{len(found)}: {found[:3]}"


@SEVERAL_TABLES
def test_no_small_denominator_comes_out_of_indicators_over_the_same_persons(built: Built) -> None:
    small = {
        (cell_of(row), _truth(built, row)[1])
        for row in built.table("rollups.statistic")
        if 0 < _truth(built, row)[3] < row["threshold"]
    }
    reader = Reader(denominators(built.table("rollups.statistic")))
    found = []
    for group in reader.areas():
        lone = group.lone()
        if lone:
            over = [row["indicator_id"] for row in seed("indicators") if row["denominator_ja"] == lone["indicator_id"]]
            cells = [cell_of(lone | {"indicator_id": indicator}) for indicator in over]
            found += [cell for cell in cells if (cell, group.rest("denominator")) in small]
    assert not found, f"{len(found)}: {found[:3]}"


def test_an_insurer_and_its_only_town_hide_the_same_figures(built: Built) -> None:
    of_no_town = {row["indicator_id"] for row in seed("indicators") if row["block_code"] == "linkage"}

    def statuses(**place: str) -> dict[tuple[Any, ...], str]:
        rows = built.where("rollups.statistic", scheme_code="kokuho", **place)
        return {
            tuple(row[n] for n in (*RULE, *FIGURE, "sex_code", "age_band_code", "class_code")): row["value_status"]
            for row in rows
            if row["indicator_id"] not in of_no_town
        }

    insurer, town = statuses(area_id="160036"), statuses(area_id="16204")
    assert insurer.keys() == town.keys()
    assert not [key for key in insurer if insurer[key] != town[key]][:3]
    assert len(set(insurer.values())) == 3

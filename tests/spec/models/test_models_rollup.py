"""indicator_fact against a count from the persons: every row, in every direction."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.spec.models.built import Built
from tests.spec.models.contributions import seed
from tests.spec.models.recount import Figures, Key, recount

pytestmark = pytest.mark.xdist_group("spec_models")


@pytest.fixture(scope="module")
def expected(built: Built) -> dict[Key, Figures]:
    return recount(built.table)


def _differences(
    ours: dict[Key, Figures], theirs: dict[Key, Figures], about: Callable[[Figures], tuple[int, ...]]
) -> list[str]:
    return [
        f"{key}: counted {ours.get(key)}, published {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if key not in ours or key not in theirs or about(ours[key]) != about(theirs[key])
    ]


def _about(facts: dict[Key, Figures], indicator: str, kind: str) -> dict[Key, Figures]:
    found = {key: figures for key, figures in facts.items() if key[:2] == (indicator, kind)}
    assert found, "nobody in the world counts here"
    return found


def _cases() -> Iterable[tuple[str, str]]:
    for row in seed("indicators"):
        if row["age_rule"] == "as_published":
            continue  # rests on public tables: test_models_reference.py
        for kind in row["period_kinds"].split():
            yield row["indicator_id"], kind


@pytest.mark.parametrize(("indicator", "kind"), _cases())
def test_every_figure_is_that_counted_from_the_persons(
    built: Built, expected: dict[Key, Figures], indicator: str, kind: str
) -> None:
    ours, theirs = _about(expected, indicator, kind), _about(built.facts, indicator, kind)
    differences = _differences(ours, theirs, tuple)
    assert not differences, f"{len(differences)} of {len(ours)}: {differences[:5]}"


def test_nothing_is_told_of_a_month_after_the_month_of_reference_or_before_the_first(built: Built) -> None:
    months = {row["period"] for row in built.table("rollups.indicator_fact") if row["period_kind"] != "fiscal_year"}
    assert f"{min(months):%Y-%m} {max(months):%Y-%m}" == "2020-04 2025-05"


def test_a_place_without_a_town_is_in_no_area_below_the_prefecture(built: Built) -> None:
    levels = {row["area_level"] for row in built.where("rollups.indicator_fact", scheme_code="kumiai")}
    assert levels == {"nation", "prefecture", "insurer"}


def test_care_has_no_medical_areas_and_both_schemes_together_have_no_insurers(built: Built) -> None:
    for scheme, missing in (("care", "medical_area"), ("kokuho_koki", "insurer")):
        levels = {row["area_level"] for row in built.where("rollups.indicator_fact", scheme_code=scheme)}
        assert "municipality" in levels and missing not in levels

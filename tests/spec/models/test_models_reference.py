"""Figures that rest on public tables against a count from the tables themselves, and who sees them."""

from __future__ import annotations

import pytest

from tests.spec.models.built import Built
from tests.spec.models.contributions import fiscal_year, seed
from tests.spec.models.recount_of_tables import Key, Share, recount_tables

pytestmark = pytest.mark.xdist_group("spec_models")

INDICATORS = [row["indicator_id"] for row in seed("indicators") if row["age_rule"] == "as_published"]


@pytest.fixture(scope="module")
def expected(built: Built) -> dict[Key, Share]:
    return recount_tables(built.table)


@pytest.fixture(scope="module")
def published(built: Built) -> dict[Key, Share]:
    rows = built.table("rollups.reference_fact")
    found: dict[Key, Share] = {
        (row["indicator_id"], fiscal_year(row["period"]), row["scheme_code"], row["area_level"], row["area_id"]):
        (row["numerator"], row["denominator"])
        for row in rows
    }  # fmt: skip
    assert len(found) == len(rows), "a figure stands twice"
    return found


@pytest.mark.parametrize("indicator", INDICATORS)
def test_every_figure_is_that_counted_from_the_tables(
    expected: dict[Key, Share], published: dict[Key, Share], indicator: str
) -> None:
    ours = {key: share for key, share in expected.items() if key[0] == indicator}
    theirs = {key: share for key, share in published.items() if key[0] == indicator}
    assert ours, "no table of the world tells it"
    different = [f"{key}: counted {ours.get(key)}, published {theirs.get(key)}" for key in sorted(ours.keys() | theirs)
                 if ours.get(key) != theirs.get(key)]  # fmt: skip
    assert not different, f"{len(different)} of {len(ours)}: {different[:5]}"


def test_the_nation_dies_at_its_own_rates(published: dict[Key, Share]) -> None:
    for sex in ("male", "female"):
        numerator, denominator = published[f"mortality_ratio_{sex}", 2024, "residents", "nation", "JP"]
        assert numerator == denominator


def test_years_without_certification_are_told_with_their_interval_and_of_no_small_town(
    published: dict[Key, Share],
) -> None:
    towns = {key[4] for key in published if key[0].startswith("independent_years")}
    assert towns == {"16208"}, "16205 has fewer than 13,000 residents, of 16209 no certifications came"
    for measure in ("any", "care2"):
        for sex in ("male", "female"):
            place = (2024, "residents", "municipality", "16208")
            low, years, high = (
                published[f"independent_years_{measure}_{sex}{end}", *place][0] for end in ("_lower", "", "_upper")
            )
            assert low < years < high
    assert published["independent_years_care2_male", *place] >= published["independent_years_any_male", *place]


def test_an_area_of_which_one_town_is_not_in_the_table_has_no_figure(published: dict[Key, Share]) -> None:
    assert ("death_cancer", 2024, "residents", "prefecture", "16") in published
    assert ("death_cancer", 2024, "residents", "nation", "JP") not in published
    assert {key[3] for key in published if key[0] == "industry_primary"} == {"nation", "prefecture", "municipality"}


def test_an_area_that_a_table_names_is_taken_as_the_table_gives_it(published: dict[Key, Share]) -> None:
    nation = published["residents", 2024, "residents", "nation", "JP"][0]
    towns = [
        share[0] for key, share in published.items() if key[:4] == ("residents", 2024, "residents", "municipality")
    ]
    assert nation != sum(towns)


def test_what_rests_on_tables_alone_is_shown_whole_to_everybody(built: Built) -> None:
    rows = [row for row in built.table("published.statistics_indicator") if row["scheme_code"] == "residents"]
    assert rows and {row["value_status"] for row in rows} == {"shown"}
    known = {(row["area_level"], row["area_id"]) for row in built.table("published.area")}
    assert {(row["area_level"], row["area_id"]) for row in rows} <= known


def test_what_stands_beside_members_is_hidden_where_the_members_are(built: Built) -> None:
    places = ("threshold", "min_peers", "period", "area_level", "area_id")
    of_members = {
        tuple(row[name] for name in places): row["value_status"]
        for row in built.where(
            "published.statistics_indicator", indicator_id="members", scheme_code="kokuho", period_kind="fiscal_year",
            sex_code="all", age_band_code="all",
        )
    }  # fmt: skip
    rows = built.where("published.statistics_indicator", indicator_id="enrolment_share")
    assert {row["value_status"] for row in rows} > {"shown"}
    for row in rows:
        assert row["value_status"] == of_members[tuple(row[name] for name in places)]
        assert (row["numerator"] is None) == (row["value_status"] != "shown") == (row["denominator"] is None)


def test_a_tenant_sees_its_own_share_in_full(built: Built) -> None:
    rows = built.where("published.own_indicator", indicator_id="enrolment_share", area_level="municipality")
    assert rows and all(row["numerator"] > 0 and row["contributor_count"] > 0 for row in rows)


def test_every_figure_names_the_tables_it_rests_on(built: Built) -> None:
    lineage = {
        (row["indicator_id"], row["stream"]): row["source_files_count"] for row in built.table("published.lineage")
    }
    assert lineage["mortality_ratio_male", "reference_deaths"] == 1
    assert lineage["residents", "reference_population"] == 2
    assert lineage["residents_under_40", "reference_population_by_age"] == 2
    tables = {(row["table_name"], row["year"]): row["source"] for row in built.table("published.reference_table")}
    assert tables["industry", 2020] == "架空の統計"
    assert ("population", 2025) in tables

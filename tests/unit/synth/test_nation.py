"""The invented nation comes within the error of chance of the nation's published figures."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from ingest.synth.calibration import seed
from ingest.synth.nation.attendance import attendance
from ingest.synth.nation.cells import is_judged, rates, verdict, z_scores
from ingest.synth.nation.certification import certification
from ingest.synth.nation.cost import cost
from ingest.synth.nation.families import FAMILIES, all_cells
from ingest.synth.nation.findings import bins, means
from ingest.synth.nation.joint import costs_together, findings_together, metabolic
from ingest.synth.nation.questions import questions
from ingest.synth.nation.sample import Sample, draw

ROOT = Path(__file__).resolve().parents[3]
MOST_ERRORS = 4.0  # of the worst cell
LEAST_CHANCE = 1e-4  # of a chi-square as large over a family


@pytest.fixture(scope="module")
def nation() -> Sample:
    return draw(people=12_000, seed=7)


def assert_within_chance(cells: pl.DataFrame, least_cells: int) -> None:
    found = verdict(cells)
    out = cells.with_columns(z=z_scores(cells)).filter(is_judged() & (pl.col("z").abs() > MOST_ERRORS))
    assert found.cells >= least_cells
    assert out.is_empty(), out
    assert found.p > LEAST_CHANCE, found
    assert found.beyond_2 <= 3 * found.expected_2 + 3, found


def test_as_many_of_each_sex_and_age_come_to_the_checkup_as_in_2020_and_as_many_in_all_in_each_year(
    nation: Sample,
) -> None:
    assert_within_chance(attendance(nation), 17)


def test_findings_fall_into_the_published_classes_by_sex_and_age_and_over_all_ages(nation: Sample) -> None:
    assert_within_chance(bins(nation), 250)


def test_values_have_the_means_of_the_prefecture_by_sex_and_age(nation: Sample) -> None:
    assert_within_chance(means(nation), 130)


def test_questions_are_answered_as_by_the_nation_of_the_same_sex_and_age(nation: Sample) -> None:
    assert_within_chance(questions(nation), 350)


def test_medical_and_care_cost_a_head_are_those_of_the_nation_at_every_age(nation: Sample) -> None:
    assert_within_chance(cost(nation), 25)


@pytest.mark.parametrize(
    ("scheme", "column", "published"),
    [
        ("kokuho", "yen", pytest.approx(27_600, rel=0.16)),
        ("koki", "yen", pytest.approx(75_000, rel=0.16)),
        ("kokuho", "outpatient", pytest.approx(0.688, rel=0.1)),
        ("kokuho", "inpatient", pytest.approx(0.018, rel=0.25)),
    ],
)
def test_a_member_month_has_about_the_yen_and_the_receipts_that_are_known(
    nation: Sample, scheme: str, column: str, published: object
) -> None:
    of_scheme = nation.months.filter(scheme_code=scheme)
    assert of_scheme[column].sum() / of_scheme["months"].sum() == published


def test_as_many_of_each_age_are_certified_and_the_levels_of_each_sex_and_age_are_as_published(nation: Sample) -> None:
    assert_within_chance(certification(nation), 45)


def test_waist_and_risks_meet_in_as_many_men_and_women_as_have_the_metabolic_syndrome_or_nearly(nation: Sample) -> None:
    assert_within_chance(metabolic(nation), 2)


def test_two_findings_meet_in_one_person_more_often_than_if_they_were_strangers(nation: Sample) -> None:
    found = findings_together(nation).pivot(on="figure", index=["sex_code", "age_band_code", "n"], values="ours")
    weight = found["n"] / found["n"].sum()
    both = (weight * found["hba1c_65_and_systolic_140"]).sum()
    apart = (weight * found["hba1c_65"] * found["systolic_140"]).sum()
    assert both > 1.1 * apart


def test_who_comes_to_the_checkup_costs_less_and_who_is_certified_costs_more(nation: Sample) -> None:
    of = {name: rows for (name,), rows in costs_together(nation).group_by("figure")}
    came = of["cost_by_attendance"].filter(age_band_code="70+").select("category", "ours").rows()
    certified = of["cost_by_certification"].filter(age_band_code="80-84").select("category", "ours").rows()
    assert dict(came)["true"] < dict(came)["false"]
    assert dict(certified)["true"] > 1.3 * dict(certified)["false"]


@pytest.mark.parametrize("family", [attendance, questions, certification])
def test_a_nation_that_is_a_seventh_off_is_told_apart(nation: Sample, family: object) -> None:
    cells = family(nation).with_columns(reference=pl.col("reference") * 1.15)  # type: ignore[operator]
    found = verdict(cells)
    assert found.worst > MOST_ERRORS
    assert found.p < LEAST_CHANCE


def test_the_error_of_a_cost_is_no_smaller_where_each_person_is_counted_more_often(nation: Sample) -> None:
    yen = [float(n % 7) for n in range(400)]
    once = pl.DataFrame({"person": range(400), "sex_code": "1", "yen": yen, "months": 1.0})
    again = pl.concat([once] * 4)
    assert rates(again, ["sex_code"])["error"].item() == pytest.approx(rates(once, ["sex_code"])["error"].item())


def test_a_national_world_has_no_town_of_its_own_kind(nation: Sample) -> None:
    towns = nation.world.towns
    assert not towns.attendance.any() and not towns.metabolic.any() and not towns.certification.any()
    assert set(towns.story.values()) == {-1}
    assert not nation.world.health.untreated_sugar.any()


def test_every_reference_names_where_it_is_from() -> None:
    for name in ("attendance", "attendance_by_year", "checkup_bins", "checkup_means", "questionnaire", "cost_by_age",
                 "care_cost_by_age", "certification_rates", "certified_levels", "metabolic_by_year"):  # fmt: skip
        assert seed(name)["source"].str.len_chars().min() > 10, name


def test_the_page_shows_every_figure_and_says_that_all_is_invented(nation: Sample) -> None:
    page = (ROOT / "docs" / "reference" / "calibration.md").read_text(encoding="utf-8")
    with (ROOT / "tools" / "calibration_names.csv").open(encoding="utf-8") as stream:
        names = {row["id"]: row for row in csv.DictReader(stream)}
    assert "架空のデータです" in page and "All of it is invented" in page
    for family in FAMILIES:
        assert f"## {names[family]['ja']} ({names[family]['en']})" in page
    shown = {figure for figure in all_cells(nation)["figure"] if not figure.startswith("attendance_")} - set(FAMILIES)
    assert all(f"### {names[figure]['ja']} ({names[figure]['en']})" in page for figure in shown)

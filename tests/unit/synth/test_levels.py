"""Levels of the invented world beside the published figures (domain/kdb.md 5.3 and the generator's seeds)."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from ingest.synth.calibration import band_start, seed
from ingest.synth.world.care import CareClaims
from ingest.synth.world.clock import age_at, day_of, last_day, month_of
from ingest.synth.world.counts import present
from tests.unit.synth.conftest import World

YEN_PER_POINT = 10


def _member_months(world: World, scheme: str) -> int:
    return world.members.filter(scheme_code=scheme).height


def _yen(world: World, scheme: str) -> float:
    claims = world.claims.filter((pl.col("scheme_code") == scheme) & ~pl.col("is_summary"))
    total = claims["points"].sum() * YEN_PER_POINT + claims["meal_yen"].sum()
    return total / _member_months(world, scheme)


@pytest.mark.parametrize("scheme", ["kokuho", "koki"])
def test_cost_per_member_month_is_near_that_of_the_nation_at_the_ages_of_the_members(world: World, scheme: str) -> None:
    members = world.members.filter(scheme_code=scheme)
    age = age_at(world.people.birth[members["person"].to_numpy()], day_of(world.settings.reference_month) - 180)
    table = seed("cost_by_age")
    first = np.array([band_start(code) for code in table["age_band_code"]])
    order = np.argsort(first)
    yearly = table["cost_yen_per_year"].to_numpy()[order]
    published = yearly[np.searchsorted(first[order], np.maximum(age, 0), side="right") - 1].mean() / 12
    assert _yen(world, scheme) == pytest.approx(published, rel=0.16)


def test_hospital_takes_about_two_fifths_of_the_cost_of_kokuho(world: World) -> None:
    claims = world.claims.filter(scheme_code="kokuho")
    share = claims.filter("is_inpatient")["points"].sum() / claims["points"].sum()
    assert share == pytest.approx(0.40, abs=0.05)
    assert claims.filter("is_inpatient")["days_count"].mean() == pytest.approx(16, abs=2)


def test_the_dearest_hundredth_of_kokuho_takes_about_a_quarter(world: World) -> None:
    by_person = world.claims.filter(scheme_code="kokuho").group_by("person").agg(pl.col("points").sum())
    points = np.sort(by_person["points"].to_numpy())[::-1]
    members = world.members.filter(scheme_code="kokuho")["person"].n_unique()
    assert 0.18 <= points[: members // 100].sum() / points.sum() <= 0.32


def test_cost_rises_with_age_as_published(world: World) -> None:
    middle = day_of(world.settings.reference_month) - 180
    age = age_at(world.people.birth, middle)
    yen = np.zeros(len(age))
    np.add.at(yen, world.claims["person"].to_numpy(), world.claims["points"].to_numpy() * YEN_PER_POINT)
    months = np.bincount(world.members["person"].to_numpy(), minlength=len(age))
    bands = ["20-24", "40-44", "60-64", "70-74", "80-84", "90-94"]
    published = dict(seed("cost_by_age").select("age_band_code", "cost_yen_per_year").iter_rows())
    ours = []
    for code in bands:
        here = (age >= band_start(code)) & (age < band_start(code) + 5) & (months > 0)
        ours.append(yen[here].sum() / months[here].sum() * 12)
    assert ours == sorted(ours)
    for code, own in list(zip(bands, ours, strict=True))[2:]:
        assert own == pytest.approx(published[code], rel=0.45), code


def test_winter_costs_more_receipts_than_summer(world: World) -> None:
    by_month = dict(world.claims.group_by("service_month").len().iter_rows())
    year = world.settings.reference_month.year
    winter = sum(by_month[date(year, month, 1)] for month in (1, 2))
    summer = sum(by_month[date(year - 1, month, 1)] for month in (7, 8))
    assert winter > summer * 1.02


def _first_exams(world: World, fiscal_year: int) -> pl.DataFrame:
    begin, end = date(fiscal_year, 4, 1), date(fiscal_year + 1, 3, 31)
    return world.exams.filter(pl.col("exam_date").is_between(begin, end) & (pl.col("scheme_code") == "kokuho"))


def _legal_rate(world: World, fiscal_year: int) -> float:
    """Members of 40-74 at the year's end who were insured on its first and last day."""
    begin, end = day_of(date(fiscal_year, 4, 1)), day_of(date(fiscal_year + 1, 3, 31))
    person = np.arange(len(world.people))
    cards = [world.coverage.at(person, np.full(len(person), day)) for day in (begin, end)]
    cover = world.coverage.records["scheme_code"].to_numpy()
    age = age_at(world.people.birth, end)
    base = (age >= 40) & (age < 75)
    for card in cards:
        base &= (card >= 0) & (cover[np.maximum(card, 0)] == "kokuho")
    came = np.isin(person, _first_exams(world, fiscal_year)["person"].to_numpy())
    return float((base & came).sum() / base.sum())


def test_attendance_follows_the_published_years_with_the_dip_of_2020(world: World) -> None:
    rates = {year: _legal_rate(world, year) for year in range(2020, 2025)}
    published = dict(seed("attendance_by_year").select("fiscal_year", "kokuho_share").iter_rows())
    for year, rate in rates.items():
        assert rate == pytest.approx(published[year], abs=0.03), year
    assert rates[2020] == min(rates.values())


def _share(world: World, item: str, condition: pl.Expr) -> float:
    exams = world.exams.filter(scheme_code="kokuho").select(parent_source_row="source_row")
    values = world.results.filter(item_id=item).join(exams, on="parent_source_row", how="semi")
    return float(values.select(condition.mean()).item())


@pytest.mark.parametrize(
    ("item", "condition", "published", "tolerance"),
    [
        ("hba1c", pl.col("numeric_value") >= 5.6, 0.57, 0.06),
        ("systolic", pl.col("numeric_value") >= 130, 0.475, 0.05),
        ("ldl", pl.col("numeric_value") >= 120, 0.50, 0.05),
        ("smoking", pl.col("code_value") == "1", 0.13, 0.03),
        ("metabolic_judgement", pl.col("code_value") == "1", 0.206, 0.03),
        ("metabolic_judgement", pl.col("code_value") == "2", 0.11, 0.025),
    ],
)
def test_findings_are_near_the_published(
    world: World, item: str, condition: pl.Expr, published: float, tolerance: float
) -> None:
    assert _share(world, item, condition) == pytest.approx(published, abs=tolerance)


def test_certification_by_age_is_near_the_published(world: World) -> None:
    day = last_day(month_of(date(2023, 9, 1)))
    states = present(world.lives, day)
    person = states["person"].to_numpy()
    age = age_at(world.people.birth[person], day)
    now = world.certification.spells.filter((pl.col("first") <= day) & (pl.col("last") >= day))
    certified = np.isin(person, now["person"].to_numpy())
    old = age >= 65
    assert certified[old].mean() == pytest.approx(0.19, abs=0.03)
    for code, published in seed("certification_rates").select("age_band_code", "certified_share").iter_rows():
        low = band_start(code)
        if low >= 65:
            here = (age >= low) & (age < (200 if code.endswith("+") else low + 5))
            assert certified[here].mean() == pytest.approx(published, abs=0.02 + 0.12 * published), code


def test_the_cohort_born_after_the_war_turns_75_in_2022_to_2024(world: World) -> None:
    turned = world.records.records.filter(scheme_code="koki").filter(pl.col("reason") == 4)
    year = turned.select(pl.col("start").cast(pl.Int32).cast(pl.Date).dt.year()).to_series()
    counts = dict(year.value_counts().iter_rows())
    assert min(counts[y] for y in (2022, 2023, 2024)) > 1.15 * max(counts[y] for y in (2020, 2021))
    # Spread over the month: the day of birth, not the first of the month.
    days = turned.select(pl.col("start").cast(pl.Int32).cast(pl.Date).dt.day()).to_series()
    assert days.n_unique() == 31


def test_the_age_structure_of_2025_is_that_of_the_towns(world: World) -> None:
    day = day_of(date(2025, 1, 1))
    states = present(world.lives, day)
    age = age_at(world.people.birth[states["person"].to_numpy()], day)
    towns = seed("population_2025").filter(pl.col("municipality_code").is_in(world.towns.code))
    weight = dict(zip(world.towns.code, world.towns.insured.tolist(), strict=True))
    low = np.array([band_start(b) for b in towns["age_band_code"]])
    size = towns["population_count"].to_numpy()
    total = dict(towns.group_by("municipality_code").agg(pl.col("population_count").sum()).iter_rows())
    factor = np.array([weight[c] / total[c] for c in towns["municipality_code"]])
    published = (size * factor)[low >= 65].sum() / (size * factor).sum()
    assert (age >= 65).mean() == pytest.approx(published, abs=0.015)


def test_dialysis_is_as_common_as_it_is(world: World) -> None:
    sessions = world.items.filter(pl.col("item_code") == "140057910")
    for scheme, low, high in (("kokuho", 0.002, 0.006), ("koki", 0.004, 0.011)):
        rate = sessions.filter(scheme_code=scheme).height / _member_months(world, scheme)
        assert low < rate < high, scheme


def test_levels_of_care_are_spread_as_published(world: World) -> None:
    day = last_day(month_of(date(2023, 3, 1)))
    now = world.certification.spells.filter((pl.col("first") <= day) & (pl.col("last") >= day))
    own = np.bincount(now["level"].to_numpy(), minlength=7) / now.height
    # Men of each age, and women in all.
    of_all = (pl.col("sex_code") == "1") | (pl.col("age_band_code") == "65+")
    table = seed("certified_levels").filter(of_all).group_by("care_level_code").agg(pl.col("persons").sum())
    table = table.sort("care_level_code")
    published = table["persons"].to_numpy() / table["persons"].sum()
    assert np.abs(own - published).max() < 0.06


def test_care_costs_by_age_as_published(world: World) -> None:
    services = CareClaims(world.settings, world.towns, world.people, world.lives, world.certification.spells)
    month = month_of(date(2024, 3, 1))
    claims, _ = services.month(month, np.zeros(0, dtype=np.int64))
    day = last_day(month)
    states = present(world.lives, day)
    resident = states["person"].to_numpy()
    age = age_at(world.people.birth, day)
    yen = np.zeros(len(age))
    np.add.at(yen, claims["person"].to_numpy(), claims["units"].to_numpy() * 10 * 12)
    assert claims["benefit_yen"].mean() == pytest.approx(60_000, rel=0.15)
    for code, published in seed("care_cost_by_age").select("age_band_code", "cost_yen_per_year").iter_rows():
        low = band_start(code)
        if low >= 75:  # fewer than a hundred people use care below
            here = resident[(age[resident] >= low) & (age[resident] < low + 5)]
            assert yen[here].mean() == pytest.approx(published, rel=0.35), code

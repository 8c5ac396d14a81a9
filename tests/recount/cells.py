"""Figures out of shares: in every area, period, sex and age."""

from __future__ import annotations

import polars as pl

from tests.recount.calendar_and_age import LAST_MONTH, fiscal_year
from tests.recount.places import PLACE, areas_of

CORNER = [*PLACE, "sex", "band"]
CELL = ["told_as", "level", "area", "of_sex", "of_band"]
KEY = ["indicator", "period_kind", "period", *CELL]
FIGURES = ["numerator", "denominator", "contributors"]

TOLD_MONTHLY = {
    "members", "total_cost_per_member_month", "claims_per_1000", "inpatient_cost_per_member_month",
    "outpatient_cost_per_member_month", "points_per_claim", "days_per_claim", "attendance_asof", "metabolic",
    "premetabolic", "hba1c_56", "hba1c_65", "hba1c_80", "systolic_130", "systolic_140", "systolic_160", "smoking",
    "certification_rate", "care_cost_per_recipient",
}  # fmt: skip
"""Told of each month and of the year to date (累計) beside the fiscal year; all others of the fiscal year alone."""
TOLD_TO_DATE = {"attendance_legal"}
"""Told of the year to date and of the fiscal year."""
IN_PERSONS = {"attendance_asof", "attendance_legal", "disease_patients"}
"""Shares of persons: whoever appears in several months or places is one."""
TOLD_OF_BOTH_SCHEMES = {
    "members", "total_cost_per_member_month", "claims_per_1000", "inpatient_claims_per_1000",
    "outpatient_claims_per_1000", "inpatient_cost_per_member_month", "outpatient_cost_per_member_month",
    "points_per_claim", "points_per_day", "days_per_claim", "days_per_inpatient_claim", "inpatient_claims_share",
    "outpatient_claims_share", "inpatient_cost_share", "outpatient_cost_share", "points_per_claim_certified",
    "points_per_claim_uncertified", "disease_patients",
}  # fmt: skip
"""Told of 国保＋後期 too, a value of its own."""


def figures(shares: list[pl.DataFrame], district_sets: pl.DataFrame) -> pl.DataFrame:
    """``FIGURES`` of every cell (``KEY``) that anything is told of.

    ``contributors``: different persons whose shares above the line come to something. Of an indicator of persons the
    sides are those below the line, and those of them above it; where nobody is below, there is no figure. A figure of
    a disease (its class stands after the indicator) is there where somebody has it.
    """
    by_indicator = pl.concat(shares).partition_by("indicator", as_dict=True)
    return pl.concat(_of_one(str(name), of_one, district_sets) for (name,), of_one in by_indicator.items())


def _of_one(name: str, shares: pl.DataFrame, district_sets: pl.DataFrame) -> pl.DataFrame:
    indicator, _, of_class = name.partition(" ")
    cells = _cells(shares, indicator in TOLD_OF_BOTH_SCHEMES, district_sets)
    numbered = cells.select(CELL).unique().with_row_index("cell")
    of_months = (
        shares.join(cells.join(numbered, on=CELL), on=CORNER, nulls_equal=True)
        .group_by("cell", "month", "person")
        .agg(pl.col("above", "below").sum())
    )
    year = fiscal_year(pl.col("month"))
    periods = [("fiscal_year", of_months.with_columns(period=pl.date(year, 4, 1)))]
    if indicator in TOLD_MONTHLY:
        periods.append(("month", of_months.with_columns(period="month")))
    if indicator in TOLD_MONTHLY | TOLD_TO_DATE:
        periods += [("year_to_date", to_date) for to_date in _years_to_date(of_months)]
    count = _persons if indicator in IN_PERSONS else _sums
    counted = pl.concat(count(inside).with_columns(period_kind=pl.lit(kind)) for kind, inside in periods)
    if of_class:
        counted = counted.filter(pl.col("numerator") > 0)
    counted = counted.join(numbered, on="cell").with_columns(indicator=pl.lit(name))
    # Of an age in a district there are years alone.
    is_month_of_age = (pl.col("level") == "district") & (pl.col("of_band") != "all")
    counted = counted.filter(~is_month_of_age | (pl.col("period_kind") == "fiscal_year"))
    return counted.select(*KEY, pl.col(FIGURES).cast(pl.Int64))


def _cells(shares: pl.DataFrame, is_of_both: bool, district_sets: pl.DataFrame) -> pl.DataFrame:
    """The cells (``CELL``) that shares of a place, sex and band (``CORNER``) count in: each area that the place lies
    in, by the own sex and all, by the own band and all."""
    areas = areas_of(shares, district_sets)
    if not is_of_both:
        areas = areas.filter(pl.col("told_as") != "kokuho_koki")
    found = shares.select(CORNER).unique().join(areas, on=PLACE, nulls_equal=True)
    all_sexes, all_bands = pl.lit("all").alias("of_sex"), pl.lit("all").alias("of_band")
    found = pl.concat([found.with_columns(of_sex="sex"), found.with_columns(all_sexes)])
    return pl.concat([found.with_columns(of_band="band"), found.with_columns(all_bands)])


def _years_to_date(of_months: pl.DataFrame) -> list[pl.DataFrame]:
    """Of every month of a year what came so far in it, from the first month on that anything is told of in the cell."""
    found = []
    for place in range(12):
        until = pl.date(fiscal_year(pl.col("month")), 4, 1).dt.offset_by(f"{place}mo")
        so_far = of_months.with_columns(period=until).filter(pl.col("month") <= pl.col("period"))
        found.append(so_far.filter(pl.col("period") <= LAST_MONTH))
    return found


def _of_persons(inside: pl.DataFrame) -> pl.DataFrame:
    """What each person adds in the whole period."""
    return inside.group_by("cell", "period", "person").agg(pl.col("above", "below").sum())


def _sums(inside: pl.DataFrame) -> pl.DataFrame:
    has_share = pl.col("person").is_not_null() & (pl.col("above") != 0)
    return (
        _of_persons(inside)
        .group_by("cell", "period")
        .agg(numerator=pl.col("above").sum(), denominator=pl.col("below").sum(), contributors=has_share.sum())
    )


def _persons(inside: pl.DataFrame) -> pl.DataFrame:
    is_below = pl.col("below") != 0
    is_above = is_below & (pl.col("above") != 0)
    cells = _of_persons(inside).group_by("cell", "period").agg(numerator=is_above.sum(), denominator=is_below.sum())
    return cells.filter(pl.col("denominator") > 0).with_columns(contributors="numerator")

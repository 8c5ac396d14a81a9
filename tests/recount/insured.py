"""Who is insured where in each month, from the ledgers of 資格: what most other counts rest on."""

from __future__ import annotations

import polars as pl

from tests.recount.calendar_and_age import FIRST_MONTH, NEVER, age_before, band, fiscal_year, months, year_end
from tests.recount.shares import told
from tests.recount.sources import Tables

AT = ["person", "scheme_code", "insurer_number"]


def spells(tables: Tables) -> pl.DataFrame:
    """適用 of one person at one insurer, ``start`` to ``end`` (exclusive): until 適用 or the insurance itself ends."""
    rows = tables["enrolment"].with_columns(
        start="applied_start_date", end=pl.min_horizontal("applied_end_date", "lost_date").fill_null(NEVER)
    )
    return rows.filter(pl.col("start") < pl.col("end"))


def insured_months(tables: Tables) -> pl.DataFrame:
    """A row for each person, insurer and month with a day of insurance.

    ``is_member`` on the month's last day; town and district are those of the spell that lasts longest, of such the
    one that began last. ``age`` is that at the month's end, ``year_age`` that at the end of the fiscal year.
    """
    in_month = (pl.col("start") < pl.col("after")) & (pl.col("end") > pl.col("month"))
    rows = spells(tables).join(months(), how="cross").filter(in_month)
    rows = rows.with_columns(until=pl.min_horizontal("end", "after"), year=fiscal_year(pl.col("month")))
    return (
        rows.sort("until", "start")
        .group_by(*AT, "month", "year", "after")
        .agg(pl.col("municipality_code", "district_code", "sex", "born", "until").last())
        .with_columns(
            is_member=pl.col("until") == pl.col("after"),
            age=age_before(pl.col("born"), pl.col("after")),
            year_age=age_before(pl.col("born"), year_end(pl.col("month"))),
        )
        .with_columns(band=band(pl.col("age")), year_band=band(pl.col("year_age")))
        .rename({"municipality_code": "town", "district_code": "district"})
        .drop("until", "after")
    )


def insured_all_year(tables: Tables) -> pl.DataFrame:
    """Person, insurer and fiscal year where every day of the year was insured."""
    days = pl.date_ranges(pl.max_horizontal("start", pl.lit(FIRST_MONTH)), "end", "1d", closed="left")
    last = pl.min_horizontal("end", pl.lit(months()["after"].max()))
    covered = spells(tables).with_columns(end=last).filter(pl.col("end") > FIRST_MONTH)
    covered = covered.select(*AT, day=days).explode("day").unique()
    of_year = covered.group_by(*AT, year=fiscal_year(pl.col("day"))).agg(covered_days=pl.len())
    first, after = pl.date(pl.col("year"), 4, 1), pl.date(pl.col("year") + 1, 4, 1)
    return of_year.filter(pl.col("covered_days") == (after - first).dt.total_days()).select(*AT, "year")


def members(insured: pl.DataFrame) -> list[pl.DataFrame]:
    """各月末の被保険者数; of 国保 and 国保組合 how many of three ages."""
    at_month_end = insured.filter("is_member")
    not_koki = at_month_end.filter(pl.col("scheme_code") != "koki")
    ages = {"members_under_40": (0, 39), "members_40_64": (40, 64), "members_65_74": (65, 74)}
    return [told("members", at_month_end, 1, 0)] + [
        told(indicator, not_koki, pl.col("age").is_between(*of_age), 1) for indicator, of_age in ages.items()
    ]

"""Months, fiscal years and ages, as the law and the office count them."""

from __future__ import annotations

from datetime import date

import polars as pl

FIRST_MONTH = date(2020, 4, 1)
LAST_MONTH = date(2025, 3, 1)
"""The first month of the world's records and its month of reference."""
NEVER = date(9999, 12, 31)


def months() -> pl.DataFrame:
    """Every month that counts, and the first day of the one after it (``after``)."""
    every = pl.date_range(FIRST_MONTH, LAST_MONTH, "1mo", eager=True)
    return pl.DataFrame({"month": every}).with_columns(after=pl.col("month").dt.offset_by("1mo"))


def fiscal_year(day: pl.Expr) -> pl.Expr:
    """April to March."""
    return day.dt.offset_by("-3mo").dt.year()


def year_end(day: pl.Expr) -> pl.Expr:
    """The day after the last day of the fiscal year of a day."""
    return pl.date(fiscal_year(day) + 1, 4, 1)


def age_before(born: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The age attained by the end of the day before ``day``: an age is attained on the day before the birthday
    (年齢計算ニ関スル法律), so this is how old one is on ``day`` as everybody counts."""
    has_birthday_ahead = born.dt.strftime("%m%d") > day.dt.strftime("%m%d")
    return day.dt.year() - born.dt.year() - has_birthday_ahead.cast(pl.Int32)


def band(age: pl.Expr) -> pl.Expr:
    """5歳階級."""
    first = age // 5 * 5
    return pl.when(age >= 95).then(pl.lit("95+")).otherwise(
        pl.format("{}-{}", first.cast(pl.String).str.zfill(2), (first + 4).cast(pl.String).str.zfill(2))
    )  # fmt: skip

"""Dates as receipts write them: western (YYYYMM, YYYYMMDD) or by era (GYYMM, GYYMMDD), told by length.

Source: レセプト電算処理システム 記録条件仕様; G is 1 明治 2 大正 3 昭和 4 平成 5 令和. An era may run on
past its end (43105 is 平成31年5月, the same month as 50105): the year is counted on, not refused.
"""

from __future__ import annotations

from datetime import date

import polars as pl

ERAS: tuple[tuple[str, int, date], ...] = (
    ("1", 1867, date(1868, 1, 25)),
    ("2", 1911, date(1912, 7, 30)),
    ("3", 1925, date(1926, 12, 25)),
    ("4", 1988, date(1989, 1, 8)),
    ("5", 2018, date(2019, 5, 1)),
)
"""Era digit, the year before its first year, its first day."""

FIRST_YEAR = ERAS[0][1] + 1
"""No file speaks of an earlier year: 0000, 0001 or 1000 in a date are slips, and no day."""


def day_of(western: pl.Expr) -> pl.Expr:
    """Date of YYYYMMDD; null where it is no day of the calendar, or one before the first era."""
    day = western.str.to_date("%Y%m%d", strict=False)
    return pl.when(day.dt.year() >= FIRST_YEAR).then(day)


def format_date(day: pl.Expr, *, by_era: bool) -> pl.Expr:
    """YYYYMMDD, or GYYMMDD in the era of the day; null stays null."""
    if not by_era:
        return day.dt.strftime("%Y%m%d")
    return pl.coalesce(
        pl.when(day >= start).then(
            pl.lit(code) + (day.dt.year() - base).cast(pl.String).str.zfill(2) + day.dt.strftime("%m%d")
        )
        for code, base, start in reversed(ERAS)
    )


def format_month(month: pl.Expr, *, by_era: bool) -> pl.Expr:
    """YYYYMM, or GYYMM in the era of the month's first day; null stays null."""
    return format_date(month, by_era=by_era).str.slice(0, 5 if by_era else 6)

"""Days and months as integers, so that a year of a hundred thousand lives is plain arithmetic.

A day is the number of days since 1970-01-01, a month the number of months since 1970-01.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]

EPOCH = date(1970, 1, 1)


def day_of(value: date) -> int:
    """Day number of a date."""
    return (value - EPOCH).days


def month_of(value: date) -> int:
    """Month number of a date."""
    return (value.year - 1970) * 12 + value.month - 1


def month_date(month: int) -> date:
    """First day of a month number."""
    return date(1970 + month // 12, month % 12 + 1, 1)


def first_day(month: int) -> int:
    """Day number of the first of a month."""
    return day_of(month_date(month))


def last_day(month: int) -> int:
    """Day number of the last of a month."""
    return first_day(month + 1) - 1


def fiscal_year(month: int) -> int:
    """Fiscal year (April to March) of a month number."""
    return 1970 + (month - 3) // 12


def parts(days: Days) -> tuple[Days, Days, Days]:
    """Year, month 1-12 and day 1-31 of day numbers."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    return year, months.astype(np.int64) % 12 + 1, (dates - months).astype(np.int64) + 1


def months_of_days(days: Days) -> Days:
    """Month numbers of day numbers."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def age_at(birth: Days, day: int | Days) -> Days:
    """Age in whole years on a day, attained on the birthday itself (a civil age)."""
    birth_year, birth_month, birth_day = parts(birth)
    year, month, in_month = parts(np.broadcast_to(np.asarray(day, dtype=np.int64), birth.shape))
    before = (month < birth_month) | ((month == birth_month) & (in_month < birth_day))
    return year - birth_year - before


def anniversary(birth: Days, years: int) -> Days:
    """Day of the ``years``-th birthday; 29 February becomes 1 March in a common year."""
    year, month, in_month = parts(birth)
    first = ((year - 1970 + years) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]")
    return first.astype(np.int64) + in_month - 1


def dates(days: Days) -> NDArray[np.datetime64]:
    """Day numbers as dates."""
    return days.astype("datetime64[D]")

"""特定健診受診率, by the law and as of the month of reference. Persons are counted, never months."""

from __future__ import annotations

import polars as pl

from tests.recount.calendar_and_age import year_end
from tests.recount.insured import AT
from tests.recount.shares import told

OF_YEAR = [*AT, "year"]


def attended(examinations: pl.DataFrame) -> pl.DataFrame:
    """Month of the first examination that a person had in the fiscal year while insured there."""
    as_member = examinations.filter("is_member", pl.col("scheme_code") != "koki")
    return as_member.group_by(OF_YEAR).agg(exam_month=pl.col("month").min())


def as_of(insured: pl.DataFrame, examinations: pl.DataFrame) -> pl.DataFrame:
    """Shares of 受診率(参照月時点): below the line in every month at whose end the person is a member of 40 and more
    (at the end of the year) and not 75 yet; above it in the month of the examination, at the earliest in the first
    of those months."""
    of_scheme = insured.filter(pl.col("scheme_code") != "koki")
    eligible = of_scheme.filter("is_member", pl.col("year_age") >= 40, pl.col("age") < 75)
    first = eligible.group_by(OF_YEAR).agg(first_month=pl.col("month").min())
    above = attended(examinations).join(first, on=OF_YEAR)
    above = above.select(*OF_YEAR, month=pl.max_horizontal("exam_month", "first_month"))
    examined = of_scheme.join(above, on=[*OF_YEAR, "month"], how="semi")
    return pl.concat(
        [
            told("attendance_asof", eligible, 0, 1, by="year_band"),
            told("attendance_asof", examined, 1, 0, by="year_band"),
        ]
    )


def legal(insured: pl.DataFrame, all_year: pl.DataFrame, examinations: pl.DataFrame) -> pl.DataFrame:
    """Shares of the legal 受診率, told in March: insured by one insurer on every day of the year, 40 to 74 at its
    end."""
    is_march = year_end(pl.col("month")) == pl.col("month").dt.offset_by("1mo")
    at_year_end = insured.filter(is_march, pl.col("scheme_code") != "koki", pl.col("year_age").is_between(40, 74))
    rows = at_year_end.join(all_year, on=OF_YEAR, how="semi").join(attended(examinations), on=OF_YEAR, how="left")
    return told("attendance_legal", rows, pl.col("exam_month").is_not_null(), 1, by="year_band")

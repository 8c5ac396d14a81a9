"""健診・レセプト突合 and 介護・レセプト突合."""

from __future__ import annotations

import polars as pl

from tests.recount.attendance import OF_YEAR
from tests.recount.examinees import of_age, reaches, under
from tests.recount.shares import told

CALLS_FOR_A_DOCTOR = pl.any_horizontal(
    reaches("systolic", "140"), reaches("diastolic", "90"),
    reaches("glucose_fasting", "126"), reaches("glucose_casual", "126"), reaches("hba1c", "6.5"),
    reaches("triglyceride_fasting", "300"), reaches("triglyceride_casual", "300"), reaches("ldl", "140"),
    reaches("non_hdl", "170"), reaches("ast", "51"), reaches("alt", "51"), reaches("gamma_gt", "101"),
    pl.when(pl.col("sex") == "1").then(reaches("creatinine", "1.3")).otherwise(reaches("creatinine", "1.0")),
    under("egfr", "45"),
)  # fmt: skip
"""受診勧奨判定値 of 血圧, 血糖, 脂質, 肝機能 and 腎機能."""
INSURER_AND_YEAR = ["scheme_code", "insurer_number", "year"]


def _medical(receipts: pl.DataFrame) -> pl.DataFrame:
    return receipts.filter(pl.col("kind") == "medical", ~pl.col("is_summary"))


def referrals(examinees: pl.DataFrame, receipts: pl.DataFrame) -> list[pl.DataFrame]:
    """受診勧奨者; of them, where receipts of the year came, who has a 医科 receipt from the month of the examination to
    the year's end, and who has not."""
    adults = of_age(examinees).with_columns(is_referred=CALLS_FOR_A_DOCTOR)
    visits = _medical(receipts).select(*OF_YEAR, visit="month")
    went = adults.join(visits, on=OF_YEAR).filter(pl.col("visit") >= pl.col("month")).select(OF_YEAR).unique()
    known = adults.join(visits, on=INSURER_AND_YEAR, how="semi")
    known = known.join(went.with_columns(went=pl.lit(True)), on=OF_YEAR, how="left")
    is_referred, has_gone = pl.col("is_referred"), pl.col("went").fill_null(False)
    return [
        told("referral_value", adults, is_referred, 1, by="year_band"),
        told("referral_visited", known, is_referred & has_gone, 1, by="year_band"),
        told("referral_unvisited", known, is_referred & ~has_gone, 1, by="year_band"),
    ]


def costs_by_attendance(attendance: pl.DataFrame, receipts: pl.DataFrame) -> list[pl.DataFrame]:
    """医科・DPC・調剤の点数 of a year of those who were to be examined, by whether they were; where 医科 receipts came.

    ``attendance``: shares of 受診率(参照月時点). A person stands where the last of the months is.
    """
    names = {"scheme": "scheme_code", "insurer": "insurer_number"}
    shares = attendance.rename(names).with_columns(year=pl.col("month").dt.offset_by("-3mo").dt.year())
    examined = shares.filter(pl.col("above") > 0).select(*OF_YEAR, is_examined=pl.lit(True)).unique()
    last = shares.filter(pl.col("below") > 0).sort("month").unique(OF_YEAR, keep="last")
    spent = receipts.filter(~pl.col("is_summary"), pl.col("kind") != "dental")
    spent = spent.group_by(OF_YEAR).agg(pl.col("points").sum())
    people = (
        last.join(_medical(receipts), on=INSURER_AND_YEAR, how="semi")
        .join(examined, on=OF_YEAR, how="left")
        .join(spent, on=OF_YEAR, how="left")
        .with_columns(pl.col("is_examined").fill_null(False), pl.col("points").fill_null(0))
    )
    found = []
    for group, is_of_group in (("examined", pl.col("is_examined")), ("unexamined", ~pl.col("is_examined"))):
        points = pl.when(is_of_group).then("points").otherwise(0)
        found.append(told(f"points_of_{group}_per_eligible", people, points, 1))
        found.append(told(f"points_per_{group}", people.filter(is_of_group), points, 1))
    return found


def costs_by_certification(receipts: pl.DataFrame, certified: pl.DataFrame) -> list[pl.DataFrame]:
    """医科 points per receipt of members of 40 and more, in months with a certification and in months without."""
    over_40 = _medical(receipts).filter("is_known", pl.col("band") >= "40", pl.col("scheme_code") != "kumiai")
    in_month = certified.select("person", "month").unique()
    with_it = over_40.join(in_month, on=["person", "month"], how="semi")
    without_it = over_40.join(in_month, on=["person", "month"], how="anti")
    return [
        told("points_per_claim_certified", with_it, pl.col("points"), 1),
        told("points_per_claim_uncertified", without_it, pl.col("points"), 1),
    ]

"""特定健診: who was examined, what was found, what was answered."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from tests.recount.calendar_and_age import FIRST_MONTH, LAST_MONTH, age_before, band, fiscal_year, year_end
from tests.recount.insured import AT
from tests.recount.places import own_town
from tests.recount.shares import told
from tests.recount.sources import FILE, Tables

R6 = pl.col("exam_date") >= pl.date(2024, 4, 1)
"""Since then the questions on drinking have other answers."""


def examinations(tables: Tables, insured: pl.DataFrame) -> pl.DataFrame:
    """Examinations with a column for each item (value) and question (code), at the place of the member of that month.

    ``is_member`` where the person is insured there in the month of the examination at all; without, it counts in the
    insurer's town. ``year_age`` is the age at the end of the fiscal year.
    """
    items = tables["checkup_result"]
    assert not items.select(*FILE, "parent_source_row", "item_id").is_duplicated().any(), "an item is told once"
    lines = [*FILE, "parent_source_row"]
    values = items.filter(pl.col("numeric_value").is_not_null()).pivot("item_id", index=lines, values="numeric_value")
    codes = items.filter(pl.col("code_value").is_not_null()).pivot("item_id", index=lines, values="code_value")
    member = insured.select(*AT, "month", "town", "district", is_member=pl.lit(True))
    age = age_before(pl.col("born"), year_end(pl.col("exam_date")))
    return (
        tables["checkup"]
        .with_columns(month="exam_month", year=fiscal_year(pl.col("exam_date")), parent_source_row="source_row")
        .join(member, on=[*AT, "month"], how="left")
        .with_columns(pl.col("is_member").fill_null(False), year_age=age, year_band=band(age))
        .with_columns(town=pl.when("is_member").then("town").otherwise(own_town(pl.col("insurer_number"))))
        .join(values, on=lines, how="left")
        .join(codes, on=lines, how="left")
    )


def examinees(examinations: pl.DataFrame) -> pl.DataFrame:
    """The first examination of each person at an insurer in each fiscal year."""
    firsts = examinations.sort("exam_date").unique([*AT, "year"], keep="first")
    return firsts.filter(pl.col("month").is_between(FIRST_MONTH, LAST_MONTH))


def of_age(examinees: pl.DataFrame) -> pl.DataFrame:
    """特定健診の受診者: of 国保 and 国保組合, 40 to 74 at the end of the year."""
    return examinees.filter(pl.col("scheme_code") != "koki", pl.col("year_age").is_between(40, 74))


def reaches(item: str, limit: str) -> pl.Expr:
    """Whether the value is there and not under the limit."""
    return (pl.col(item) >= Decimal(limit)).fill_null(False)


def under(item: str, limit: str) -> pl.Expr:
    """Whether the value is there and under the limit."""
    return (pl.col(item) < Decimal(limit)).fill_null(False)


def answered(item: str, *codes: str) -> pl.Expr:
    """Whether one of the answers was given."""
    return pl.col(item).is_in(codes).fill_null(False)


IS_WIDE = pl.when(pl.col("sex") == "1").then(reaches("waist", "85")).otherwise(reaches("waist", "90"))
IS_HEAVY = reaches("bmi", "25")
FINDINGS = {
    "hba1c_56": reaches("hba1c", "5.6"),
    "hba1c_65": reaches("hba1c", "6.5"),
    "hba1c_80": reaches("hba1c", "8.0"),
    "systolic_130": reaches("systolic", "130"),
    "systolic_140": reaches("systolic", "140"),
    "systolic_160": reaches("systolic", "160"),
    "bmi_25": IS_HEAVY,
    "waist_over": IS_WIDE,
    "triglyceride_150": reaches("triglyceride_fasting", "150") | reaches("triglyceride_casual", "175"),
    "alt_31": reaches("alt", "31"),
    "hdl_40": under("hdl", "40"),
    "glucose_100": reaches("glucose_fasting", "100") | reaches("glucose_casual", "100"),
    "uric_acid_70": (pl.col("uric_acid") > Decimal("7.0")).fill_null(False),
    "diastolic_85": reaches("diastolic", "85"),
    "ldl_120": reaches("ldl", "120"),
    "creatinine_13": reaches("creatinine", "1.3"),
    "egfr_60": under("egfr", "60"),
}
"""様式5-2, over every examinee."""
GLUCOSE = (
    pl.when(pl.col("glucose_fasting").is_not_null())
    .then(reaches("glucose_fasting", "110"))
    .otherwise(reaches("hba1c", "6.0"))
) | answered("drug_glucose", "1")
LIPID = (
    reaches("triglyceride_fasting", "150") | reaches("triglyceride_casual", "175") | under("hdl", "40")
    | answered("drug_lipid", "1")
)  # fmt: skip
PRESSURE = reaches("systolic", "130") | reaches("diastolic", "85") | answered("drug_pressure", "1")
METABOLIC = {
    "metabolic": answered("metabolic_judgement", "1"),
    "premetabolic": answered("metabolic_judgement", "2"),
    "metabolic_bmi_only": ~IS_WIDE & IS_HEAVY,
    "metabolic_glucose_only": IS_WIDE & GLUCOSE & ~PRESSURE & ~LIPID,
    "metabolic_pressure_only": IS_WIDE & ~GLUCOSE & PRESSURE & ~LIPID,
    "metabolic_lipid_only": IS_WIDE & ~GLUCOSE & ~PRESSURE & LIPID,
    "metabolic_glucose_pressure": IS_WIDE & GLUCOSE & PRESSURE & ~LIPID,
    "metabolic_glucose_lipid": IS_WIDE & GLUCOSE & ~PRESSURE & LIPID,
    "metabolic_pressure_lipid": IS_WIDE & ~GLUCOSE & PRESSURE & LIPID,
    "metabolic_all_three": IS_WIDE & GLUCOSE & PRESSURE & LIPID,
    "lean_high_glucose": ~IS_WIDE & ~IS_HEAVY & GLUCOSE,
}
"""Over those whose waist was measured: the first two as the examiner judged, the others from values and drugs."""
QUESTIONS = {
    "drug_pressure": ("drug_pressure", answered("drug_pressure", "1")),
    "history_stroke": ("history_stroke", answered("history_stroke", "1")),
    "history_anaemia": ("anaemia_history", answered("anaemia_history", "1")),
    "smoking": ("smoking", answered("smoking", "1")),
    "no_exercise": ("exercise", answered("exercise", "2")),
    "slow_walking": ("walking_speed", answered("walking_speed", "2")),
    "poor_chewing": ("chewing", answered("chewing", "2", "3")),
    "daily_drinking": ("drinking", answered("drinking", "1")),
    "sometimes_drinking": (
        "drinking",
        pl.when(R6).then(answered("drinking", "2", "3", "4", "5", "6")).otherwise(answered("drinking", "2")),
    ),
    "drinks_3_more": (
        "drinking_amount",
        pl.when(R6).then(answered("drinking_amount", "4", "5")).otherwise(answered("drinking_amount", "4")),
    ),
    "poor_sleep": ("sleep", answered("sleep", "2")),
}
"""Some of 標準的な質問票, over those who answered the question."""
QUESTIONS_OF_THE_OLD = {
    "koki_health": ("koki_health", answered("koki_health", "4", "5")),
    "koki_fall": ("koki_fall", answered("koki_fall", "1")),
    "koki_goes_out": ("koki_goes_out", answered("koki_goes_out", "2")),
}
"""Some of 後期高齢者の質問票."""


def found(examinees: pl.DataFrame) -> list[pl.DataFrame]:
    """Findings, metabolic syndrome and answers."""
    adults = of_age(examinees)
    measured = adults.filter(pl.col("waist").is_not_null())
    old = examinees.filter(pl.col("scheme_code") == "koki")
    return [
        *(told(indicator, adults, is_so, 1, by="year_band") for indicator, is_so in FINDINGS.items()),
        *(told(indicator, measured, is_so, 1, by="year_band") for indicator, is_so in METABOLIC.items()),
        *_answers(adults, QUESTIONS),
        *_answers(old, QUESTIONS_OF_THE_OLD),
    ]


def _answers(rows: pl.DataFrame, questions: dict[str, tuple[str, pl.Expr]]) -> list[pl.DataFrame]:
    return [
        told(indicator, rows.filter(pl.col(item).is_not_null()), is_so, 1, by="year_band")
        for indicator, (item, is_so) in questions.items()
    ]


def guided(tables: Tables, examinees: pl.DataFrame) -> list[pl.DataFrame]:
    """特定保健指導: whose level calls for it, and of them, whose guidance of the year at the insurer was evaluated."""
    level = "guidance_level"
    told_a_level = of_age(examinees).filter(pl.col(level).is_in(["1", "2", "3"]))
    guidance = tables["guidance"].rename({"guidance_fiscal_year": "year"}).with_columns(pl.col("year").cast(pl.Int32))
    evaluated = guidance.filter(pl.col("final_evaluation_date").is_not_null()).select(*AT, "year").unique()
    targets = (
        told_a_level.filter(pl.col(level) != "3")
        .join(guidance, on=["scheme_code", "insurer_number", "year"], how="semi")
        .join(evaluated.with_columns(is_done=pl.lit(True)), on=[*AT, "year"], how="left")
    )
    return [
        told("guidance_target", told_a_level, pl.col(level) != "3", 1, by="year_band"),
        told("guidance_completion", targets, pl.col("is_done").fill_null(False), 1, by="year_band"),
    ]

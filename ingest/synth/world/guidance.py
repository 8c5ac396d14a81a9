"""特定保健指導: who of those graded 積極的 or 動機付け takes it up, and what is reported of it.

One report when it begins (21), one when it ends: evaluated (22) or broken off (23). Rates, spacing of the
contacts and points per contact are typed from memory (unverified).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from ingest.formats.contracts import GUIDANCE, GUIDANCE_SESSION
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import stream

FROM = date(2024, 4, 1)  # 第4期
TAKES_UP, FINISHES = 0.28, 0.82
DAYS_TO_INTERVIEW, DAYS_TO_BREAK = (40, 100), 75
DAYS_TO_FINAL = (100, 140)
SUPPORT_EVERY_DAYS, INTERIM_AFTER_DAYS = 18, 45
FORMS = pl.DataFrame(
    {"support_form_code": ["1", "3", "4", "6"], "minute_count": [20, 80, 15, None], "points": [80, 70, 60, 40]}
)
PLANNED_POINTS = 180


def make_guidance(
    settings: SynthSettings, exams: pl.DataFrame, results: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Plain frames of guidance and guidance_session, one guidance a report; guidance has ``person``, ``site``
    and ``told`` too.

    ``told`` is the day of the event that the report follows; ``created_date`` is left to the delivery.
    Goes in: ``exams`` and ``results`` of ``make_checkups``.
    """
    random = stream(settings.seed, "guidance")
    cases = _cases(exams, results, random)
    started = cases.with_columns(report_code=pl.lit("21"), told=pl.col("first_interview_date"))
    ended = cases.with_columns(
        report_code=pl.when("finishes").then(pl.lit("22")).otherwise(pl.lit("23")),
        told=pl.coalesce("final_evaluation_date", pl.col("first_interview_date") + pl.duration(days=DAYS_TO_BREAK)),
    )
    is_22 = pl.col("report_code") == "22"
    evaluated = ("interim_evaluation_date", "final_evaluation_date", "waist", "weight")
    reports = pl.concat([started, ended]).with_columns(pl.when(is_22).then(name).alias(name) for name in evaluated)
    reports = reports.drop("source_row").sort("told", "report_code", "case").with_row_index("source_row", offset=1)
    sessions = _sessions(reports, random)
    points = sessions.group_by("parent_source_row").agg(
        points=pl.col("points").sum(), support_end_date=pl.col("session_date").filter(pl.col("points") > 0).max()
    )
    reports = reports.join(points, left_on="source_row", right_on="parent_source_row", how="left")
    is_active = pl.col("support_level_code") == "1"
    reports = reports.with_columns(
        points=pl.when(is_active & ~(pl.col("report_code") == "21")).then("points"),
        planned_points=pl.when(is_active).then(PLANNED_POINTS),
        support_end_date=pl.when(is_22).then("support_end_date"),
        data_number=pl.col("source_row"),
        created_date=pl.lit(None),
        is_deleted=pl.lit(False),
    )
    whole = {"person": pl.Int64(), "site": pl.String(), "told": pl.Date()} | GUIDANCE.plain_schema()
    plain = GUIDANCE_SESSION.plain_schema()
    return (
        reports.select(pl.col(name).cast(dtype) for name, dtype in whole.items()),
        sessions.select(pl.col(name).cast(dtype) for name, dtype in plain.items()),
    )


def _cases(exams: pl.DataFrame, results: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Those who take it up, one row a fiscal year, with the days and measurements of what will be."""
    graded = results.filter((pl.col("item_id") == "guidance_level") & pl.col("code_value").is_in(["1", "2"]))
    body = results.filter(pl.col("item_id").is_in(["waist", "weight"])).pivot(
        on="item_id", index="parent_source_row", values="numeric_value"
    )
    cases = (
        exams.filter(pl.col("exam_date") >= FROM)
        .join(graded.select("parent_source_row", support_level_code="code_value"),
              left_on="source_row", right_on="parent_source_row", maintain_order="left")
        .join(body, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left")
    )  # fmt: skip
    cases = cases.filter(pl.Series(random.random(cases.height) < TAKES_UP, dtype=pl.Boolean))
    n = cases.height
    first = pl.col("exam_date") + pl.duration(
        days=pl.lit(pl.Series(random.integers(*DAYS_TO_INTERVIEW, n), dtype=pl.Int64))
    )
    cases = cases.with_columns(
        case=pl.int_range(pl.len()),
        first_interview_date=first,
        finishes=pl.Series(random.random(n) < FINISHES, dtype=pl.Boolean),
        supports=pl.when(pl.col("support_level_code") == "1")
        .then(pl.Series(random.integers(3, 6, n), dtype=pl.Int64))
        .otherwise(0),
    )
    final = pl.col("first_interview_date") + pl.duration(
        days=pl.lit(pl.Series(random.integers(*DAYS_TO_FINAL, n), dtype=pl.Int64))
    )
    lost = pl.Series(np.round(random.normal(1.4, 1.8, n), 1), dtype=pl.Float64)
    fiscal = pl.col("exam_date").dt.offset_by("-3mo").dt.year()
    return cases.with_columns(
        guidance_fiscal_year=fiscal,
        guidance_month=pl.col("first_interview_date").dt.truncate("1mo"),
        ticket_number=(fiscal % 100).cast(pl.String) + (pl.col("person") % 1_000_000_000).cast(pl.String).str.zfill(9),
        final_evaluation_date=pl.when("finishes").then(final),
        interim_evaluation_date=pl.when(pl.col("supports") > 0).then(
            pl.col("first_interview_date") + pl.duration(days=INTERIM_AFTER_DAYS)
        ),
        waist=(pl.col("waist").cast(pl.Float64) - lost).round(1),
        weight=(pl.col("weight").cast(pl.Float64) - lost).round(1),
    )


def _sessions(reports: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The contacts of every report, in the order of the sections of the format."""
    first = reports.with_columns(
        kind=pl.lit("first"), day=pl.col("first_interview_date"), support_form_code=pl.lit("1"), minute_count=25
    )
    is_22, is_23 = pl.col("report_code") == "22", pl.col("report_code") == "23"
    held = pl.when(is_22).then("supports").when(is_23).then(pl.min_horizontal("supports", 1)).otherwise(0)
    support = reports.with_columns(number=pl.int_ranges(1, held + 1)).explode("number").drop_nulls("number")
    chosen = FORMS[random.integers(0, FORMS.height, support.height)]
    support = support.hstack(chosen).with_columns(
        kind=pl.lit("support"),
        day=pl.col("first_interview_date") + pl.duration(days=pl.col("number") * SUPPORT_EVERY_DAYS),
    )
    parts = [first, support]
    for kind in ("interim", "final"):
        rows = reports.filter(is_22 & pl.col(f"{kind}_evaluation_date").is_not_null())
        parts.append(
            rows.with_columns(kind=pl.lit(kind), day=pl.col(f"{kind}_evaluation_date"), support_form_code=pl.lit("3"))
        )
    whole = pl.concat(parts, how="diagonal_relaxed").with_columns(
        parent_source_row=pl.col("source_row"), session_kind_code=pl.col("kind"), session_date=pl.col("day"),
        staff_kind_code=pl.when(pl.col("case") % 3 == 0).then(pl.lit("3")).otherwise(pl.lit("2")),
        order=pl.col("kind").replace_strict(["first", "support", "interim", "final"], [0, 1, 2, 3]),
    )  # fmt: skip
    whole = whole.with_columns(
        pl.when(pl.col("kind") == "final").then(name).alias(name) for name in ("waist", "weight")
    ).sort("source_row", "order", "day", maintain_order=True)
    return whole.with_columns(sequence_number=pl.int_range(1, pl.len() + 1).over("source_row"))

"""What a file is and what is in it, through the readers that load it: behind ``tsumugi inspect``.

The answer speaks of receipts, never of persons: no name, number or birth date leaves this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest.formats import read, recognise
from ingest.formats.reading import FileRefused, Problem, Reading, reasons

PROBLEMS_SHOWN = 20


def inspect_files(paths: list[Path]) -> list[dict[str, Any]]:
    """One entry per file, in the order given.

    Keys: file, format (None when no reader knows it), edition, months, records, problems, is_refused,
    and ``claims`` for receipts. Rows set aside are problems, one per table, field and reason, with
    their ``count`` and first line. Never raises for what a file holds or for a file that cannot be opened.
    """
    return [_inspect(path) for path in paths]


def _inspect(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "file": str(path),
        "format": None,
        "edition": None,
        "months": [],
        "records": {},
        "problems": [],
        "is_refused": False,
    }
    try:
        reader, result["edition"] = recognise(path)
        result["format"] = reader.format
        reading = read(path)
    except FileRefused as refused:
        result["is_refused"] = True
        result["records"] = refused.records
        result["problems"] = [_refusal(refused)]
        _add_claims(result, refused.tables)
        return result
    except OSError as error:
        result["is_refused"] = True
        result["problems"] = [
            _problem(
                Problem(
                    "",
                    None,
                    "",
                    "unrecognised",
                    f"開けません: {error.strerror}",
                    "ファイルの場所と読み取りの権限を確かめてください",
                )
            )
        ]
        return result
    result |= {"edition": reading.edition, "months": reading.months, "records": reading.records}
    result["problems"] = [_problem(problem) for problem in reading.problems] + _set_aside(reading)
    _add_claims(result, reading.tables)
    return result


def _problem(problem: Problem, count: int = 1) -> dict[str, Any]:
    return {
        "table": problem.table,
        "line": problem.line,
        "field": problem.field,
        "reason_code": problem.reason_code,
        "message": problem.message,
        "remedy": problem.remedy,
        "count": count,
    }


def _refusal(refused: FileRefused) -> dict[str, Any]:
    message = f"{reasons()[refused.reason_code].ja}: {refused.message}"
    return _problem(Problem("", refused.line, "", refused.reason_code, message, refused.remedy))


def _set_aside(reading: Reading) -> list[dict[str, Any]]:
    """Rows set aside, one problem per table, field and reason."""
    groups = (
        reading.set_aside.group_by("table_name", "field", "reason_code")
        .agg(pl.col("source_row").min(), pl.col("message").first(), pl.col("remedy").first(), pl.len().alias("count"))
        .sort("table_name", "source_row", "field")
    )
    return [
        _problem(
            Problem(
                row["table_name"], row["source_row"], row["field"], row["reason_code"], row["message"], row["remedy"]
            ),
            row["count"],
        )
        for row in groups.iter_rows(named=True)
    ]


def _add_claims(result: dict[str, Any], tables: dict[str, pl.DataFrame]) -> None:
    """``claims``: one entry per receipt in file order.

    ``header_points`` are as adjudicated; the lines are held against ``original_points``, the total as
    submitted (formats.md, rule 9). A 総括 has no lines of its own: ``reconciles`` is None.
    """
    if "claim" not in tables:
        return
    diagnoses = tables["claim_diagnosis"].group_by("parent_source_row").agg(pl.len().alias("diagnosis_count"))
    claims = tables["claim"].join(
        diagnoses, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left"
    )
    result["claims"] = claims.select(
        claim_kind="claim_kind_code",
        claim_type="claim_type_code",
        service_month=pl.col("service_month").dt.strftime("%Y-%m"),
        insurer_number="insurer_number",
        header_points="points",
        original_points="original_points",
        line_points="line_points",
        days="days_count",
        diagnosis_count=pl.col("diagnosis_count").fill_null(0),
        is_summary="is_summary",
        reconciles=pl.when(~pl.col("is_summary")).then(pl.col("line_points") == pl.col("original_points")),
    ).to_dicts()


def render(console: Console, results: list[dict[str, Any]]) -> None:
    """Prints the answer of ``inspect_files`` for a person at a terminal.

    What stands in square brackets is printed as it is: names of files and headings are no markup.
    """
    for result in results:
        facts = Table(title=Text(result["file"]), show_header=False, title_justify="left", expand=False)
        facts.add_row("様式 format", result["format"] or "判別できません unrecognised")
        if result["edition"]:
            facts.add_row("版 edition", result["edition"])
        if result["months"]:
            facts.add_row("月 months", " ".join(result["months"]))
        if result["records"]:
            facts.add_row("記録 records", "  ".join(f"{name} {count:,}" for name, count in result["records"].items()))
        facts.add_row("取込 loading", "できません refused" if result["is_refused"] else "できます accepted")
        console.print(facts, markup=False)
        if result.get("claims"):
            console.print(_claim_table(result["claims"]), markup=False)
        if result["problems"]:
            console.print(_problem_table(result["problems"]), markup=False)


_MAY_BE_ALL_NULL = {"insurer_number": pl.String, "days": pl.Int64, "reconciles": pl.Boolean}
"""Types of what no receipt of a file may have: 調剤 has no days, 公費単独 no insurer, a 総括 no lines."""


def _claim_table(claims: list[dict[str, Any]]) -> Table:
    """Receipts by their kind: number, points, days, and how many do not add up."""
    table = Table(title="レセプト claims", title_justify="left")
    table.add_column("種別 type")
    for heading in (
        "件数 claims",
        "点数 points",
        "明細 line points",
        "日数 days",
        "保険者なし no insurer",
        "総括 summary",
        "不一致 not reconciling",
    ):
        table.add_column(heading, justify="right")
    groups = (
        pl.DataFrame(claims, infer_schema_length=None, schema_overrides=_MAY_BE_ALL_NULL)
        .group_by("claim_type")
        .agg(
            pl.len(),
            pl.col("header_points", "line_points", "days").sum(),
            pl.col("insurer_number").is_null().sum(),
            pl.col("is_summary").sum(),
            (pl.col("reconciles") == False).sum(),  # noqa: E712  (null is neither)
        )
        .sort("claim_type")
    )
    for row in groups.iter_rows():
        table.add_row(row[0], *[f"{value:,}" for value in row[1:]])
    return table


def _problem_table(problems: list[dict[str, Any]]) -> Table:
    table = Table(title="確かめること problems", title_justify="left")
    table.add_column("行 line", justify="right")
    table.add_column("件 count", justify="right")
    for heading in ("項目 field", "理由 reason", "内容 what", "対応 remedy"):
        table.add_column(heading, overflow="fold")
    for problem in problems[:PROBLEMS_SHOWN]:
        line = problem["line"]
        table.add_row(
            f"{line:,}" if line is not None else "",
            f"{problem['count']:,}",
            f"{problem['table']} {problem['field']}".strip(),
            problem["reason_code"],
            problem["message"],
            problem["remedy"],
        )
    if len(problems) > PROBLEMS_SHOWN:
        table.add_row("", "", "", "", f"ほか{len(problems) - PROBLEMS_SHOWN}件", "")
    return table

"""What is odd in a 資格 file although each row can be read: told as problems, the rows are loaded.

One problem a rule, with the count of rows and the line of the first; no value of a row.
"""

from __future__ import annotations

import polars as pl

from ingest.formats.reading import Problem, reasons

_PERSON = ("scheme_code", "insurer_number", "symbol", "number", "branch", "birth_date", "sex_code")
"""One person at one insurer, as far as the numbers of one file tell."""
_RECORD = ("scheme_code", "insurer_number", "symbol", "number", "branch", "applied_start_date")


def warnings(table: pl.DataFrame) -> list[Problem]:
    """Problems of the typed ``enrolment`` rows of one file: 適用 that overlap, 喪失 without 事由."""
    standing = (
        table.sort("processed_date", "record_number", maintain_order=True)
        .unique(list(_RECORD), keep="last", maintain_order=True)
        .filter(~pl.col("is_deleted"))
    )
    return [
        *_told("applied_start_date", "overlap", "適用期間が重なる行", _overlapping(standing)),
        *_told("lost_reason_code", "no_reason", "資格喪失事由のない喪失", _lost_without_reason(standing)),
    ]


def _overlapping(standing: pl.DataFrame) -> pl.DataFrame:
    """The rows that begin before an earlier 適用 of the same person ended (ends exclusive, null is open)."""
    latest_day = pl.date(9999, 12, 31)
    end = pl.min_horizontal(pl.col("applied_end_date"), pl.col("lost_date")).fill_null(latest_day)
    # An empty interval (entered and ended on one day) covers nothing.
    covering = standing.with_columns(end=end).filter(pl.col("end") > pl.col("applied_start_date"))
    before = pl.col("end").cum_max().shift(1).over(_PERSON, order_by="applied_start_date")
    return covering.filter(pl.col("applied_start_date") < before)


def _lost_without_reason(standing: pl.DataFrame) -> pl.DataFrame:
    """Lost without a reason; a 国保組合 is left out, whose extracts hold none as a rule (unverified)."""
    return standing.filter(
        pl.col("lost_date").is_not_null()
        & pl.col("lost_reason_code").is_null()
        & pl.col("scheme_code").is_in(["kokuho", "koki"])
    )


def _told(field: str, reason_code: str, words: str, rows: pl.DataFrame) -> list[Problem]:
    if rows.is_empty():
        return []
    first = rows.select(pl.col("source_row").min()).item()
    message = f"{words}が{rows.height}行あります（行は取り込みました）"
    return [Problem("enrolment", int(first), field, reason_code, message, reasons()[reason_code].remedy_ja)]

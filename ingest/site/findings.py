"""What was found wrong in the files of a run, told by file and rule: how many rows, and the first lines. No value."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import Reading
from ingest.site.triage import FILE, Triage

WARNED = "（警告: 行は取り込みました）"
_NAMED_INSURERS = 20  # at most so many foreign insurers are named in one message
_NAMED_LINES = 20  # at most so many line numbers are kept of one rule and file
_PROBLEM_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "table_name": pl.String(),
    "field": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "rows": pl.Int64(),
    "first_line": pl.Int64(),
}
_PROBLEM_KEY = (FILE, "table_name", "field", "reason_code")
_HIT_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "table_name": pl.String(),
    "field": pl.String(),
    "rule_id": pl.String(),
    "severity": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "remedy": pl.String(),
    "source_row": pl.Int64(),
}
_HIT_KEY = (FILE, "table_name", "field", "rule_id")


class Findings:
    """Gathers them part by part; ``record`` writes them to the ledger."""

    def __init__(self) -> None:
        self._problems: list[pl.DataFrame] = []
        self._hits: list[pl.DataFrame] = []

    def note(self, readings: dict[int, Reading], judged: Triage, set_aside: pl.DataFrame | None) -> None:
        """Take up what readers said of their files, what became of the rows, and what the readers set aside."""
        for place, reading in readings.items():
            found = [(place, p.table, p.field, p.reason_code, p.message, 1, p.line) for p in reading.problems]
            self._problems.append(pl.DataFrame(found, schema=_PROBLEM_SCHEMA, orient="row"))
        for name, frame in judged.frames.items():
            self._note_gone(name, judged.gone(name))
            self._note_warned(name, frame, judged.warnings[name])
        if set_aside is not None:
            self._problems.append(_summarised(set_aside))
            reason = pl.col("reason_code")
            self._hit(set_aside.with_columns(reason.alias("rule_id"), pl.lit("set_aside").alias("severity")))

    def take_back(self, place: int) -> None:
        """A file is refused whole: what single rows of it broke is no matter any more."""
        self._hits = [frame.filter(pl.col(FILE) != place) for frame in self._hits]

    def record(self, connection: sqlite3.Connection, ids: list[int]) -> None:
        """Write them inside the ledger transaction; ``ids`` are the deliveries by place."""
        connection.executemany(
            "INSERT INTO problem (delivery_id, table_name, field, reason_code, message, rows, first_line) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:]) for row in self._all_problems().iter_rows()],
        )
        connection.executemany(
            "INSERT INTO rule_hit (delivery_id, table_name, field, rule_id, severity, reason_code, message, remedy, "
            "rows, lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:-1], json.dumps(row[-1])) for row in self._all_hits()],
        )

    def _note_gone(self, name: str, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        message = pl.col("_message")
        if CONTRACTS[name].parent is None:
            rows = rows.join(_foreign_insurers(rows), on=FILE, how="left", maintain_order="left")
            elsewhere = pl.col("_reason").is_in(["out_of_area", "wrong_site"])
            message = pl.when(elsewhere).then(pl.concat_str("_message", "_insurers")).otherwise("_message")
        told = rows.select(
            FILE,
            pl.lit(name).alias("table_name"),
            pl.col("_field").alias("field"),
            pl.col("_rule").alias("rule_id"),
            pl.lit("set_aside").alias("severity"),
            pl.col("_reason").alias("reason_code"),
            message.alias("message"),
            pl.col("_remedy").alias("remedy"),
            "source_row",
        )
        self._problems.append(_summarised(told))
        self._hit(told.filter(pl.col("rule_id").is_not_null()))

    def _note_warned(self, name: str, frame: pl.DataFrame, warned: pl.DataFrame) -> None:
        if warned.is_empty():
            return
        rows = frame[warned["row_number"]]
        told = warned.with_columns(rows[FILE], rows["source_row"], pl.lit(name).alias("table_name"))
        self._problems.append(_summarised(told.with_columns(pl.col("message") + WARNED)))
        self._hit(told)

    def _hit(self, rows: pl.DataFrame) -> None:
        """Keep of each rule and file how many rows broke it, and the first lines."""
        self._hits.append(
            rows.select(*_HIT_SCHEMA)
            .cast(_HIT_SCHEMA)  # type: ignore[arg-type]
            .group_by(_HIT_KEY)
            .agg(
                pl.col("severity", "reason_code", "message", "remedy").min(),
                pl.len().cast(pl.Int64).alias("rows"),
                pl.col("source_row").sort().head(_NAMED_LINES).alias("lines"),
            )
        )

    def _all_problems(self) -> pl.DataFrame:
        return (
            pl.concat([pl.DataFrame(schema=_PROBLEM_SCHEMA), *self._problems])
            .group_by(_PROBLEM_KEY)
            .agg(pl.col("message").min(), pl.col("rows").sum(), pl.col("first_line").min())
            .select(*_PROBLEM_SCHEMA)
            .sort(_PROBLEM_KEY)
        )

    def _all_hits(self) -> list[tuple[Any, ...]]:
        if not self._hits:
            return []
        return (
            pl.concat(self._hits)
            .group_by(_HIT_KEY)
            .agg(
                pl.col("severity", "reason_code", "message", "remedy").min(),
                pl.col("rows").sum(),
                pl.col("lines").explode().sort().head(_NAMED_LINES),
            )
            .sort(_HIT_KEY)
            .rows()
        )


def _summarised(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a reason as problems: how many, the first line, the first message."""
    return (
        rows.group_by(_PROBLEM_KEY)
        .agg(
            pl.col("message").min(),
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("source_row").min().alias("first_line"),
        )
        .select(*_PROBLEM_SCHEMA)
    )


def _foreign_insurers(rows: pl.DataFrame) -> pl.DataFrame:
    """By file: the insurers outside the area with their rows, as text, the most frequent first."""
    number = "insurer_number" if "insurer_number" in rows.columns else "municipality_code"
    counted = (
        rows.filter(pl.col("_reason").is_in(["out_of_area", "wrong_site"]))
        .group_by(FILE, pl.col(number).fill_null("-").alias("number"))
        .len("rows")
        .sort(FILE, "rows", "number", descending=[False, True, False])
    )
    named = pl.concat_str("number", pl.lit(" ("), pl.col("rows").cast(pl.String), pl.lit(")"))
    more = pl.when(pl.len() > _NAMED_INSURERS).then(pl.lit(" …")).otherwise(pl.lit(""))
    return counted.group_by(FILE).agg(
        pl.concat_str(pl.lit(": "), named.head(_NAMED_INSURERS).str.join(", "), more).first().alias("_insurers")
    )

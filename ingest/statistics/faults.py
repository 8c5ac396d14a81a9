"""How faults of many rows are found at once: a mask over the rows, and what is said of each row that it holds of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ingest.reference.errors import Fault
from ingest.statistics.columns import columns, heading


class _Texts:
    """Names of the columns that hold what stood in the file, beside those that hold its value."""

    def of(self, column_name: str) -> str:
        """The text of a column."""
        return f"text_{column_name}"

    def columns(self) -> list[str]:
        """All of them."""
        return [self.of(column.column_name) for column in columns()]


TEXT = _Texts()


@dataclass(frozen=True)
class Finding:
    """One rule that rows break: their lines, and what is told of each."""

    lines: tuple[int, ...]
    reason_code: str
    column_name: str  # "" where it is of no single column
    message: str
    remedy: str


def finding(
    frame: pl.DataFrame, broken: pl.Expr, reason_code: str, column_name: str, message: str, remedy: str
) -> list[Finding]:
    """The rows for which ``broken`` holds, as at most one finding; null is no fault."""
    lines = frame.filter(broken.fill_null(False))["source_row"].to_list()
    return [Finding(tuple(lines), reason_code, column_name, message, remedy)] if lines else []


def faults_of(findings: Iterable[Finding]) -> list[Fault]:
    """One fault a row and rule, in order of lines."""
    found = [
        Fault(each.reason_code, each.message, line, heading(each.column_name) if each.column_name else "", each.remedy)
        for each in findings
        for line in each.lines
    ]
    return sorted(found, key=lambda fault: (fault.line or 0, fault.field))

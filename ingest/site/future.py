"""Months that cannot be yet: a service after its own claim, a delivery far after the month of reference.

``latest_months.csv`` states for a table which column may not lie after which other column of its row,
or more than so many months after the month of reference (no clock decides: law 3).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

RULES_FILE = Path(__file__).with_name("latest_months.csv")


@dataclass(frozen=True)
class LatestMonth:
    """``month_column`` lies at most ``months_ahead`` months after the other column, or after the month of reference."""

    table_name: str
    month_column: str
    not_after_column: str | None
    months_ahead: int

    def is_broken(self, reference_month: date) -> pl.Expr:
        """Whether a row breaks the rule; a row without one of the dates does not."""
        limit = pl.lit(reference_month) if self.not_after_column is None else pl.col(self.not_after_column)
        ahead = _month_number(pl.col(self.month_column)) - _month_number(limit)
        return (ahead > self.months_ahead).fill_null(False)


def broken(table: str, reference_month: date) -> pl.Expr:
    """The column that breaks a rule of ``table`` as text, null where none does."""
    found: pl.Expr = pl.lit(None, dtype=pl.String)
    for rule in reversed(rules()):
        if rule.table_name == table:
            found = pl.when(rule.is_broken(reference_month)).then(pl.lit(rule.month_column)).otherwise(found)
    return found


@cache
def rules() -> tuple[LatestMonth, ...]:
    """The rules of ``latest_months.csv``."""
    with RULES_FILE.open(encoding="utf-8", newline="") as handle:
        return tuple(
            LatestMonth(
                row["table_name"], row["month_column"], row["not_after_column"] or None, int(row["months_ahead"])
            )
            for row in csv.DictReader(handle)
        )


def _month_number(day: pl.Expr) -> pl.Expr:
    return day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64)

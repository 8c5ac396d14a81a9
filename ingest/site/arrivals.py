"""Which month of which insurer's stream a delivery brought: the base of what is missing.

The month is the one that the delivery is *for*: claims come the month after the service, so their
month is the one before the 審査年月 and a late claim does not pass for a delivery that never came. A
file of changes (異動) is for the month of its latest change: the history in it is no delivery of long
ago. ``streams.csv`` states column, shift and cadence a stream; the population has no insurer, its
municipality stands in.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl

STREAMS_FILE = Path(__file__).with_name("streams.csv")

SCHEMA: dict[str, pl.DataType] = {
    "insurer_number": pl.String(),
    "stream": pl.String(),
    "month": pl.Date(),
    "rows": pl.Int64(),
}


_CADENCES: dict[str, Literal["month", "year", "fiscal_year"]] = {
    "month": "month",
    "year": "year",
    "fiscal_year": "fiscal_year",
}


@dataclass(frozen=True)
class StreamRule:
    """How deliveries of one stream are counted: table, month column, months back, dated by row or file, cadence."""

    stream: str
    table_name: str
    month_column: str
    months_back: int
    dated_by: Literal["row", "file"]
    cadence: Literal["month", "year", "fiscal_year"]

    def period(self, month: date) -> date:
        """First day of the period of ``month`` in the cadence of the stream."""
        if self.cadence == "month":
            return month
        if self.cadence == "year":
            return date(month.year, 1, 1)
        return date(month.year if month.month >= 4 else month.year - 1, 4, 1)

    def next_period(self, period: date) -> date:
        """The period after ``period``."""
        if (period.year, period.month) >= (date.max.year, 12 if self.cadence == "month" else 1):
            return date.max  # after the last month that a date can hold nothing is expected
        if self.cadence == "month":
            return date(period.year + period.month // 12, period.month % 12 + 1, 1)
        return period.replace(year=period.year + 1)


@cache
def stream_rules() -> dict[str, StreamRule]:
    """The rules of ``streams.csv`` by stream."""
    with STREAMS_FILE.open(encoding="utf-8", newline="") as handle:
        return {
            row["stream"]: StreamRule(
                stream=row["stream"],
                table_name=row["table_name"],
                month_column=row["month_column"],
                months_back=int(row["months_back"]),
                dated_by="file" if row["dated_by"] == "file" else "row",
                cadence=_CADENCES[row["cadence"]],
            )
            for row in csv.DictReader(handle)
        }


def arrivals(stream: str, kept: pl.DataFrame, by: str) -> pl.DataFrame:
    """Rows that arrived of ``stream`` by the file ``by``, insurer and month (``SCHEMA`` after ``by``).

    ``kept`` is the plain form of the table of the stream, without the rows that were not sealed.
    """
    rule = stream_rules()[stream]
    # One file of claims may hold several kinds; what arrived is told of each (医科 and DPC are adjudicated as one).
    told = pl.lit(stream)
    if "claim_kind_code" in kept.columns:
        told = pl.col("claim_kind_code").replace({"medical": stream, "dpc": stream})
    month = pl.date(pl.col("year"), 1, 1) if rule.month_column == "year" else pl.col(rule.month_column)
    if rule.dated_by == "file":
        month = month.max().over(by)
    insurer = "insurer_number" if "insurer_number" in kept.columns else "municipality_code"
    return (
        kept.select(
            by,
            pl.col(insurer).alias("insurer_number"),
            told.alias("stream"),
            month.dt.truncate("1mo").dt.offset_by(f"-{rule.months_back}mo").alias("month"),
        )
        .group_by(by, "insurer_number", "stream", "month")
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .sort(by, "insurer_number", "stream", "month")
    )

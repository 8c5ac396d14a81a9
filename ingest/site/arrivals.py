"""Which month of which insurer's stream a delivery brought: the base of what is missing.

The month is the one that the delivery is *for*: claims come the month after the service, so their
month is the one before the 審査年月 and a late claim does not pass for a delivery that never came. A
file of changes (異動) is for the month of its latest change: the history in it is no delivery of long
ago. The population has no insurer, its municipality stands in. The rules are those of ``ingest.expected``.
"""

from __future__ import annotations

import polars as pl

from ingest.expected import stream_rules
from ingest.quality.grouping import grouped

SCHEMA: dict[str, pl.DataType] = {
    "insurer_number": pl.String(),
    "stream": pl.String(),
    "month": pl.Date(),
    "rows": pl.Int64(),
}


def arrivals(stream: str, kept: pl.DataFrame, by: str) -> pl.DataFrame:
    """Rows that arrived of ``stream`` by the file ``by``, insurer and month (``SCHEMA`` after ``by``).

    ``kept`` is the plain form of the table of the stream, without the rows that were not sealed.
    """
    rule = stream_rules()[stream]
    insurer = "insurer_number" if "insurer_number" in kept.columns else "municipality_code"
    kinds = [name for name in ("claim_kind_code",) if name in kept.columns]
    told = grouped(kept, [by, insurer, *kinds, rule.month_column], pl.len().cast(pl.Int64).alias("rows"))
    # One file of claims may hold several kinds; what arrived is told of each (医科 and DPC are adjudicated as one).
    streams = pl.col("claim_kind_code").replace({"medical": stream, "dpc": stream}) if kinds else pl.lit(stream)
    month = pl.date(pl.col("year"), 1, 1) if rule.month_column == "year" else pl.col(rule.month_column)
    if rule.dated_by == "file":
        month = month.max().over(by)
    return (
        told.filter(month.is_not_null())
        .select(
            by,
            pl.col(insurer).alias("insurer_number"),
            streams.alias("stream"),
            month.dt.truncate("1mo").dt.offset_by(f"-{rule.months_back}mo").alias("month"),
            "rows",
        )
        .group_by(by, "insurer_number", "stream", "month")
        .agg(pl.col("rows").sum())
        .sort(by, "insurer_number", "stream", "month")
    )

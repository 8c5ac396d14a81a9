"""Control totals: where every row and every point of a delivery went, summed as integers.

``read`` is counted from what the reader gave, the other outcomes from what became of it; the two
are held against each other before anything is sealed.
"""

from __future__ import annotations

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.quality.grouping import grouped
from ingest.site.errors import SiteError
from ingest.site.triage import FILE

OUTCOMES = ("set_aside", "refused", "out_of_area", "sealed")
SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "table_name": pl.String(),
    "scheme_code": pl.String(),
    "measure": pl.String(),
    "outcome": pl.String(),
    "value": pl.Int64(),
}


def of_tables(tables: dict[str, pl.DataFrame], outcome: pl.Expr) -> pl.DataFrame:
    """Rows and sums of plain tables (with ``_file``) by file, scheme and the given outcome."""
    return _together([_summed(name, frame, outcome) for name, frame in tables.items()])


def of_set_aside(frame: pl.DataFrame, outcome: pl.Expr) -> pl.DataFrame:
    """The same of rows that a reader set aside (``SET_ASIDE_SCHEMA`` with ``_file``)."""
    parts = [_summed(str(name), part, outcome) for (name,), part in frame.group_by(["table_name"], maintain_order=True)]
    return _together(parts)


def together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Several totals as one, sums of the same key added, zeros left out, in a fixed order."""
    keys = [name for name in SCHEMA if name != "value"]
    return (
        _together(parts)
        .group_by(keys)
        .agg(pl.col("value").sum())
        .filter((pl.col("value") != 0) | (pl.col("measure") == "rows"))
        .sort(keys)
    )


def hold(totals: pl.DataFrame) -> None:
    """Raise SiteError unless read = set aside + refused + out of area + sealed, everywhere."""
    keys = [FILE, "table_name", "scheme_code", "measure"]
    read = pl.col("outcome") == "read"
    wrong = (
        totals.group_by(keys)
        .agg(
            pl.col("value").filter(read).sum().alias("read"),
            pl.col("value").filter(~read).sum().alias("others"),
        )
        .filter(pl.col("read") != pl.col("others"))
    )
    if wrong.height:
        where = ", ".join(f"{row['table_name']}.{row['measure']}" for row in wrong.sort(keys).head(5).to_dicts())
        raise SiteError(f"rows read and rows accounted for differ ({where}); nothing was sealed")


def _summed(table: str, frame: pl.DataFrame, outcome: pl.Expr) -> pl.DataFrame:
    measures = CONTRACTS[table].control_columns
    no_scheme = pl.lit(None, dtype=pl.String).alias("scheme_code")
    keys = [FILE, "scheme_code"] if "scheme_code" in frame.columns else [FILE]
    told = outcome.alias("outcome")
    # What is the same for every row is added to the sums.
    is_of_rows = bool(outcome.meta.root_names())
    rows = frame.with_columns(told) if is_of_rows else frame
    sums = grouped(
        rows,
        [*keys, *["outcome"] * is_of_rows],
        pl.len().cast(pl.Int64).alias("rows"),
        *(pl.col(m).sum().cast(pl.Int64) for m in measures),
    )
    return (
        sums.with_columns(*[no_scheme] * ("scheme_code" not in keys), *[told] * (not is_of_rows))
        .with_columns(
            pl.col(FILE).cast(pl.Int64), pl.lit(table).alias("table_name"), pl.col("scheme_code").fill_null("")
        )
        .unpivot(
            on=["rows", *measures],
            index=[FILE, "table_name", "scheme_code", "outcome"],
            variable_name="measure",
            value_name="value",
        )
        .select(*SCHEMA)
    )


def _together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])

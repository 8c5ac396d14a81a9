"""Rows that are not let through, in the form in which the quarantine keeps them."""

from __future__ import annotations

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.quality.quarantine import SCHEMA, TABLES
from ingest.site import held
from ingest.site.run_files import RunFiles
from ingest.site.triage import FILE, Triage


def all_of(files: RunFiles, judged: Triage, set_aside: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    """By table of the quarantine the rows judged so and those that readers set aside; none of a refused file, which
    lies in the archive."""
    parts: dict[str, list[pl.DataFrame]] = {table: [] for table in TABLES}
    for name in judged.frames:
        gone = judged.gone(name)
        for table, found in parts.items():
            rows = gone.filter(pl.col("_outcome") == table)
            if rows.height:
                found.append(of_rules(files, judged, name, rows))
    if set_aside is not None:
        parts["set_aside"].append(_of_readers(files, set_aside.filter(~pl.col(FILE).is_in(sorted(judged.refused)))))
    return {table: pl.concat(found) for table, found in parts.items() if found}


def of_rules(files: RunFiles, judged: Triage, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table ``name`` with their verdict."""
    plain = pl.struct(*CONTRACTS[name].plain_schema()).struct.json_encode()
    return rows.select(
        files.file_ids.gather(rows[FILE]),
        files.file_names.gather(rows[FILE]),
        pl.lit(name).alias("table_name"),
        "source_row",
        pl.col("_field").alias("field"),
        pl.col("_reason").alias("reason_code"),
        pl.col("_message").alias("message"),
        pl.col("_remedy").alias("remedy"),
        pl.col("scheme_code") if "scheme_code" in rows.columns else pl.lit(None).alias("scheme_code"),
        plain.alias("row_text"),
        pl.lit("rule").alias("set_aside_by"),
        *held.records_of(judged, name, rows).get_columns(),
    ).cast(SCHEMA)  # type: ignore[arg-type]


def _of_readers(files: RunFiles, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        files.file_ids.gather(rows[FILE]),
        files.file_names.gather(rows[FILE]),
        *(name for name in SCHEMA if name in rows.columns),
        pl.col("raw").alias("row_text"),
        pl.lit("reader").alias("set_aside_by"),
        pl.lit(None, dtype=pl.String).alias("record_table"),
        pl.lit(None, dtype=pl.Int64).alias("record_row"),
        pl.lit(None, dtype=pl.String).alias("record_key"),
    ).select(*SCHEMA)

"""The figures of a batch of results on their way into published files: millions of rows of few different texts.

In the workroom their texts are enumerated: a row is a line of small numbers, and to sort, to pick the areas of a tenant
and to copy costs a fraction of what texts would. The texts come back where a file is written. DuckDB orders an
enumeration by the place of its values, so these are listed in the order of their texts.
"""

from __future__ import annotations

import duckdb

from ingest.sealing.opened import OpenBatch

GRAIN = (
    "area_level, area_id, scheme_code, period_kind, period, sex_code, age_band_code, indicator_id, definition_version, "
    "class_code"
)
"""Figures lie by what a page asks for: one area, one kind of period, then the rest of their grain."""
ORDERS = {"own_indicator": GRAIN, "statistics_indicator": f"threshold, min_peers, {GRAIN}"}
"""The tables of figures and the order in which they are written."""


def load(batch: OpenBatch, connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Load a table of figures as ``results.<table>``, in its order; DuckDB must preserve the order of rows.

    Raises BatchRefused("damaged") where the file does not open.
    """
    numbers = []
    for name in (name for name, dtype in batch.columns(connection, table).items() if dtype == "VARCHAR"):
        found = batch.ask(
            connection, table, f"SELECT DISTINCT {name} FROM {{}} WHERE {name} IS NOT NULL ORDER BY {name}"
        )
        if found.height:  # an enumeration has a value
            connection.register("found", found)
            connection.execute(f"CREATE TYPE results.{table}_{name} AS ENUM (SELECT {name} FROM found)")
            connection.unregister("found")
            numbers.append(f"{name}::results.{table}_{name} AS {name}")
    columns = f"* REPLACE ({', '.join(numbers)})" if numbers else "*"
    query = f"CREATE TABLE results.{table} AS SELECT {columns} FROM {{}} ORDER BY {ORDERS[table]}"
    batch.ask(connection, table, query)


def texts(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """What to select of a loaded table: its columns, the enumerated ones as texts again."""
    columns = connection.execute(f"DESCRIBE results.{table}").fetchall()
    return ", ".join(f"{name}::VARCHAR AS {name}" if dtype.startswith("ENUM") else name for name, dtype, *_ in columns)

"""The public tables of the center's store, put into the warehouse before the models run.

They lie beside the batches and are put in anew where the store differs, so a rebuilt warehouse has them again. What
rests on them is counted in a model that every build makes whole (``reference_fact``): a new table costs no full build.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from ingest.center.errors import CenterError
from ingest.center.schema import REFERENCE_VALUE
from ingest.reference import store
from ingest.reference.errors import ReferenceRefused

_LOADED = {
    "table_name": pl.String,
    "year": pl.Int64,
    "files": pl.Int64,
    "rows": pl.Int64,
    "areas": pl.Int64,
    "source": pl.String,
    "digest": pl.String,
}


def read(home: Path) -> list[store.Stored]:
    """The tables in the store of the center; raises CenterError where one is damaged."""
    try:
        return store.load_all(home)
    except ReferenceRefused as refused:
        raise CenterError(str(refused)) from None


def is_new(connection: duckdb.DuckDBPyConnection, tables: list[store.Stored]) -> bool:
    """Whether the warehouse holds other tables than these."""
    held = connection.execute("SELECT DISTINCT table_name, digest FROM reference.loaded ORDER BY ALL").fetchall()
    return held != sorted((stored.table.name, stored.digest) for stored in tables)


def put(connection: duckdb.DuckDBPyConnection, tables: list[store.Stored]) -> None:
    """Replace what the warehouse holds by these tables."""
    for relation in ("reference.loaded", "reference.value"):
        connection.execute(f"DELETE FROM {relation}")
    columns = ", ".join(REFERENCE_VALUE)
    for stored in tables:
        for name, frame in (("given_rows", stored.rows), ("given_loaded", _loaded(stored))):
            connection.register(name, frame.to_arrow())
        connection.execute(f"INSERT INTO reference.value SELECT '{stored.table.name}', {columns} FROM given_rows")
        connection.execute("INSERT INTO reference.loaded SELECT * FROM given_loaded")
        for name in ("given_rows", "given_loaded"):
            connection.unregister(name)


def _loaded(stored: store.Stored) -> pl.DataFrame:
    rows = []
    for each in stored.imports:
        sources = stored.rows.filter(pl.col("year") == each.year)["source"].unique().sort().to_list()
        rows.append((stored.table.name, each.year, 1, each.rows, each.areas, "、".join(sources), stored.digest))
    return pl.DataFrame(rows, schema=_LOADED, orient="row")

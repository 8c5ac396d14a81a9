"""The 傷病名コード that the models can classify, put into the warehouse before they run.

They are data that the models' content depends on, as seeds are: where a master was imported since the
last build, partitions that no load touched would be counted by other codes, so its digest goes into
what decides on a full build.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import polars as pl

from ingest.center.errors import CenterError
from ingest.masters.errors import MasterRefused
from ingest.masters.lookups import known_codes


def read(workspace: Path) -> pl.DataFrame:
    """``code``, sorted, of every disease that leads to an ICD-10: of the imported master, or of the typed core.

    Raises CenterError where the store of masters is damaged.
    """
    try:
        return known_codes(workspace, "disease")
    except MasterRefused as refused:
        raise CenterError(str(refused)) from None


def digest(codes: pl.DataFrame) -> str:
    """SHA-256 of the codes."""
    return hashlib.sha256("\n".join(codes["code"]).encode()).hexdigest()


def put(connection: duckdb.DuckDBPyConnection, codes: pl.DataFrame) -> None:
    """Replace ``control.known_disease`` by the codes."""
    connection.register("known_codes", codes.to_arrow())
    connection.execute("DELETE FROM control.known_disease")
    connection.execute("INSERT INTO control.known_disease SELECT code FROM known_codes")
    connection.unregister("known_codes")

"""A table of a batch as a Parquet file, encrypted by DuckDB with a random key of its own.

Keys go to DuckDB as bound parameters (``footer_key_value: ?``), so no statement holds one.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingest.sealing.errors import EnvelopeError

_RELATION = re.compile(r'[A-Za-z_"][\w."]*')
# Numbers of rows and lines, of which each stands once, are told by their differences (version 2) and not by a
# dictionary, which is for what has few values: half the bytes, and a quarter of the time.
PARQUET = "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 10000, COMPRESSION zstd"
_WRITE = PARQUET + ", ENCRYPTION_CONFIG {footer_key_value: ?}"
READ = "read_parquet(?, encryption_config = {footer_key_value: ?})"
"""The rows of a file; its path and its key are the parameters."""


@dataclass(frozen=True)
class WrittenTable:
    """A table that stands as an encrypted Parquet file, not yet in a batch."""

    path: Path
    rows: int
    key: bytes = field(repr=False)


def write_table(connection: duckdb.DuckDBPyConnection, table: str, relation: str, path: Path) -> WrittenTable:
    """Write a relation or query as the file of ``table``, encrypted with a key of its own.

    Raises EnvelopeError, which never quotes a row.
    """
    query = f"SELECT * FROM {relation}" if _RELATION.fullmatch(relation) else relation
    key = secrets.token_bytes(32)
    target = str(path).replace("'", "''")
    try:
        found = connection.execute(f"COPY ({query}) TO '{target}' ({_WRITE})", [key]).fetchone()
    except duckdb.Error as error:
        raise EnvelopeError(f"table {table} could not be written ({type(error).__name__})") from None
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return WrittenTable(path, int(found[0]) if found else 0, key)

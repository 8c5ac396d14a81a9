"""A table of a batch written while its rows come, straight into its encrypted Parquet file.

What a site reads is gigabytes, and is sealed row for row as it was read. Kept in a database until the end it would be
encrypted, written and read once more than needed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from ingest.sealing.errors import EnvelopeError
from ingest.sealing.parquet_file import EncryptedParquet
from ingest.sealing.tables import WrittenTable


class TableWriter:
    """Writes frames of ``schema`` as one file; ``close`` gives it, ``abandon`` leaves it unfinished.

    The key of the file is made here and stands in memory only: what a killed process leaves behind opens for nobody.
    Every method raises EnvelopeError, which never quotes a row, where the file could not be written.
    """

    def __init__(self, table: str, path: Path, schema: Mapping[str, pl.DataType]) -> None:
        self._table = table
        self._path = path
        self._key = secrets.token_bytes(32)
        self._file = self._held(lambda: EncryptedParquet(path, self._key, schema))

    def append(self, columns: Sequence[pl.Series]) -> None:
        """Add rows, which are not put together to a frame: that would copy all of them where one column is new."""
        self._held(lambda: self._file.write(columns))

    def close(self) -> WrittenTable:
        """The file, whole and on the disk."""
        self._held(self._file.close)
        return WrittenTable(self._path, self._file.rows, self._key)

    def abandon(self) -> None:
        """Stop writing; what stands there is no whole file."""
        self._file.abandon()

    def _held(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except (OSError, ValueError, pa.ArrowException, pl.exceptions.PolarsError) as error:
            raise EnvelopeError(f"table {self._table} could not be written ({type(error).__name__})") from None

"""A batch that passed every check: its tables are loaded from here, each decrypted on its way into the database."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ingest.sealing.errors import BatchRefused, EnvelopeError
from ingest.sealing.manifest import Manifest
from ingest.sealing.tables import READ


@dataclass(frozen=True)
class OpenBatch:
    """A batch that passed every check; its files stand, still encrypted, in the private folder."""

    manifest: Manifest
    folder: Path
    files: dict[str, Path]
    _keys: dict[str, bytes] = field(repr=False)

    @property
    def manifest_hash(self) -> str:
        return self.manifest.manifest_hash

    def rows(self, table: str) -> int:
        """Rows that the manifest promises for ``table``."""
        return next(entry.rows for entry in self.manifest.files if entry.table == table)

    def load(
        self, connection: duckdb.DuckDBPyConnection, table: str, into: str, constants: dict[str, Any] | None = None
    ) -> int:
        """Append a table to the existing table ``into`` by column name; returns the rows loaded.

        ``constants`` are columns that every row gets, such as the sequence of the batch. Raises
        BatchRefused("contract") where the columns do not fit.
        """
        return self._read(connection, table, f"INSERT INTO {into} BY NAME", constants)

    def load_new(
        self, connection: duckdb.DuckDBPyConnection, table: str, into: str, constants: dict[str, Any] | None = None
    ) -> int:
        """Like ``load``, into a table made (or made anew) from the file's own columns."""
        self._read(connection, table, f"CREATE OR REPLACE TABLE {into} AS", constants)
        return self.rows(table)

    def columns(self, connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
        """Names and DuckDB types of a table's columns."""
        try:
            found = connection.execute(
                f"DESCRIBE SELECT * FROM {READ}", [str(self.files[table]), self._keys[table]]
            ).fetchall()
        except duckdb.Error:
            raise BatchRefused("damaged", f"the file of table {table} does not open", self.manifest_hash) from None
        return {row[0]: row[1] for row in found}

    def ask(
        self, connection: duckdb.DuckDBPyConnection, table: str, query: str, parameters: Sequence[object] = ()
    ) -> pl.DataFrame:
        """What ``query`` gives, with the table's file in the place of its ``{}``; its parameters come after that.

        Raises BatchRefused("damaged") where the file lacks what is asked for or does not open.
        """
        place = [str(self.files[table]), self._keys[table]]
        try:
            return connection.execute(query.format(READ), [*place, *parameters]).pl()
        except duckdb.Error:
            # DuckDB's own text may quote a value, so it goes no further.
            raise BatchRefused("damaged", f"table {table} cannot be asked", self.manifest_hash) from None

    def discard(self) -> None:
        """Remove the private copy once the load is recorded."""
        shutil.rmtree(self.folder)

    def _read(
        self, connection: duckdb.DuckDBPyConnection, table: str, prefix: str, constants: dict[str, Any] | None
    ) -> int:
        if table not in self.files:
            raise BatchRefused("missing_file", f"the batch holds no table {table}", self.manifest_hash)
        added = "".join(f", ? AS {name}" for name in constants or {})
        parameters = [*(constants or {}).values(), str(self.files[table]), self._keys[table]]
        try:
            found = connection.execute(f"{prefix} SELECT *{added} FROM {READ}", parameters).fetchone()
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.ConstraintException) as error:
            # DuckDB's own text may quote a value, so it goes no further.
            raise BatchRefused(
                "contract", f"table {table} does not fit ({type(error).__name__})", self.manifest_hash
            ) from None
        except duckdb.InvalidInputException:
            raise BatchRefused("damaged", f"the file of table {table} does not decrypt", self.manifest_hash) from None
        except duckdb.Error as error:
            raise EnvelopeError(f"table {table} could not be loaded ({type(error).__name__})") from None
        return int(found[0]) if found else 0

"""The rows of one run on their way through the site: an encrypted scratch database.

Its key is random and lives in memory only, so what a killed run leaves behind opens for nobody; the
next run deletes it.
"""

from __future__ import annotations

import os
from types import TracebackType

import polars as pl

from ingest import warehouse
from ingest.settings import SiteSettings


class Workroom:
    """Tables that grow chunk by chunk; a context that removes them at its end."""

    def __init__(self, site: SiteSettings, alias: str) -> None:
        self._path = site.home / f"{alias}.work.duckdb"
        self._remove()
        self.connection = warehouse.open_database(
            self._path,
            os.urandom(32),
            alias=alias,
            spill=site.spill,
            memory_limit=site.memory_limit,
            threads=site.threads,
        )
        # Nothing here outlives the run: what is added stays in the log, and is not tidied into the file on the way.
        self.connection.execute("SET wal_autocheckpoint = '1TB'")
        self.connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        self.tables: list[str] = []

    def __enter__(self) -> Workroom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self._remove()

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add the rows of ``frame``; the first call fixes the columns and types."""
        self.connection.register("incoming", frame)
        try:
            if table not in self.tables:
                self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM incoming LIMIT 0")
                self.tables.append(table)
            if frame.height:
                self.connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
        finally:
            self.connection.unregister("incoming")

    def append_rows(self, table: str, frame: pl.DataFrame, place: str, file_ids: pl.Series, columns: list[str]) -> None:
        """Add facts whose ``source_file_id`` is that of the file at their ``place`` (a column of ``frame``).

        The rows of one file get it as a constant: a name of 64 letters for every line would cost more than the
        line. The columns are put in the order of ``columns``.
        """
        self.connection.register("incoming", frame)
        self.connection.register("files", pl.DataFrame({place: range(len(file_ids)), "source_file_id": file_ids}))
        names = ", ".join(name for name in columns if name != "source_file_id")
        try:
            if table not in self.tables:
                typed = f"SELECT ''::VARCHAR AS source_file_id, {names} FROM incoming LIMIT 0"
                self.connection.execute(f"CREATE TABLE {table} AS {typed}")
                self.tables.append(table)
            places = frame.get_column(place).unique().to_list()
            if len(places) == 1:
                rows = f"SELECT ?::VARCHAR AS source_file_id, {names} FROM incoming"
                self.connection.execute(f"INSERT INTO {table} BY NAME {rows}", [file_ids[places[0]]])
            elif places:
                rows = f"SELECT source_file_id, {names} FROM incoming JOIN files USING ({place})"
                self.connection.execute(f"INSERT INTO {table} BY NAME {rows}")
        finally:
            self.connection.unregister("incoming")
            self.connection.unregister("files")

    def remove_file(self, file_id: str, facts: list[str], of_persons: list[str], identities: tuple[str, ...]) -> None:
        """Take out the rows of a file from ``facts``, and identities of which no row of ``of_persons`` speaks."""
        for table in facts:
            self.connection.execute(f"DELETE FROM {table} WHERE source_file_id = ?", [file_id])
        left = " UNION ALL ".join(f"SELECT identity_tag FROM {table}" for table in of_persons)
        for table in identities:
            if table in self.tables and left:
                self.connection.execute(f"DELETE FROM {table} WHERE identity_tag NOT IN ({left})")

    def count(self, table: str) -> int:
        """How many rows the table has."""
        found = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0

    def _remove(self) -> None:
        for path in (self._path, self._path.with_name(f"{self._path.name}.wal")):
            path.unlink(missing_ok=True)

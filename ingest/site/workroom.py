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

    def _remove(self) -> None:
        for path in (self._path, self._path.with_name(f"{self._path.name}.wal")):
            path.unlink(missing_ok=True)

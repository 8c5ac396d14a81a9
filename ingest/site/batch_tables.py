"""The tables of the batch that a run makes, on their way through the site.

Every one goes straight into its encrypted file, the key of which stands in memory only. Passes of identities wait
until all are there (``identity_rows``). What a killed run leaves behind opens for nobody; the next run deletes it.
"""

from __future__ import annotations

import shutil
from types import TracebackType

import duckdb
import polars as pl

from ingest import warehouse
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.table_writer import TableWriter
from ingest.sealing.tables import READ, WrittenTable, write_table
from ingest.settings import SiteSettings
from ingest.site.identity_rows import PASS_SCHEMA, IdentityRows

_IDENTITY, _PASSES = "identity", "identity_pass"


class BatchTables:
    """Tables that grow chunk by chunk until ``finish``; a context that removes what was not sealed at its end."""

    def __init__(self, site: SiteSettings) -> None:
        self._site = site
        self._folder = site.home / "facts.work"
        self._remove()
        self._folder.mkdir(mode=0o700, parents=True)
        self._identities = IdentityRows()
        self._writers: dict[str, TableWriter] = {}
        self._written: dict[str, WrittenTable] = {}
        self._refused_files: list[str] = []

    def __enter__(self) -> BatchTables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.abandon()
        self._remove()

    def add_facts(self, table: str, frame: pl.DataFrame, file_ids: pl.Series) -> None:
        """Add rows of a contract table in its sealed form, each from the file of ``file_ids`` at its place."""
        if frame.height:
            columns = [file_ids.alias("source_file_id"), *frame.get_columns()]
            self._writer(table, CONTRACTS[table].sealed_schema()).append(columns)

    def add_identities(self, identity: pl.DataFrame, identity_pass: pl.DataFrame) -> None:
        """Add identities, each once, and their passes; the same ones may come again."""
        new = self._identities.add(identity, identity_pass)
        self._writer(_IDENTITY, dict(identity.schema)).append(new.get_columns())

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Add a table that tells of the deliveries themselves, whole."""
        writer = self._writer(table, dict(frame.schema))
        writer.append(frame.get_columns())
        self._close(table)

    def refuse_file(self, file_id: str) -> None:
        """Leave out, in the end, what was added of a file, and identities of which no other row speaks."""
        self._refused_files.append(file_id)

    def finish(self) -> dict[str, int]:
        """No more facts and identities come: rows by contract table."""
        for table, contract in CONTRACTS.items():
            self._writer(table, contract.sealed_schema())  # also of those of which nothing came
            self._close(table)
        if _IDENTITY in self._writers:
            self._close(_IDENTITY)
        if self._refused_files:
            with warehouse.connect(
                spill=self._site.spill, memory_limit=self._site.memory_limit, threads=self._site.threads
            ) as connection:
                self._leave_out_refused(connection)
        return {table: self._written[table].rows for table in CONTRACTS}

    def withhold_shared(self, most: int) -> dict[str, int]:
        """Leave out tokens that more than ``most`` identities share; rows by pass. After ``finish``."""
        withheld = self._identities.withhold_shared(most)
        if _IDENTITY in self._written:
            writer = self._writer(_PASSES, PASS_SCHEMA)
            for rows in self._identities.passes():
                writer.append(rows.get_columns())
            self._close(_PASSES)
        return withheld

    def to_seal(self) -> dict[str, WrittenTable]:
        """What is sealed, by table; after ``finish`` and ``withhold_shared``."""
        own = [table for table in (*CONTRACTS, _IDENTITY, _PASSES) if table in self._written]
        return {table: self._written[table] for table in dict.fromkeys([*own, *self._written])}

    def _writer(self, table: str, schema: dict[str, pl.DataType]) -> TableWriter:
        if table not in self._writers:
            self._writers[table] = TableWriter(table, self._folder / f"{table}.parquet", schema)
        return self._writers[table]

    def _close(self, table: str) -> None:
        self._written[table] = self._writers.pop(table).close()

    def _leave_out_refused(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write the files anew without the rows of refused files and identities that no row speaks of: rare enough."""
        connection.register("refused_files", pl.DataFrame({"source_file_id": self._refused_files}))
        connection.execute("CREATE TEMP TABLE spoken_of (identity_tag BLOB)")
        for table, contract in CONTRACTS.items():
            kept = self._kept(connection, table, "ANTI JOIN refused_files USING (source_file_id)")
            if contract.has_identity():
                connection.execute(
                    f"INSERT INTO spoken_of SELECT DISTINCT identity_tag FROM {READ}", [str(kept.path), kept.key]
                )
        if _IDENTITY in self._written:
            self._kept(connection, _IDENTITY, "SEMI JOIN spoken_of USING (identity_tag)")
            spoken_of = connection.execute("SELECT DISTINCT identity_tag FROM spoken_of").pl()
            self._identities.forget_all_but(spoken_of["identity_tag"])

    def _kept(self, connection: duckdb.DuckDBPyConnection, table: str, only: str) -> WrittenTable:
        """The file of a table with nothing but these rows."""
        written = self._written[table]
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE kept_rows AS SELECT * FROM {READ} {only}", [str(written.path), written.key]
        )
        kept = write_table(connection, table, "kept_rows", self._folder / f"{table}.kept.parquet")
        connection.execute("DROP TABLE kept_rows")
        written.path.unlink()
        self._written[table] = kept
        return kept

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

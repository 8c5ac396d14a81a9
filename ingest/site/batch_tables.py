"""The tables of the batch that a run makes, on their way through the site.

Facts, which are nearly everything, go straight into their encrypted files, the keys of which stand in memory only.
Identities (``identity_rows``) and the few rows about the delivery itself wait until all are there. What a killed run
leaves behind opens for nobody; the next run deletes it.
"""

from __future__ import annotations

import shutil
from types import TracebackType

import polars as pl

from ingest import warehouse
from ingest.arrow import as_arrow
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.table_writer import TableWriter
from ingest.sealing.tables import WrittenTable, write_table
from ingest.settings import SiteSettings
from ingest.site.identity_rows import IdentityRows

_READ = "read_parquet(?, encryption_config = {footer_key_value: ?})"


class BatchTables:
    """Tables that grow chunk by chunk until ``finish``; a context that removes what was not sealed at its end."""

    def __init__(self, site: SiteSettings) -> None:
        self._folder = site.home / "facts.work"
        self._remove()
        self._folder.mkdir(mode=0o700, parents=True)
        self.connection = warehouse.connect(spill=site.spill, memory_limit=site.memory_limit, threads=site.threads)
        # One thread, that of each writer: a table is written in the order in which its rows came.
        self._writing = warehouse.connect(spill=site.spill, memory_limit=site.memory_limit, threads=1)
        self._identities = IdentityRows(self.connection)
        self._others: list[str] = []
        self._writers: dict[str, TableWriter] = {}
        self._facts: dict[str, WrittenTable] = {}
        self._refused_files: list[str] = []

    def __enter__(self) -> BatchTables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.abandon()
        self._writing.close()
        self.connection.close()
        self._remove()

    def add_facts(self, table: str, frame: pl.DataFrame, file_ids: pl.Series) -> None:
        """Add rows of a contract table in its sealed form, each from the file of ``file_ids`` at its place."""
        if frame.height:
            placed = frame.with_columns(file_ids.alias("source_file_id"))
            self._writer(table).append(placed.select(*CONTRACTS[table].sealed_schema()))

    def add_identities(self, identity: pl.DataFrame, identity_pass: pl.DataFrame) -> None:
        """Add identities and their passes; the same ones may come again."""
        self._identities.add(identity, identity_pass)

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows of a table that tells of the deliveries themselves; the first call fixes its columns and types."""
        self.connection.register("incoming", frame)
        if table not in self._others:
            self._others.append(table)
            self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM incoming")
        else:
            self.connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def refuse_file(self, file_id: str) -> None:
        """Leave out, in the end, what was added of a file, and identities of which no other row speaks."""
        self._refused_files.append(file_id)

    def finish(self) -> dict[str, int]:
        """No more facts come: rows by contract table."""
        writers = {table: self._writer(table) for table in CONTRACTS}  # also of those of which nothing came
        self._facts = {table: writer.close() for table, writer in writers.items()}
        self._writers = {}
        if self._refused_files:
            self._facts = {table: self._without_refused(table, written) for table, written in self._facts.items()}
            self._forget_nobodies()
        return {table: written.rows for table, written in self._facts.items()}

    def withhold_shared(self, most: int) -> dict[str, int]:
        """Leave out tokens that more than ``most`` identities share; rows by pass (``IdentityRows``)."""
        return self._identities.withhold_shared(most)

    def to_seal(self) -> dict[str, str | WrittenTable]:
        """What is sealed, by table; after ``finish`` and ``withhold_shared``."""
        return {**self._facts, **self._identities.to_seal(), **{table: table for table in self._others}}

    def _writer(self, table: str) -> TableWriter:
        if table not in self._writers:
            schema = as_arrow(pl.DataFrame(schema=CONTRACTS[table].sealed_schema())).schema
            path = self._folder / f"{table}.parquet"
            self._writers[table] = TableWriter(self._writing.cursor(), table, path, schema)
        return self._writers[table]

    def _without_refused(self, table: str, written: WrittenTable) -> WrittenTable:
        """The file without the rows of refused files: rare enough to be written anew."""
        path = written.path.with_name(f"{table}.kept.parquet")
        self.connection.register("refused_files", pl.DataFrame({"source_file_id": self._refused_files}))
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE kept_rows AS SELECT * FROM {_READ} ANTI JOIN refused_files "
            "USING (source_file_id)",
            [str(written.path), written.key],
        )
        self.connection.unregister("refused_files")
        kept = write_table(self.connection, table, "kept_rows", path)
        self.connection.execute("DROP TABLE kept_rows")
        written.path.unlink()
        return kept

    def _forget_nobodies(self) -> None:
        """Take out identities that no row speaks of."""
        self.connection.execute("CREATE OR REPLACE TEMP TABLE spoken_of (identity_tag BLOB)")
        for table, written in self._facts.items():
            if CONTRACTS[table].has_identity():
                self.connection.execute(
                    f"INSERT INTO spoken_of SELECT DISTINCT identity_tag FROM {_READ}",
                    [str(written.path), written.key],
                )
        self._identities.forget_all_but("spoken_of")
        self.connection.execute("DROP TABLE spoken_of")

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

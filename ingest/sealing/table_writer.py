"""A table of a batch written while its rows come: straight into its encrypted Parquet file, in a thread of its own.

What a site reads is gigabytes, and is sealed row for row as it was read. Kept in a database until the end it would be
encrypted, written and read once more than needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import duckdb
import polars as pl
import pyarrow as pa

from ingest.arrow import as_arrow
from ingest.sealing.errors import EnvelopeError
from ingest.sealing.tables import WrittenTable, write_table

_WAITING = 1  # frames that wait while another one is written: what is held in memory does not grow with the table


class TableWriter:
    """Writes frames of the same columns as one file; ``close`` gives it, ``abandon`` leaves it unfinished.

    ``connection`` is for this writer alone (a cursor). The key of the file is made here and stands in memory only: what
    a killed process leaves behind opens for nobody.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, path: Path, schema: pa.Schema) -> None:
        self._connection = connection
        self._table = table
        self._path = path
        self._schema = schema
        self._frames: Queue[pl.DataFrame | None] = Queue(_WAITING)
        self._is_ended = False
        self._is_abandoned = False
        self._written: WrittenTable | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._write, name=f"write {table}", daemon=True)
        self._thread.start()

    def append(self, frame: pl.DataFrame) -> None:
        """Add rows; waits while earlier ones are written. Raises EnvelopeError where they could not be."""
        if self._error is not None:
            raise self._failure()
        self._frames.put(frame)

    def close(self) -> WrittenTable:
        """The file, whole and on the disk; EnvelopeError where it could not be written."""
        self._end()
        if self._written is None:
            raise self._failure()
        return self._written

    def abandon(self) -> None:
        """Stop writing; what stands there is no whole file."""
        self._is_abandoned = True
        self._end()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        self._connection.close()

    def _write(self) -> None:
        try:
            reader = pa.RecordBatchReader.from_batches(self._schema, self._batches())
            # The bare stream: DuckDB reads a reader object through Arrow's threads, and a few tables that wait for rows
            # would take them all.
            self._connection.register("rows_to_write", reader.__arrow_c_stream__())
            self._written = write_table(self._connection, self._table, "rows_to_write", self._path)
        except BaseException as error:  # told by the thread that appends
            self._error = error
        while not self._is_ended:  # nobody waits for a writer that failed
            self._is_ended = self._frames.get() is None

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (frame := self._frames.get()) is not None:
            yield from as_arrow(frame).cast(self._schema).to_batches()
        self._is_ended = True
        if self._is_abandoned:
            raise EnvelopeError(f"table {self._table} was given up")

    def _failure(self) -> EnvelopeError:
        if isinstance(self._error, EnvelopeError):
            return self._error
        return EnvelopeError(f"table {self._table} could not be written ({type(self._error).__name__})")

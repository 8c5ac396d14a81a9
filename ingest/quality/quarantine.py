"""Quarantine: the rows that were not let through, with file, line, field and reason, encrypted.

Rows are kept as text (JSON of the plain row, or the raw line of the source), because an operator
must see what to correct. They never leave the site: the file is encrypted with its at-rest key, and
the ledger holds only counts.

An entry stands here until its file is taken back. Whether it still waits, was released or was superseded is
told by the ledger (``ingest/site/held.py``): that changes with the deliveries, the entry does not.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from ingest import warehouse

SCHEMA: dict[str, pl.DataType] = {
    "file_id": pl.String(),
    "file_name": pl.String(),
    "table_name": pl.String(),
    "source_row": pl.Int64(),
    "field": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "remedy": pl.String(),
    "scheme_code": pl.String(),
    "row_text": pl.String(),
    "set_aside_by": pl.String(),  # rule: typed and held back; reader: could not be typed
    # The record that the row is or belongs to; null where the reader could not type it.
    "record_table": pl.String(),
    "record_row": pl.Int64(),
    "record_key": pl.String(),  # JSON of the business key and the version key
}
_NUMBER = "entry_number"  # tells the entries of one table and line apart: results of one examination share a line
TABLES = ("set_aside", "out_of_area")
_DROPPED = {
    "file_id": "VARCHAR",
    "table_name": "VARCHAR",
    "source_row": "BIGINT",
    "field": "VARCHAR",
    "reason_code": "VARCHAR",
    "dropped_by": "VARCHAR",
    "purpose": "VARCHAR",
}


class Quarantine:
    """The site's quarantine file; open it, add to it, close it (or use it as a context)."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        spill: Path | None = None,
        read_only: bool = False,
        beside: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self.connection = warehouse.open_database(
            path, key, alias="quarantine", spill=spill, read_only=read_only, beside=beside
        )
        if not read_only:
            columns = ", ".join(
                f"{name} {'BIGINT' if dtype == pl.Int64() else 'VARCHAR'}" for name, dtype in SCHEMA.items()
            )
            for table in TABLES:
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, {_NUMBER} BIGINT)")
            gone = ", ".join(f"{name} {dtype}" for name, dtype in _DROPPED.items())
            self.connection.execute(f"CREATE TABLE IF NOT EXISTS dropped ({gone})")

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def replace(self, file_ids: list[str], rows: dict[str, pl.DataFrame]) -> None:
        """Put in the rows of the given files in place of what was there of them, all or nothing.

        ``rows`` holds a frame of ``SCHEMA`` by table name. A repeat after a kill changes nothing.
        """
        files = pl.DataFrame({"file_id": file_ids}, schema={"file_id": pl.String()})
        self.connection.register("these_files", files)
        self.connection.execute("BEGIN")
        try:
            for table in TABLES:
                self.connection.execute(f"DELETE FROM {table} WHERE file_id IN (SELECT file_id FROM these_files)")
                frame = rows.get(table)
                if frame is not None and frame.height:
                    number = pl.int_range(pl.len()).over("file_id", "table_name", "source_row")
                    self.connection.register("these_rows", frame.select(*SCHEMA, number.alias(_NUMBER)))
                    self.connection.execute(f"INSERT INTO {table} SELECT * FROM these_rows")
                    self.connection.unregister("these_rows")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.connection.unregister("these_files")

    def rows(self, table: str) -> pl.DataFrame:
        """Everything in one of ``TABLES``, in order of file and line."""
        if table not in TABLES:
            raise KeyError(table)
        return self.connection.execute(
            f"SELECT * EXCLUDE ({_NUMBER}) FROM {table} ORDER BY file_id, table_name, source_row, field"
        ).pl()

    def listing(self) -> pl.DataFrame:
        """The rows set aside without what they say: entry_id, file_id, file_name, table_name, source_row, field,
        reason_code, message, set_aside_by, record_table, record_row, is_dropped; in order of file and line.

        A dropped row stands here still, since it stays counted.
        """
        return self.connection.execute(
            f"SELECT {_ENTRY} AS entry_id, file_id, file_name, table_name, source_row, field, reason_code, message, "
            "set_aside_by, record_table, record_row, row_text IS NULL AS is_dropped FROM set_aside "
            f"ORDER BY file_name, file_id, table_name, source_row, {_NUMBER}"
        ).pl()

    def records(self, table: str) -> pl.DataFrame:
        """The records of ``table`` that rows set aside are or belong to: entry_id, file_id, record_key."""
        return self.connection.execute(
            f"SELECT {_ENTRY} AS entry_id, file_id, record_key FROM set_aside "
            "WHERE record_table = ? AND record_key IS NOT NULL ORDER BY ALL",
            [table],
        ).pl()

    def with_lines(self, entry_ids: list[str]) -> pl.DataFrame:
        """These entries and the lines that were set aside with them: entry_id, ``SCHEMA`` and ``record_entry_id``,
        of a line the entry of its record, null of an entry that was asked for."""
        chosen = pl.DataFrame({"entry_id": entry_ids}, schema={"entry_id": pl.String()})
        self.connection.register("these_entries", chosen)
        try:
            found = self.connection.execute(
                f"""
                WITH known AS (SELECT {_ENTRY} AS entry_id, * EXCLUDE ({_NUMBER}), {_NUMBER} FROM set_aside),
                chosen AS (SELECT * FROM known SEMI JOIN these_entries USING (entry_id))
                SELECT *, NULL AS record_entry_id FROM chosen
                UNION ALL
                SELECT lines.*, record.entry_id FROM known AS lines
                JOIN chosen AS record ON record.file_id = lines.file_id AND record.table_name = lines.record_table
                    AND record.source_row = lines.record_row
                WHERE lines.row_text IS NOT NULL AND lines.table_name <> lines.record_table
                AND lines.entry_id NOT IN (SELECT entry_id FROM chosen)
                ORDER BY file_id, table_name, source_row, {_NUMBER}"""
            )
            return found.pl().drop(_NUMBER)
        finally:
            self.connection.unregister("these_entries")

    def reason_again(self, rows: pl.DataFrame) -> None:
        """Give entries another reason (``rows``: ``SCHEMA``), found by their file, table, line and record."""
        if rows.is_empty():
            return
        self.connection.register("these_rows", rows.select(*SCHEMA))
        same = " AND ".join(
            f"set_aside.{name} = these_rows.{name}" for name in ("file_id", "table_name", "source_row", "row_text")
        )
        told = ", ".join(f"{name} = these_rows.{name}" for name in ("field", "reason_code", "message", "remedy"))
        self.connection.execute(f"UPDATE set_aside SET {told} FROM these_rows WHERE {same}")
        self.connection.unregister("these_rows")

    def content(self, entry_id: str) -> str | None:
        """The raw record of one entry, for a person who has said what for; None where there is none (any more)."""
        found = self.connection.execute(
            f"SELECT row_text FROM set_aside WHERE {_ENTRY} = ? LIMIT 1", [entry_id]
        ).fetchone()
        return str(found[0]) if found and found[0] is not None else None

    def drop(self, entry_ids: list[str], *, by: str, purpose: str) -> int:
        """Erase the raw records of these entries for good, noting who gave them up and why; returns how many.

        The entries stay, and stay counted as set aside.
        """
        self.connection.register(
            "these_entries", pl.DataFrame({"entry_id": entry_ids}, schema={"entry_id": pl.String()})
        )
        its = f"row_text IS NOT NULL AND {_ENTRY} IN (SELECT entry_id FROM these_entries)"
        self.connection.execute("BEGIN")
        try:
            self.connection.execute(
                f"INSERT INTO dropped SELECT file_id, table_name, source_row, field, reason_code, ?, ? FROM set_aside "
                f"WHERE {its}",
                [by, purpose],
            )
            found = self.connection.execute(f"UPDATE set_aside SET row_text = NULL WHERE {its}").fetchone()
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.connection.unregister("these_entries")
        self.connection.execute("CHECKPOINT quarantine")
        return int(found[0]) if found else 0


_ENTRY = f"concat_ws(':', left(file_id, 12), table_name, source_row, nullif({_NUMBER}, 0) + 1)"

"""Quarantine: the rows that were not let through, with file, line, field and reason, encrypted.

Rows are kept as text (JSON of the plain row, or the raw line of the source), because an operator
must see what to correct. They never leave the site: the file is encrypted with its at-rest key, and
the ledger holds only counts.
"""

from __future__ import annotations

from pathlib import Path

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
}
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

    def __init__(self, path: Path, key: bytes, *, spill: Path | None = None, read_only: bool = False) -> None:
        self.connection = warehouse.open_database(path, key, alias="quarantine", spill=spill, read_only=read_only)
        if not read_only:
            columns = ", ".join(
                f"{name} {'BIGINT' if dtype == pl.Int64() else 'VARCHAR'}" for name, dtype in SCHEMA.items()
            )
            for table in TABLES:
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
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
                    self.connection.register("these_rows", frame.select(*SCHEMA))
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
        return self.connection.execute(f"SELECT * FROM {table} ORDER BY file_id, table_name, source_row, field").pl()

    def listing(self) -> pl.DataFrame:
        """The rows set aside without what they say: entry_id, file_name, table_name, source_row, field,
        reason_code, message, set_aside_by, is_dropped; in order of file and line.

        A dropped row stands here still, since it stays counted.
        """
        return self.connection.execute(
            f"SELECT {_ENTRY} AS entry_id, file_name, table_name, source_row, field, reason_code, message, "
            "set_aside_by, row_text IS NULL AS is_dropped FROM set_aside "
            "ORDER BY file_name, table_name, source_row, field"
        ).pl()

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


_ENTRY = "concat_ws(':', left(file_id, 12), table_name, source_row)"

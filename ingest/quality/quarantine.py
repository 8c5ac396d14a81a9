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

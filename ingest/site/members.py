"""Who is a live member of which insurer, as the site's own loads have told: what a full delivery is held against.

One row a version of a 資格 record, in the encrypted database of the identity directory; tags only. What
counts is the content (processed date, 基準日), never the order of arrival; the batch of a row is kept so
that a batch taken back is forgotten.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "scheme_code": pl.String(),
    "insurer_number": pl.String(),
    "member_tag": pl.Binary(),
    "record_key_tag": pl.Binary(),
    "applied_start_date": pl.Date(),
    "end_date": pl.Date(),  # exclusive; null while open
    "is_deleted": pl.Boolean(),
    "processed_date": pl.Date(),
    "record_number": pl.Int64(),
    "full_as_of_date": pl.Date(),
}
_TYPES = {pl.String(): "VARCHAR", pl.Binary(): "BLOB", pl.Date(): "DATE", pl.Boolean(): "BOOLEAN", pl.Int64(): "BIGINT"}
INSURER = ("scheme_code", "insurer_number")


class Members:
    """The versions of 資格 records in the database that ``connection`` uses; ``sequence``: the batch at work."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sequence: int = 0) -> None:
        self._connection = connection
        self._sequence = sequence
        columns = ", ".join(f"{name} {_TYPES[dtype]}" for name, dtype in SCHEMA.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS enrolment_version ({columns}, sequence BIGINT)")

    def remember(self, versions: pl.DataFrame) -> None:
        """Add the rows (``SCHEMA``) that one chunk of the batch seals."""
        self._connection.register("told_versions", versions.select(*SCHEMA))
        try:
            self._connection.execute("INSERT INTO enrolment_version SELECT *, ? FROM told_versions", [self._sequence])
        finally:
            self._connection.unregister("told_versions")

    def forget(self, sequence: int) -> None:
        """Take out what the batch ``sequence`` told; a repeat changes nothing."""
        self._connection.execute("DELETE FROM enrolment_version WHERE sequence = ?", [sequence])

    def rekey(self, pairs: pl.DataFrame) -> None:
        """Put new tags in place of old ones (``pairs``: purpose, old_tag, new_tag); a repeat changes nothing."""
        self._connection.register("told_pairs", pairs)
        self._connection.execute("BEGIN")
        try:
            for column, purpose in (("member_tag", "member/enrolment"), ("record_key_tag", "record/enrolment")):
                self._connection.execute(
                    f"UPDATE enrolment_version SET {column} = told.new_tag FROM told_pairs AS told "
                    f"WHERE told.purpose = ? AND told.old_tag = {column}",
                    [purpose],
                )
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._connection.unregister("told_pairs")

    def of(self, insurers: pl.DataFrame) -> pl.DataFrame:
        """All versions (``SCHEMA``) of the insurers (scheme_code, insurer_number)."""
        self._connection.register("asked_insurers", insurers)
        try:
            return self._connection.execute(
                f"SELECT {', '.join(SCHEMA)} FROM enrolment_version "
                "SEMI JOIN asked_insurers USING (scheme_code, insurer_number)"
            ).pl()
        finally:
            self._connection.unregister("asked_insurers")


def versions(plain: pl.DataFrame, record_key_tags: pl.Series, member_tags: pl.Series) -> pl.DataFrame:
    """Rows of 資格 (plain form) as versions (``SCHEMA``)."""
    return plain.select(
        *INSURER,
        member_tags.alias("member_tag"),
        record_key_tags.alias("record_key_tag"),
        "applied_start_date",
        pl.min_horizontal("applied_end_date", "lost_date").alias("end_date"),
        "is_deleted",
        "processed_date",
        "record_number",
        "full_as_of_date",
    )


def live_before(known: pl.DataFrame, day: date) -> pl.DataFrame:
    """The members (scheme_code, insurer_number, member_tag) that were live before a full delivery of ``day``.

    ``known`` holds versions of any age; those of that delivery itself and of later days do not count, nor
    does a record that the full delivery before it no longer named. Of versions equally new one with an end stands.
    """
    last_full = pl.col("full_as_of_date").max().over(INSURER).fill_null(date.min)
    newest = ["processed_date", "record_number", "is_deleted", "end_date"]
    end = pl.col("end_date")
    return (
        known.filter((pl.col("processed_date") <= day) & (pl.col("full_as_of_date").fill_null(date.min) < day))
        .with_columns(last_full.alias("last_full"))
        .sort(newest, descending=[True, True, True, False], nulls_last=True)
        .unique([*INSURER, "record_key_tag"], keep="first", maintain_order=True)
        .filter(
            ~pl.col("is_deleted"),
            pl.col("processed_date") >= pl.col("last_full"),
            pl.col("applied_start_date") <= day,
            end.is_null() | ((end > day) & (end > pl.col("applied_start_date"))),
        )
        .select(*INSURER, "member_tag")
        .unique()
    )

"""A retraction: a site takes back a batch that it should not have sent, and the warehouse forgets it.

What the batch brought is deleted from ``raw``; what it touched is listed in the change set, so that
the next link and build let the earlier states stand again. The same bytes may come again afterwards
in a later batch, and then land like any others. Sequence numbers are never used twice, so
``control.retracted_batch`` says of every row ever staged whether it may still stand.
"""

from __future__ import annotations

from datetime import date

import duckdb

from ingest.center import changes
from ingest.center.schema import COUNT_TABLES, RAW_TABLES, RETRACTION, columns_sql
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.errors import BatchRefused
from ingest.sealing.opened import OpenBatch

KIND = "retraction"
_LIVES = ("enrolment", "care_certification")  # records on which linkage rests
_HERE = "linkage_domain = $linkage_domain AND batch_sequence = $batch_sequence"


def check(connection: duckdb.DuckDBPyConnection, batch: OpenBatch) -> None:
    """Refuse a retraction that holds anything but the numbers of batches."""
    if set(batch.files) != {"retraction"} or set(batch.columns(connection, "retraction")) != set(RETRACTION):
        raise BatchRefused(
            "contract", "a retraction holds the numbers of batches and nothing else", batch.manifest_hash
        )


def take_back(
    connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str, reference_month: date
) -> dict[str, int]:
    """Delete what the named batches brought, open what they touched; returns rows deleted by table.

    Runs inside a transaction of the caller. Raises BatchRefused where a batch named never came.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE told_retraction ({columns_sql(RETRACTION)})")
    batch.load(connection, "retraction", "temp.told_retraction")
    named = [
        row[0] for row in connection.execute("SELECT DISTINCT * FROM temp.told_retraction ORDER BY ALL").fetchall()
    ]
    connection.execute("DROP TABLE temp.told_retraction")
    deleted: dict[str, int] = {}
    for sequence in named:
        found = connection.execute(
            "SELECT 1 FROM control.received_batch WHERE site = ? AND sequence = ? AND sequence < ?",
            [batch.manifest.sender, sequence, batch.manifest.sequence],
        ).fetchone()
        if found is None:
            raise BatchRefused("sequence", f"batch {sequence} never came and cannot be taken back", batch.manifest_hash)
        for table, rows in _forget(connection, linkage_domain, sequence, reference_month).items():
            deleted[table] = deleted.get(table, 0) + rows
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, 0, false)",
        [batch.manifest.sender, batch.manifest.sequence, batch.manifest_hash, linkage_domain],
    )
    return deleted


def _forget(
    connection: duckdb.DuckDBPyConnection, linkage_domain: str, sequence: int, reference_month: date
) -> dict[str, int]:
    place = {"linkage_domain": linkage_domain, "batch_sequence": sequence}
    _note_identities(connection, place)
    brought = [name for name in CONTRACTS if _count(connection, name, place)]
    changes.add_landed(connection, brought, linkage_domain, sequence, reference_month, reason="retracted")
    changes.add_statistics(connection, linkage_domain, sequence, reference_month, reason="retracted")
    deleted = {}
    for name in (*RAW_TABLES, *COUNT_TABLES):
        rows = _count(connection, name, place)
        if rows:
            deleted[name] = rows
            connection.execute(f"DELETE FROM raw.{name} WHERE {_HERE}", place)
    connection.execute(
        "INSERT INTO control.retracted_batch SELECT $linkage_domain, $batch_sequence "
        "EXCEPT SELECT linkage_domain, batch_sequence FROM control.retracted_batch",
        place,
    )
    return deleted


def _note_identities(connection: duckdb.DuckDBPyConnection, place: dict[str, object]) -> None:
    """Whom the batch spoke of, and whom other versions of its records speak of: linkage solves them anew."""
    versions = " UNION ".join(
        f"SELECT linkage_domain, identity_tag FROM raw.{table} SEMI JOIN "
        f"(SELECT linkage_domain, record_key_tag FROM raw.{table} WHERE {_HERE}) USING (linkage_domain, record_key_tag)"
        for table in _LIVES
    )
    connection.execute(
        f"""
        INSERT INTO control.retracted_identity
        SELECT linkage_domain, identity_tag FROM (
            SELECT linkage_domain, identity_tag FROM raw.identity WHERE {_HERE} UNION {versions}
            UNION SELECT linkage_domain, identity_tag FROM raw.identity_pass WHERE {_HERE}
        ) EXCEPT SELECT linkage_domain, identity_tag FROM control.retracted_identity""",
        place,
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str, place: dict[str, object]) -> int:
    found = connection.execute(f"SELECT count(*) FROM raw.{table} WHERE {_HERE}", place).fetchone()
    assert found is not None
    return int(found[0])

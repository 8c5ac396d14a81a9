"""Ties: versions of one record that are equally new by their version key and yet say different things.

Which of them stands is decided by the SHA-256 of the file's bytes and then the line, never by
arrival, so any order of delivery gives the same; that it had to be decided at all is told on
``tsumugi status``, because only the sender can say which one is meant.
"""

from __future__ import annotations

from typing import Any

import duckdb

from ingest.formats.contracts import CONTRACTS, Contract

TIES = "ties"  # value of the ledger: what the last finished build found
_PLACE = ("source_file_id", "source_row", "record_key_tag", "full_as_of_date")  # where it stood, not what it says


def ties(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Records with a tie, by linkage domain, table and the source file that stands.

    Columns: linkage_domain, batch_sequence, table_name, source_file_id, records.
    """
    found: list[dict[str, Any]] = []
    for contract in CONTRACTS.values():
        if contract.business_key and contract.version_key:
            rows = connection.execute(_sql(contract)).fetchall()
            names = ("linkage_domain", "batch_sequence", "source_file_id", "records")
            found += [{"table_name": contract.name} | dict(zip(names, row, strict=True)) for row in rows]
    return found


def _sql(contract: Contract) -> str:
    content = ", ".join(name for name in contract.sealed_schema() if name not in _PLACE)
    version = ", ".join(contract.version_key)
    stands = ", ".join(f"{name} DESC" for name in (*contract.version_key, "source_file_id", "source_row"))
    return f"""
        WITH repeated AS (
            SELECT linkage_domain, record_key_tag, {version} FROM raw.{contract.name}
            GROUP BY ALL HAVING count(*) > 1 AND count(DISTINCT hash({content})) > 1
        ), standing AS (
            SELECT linkage_domain, record_key_tag, {version}, batch_sequence, source_file_id
            FROM raw.{contract.name} SEMI JOIN repeated USING (linkage_domain, record_key_tag)
            QUALIFY row_number() OVER (PARTITION BY linkage_domain, record_key_tag ORDER BY {stands}) = 1
        )
        SELECT linkage_domain, batch_sequence, source_file_id, count(*)
        FROM standing SEMI JOIN repeated USING (linkage_domain, record_key_tag, {version})
        GROUP BY ALL ORDER BY ALL"""

"""Manual decisions on persons: a named person at a site says that two identities are one person, or are not.

They come in sealed batches of kind ``decision``, in the site's own sequence, and stay in ``control.decision`` with who
decided, when and why. What is in force is a function of all of them: an undone decision counts for nothing, and of
those on one pair the last in the site's own order (batch, then place in it) stands, whenever it arrived. Linkage reads
them with the records, so a rebuild replays them; a rotation of the site's identity key gives them the new tags.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from ingest.center.link.decisions import APART, TOGETHER
from ingest.center.schema import DECISION, columns_sql, sql_types
from ingest.sealing.errors import BatchRefused
from ingest.sealing.opened import OpenBatch

KIND = "decision"
UNDO = "undo"
LINK_KINDS = {"merge": TOGETHER, "split": APART, "apart": APART}
"""What a decision asks of linkage."""

# In force: not undone later, and the last word on its pair.
_IN_FORCE = f"""
    SELECT * EXCLUDE (word) FROM (
        SELECT *, row_number() OVER (
            PARTITION BY linkage_domain, least(one_tag, other_tag), greatest(one_tag, other_tag)
            ORDER BY batch_sequence DESC, place DESC) AS word
        FROM control.decision AS said
        WHERE decision_code <> '{UNDO}' AND one_tag IS NOT NULL AND other_tag IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM control.decision AS undone
            WHERE undone.decision_code = '{UNDO}' AND undone.linkage_domain = said.linkage_domain
            AND undone.undone_id = said.decision_id
            AND (undone.batch_sequence, undone.place) > (said.batch_sequence, said.place))
    ) WHERE word = 1"""
_KINDS = " ".join(f"WHEN '{code}' THEN '{kind}'" for code, kind in LINK_KINDS.items())
_LINKED = (
    f"SELECT linkage_domain, CASE decision_code {_KINDS} END AS kind, least(one_tag, other_tag) AS one_tag, "
    f"greatest(one_tag, other_tag) AS other_tag FROM ({_IN_FORCE}) WHERE linkage_domain = ?"
)


def check(connection: duckdb.DuckDBPyConnection, batch: OpenBatch) -> None:
    """Refuse a batch of decisions that holds anything but the one table of them."""
    if set(batch.files) != {"decision"} or batch.columns(connection, "decision") != sql_types(DECISION):
        raise BatchRefused("contract", "a batch of decisions holds the table of them and no other", batch.manifest_hash)


def take(
    connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str, reference_month: date
) -> dict[str, int]:
    """Keep the decisions and note the batch as received; the next linkage follows them. Returns no rows of ``raw``.

    Runs inside a transaction of the caller. Raises BatchRefused where one of them is not whole.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE told_decision ({columns_sql(DECISION)})")
    batch.load(connection, "decision", "temp.told_decision")
    codes = ", ".join(f"'{code}'" for code in LINK_KINDS)
    wrong = connection.execute(
        f"""
        SELECT count(*) FROM temp.told_decision WHERE NOT coalesce(
            decision_id <> '' AND place IS NOT NULL AND decided_on IS NOT NULL AND trim(decided_by) <> ''
            AND trim(reason) <> '' AND (
                decision_code IN ({codes}) AND undone_id = '' AND octet_length(one_tag) = 16
                AND octet_length(other_tag) = 16 AND one_tag <> other_tag
                OR decision_code = '{UNDO}' AND undone_id <> '' AND one_tag IS NULL AND other_tag IS NULL), false)"""
    ).fetchone()
    known = connection.execute(
        "SELECT count(*) - count(DISTINCT decision_id) + count(*) FILTER (decision_id IN ("
        "SELECT decision_id FROM control.decision WHERE linkage_domain = ?)) FROM temp.told_decision",
        [linkage_domain],
    ).fetchone()
    if wrong != (0,) or known != (0,):
        raise BatchRefused("contract", "a decision is not whole, or its number was taken before", batch.manifest_hash)
    names = ", ".join(DECISION)
    connection.execute(
        f"INSERT INTO control.decision (linkage_domain, batch_sequence, {names}) "
        f"SELECT ?, ?, {names} FROM temp.told_decision",
        [linkage_domain, batch.manifest.sequence],
    )
    connection.execute("DROP TABLE temp.told_decision")
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, 0, false)",
        [batch.manifest.sender, batch.manifest.sequence, batch.manifest_hash, linkage_domain],
    )
    refresh(connection, linkage_domain)
    return {}


def rekey(connection: duckdb.DuckDBPyConnection, linkage_domain: str) -> None:
    """Give the decisions of a domain the new tags of ``temp.told_rekey``.

    One whose identity has no new tag (its delivery was taken back) names nobody any more: no old tag stays here.
    """
    for column in ("one_tag", "other_tag"):
        connection.execute(
            f"UPDATE control.decision SET {column} = (SELECT min(told.new_tag) FROM temp.told_rekey AS told "
            f"WHERE told.purpose = 'identity' AND told.old_tag = decision.{column}) WHERE linkage_domain = ?",
            [linkage_domain],
        )
    refresh(connection, linkage_domain)


def refresh(connection: duckdb.DuckDBPyConnection, linkage_domain: str) -> None:
    """Bring ``link.decision`` up to the decisions of a domain; of whom a changed pair speaks is solved anew next."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE in_force AS {_LINKED}", [linkage_domain])
    connection.execute(
        """
        INSERT INTO control.decided_identity
        WITH standing AS (FROM link.decision WHERE linkage_domain = ?),
        changed AS (
            (FROM standing EXCEPT FROM temp.in_force) UNION ALL (FROM temp.in_force EXCEPT FROM standing)
        )
        SELECT linkage_domain, unnest([one_tag, other_tag]) FROM changed
        EXCEPT SELECT linkage_domain, identity_tag FROM control.decided_identity""",
        [linkage_domain],
    )
    connection.execute("DELETE FROM link.decision WHERE linkage_domain = ?", [linkage_domain])
    connection.execute("INSERT INTO link.decision SELECT linkage_domain, kind, one_tag, other_tag FROM temp.in_force")
    connection.execute("DROP TABLE temp.in_force")


def listed(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every decision in the sites' order: linkage_domain, decision_id, decision_code, tags (hex, null where they
    name nobody), undone_id, decided_by, decided_on, reason, is_in_force."""
    found = connection.execute(
        f"""
        WITH in_force AS ({_IN_FORCE})
        SELECT linkage_domain, decision_id, decision_code, lower(hex(one_tag)) AS one_tag,
               lower(hex(other_tag)) AS other_tag, undone_id, decided_by, decided_on, reason,
               (linkage_domain, decision_id) IN (SELECT linkage_domain, decision_id FROM in_force) AS is_in_force
        FROM control.decision ORDER BY linkage_domain, batch_sequence, place"""
    )
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

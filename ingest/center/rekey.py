"""A rekey: a site has a new identity key, and every tag of it here is replaced by the new one.

The batch brings pairs (purpose, old tag, new tag) and the new ciphertexts. ``raw`` and what linkage keeps are written
anew by join, in the transaction that receives the batch, so that afterwards nothing here opens with the old key. What
stays of the first tags (``link.first_tags``) keeps the persons and their ids; the next build is a full one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb

from ingest.center import decisions
from ingest.center.link import first_tags
from ingest.center.schema import REKEY, columns_sql, sql_types
from ingest.formats.contracts import CONTRACTS, Contract
from ingest.sealing.errors import BatchRefused
from ingest.sealing.opened import OpenBatch

KIND = "rekey"
_IDENTITY = "'identity'"


def check(connection: duckdb.DuckDBPyConnection, batch: OpenBatch) -> None:
    """Refuse a rekey that holds anything but pairs and ciphertexts, or does not say its epoch."""
    is_whole = set(batch.files) == set(REKEY)
    is_whole = is_whole and all(batch.columns(connection, name) == sql_types(REKEY[name]) for name in REKEY)
    if not is_whole or not isinstance(batch.manifest.extra.get("epoch"), int):
        raise BatchRefused("contract", "a rekey holds pairs of tags, ciphertexts and its epoch", batch.manifest_hash)


def take(
    connection: duckdb.DuckDBPyConnection,
    batch: OpenBatch,
    linkage_domain: str,
    reference_month: date,
    link_key: bytes,
) -> dict[str, int]:
    """Replace the tags of the domain and note the batch as received; returns no rows, for none is added.

    Runs inside a transaction of the caller. Raises BatchRefused where a pair is ambiguous, a tag that stands here has
    none, or the epoch is not a later one.
    """
    epoch = int(batch.manifest.extra["epoch"])
    for name, schema in REKEY.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE told_{name} ({columns_sql(schema)}, linkage_domain VARCHAR)")
        batch.load(connection, name, f"temp.told_{name}", {"linkage_domain": linkage_domain})
    _require_sound(connection, batch, linkage_domain, epoch)
    _require_complete(connection, batch, linkage_domain)
    first_tags.keep(connection, linkage_domain, link_key)
    for table, tags in _tagged():
        _replace(connection, table, tags, linkage_domain)
    # Made of the old tags: guesses could be tested on them with the old key, and the new ones are told anew.
    connection.execute("DELETE FROM link.told WHERE linkage_domain = ?", [linkage_domain])
    _replace_ciphertexts(connection, linkage_domain, epoch)
    decisions.rekey(connection, linkage_domain)
    for name in REKEY:
        connection.execute(f"DROP TABLE temp.told_{name}")
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, 0, false)",
        [batch.manifest.sender, batch.manifest.sequence, batch.manifest_hash, linkage_domain],
    )
    connection.execute(
        "INSERT INTO control.rekey VALUES (?, ?, ?, false)", [linkage_domain, batch.manifest.sequence, epoch]
    )
    return {}


def _contract_tags(contract: Contract) -> dict[str, str]:
    """Tag columns of a contract table in ``raw`` and, as SQL, the purpose that each was made under."""
    tags = {"identity_tag": _IDENTITY} if contract.has_identity() else {}
    if contract.business_key:
        tags["record_key_tag"] = f"'record/{contract.name}'"
    return tags | {f"{name}_tag": f"'key/{name}'" for name in contract.names("key")}


def _raw_tagged() -> Iterator[tuple[str, dict[str, str]]]:
    for contract in CONTRACTS.values():
        if tags := _contract_tags(contract):
            yield f"raw.{contract.name}", tags
    yield "raw.identity", {"identity_tag": _IDENTITY}
    yield "raw.identity_pass", {"identity_tag": _IDENTITY, "pass_tag": "purpose"}


def _tagged() -> Iterator[tuple[str, dict[str, str]]]:
    yield from _raw_tagged()
    yield "link.node", {"identity_tag": _IDENTITY, "component_tag": _IDENTITY}
    yield "link.incidence", {"identity_tag": _IDENTITY, "pass_tag": "purpose"}
    yield "link.identity_person", {"identity_tag": _IDENTITY}
    yield "link.person_tie", {"one_tag": _IDENTITY, "other_tag": _IDENTITY}
    yield "link.refused_component", {"component_tag": _IDENTITY}
    yield "link.decision", {"one_tag": _IDENTITY, "other_tag": _IDENTITY}
    yield "control.retracted_identity", {"identity_tag": _IDENTITY}
    yield "control.decided_identity", {"identity_tag": _IDENTITY}


def _require_sound(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str, epoch: int) -> None:
    wrong = {
        "ambiguous pair(s)": "SELECT count(*) - least(count(DISTINCT (purpose, old_tag)), "
        "count(DISTINCT (purpose, new_tag))) FROM temp.told_rekey",
        "tag(s) of another length": "SELECT count(*) FROM temp.told_rekey "
        "WHERE octet_length(old_tag) <> 16 OR octet_length(new_tag) <> 16 OR purpose IS NULL",
        "ciphertext(s) of another tag": "SELECT count(*) FROM temp.told_rekey_identity "
        "WHERE array_slice(ciphertext, 1, 16) IS DISTINCT FROM identity_tag",
        "identities without one ciphertext": "SELECT count(*) FROM ("
        "SELECT new_tag FROM temp.told_rekey LEFT JOIN temp.told_rekey_identity ON identity_tag = new_tag "
        f"WHERE purpose = {_IDENTITY} GROUP BY new_tag HAVING count(ciphertext) <> 1)",
    }
    for what, sql in wrong.items():
        found = _count(connection, sql)
        if found:
            raise BatchRefused("contract", f"the rekey holds {found} {what}", batch.manifest_hash)
    newest = _count(
        connection, "SELECT coalesce(max(epoch), 0) FROM raw.identity WHERE linkage_domain = ?", [linkage_domain]
    )
    if epoch <= newest:
        raise BatchRefused("contract", f"the rekey is of epoch {epoch}, {newest} stands here", batch.manifest_hash)


def _require_complete(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str) -> None:
    for table, tags in _raw_tagged():
        for column, purpose in tags.items():
            found = _count(
                connection,
                f"SELECT count(*) FROM (SELECT DISTINCT {purpose} AS purpose, {column} AS old_tag FROM {table} "
                f"WHERE linkage_domain = ? AND {column} IS NOT NULL) "
                "ANTI JOIN temp.told_rekey USING (purpose, old_tag)",
                [linkage_domain],
            )
            if found:
                what = f"{table}.{column}: {found} tag(s) have no new one"
                raise BatchRefused("contract", f"the rekey is not complete, {what}", batch.manifest_hash)


def _replace(connection: duckdb.DuckDBPyConnection, table: str, tags: dict[str, str], linkage_domain: str) -> None:
    """Write the table anew with new tags for old ones: an update in place would be kept in memory twice."""
    if not _count(connection, f"SELECT count(*) FROM {table} WHERE linkage_domain = ?", [linkage_domain]):
        return
    new = ", ".join(f"coalesce(p_{column}.new_tag, f.{column}) AS {column}" for column in tags)
    joins = " ".join(
        f"LEFT JOIN temp.told_rekey AS p_{column} ON p_{column}.linkage_domain = f.linkage_domain "
        f"AND p_{column}.old_tag = f.{column} AND p_{column}.purpose = {_of(purpose)}"
        for column, purpose in tags.items()
    )
    _write_anew(connection, table, f"SELECT f.* REPLACE ({new}) FROM {table} AS f {joins}")


def _replace_ciphertexts(connection: duckdb.DuckDBPyConnection, linkage_domain: str, epoch: int) -> None:
    _write_anew(
        connection,
        "raw.identity",
        "SELECT f.* REPLACE (coalesce(told.ciphertext, f.ciphertext) AS ciphertext, "
        f"CASE WHEN told.ciphertext IS NULL THEN f.epoch ELSE {epoch:d} END AS epoch) FROM raw.identity AS f "
        "LEFT JOIN temp.told_rekey_identity AS told "
        "ON told.linkage_domain = f.linkage_domain AND told.identity_tag = f.identity_tag",
    )


def _write_anew(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    schema, name = table.split(".")
    connection.execute(f"CREATE TABLE {schema}.{name}_anew AS {query}")
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE {schema}.{name}_anew RENAME TO {name}")


def _of(purpose: str) -> str:
    """The purpose of a row: a constant, or its own column."""
    return purpose if purpose.startswith("'") else f"f.{purpose}"


def _count(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None) -> int:
    found = connection.execute(sql, parameters or []).fetchone()
    assert found is not None
    return int(found[0])

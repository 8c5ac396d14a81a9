"""Landing one opened batch in ``raw``: its tables checked against the contracts and its control totals.

Runs inside a transaction of the caller; a batch that does not hold is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from ingest.center import changes
from ingest.center.schema import ACCOMPANYING, RAW_TABLES, sql_types
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.errors import BatchRefused
from ingest.sealing.opened import OpenBatch

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}


def check_tables(connection: duckdb.DuckDBPyConnection, batch: OpenBatch) -> None:
    """Refuse a batch whose tables or columns are not those of the contracts.

    Nothing is taken that has no class: a column the contract does not know could be a name.
    """
    for name in batch.files:
        if name not in RAW_TABLES:
            raise BatchRefused("contract", f"the batch holds an unknown table {name}", batch.manifest_hash)
        expected, found = sql_types(RAW_TABLES[name]), batch.columns(connection, name)
        unknown, missing = found.keys() - expected.keys(), expected.keys() - found.keys()
        if unknown or missing:
            raise BatchRefused(
                "contract", f"{name}: {len(unknown)} unknown and {len(missing)} missing column(s)", batch.manifest_hash
            )
        wrong = sorted(column for column in expected if not _is_same_type(expected[column], found[column]))
        if wrong:
            raise BatchRefused("contract", f"{name}: another type of {', '.join(wrong)}", batch.manifest_hash)
    missing_tables = ACCOMPANYING.keys() - batch.files.keys()
    if missing_tables:
        raise BatchRefused("contract", f"no table {', '.join(sorted(missing_tables))}", batch.manifest_hash)


def land(
    connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str, reference_month: date
) -> dict[str, int]:
    """Append the batch to ``raw``, open its change set and note it as received; returns rows by table.

    Raises BatchRefused where rows and sums differ from the signed control totals, or a fact speaks of
    an identity that never came.
    """
    sequence = batch.manifest.sequence
    constants = {"linkage_domain": linkage_domain, "batch_sequence": sequence}
    rows = {name: batch.load(connection, name, f"raw.{name}", constants) for name in batch.files}
    _check_totals(connection, batch, constants)
    _check_identities(connection, batch, constants)
    facts = [name for name in batch.files if name in CONTRACTS and rows[name]]
    changes.add_landed(connection, facts, linkage_domain, sequence, reference_month)
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, ?, false)",
        [batch.manifest.sender, sequence, batch.manifest_hash, linkage_domain, sum(rows.values())],
    )
    return rows


def _is_same_type(expected: str, found: str) -> bool:
    return expected == found or {expected, found} <= _INTEGERS


def _check_totals(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, constants: Mapping[str, object]) -> None:
    here = "linkage_domain = $linkage_domain AND batch_sequence = $batch_sequence"
    promised = {
        (table, measure): value
        for table, measure, value in connection.execute(
            f"SELECT table_name, measure, sum(value)::BIGINT FROM raw.control_total WHERE {here} "
            "AND outcome = 'sealed' GROUP BY table_name, measure",
            dict(constants),
        ).fetchall()
    }
    for name in batch.files:
        if name not in CONTRACTS:
            continue
        measures = CONTRACTS[name].control_columns
        sums = "".join(f", coalesce(sum({measure}), 0)::BIGINT" for measure in measures)
        found = connection.execute(f"SELECT count(*){sums} FROM raw.{name} WHERE {here}", dict(constants)).fetchone()
        assert found is not None
        wrong = [
            measure
            for measure, value in zip(("rows", *measures), found, strict=True)
            if promised.get((name, measure), 0) != value
        ]
        if wrong:
            raise BatchRefused(
                "total_mismatch", f"{name}: {', '.join(wrong)} not as in the control totals", batch.manifest_hash
            )


def _check_identities(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, constants: Mapping[str, object]) -> None:
    for name in batch.files:
        if name not in CONTRACTS or not CONTRACTS[name].has_identity():
            continue
        found = connection.execute(
            f"SELECT count(*) FROM raw.{name} f ANTI JOIN raw.identity i USING (linkage_domain, identity_tag) "
            "WHERE f.linkage_domain = $linkage_domain AND f.batch_sequence = $batch_sequence",
            dict(constants),
        ).fetchone()
        assert found is not None
        if found[0]:
            raise BatchRefused("contract", f"{name}: {found[0]} row(s) of an unknown identity", batch.manifest_hash)

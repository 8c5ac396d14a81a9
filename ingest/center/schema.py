"""The center's own tables in the warehouse: ``raw``, ``link``, ``control``, ``reference`` (dbt makes the others).

``raw`` grows and loses nothing but what a site takes back (``retraction``); every row carries its linkage domain
and the batch that brought it.
"""

from __future__ import annotations

import duckdb
import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.statistics.columns import STATISTIC, STATISTIC_SOURCE

_SQL_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR",
    pl.Int64(): "BIGINT",
    pl.Int32(): "INTEGER",
    pl.Boolean(): "BOOLEAN",
    pl.Date(): "DATE",
    pl.Binary(): "BLOB",
    pl.Decimal(18, 4): "DECIMAL(18,4)",
}

BATCH_COLUMNS: dict[str, pl.DataType] = {"linkage_domain": pl.String(), "batch_sequence": pl.Int64()}

ACCOMPANYING: dict[str, dict[str, pl.DataType]] = {
    "identity": {
        "identity_tag": pl.Binary(),
        "ciphertext": pl.Binary(),
        "epoch": pl.Int32(),
        "scheme_code": pl.String(),
        "insurer_number": pl.String(),
        "municipality_code": pl.String(),
        "sex_code": pl.String(),
        "birth_month": pl.Date(),
        "is_born_on_first": pl.Boolean(),
    },
    "identity_pass": {
        "identity_tag": pl.Binary(),
        "pass_id": pl.String(),
        "purpose": pl.String(),
        "pass_tag": pl.Binary(),
    },
    "control_total": {
        "delivery_id": pl.Int64(),
        "source_file_id": pl.String(),
        "stream": pl.String(),
        "table_name": pl.String(),
        "scheme_code": pl.String(),
        "measure": pl.String(),
        "outcome": pl.String(),
        "value": pl.Int64(),
    },
    "arrival": {
        "delivery_id": pl.Int64(),
        "insurer_number": pl.String(),
        "stream": pl.String(),
        "month": pl.Date(),
        "rows": pl.Int64(),
    },
}
"""Tables that travel with the contract tables in every batch of facts."""

RETRACTION: dict[str, pl.DataType] = {"retracted_sequence": pl.Int64()}
"""The only table of a retraction: numbers of the sender's own batches."""

REKEY: dict[str, dict[str, pl.DataType]] = {
    "rekey": {"purpose": pl.String(), "old_tag": pl.Binary(), "new_tag": pl.Binary()},
    "rekey_identity": {"identity_tag": pl.Binary(), "ciphertext": pl.Binary()},
}
"""The tables of a rekey: every tag under the old and the new identity key, and the new ciphertexts."""

DECISION: dict[str, pl.DataType] = {
    "decision_id": pl.String(),
    "place": pl.Int64(),  # in its batch
    "decision_code": pl.String(),  # merge, split, apart, undo
    "one_tag": pl.Binary(),
    "other_tag": pl.Binary(),
    "undone_id": pl.String(),  # of the decision that an undo takes back, else empty
    "decided_by": pl.String(),
    "decided_on": pl.Date(),
    "reason": pl.String(),
}
"""The only table of a batch of manual decisions (``decisions``): no name, number or birth date of a person."""

RAW_TABLES: dict[str, dict[str, pl.DataType]] = {
    name: contract.sealed_schema() for name, contract in CONTRACTS.items()
} | ACCOMPANYING
"""The tables that a batch of facts may hold."""

COUNT_TABLES: dict[str, dict[str, pl.DataType]] = {
    "statistic": STATISTIC,
    "statistic_source": STATISTIC_SOURCE,
}
"""The tables of a batch of statistics, beside ``control_total``; no person is in them."""

REFERENCE_VALUE: dict[str, pl.DataType] = {
    "year": pl.Int64(),
    "area_level": pl.String(),
    "area_id": pl.String(),
    "sex_code": pl.String(),
    "age_band_code": pl.String(),
    "measure_code": pl.String(),
    "value": pl.Decimal(18, 4),
    "source": pl.String(),
}
"""One figure of a public table (``ingest/reference``), which stand beside the batches: no person is in them."""


def columns_sql(schema: dict[str, pl.DataType]) -> str:
    """Column definitions of a Polars schema."""
    return ", ".join(f"{name} {_SQL_TYPES[dtype]}" for name, dtype in schema.items())


_OWN_TABLES = {
    "link.node": "linkage_domain VARCHAR, identity_tag BLOB, component_tag BLOB, sex_code VARCHAR, birth_month DATE",
    "link.incidence": "linkage_domain VARCHAR, purpose VARCHAR, pass_tag BLOB, identity_tag BLOB, pass_id VARCHAR",
    "link.told": "linkage_domain VARCHAR, identity_hash UBIGINT, tokens_sum HUGEINT",  # see link/reach.py
    "link.identity_person": "linkage_domain VARCHAR, identity_tag BLOB, person_id BLOB, is_provisional BOOLEAN",
    "link.refused_component": "linkage_domain VARCHAR, component_tag BLOB, reason_code VARCHAR, pass_id VARCHAR, "
    "edges BIGINT",
    "link.refused_edge": "reason_code VARCHAR, pass_id VARCHAR, edges BIGINT",
    "link.person_evidence": "person_id BLOB, pass_id VARCHAR, edges BIGINT",
    "link.person_tie": "linkage_domain VARCHAR, person_id BLOB, one_tag BLOB, other_tag BLOB, pass_id VARCHAR, "
    "strength VARCHAR, tie_rank BIGINT",  # what holds a person together: see Solved in link/components.py
    "link.alias": "old_person_id BLOB, new_person_id BLOB, build_sequence BIGINT, reference_month DATE, "
    "reason VARCHAR",  # late_record, merge, split, manual
    "link.decision": "linkage_domain VARCHAR, kind VARCHAR, one_tag BLOB, other_tag BLOB",  # see link/decisions.py
    "link.first_tag": "linkage_domain VARCHAR, purpose VARCHAR, tag BLOB, first_tag BLOB",  # see link/first_tags.py
    "control.received_batch": "site VARCHAR, sequence BIGINT, manifest_hash VARCHAR, linkage_domain VARCHAR, "
    "rows BIGINT, is_linked BOOLEAN",
    "control.retracted_batch": "linkage_domain VARCHAR, batch_sequence BIGINT",
    "control.retracted_identity": "linkage_domain VARCHAR, identity_tag BLOB",  # until the next linkage
    "control.decided_identity": "linkage_domain VARCHAR, identity_tag BLOB",  # until the next linkage
    "control.rekey": "linkage_domain VARCHAR, batch_sequence BIGINT, epoch INTEGER, is_built BOOLEAN",
    "control.decision": f"linkage_domain VARCHAR, batch_sequence BIGINT, {columns_sql(DECISION)}",
    "control.link_rules": "rules_hash VARCHAR",
    "control.link_renewal": "number INTEGER",  # link keys that link.first_tag went over to, see link/first_tags.py
    "control.change_partition": "scheme_code VARCHAR, insurer_number VARCHAR, month DATE, table_name VARCHAR, "
    "reason VARCHAR",
    "control.change_person": "person_id BLOB, reason VARCHAR",
    "control.change_history": "build_sequence BIGINT, table_name VARCHAR, reason VARCHAR, partitions BIGINT, "
    "first_month DATE, last_month DATE, persons BIGINT",
    "control.known_disease": "disease_code VARCHAR, icd10_code VARCHAR",
    "control.known_drug": "item_code VARCHAR, drug_class_code VARCHAR, ingredient_code VARCHAR, form_code VARCHAR, "
    "is_generic BOOLEAN, has_generic BOOLEAN",
    "reference.loaded": "table_name VARCHAR, year BIGINT, files BIGINT, rows BIGINT, areas BIGINT, source VARCHAR, "
    "digest VARCHAR",  # public tables in the warehouse; digest is of the whole table, see center/reference_values.py
    "reference.value": f"table_name VARCHAR, {columns_sql(REFERENCE_VALUE)}",
    "edition.edition": "edition_id VARCHAR, fiscal_year BIGINT, edition_number BIGINT, frozen_by VARCHAR, "
    "frozen_date DATE, reference_month DATE, build_sequence BIGINT, figures BIGINT",  # see center/edition.py
    "edition.figure": "edition_id VARCHAR, linkage_domain VARCHAR, indicator_id VARCHAR, definition_version BIGINT, "
    "period DATE, scheme_code VARCHAR, class_code VARCHAR, area_level VARCHAR, area_id VARCHAR, sex_code VARCHAR, "
    "age_band_code VARCHAR, numerator BIGINT, denominator BIGINT",
    "control.build": "build_sequence BIGINT, reference_month DATE, project_hash VARCHAR, is_full_refresh BOOLEAN, "
    "state VARCHAR",
}


def sql_types(schema: dict[str, pl.DataType]) -> dict[str, str]:
    """DuckDB type by column name."""
    return {name: _SQL_TYPES[dtype] for name, dtype in schema.items()}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are not there yet, in the database in use."""
    for schema in ("raw", "link", "control", "reference", "edition"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name, columns in (RAW_TABLES | COUNT_TABLES).items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{name} ({columns_sql(columns | BATCH_COLUMNS)})")
    for name, definition in _OWN_TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({definition})")


def next_build(connection: duckdb.DuckDBPyConnection) -> int:
    """Sequence of the build to come: one after the last finished one."""
    row = connection.execute(
        "SELECT coalesce(max(build_sequence), 0) + 1 FROM control.build WHERE state = 'finished'"
    ).fetchone()
    assert row is not None
    return int(row[0])

"""What linkage of everything writes: every table of ``link`` whole, and the change set of whoever is new or moved."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from ingest.center import changes
from ingest.center.link.written import Named, figures, note_moved, registered, sum_refused

_TABLES = {
    "node": "SELECT linkage_domain, identity_tag, component_tag, sex_code, birth_month FROM solved_person",
    "identity_person": "SELECT linkage_domain, identity_tag, person_id, is_provisional FROM solved_person",
    "refused_component": "SELECT linkage_domain, component_tag, reason_code, pass_id, edges FROM solved_refusal",
    "person_evidence": "SELECT person_id, pass_id, edges FROM solved_evidence",
    "person_tie": "SELECT linkage_domain, person_id, one_tag, other_tag, pass_id, strength, tie_rank FROM solved_tie",
}


def write(
    connection: duckdb.DuckDBPyConnection, named: Named, reference_month: date, build_sequence: int
) -> dict[str, Any]:
    """Replace what ``link.*`` says; returns figures (counts only)."""
    with registered(connection, named):
        if connection.execute("SELECT 1 FROM link.identity_person LIMIT 1").fetchone() is None:
            new, renamed = named.persons.height, 0
            _note_all_new(connection, reference_month)
        else:
            new, renamed = note_moved(connection, reference_month, build_sequence)
            _note_vanished(connection)
        for table, rows in _TABLES.items():
            connection.execute(f"DELETE FROM link.{table}")
            connection.execute(f"INSERT INTO link.{table} {rows}")
    sum_refused(connection)
    return figures(connection) | {
        "solved_identities": named.persons.height,
        "new_identities": new,
        "renamed_identities": renamed,
    }


def _note_all_new(connection: duckdb.DuckDBPyConnection, reference_month: date) -> None:
    """Open the change set of everybody, where nobody was known before."""
    connection.execute(
        "INSERT INTO control.change_person SELECT DISTINCT person_id, 'new' FROM solved_person "
        "EXCEPT SELECT person_id, reason FROM control.change_person"
    )
    changes.add_relinked(connection, None, reference_month)


def _note_vanished(connection: duckdb.DuckDBPyConnection) -> None:
    """Open the change set of persons whose identities only retracted batches had brought."""
    connection.execute(
        """
        INSERT INTO control.change_person
        SELECT DISTINCT person_id, 'left' FROM link.identity_person
        ANTI JOIN solved_person USING (linkage_domain, identity_tag)
        EXCEPT SELECT person_id, reason FROM control.change_person"""
    )

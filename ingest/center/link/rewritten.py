"""What linkage of everything writes: every table of ``link`` whole, and the change set of whoever is new or moved."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from ingest.center import changes
from ingest.center.link.written import Named, figures, note_moved, registered, sum_refused

_NODES = "SELECT linkage_domain, identity_tag, component_tag, sex_code, birth_month FROM solved_person"
_PERSONS = "SELECT linkage_domain, identity_tag, person_id, is_provisional FROM solved_person"


def write(
    connection: duckdb.DuckDBPyConnection, named: Named, reference_month: date, build_sequence: int
) -> dict[str, Any]:
    """Replace what ``link.*`` says; returns figures (counts only)."""
    with registered(connection, solved_person=named.persons):
        if connection.execute("SELECT 1 FROM link.identity_person LIMIT 1").fetchone() is None:
            new, renamed = named.persons.height, 0
            _note_all_new(connection, reference_month)
        else:
            new, renamed = note_moved(connection, reference_month, build_sequence)
            _note_vanished(connection)
        _replace(connection, "node", _NODES)
        _replace(connection, "identity_person", _PERSONS)
    for table, frame in (
        ("refused_component", named.refused),
        ("person_evidence", named.evidence),
        ("person_tie", named.ties),
    ):  # one after the other: as DuckDB takes them they are held twice
        with registered(connection, solved=frame):
            _replace(connection, table, f"SELECT {', '.join(frame.columns)} FROM solved")
    sum_refused(connection)
    return figures(connection) | {
        "solved_identities": named.persons.height,
        "new_identities": new,
        "renamed_identities": renamed,
    }


def _replace(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    connection.execute(f"DELETE FROM link.{table}")
    connection.execute(f"INSERT INTO link.{table} BY NAME {rows}")


def _note_all_new(connection: duckdb.DuckDBPyConnection, reference_month: date) -> None:
    """Open the change set of everybody, where nobody was known before."""
    connection.execute(
        "INSERT INTO control.change_person SELECT person_id, 'new' FROM solved_person "
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

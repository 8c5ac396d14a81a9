"""What linkage writes after a load: persons, what holds them together, what was refused, and the change set of whoever
moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from ingest.center import changes
from ingest.center.link.aliases import log_aliases
from ingest.center.link.components import Solved
from ingest.center.link.tags import ROW_GROUP


@dataclass(frozen=True)
class Named:
    """What was solved under the tags of now and the names of persons: ``persons`` (linkage_domain, identity_tag,
    component_tag, sex_code, birth_month, person_id, is_provisional), ``refused``, ``evidence`` and ``ties`` as in
    ``link``."""

    persons: pl.DataFrame
    refused: pl.DataFrame
    evidence: pl.DataFrame
    ties: pl.DataFrame

    @classmethod
    def of(cls, solved: Solved, persons: pl.DataFrame, nodes: pl.DataFrame) -> Named:
        """``persons`` as in ``IDENTITY_PERSON_SCHEMA``, a row for each of the ``nodes`` with their ``now_tag``."""
        domain, tag, person_id = nodes["linkage_domain"], nodes["now_tag"], persons["person_id"]
        refused, ties = solved.refused, solved.ties
        return cls(
            nodes.select(
                "linkage_domain",
                tag.alias("identity_tag"),
                tag.gather(solved.component).alias("component_tag"),
                "sex_code",
                "birth_month",
                person_id,
                persons["is_provisional"],
            ),
            refused.select(
                domain.gather(refused["component"]),
                tag.gather(refused["component"]).alias("component_tag"),
                "reason_code",
                "pass_id",
                "edges",
            ),
            solved.evidence.select(person_id.gather(solved.evidence["person"]), "pass_id", "edges"),
            ties.select(
                domain.gather(ties["one"]),
                person_id.gather(ties["person"]),
                tag.gather(ties["one"]).alias("one_tag"),
                tag.gather(ties["other"]).alias("other_tag"),
                "pass_id",
                "strength",
                "tie_rank",
            ),
        )


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **frames: pl.DataFrame) -> Iterator[None]:
    """The frames under their names, as long as what stands inside lasts; in parts, so that they are read by several
    threads."""
    for name, frame in frames.items():
        rows = frame.to_arrow()
        connection.register(name, pa.Table.from_batches(rows.to_batches(ROW_GROUP), rows.schema))
    try:
        yield
    finally:
        for name in frames:
            connection.unregister(name)


def write(
    connection: duckdb.DuckDBPyConnection, named: Named, reference_month: date, build_sequence: int
) -> dict[str, Any]:
    """Replace what ``link.*`` says of the identities in ``temp.affected``; returns figures (counts only)."""
    with registered(
        connection,
        solved_person=named.persons,
        solved_refusal=named.refused,
        solved_evidence=named.evidence,
        solved_tie=named.ties,
    ):
        new, renamed = note_moved(connection, reference_month, build_sequence)
        _replace_evidence(connection)
        _replace_persons(connection)
        sum_refused(connection)
        return figures(connection) | {
            "solved_identities": named.persons.height,
            "new_identities": new,
            "renamed_identities": renamed,
        }


def note_moved(connection: duckdb.DuckDBPyConnection, reference_month: date, build_sequence: int) -> tuple[int, int]:
    """Open the change set of who is new or has another id than in ``link.identity_person``, and log the ids of before;
    how many identities are new, and how many renamed."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE moved AS
        SELECT n.linkage_domain, n.identity_tag, o.person_id AS old_person_id, n.person_id AS new_person_id
        FROM solved_person n LEFT JOIN link.identity_person o USING (linkage_domain, identity_tag)
        WHERE o.person_id IS NULL OR o.person_id <> n.person_id"""
    )
    connection.execute(
        """
        INSERT INTO control.change_person
        SELECT DISTINCT person_id, reason FROM (
            SELECT old_person_id AS person_id, 'left' AS reason FROM temp.moved WHERE old_person_id IS NOT NULL
            UNION ALL SELECT new_person_id, CASE WHEN old_person_id IS NULL THEN 'new' ELSE 'joined' END
            FROM temp.moved)
        EXCEPT SELECT person_id, reason FROM control.change_person"""
    )
    log_aliases(connection, reference_month, build_sequence)
    changes.add_relinked(connection, "temp.moved", reference_month)
    counted = connection.execute(
        "SELECT count(*) FILTER (old_person_id IS NULL), count(old_person_id) FROM temp.moved"
    ).fetchone()
    assert counted is not None
    connection.execute("DROP TABLE temp.moved")
    return counted[0], counted[1]


def sum_refused(connection: duckdb.DuckDBPyConnection) -> None:
    """Count anew in ``link.refused_edge`` what stands in ``link.refused_component``."""
    connection.execute("DELETE FROM link.refused_edge")
    connection.execute(
        "INSERT INTO link.refused_edge SELECT reason_code, pass_id, sum(edges)::BIGINT FROM link.refused_component "
        "GROUP BY reason_code, pass_id ORDER BY reason_code, pass_id"
    )


def figures(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Counts of what stands in ``link`` now."""
    row = connection.execute(
        """
        SELECT coalesce(sum(identities), 0)::BIGINT, count(*), count(*) FILTER (is_provisional) FROM (
            SELECT count(*) AS identities, bool_or(is_provisional) AS is_provisional
            FROM link.identity_person GROUP BY person_id)"""
    ).fetchone()
    assert row is not None
    refused = connection.execute(
        "SELECT reason_code, sum(edges)::BIGINT FROM link.refused_edge GROUP BY reason_code ORDER BY reason_code"
    ).fetchall()
    return {
        "identities": row[0],
        "persons": row[1],
        "provisional_persons": row[2],
        "refused_edges": dict(refused),
    }


def _replace_persons(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the components solved anew over those of before, and the refusals counted in them."""
    connection.execute(
        """
        DELETE FROM link.refused_component WHERE (linkage_domain, component_tag) IN (
            SELECT linkage_domain, component_tag FROM link.node
            SEMI JOIN temp.affected USING (linkage_domain, identity_tag))"""
    )
    connection.execute(
        "INSERT INTO link.refused_component "
        "SELECT linkage_domain, component_tag, reason_code, pass_id, edges FROM solved_refusal"
    )
    connection.execute(  # to delete and insert is far cheaper than to update
        "CREATE OR REPLACE TEMP TABLE changed_node AS "
        "SELECT linkage_domain, identity_tag, s.component_tag, s.sex_code, s.birth_month "
        "FROM link.node AS n JOIN solved_person AS s USING (linkage_domain, identity_tag) "
        "WHERE n.component_tag <> s.component_tag"
    )
    connection.execute(
        "DELETE FROM link.node WHERE (linkage_domain, identity_tag) IN "
        "(SELECT linkage_domain, identity_tag FROM temp.changed_node)"
    )
    connection.execute("INSERT INTO link.node SELECT * FROM temp.changed_node")
    connection.execute("DROP TABLE temp.changed_node")
    connection.execute(
        "DELETE FROM link.identity_person WHERE (linkage_domain, identity_tag) IN "
        "(SELECT linkage_domain, identity_tag FROM temp.affected)"
    )
    connection.execute(
        "INSERT INTO link.identity_person "
        "SELECT linkage_domain, identity_tag, person_id, is_provisional FROM solved_person"
    )


def _replace_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """What holds the persons solved anew together, over what held those of before."""
    connection.execute(
        """
        DELETE FROM link.person_evidence WHERE person_id IN (
            SELECT person_id FROM link.identity_person SEMI JOIN temp.affected USING (linkage_domain, identity_tag)
            UNION SELECT person_id FROM solved_person)"""
    )
    connection.execute("INSERT INTO link.person_evidence SELECT person_id, pass_id, edges FROM solved_evidence")
    connection.execute(
        "DELETE FROM link.person_tie WHERE (linkage_domain, one_tag) IN "
        "(SELECT linkage_domain, identity_tag FROM temp.affected)"
    )
    connection.execute(
        "INSERT INTO link.person_tie "
        "SELECT linkage_domain, person_id, one_tag, other_tag, pass_id, strength, tie_rank FROM solved_tie"
    )

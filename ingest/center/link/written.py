"""What linkage writes: persons, what holds them together, what was refused, and the change set of whoever moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import polars as pl

from ingest.center import changes
from ingest.center.link.components import Solved


@dataclass(frozen=True)
class Named:
    """What was solved under the names and tags of now: ``persons`` (linkage_domain, identity_tag, component_tag,
    person_id, is_provisional), ``refused`` and ``evidence`` as in ``Solved``, the latter by person_id."""

    persons: pl.DataFrame
    refused: pl.DataFrame
    evidence: pl.DataFrame

    @classmethod
    def of(cls, nodes: pl.DataFrame, solved: Solved, persons: pl.DataFrame) -> Named:
        """``nodes`` has the first tag of each identity and ``now_tag``; ``persons`` is of ``IDENTITY_PERSON_SCHEMA``."""
        first = ["linkage_domain", "identity_tag"]
        now = nodes.select(*first, "now_tag")
        component = now.rename({"identity_tag": "component_tag", "now_tag": "component_now"})
        by_component = ["linkage_domain", "component_tag"]
        group = persons.select("linkage_domain", pl.col("identity_tag").alias("group_tag"), "person_id")
        return cls(
            solved.persons.join(persons, on=first)
            .join(now, on=first)
            .join(component, on=by_component)
            .select(
                "linkage_domain",
                pl.col("now_tag").alias("identity_tag"),
                pl.col("component_now").alias("component_tag"),
                "person_id",
                "is_provisional",
            ),
            solved.refused.join(component, on=by_component).select(
                "linkage_domain", pl.col("component_now").alias("component_tag"), "reason_code", "rule_id", "edges"
            ),
            solved.evidence.join(group, on=["linkage_domain", "group_tag"]).select(
                "person_id", "rule_id", "identities", "joins", "is_weakest"
            ),
        )


def write(
    connection: duckdb.DuckDBPyConnection, named: Named, reference_month: date, build_sequence: int
) -> dict[str, Any]:
    """Replace what ``link.*`` says of the identities in ``temp.affected``; returns figures (counts only)."""
    connection.register("solved_person", named.persons.to_arrow())
    connection.register("solved_refusal", named.refused.to_arrow())
    connection.register("solved_evidence", named.evidence.to_arrow())
    try:
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
        connection.execute(
            "INSERT INTO link.alias SELECT DISTINCT old_person_id, new_person_id, ? FROM temp.moved "
            "WHERE old_person_id IS NOT NULL",
            [build_sequence],
        )
        _replace_evidence(connection)
        _replace_persons(connection)
        changes.add_relinked(connection, "temp.moved", reference_month)
        return _figures(connection, named.persons.height)
    finally:
        connection.unregister("solved_person")
        connection.unregister("solved_refusal")
        connection.unregister("solved_evidence")
        connection.execute("DROP TABLE IF EXISTS temp.moved")


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
        "SELECT linkage_domain, component_tag, reason_code, rule_id, edges FROM solved_refusal"
    )
    connection.execute("DELETE FROM link.refused_edge")
    connection.execute(
        "INSERT INTO link.refused_edge SELECT reason_code, rule_id, sum(edges)::BIGINT FROM link.refused_component "
        "GROUP BY reason_code, rule_id ORDER BY reason_code, rule_id"
    )
    connection.execute(
        "UPDATE link.node n SET component_tag = s.component_tag FROM solved_person s "
        "WHERE n.linkage_domain = s.linkage_domain AND n.identity_tag = s.identity_tag "
        "AND n.component_tag <> s.component_tag"
    )
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
    connection.execute(
        "INSERT INTO link.person_evidence SELECT person_id, rule_id, identities, joins, is_weakest FROM solved_evidence"
    )


def _figures(connection: duckdb.DuckDBPyConnection, solved: int) -> dict[str, Any]:
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM link.identity_person),
               (SELECT count(DISTINCT person_id) FROM link.identity_person),
               (SELECT count(DISTINCT person_id) FROM link.identity_person WHERE is_provisional),
               (SELECT count(*) FROM temp.moved WHERE old_person_id IS NULL),
               (SELECT count(*) FROM temp.moved WHERE old_person_id IS NOT NULL)"""
    ).fetchone()
    assert row is not None
    refused = connection.execute(
        "SELECT reason_code, sum(edges)::BIGINT FROM link.refused_edge GROUP BY reason_code ORDER BY reason_code"
    ).fetchall()
    return {
        "identities": row[0],
        "persons": row[1],
        "provisional_persons": row[2],
        "solved_identities": solved,
        "new_identities": row[3],
        "renamed_identities": row[4],
        "refused_edges": dict(refused),
    }

"""Linkage kept in the warehouse: solve anew what a load touched, write what changed.

Everything here happens inside one transaction of the caller, so that a kill leaves the state of
before and the next run repeats it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import polars as pl

from ingest.center import changes
from ingest.center.link.aliases import log_aliases
from ingest.center.link.components import RULES_VERSION, Solved, solve
from ingest.center.link.decisions import DECISION_SCHEMA
from ingest.center.link.edges import INCIDENCE_SCHEMA, rules_hash
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.guards import LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.person_id import ANCHOR_SCHEMA, name_persons
from ingest.center.link.person_ties import keep_ties, person_ties
from ingest.center.link.records import ANCHORS_SQL, LIVES_SQL
from ingest.center.link.rules import Rules

_IDENTITY = "linkage_domain, identity_tag"
_RECORDS = ("enrolment", "care_certification")  # what guards and anchors rest on


def relink(
    connection: duckdb.DuckDBPyConnection,
    name_key: bytes,
    tag_key: bytes,
    rules: Rules,
    reference_month: date,
    build_sequence: int,
) -> dict[str, Any]:
    """Bring ``link.*`` up to the records in ``raw.*`` and open the change set of what moved.

    ``name_key`` is the link key that persons are named by, ``tag_key`` the one in use, which opens first tags. Returns
    figures (counts only). Decisions are those of ``link.decision``; whoever changes it names the identities of the
    changed pairs in ``control.decided_identity``.
    """
    followed = rules_hash(rules, RULES_VERSION)
    is_new_rules = connection.execute("SELECT rules_hash FROM control.link_rules").fetchone() != (followed,)
    _take_in(connection)
    _find_affected(connection, everything=is_new_rules)
    _forget_vanished(connection)
    first = FirstTags(connection, tag_key)
    incidences = first.of(_frame(connection, _INCIDENCES, INCIDENCE_SCHEMA), "identity_tag")
    incidences = first.of(incidences, "pass_tag", pl.col("purpose"))
    decided = first.of(first.of(_frame(connection, _DECISIONS, DECISION_SCHEMA), "one_tag"), "other_tag")
    solved = solve(
        first.of(_frame(connection, _NODES, NODE_SCHEMA), "identity_tag"),
        incidences,
        first.of(_frame(connection, _LIVES, LIVE_SCHEMA), "identity_tag"),
        rules,
        decided,
    )
    ties = first.back(person_ties(solved.persons, incidences, decided, rules), "one_tag", "other_tag")
    anchors = first.of(_frame(connection, _ANCHORS, ANCHOR_SCHEMA), "identity_tag")
    named = first.back(name_persons(solved.persons, anchors, name_key), "identity_tag")
    solved = Solved(
        first.back(solved.persons, "identity_tag", "component_tag", "group_tag"),
        first.back(solved.refused, "component_tag"),
    )
    figures = _write(connection, solved, named, reference_month, build_sequence)
    keep_ties(connection, ties)
    connection.execute("DELETE FROM control.link_rules")
    connection.execute("INSERT INTO control.link_rules VALUES (?)", [followed])
    connection.execute("UPDATE control.received_batch SET is_linked = true WHERE NOT is_linked")
    for table in ("fresh_batch", "touched", "decided", "affected"):
        connection.execute(f"DROP TABLE temp.{table}")
    return figures


def _take_in(connection: duckdb.DuckDBPyConnection) -> None:
    """Identities and incidences of batches not linked yet; note whom their records touch."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE fresh_batch AS SELECT linkage_domain, sequence AS batch_sequence "
        "FROM control.received_batch WHERE NOT is_linked"
    )
    connection.execute(
        """
        INSERT INTO link.node
        SELECT linkage_domain, identity_tag, identity_tag, min(sex_code), min(birth_month)
        FROM raw.identity SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
        ANTI JOIN link.node USING (linkage_domain, identity_tag)
        GROUP BY linkage_domain, identity_tag"""
    )
    connection.execute(
        """
        INSERT INTO link.incidence
        SELECT DISTINCT linkage_domain, purpose, pass_tag, identity_tag, pass_id
        FROM raw.identity_pass SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
        ANTI JOIN link.incidence USING (linkage_domain, purpose, pass_tag, identity_tag, pass_id)"""
    )
    versions = " UNION ALL ".join(
        f"SELECT linkage_domain, identity_tag FROM raw.{table} SEMI JOIN (SELECT linkage_domain, record_key_tag "
        f"FROM raw.{table} SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)) "
        "USING (linkage_domain, record_key_tag)"
        for table in _RECORDS
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT linkage_domain, identity_tag
        FROM raw.identity SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
        UNION
        SELECT linkage_domain, identity_tag
        FROM raw.identity_pass SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
        UNION
        SELECT linkage_domain, identity_tag FROM ({versions})
        UNION
        SELECT linkage_domain, identity_tag FROM control.retracted_identity
        UNION
        SELECT linkage_domain, identity_tag FROM control.decided_identity"""
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE decided AS FROM control.decided_identity")
    connection.execute("DELETE FROM control.decided_identity")


def _find_affected(connection: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """All identities in the components of the candidate graph that a touched one lies in or reaches.

    The components of before, joined through the touched identities, are closed: no component reaches out of the set,
    neither where edges were added nor where a retraction took some away.
    """
    if everything:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE affected AS SELECT linkage_domain, identity_tag FROM link.node"
        )
        return
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE affected AS
        WITH reached AS (
            SELECT linkage_domain, identity_tag FROM temp.touched
            UNION
            SELECT linkage_domain, identity_tag FROM link.incidence SEMI JOIN (
                SELECT linkage_domain, purpose, pass_tag
                FROM link.incidence SEMI JOIN temp.touched USING (linkage_domain, identity_tag)
            ) USING (linkage_domain, purpose, pass_tag)
            UNION
            SELECT linkage_domain, other_tag FROM link.decision
            JOIN temp.touched USING (linkage_domain) WHERE identity_tag = one_tag
            UNION
            SELECT linkage_domain, one_tag FROM link.decision
            JOIN temp.touched USING (linkage_domain) WHERE identity_tag = other_tag
        ), component AS (
            SELECT DISTINCT linkage_domain, component_tag
            FROM link.node SEMI JOIN reached USING (linkage_domain, identity_tag)
        )
        SELECT linkage_domain, identity_tag FROM link.node SEMI JOIN component USING (linkage_domain, component_tag)"""
    )


def _forget_vanished(connection: duckdb.DuckDBPyConnection) -> None:
    """Take out identities and tags that only retracted batches had brought; who is left is solved anew."""
    if connection.execute("SELECT count(*) FROM control.retracted_identity").fetchone() == (0,):
        return
    connection.execute(
        """
        DELETE FROM link.refused_component WHERE (linkage_domain, component_tag) IN (
            SELECT linkage_domain, component_tag FROM link.node
            SEMI JOIN temp.affected USING (linkage_domain, identity_tag))"""
    )
    connection.execute(
        """
        INSERT INTO control.change_person
        SELECT DISTINCT person_id, 'left' FROM link.identity_person
        SEMI JOIN temp.affected USING (linkage_domain, identity_tag)
        ANTI JOIN raw.identity USING (linkage_domain, identity_tag)
        EXCEPT SELECT person_id, reason FROM control.change_person"""
    )
    connection.execute(
        """
        DELETE FROM link.node WHERE (linkage_domain, identity_tag) IN (
            SELECT linkage_domain, identity_tag FROM temp.affected
            ANTI JOIN raw.identity USING (linkage_domain, identity_tag))"""
    )
    connection.execute(
        """
        DELETE FROM link.incidence
        WHERE (linkage_domain, identity_tag) IN (SELECT linkage_domain, identity_tag FROM temp.affected)
        AND NOT EXISTS (
            SELECT 1 FROM raw.identity_pass AS told
            WHERE told.linkage_domain = incidence.linkage_domain AND told.identity_tag = incidence.identity_tag
            AND told.purpose = incidence.purpose AND told.pass_tag = incidence.pass_tag
            AND told.pass_id = incidence.pass_id)"""
    )
    connection.execute("DELETE FROM control.retracted_identity")


_NODES = """
    SELECT linkage_domain, identity_tag, sex_code, birth_month
    FROM link.node SEMI JOIN temp.affected USING (linkage_domain, identity_tag)"""

_INCIDENCES = """
    SELECT linkage_domain, purpose, pass_tag, identity_tag, pass_id
    FROM link.incidence SEMI JOIN temp.affected USING (linkage_domain, identity_tag)"""

_AFFECTED = "(SELECT * FROM {} SEMI JOIN temp.affected USING (linkage_domain, identity_tag))"

_RECORD_TABLES = {name: f"raw.{name}" for name in _RECORDS}

_ANCHORS = f"SELECT * FROM ({ANCHORS_SQL.format(**_RECORD_TABLES)}) SEMI JOIN temp.affected USING ({_IDENTITY})"

_LIVES = LIVES_SQL.format(incidence=_AFFECTED.format("link.incidence"), **_RECORD_TABLES)

_DECISIONS = """
    SELECT linkage_domain, kind, one_tag, other_tag
    FROM link.decision JOIN temp.affected USING (linkage_domain) WHERE identity_tag = one_tag"""


def _frame(connection: duckdb.DuckDBPyConnection, sql: str, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return connection.execute(sql).pl().cast(schema)  # type: ignore[arg-type]


def _write(
    connection: duckdb.DuckDBPyConnection,
    solved: Solved,
    named: pl.DataFrame,
    reference_month: date,
    build_sequence: int,
) -> dict[str, Any]:
    persons = solved.persons.join(named, on=["linkage_domain", "identity_tag"])
    connection.register("solved_person", persons.to_arrow())
    connection.register("solved_refusal", solved.refused.to_arrow())
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
        log_aliases(connection, reference_month, build_sequence)
        _replace_evidence(connection)
        _replace_persons(connection)
        changes.add_relinked(connection, "temp.moved", reference_month)
        return _figures(connection, len(persons))
    finally:
        connection.unregister("solved_person")
        connection.unregister("solved_refusal")
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
        "SELECT linkage_domain, component_tag, reason_code, pass_id, edges FROM solved_refusal"
    )
    connection.execute("DELETE FROM link.refused_edge")
    connection.execute(
        "INSERT INTO link.refused_edge SELECT reason_code, pass_id, sum(edges)::BIGINT FROM link.refused_component "
        "GROUP BY reason_code, pass_id ORDER BY reason_code, pass_id"
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
    """How many identities of a person each pass ties to another of the same person."""
    connection.execute(
        """
        DELETE FROM link.person_evidence WHERE person_id IN (
            SELECT person_id FROM link.identity_person SEMI JOIN temp.affected USING (linkage_domain, identity_tag)
            UNION SELECT person_id FROM solved_person)"""
    )
    connection.execute(
        """
        INSERT INTO link.person_evidence
        SELECT person_id, pass_id, count(*) FROM (
            SELECT person_id, pass_id, identity_tag,
                   min(identity_tag) OVER bundle <> max(identity_tag) OVER bundle AS is_shared
            FROM link.incidence JOIN solved_person USING (linkage_domain, identity_tag)
            WINDOW bundle AS (PARTITION BY person_id, purpose, pass_tag)
        ) WHERE is_shared GROUP BY person_id, pass_id"""
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

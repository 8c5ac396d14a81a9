"""Whom a load touches: the part of the candidate graph that linkage solves anew.

Everything here works in temporary tables of the caller's transaction: ``temp.touched`` (identities that new records or
decisions speak of), ``temp.affected`` (all of the components that they lie in or reach).
"""

from __future__ import annotations

import duckdb

from ingest.center.link.components import SUCCESSION
from ingest.center.link.rules import Rule, Rules

RECORDS = ("enrolment", "care_certification")  # what guards and anchors rest on


def find_affected(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Take the records of the batches not linked yet into ``link.node`` and ``link.incidence``, take out what was
    retracted, and fill ``temp.affected``."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE fresh_batch AS SELECT linkage_domain, sequence AS batch_sequence "
        "FROM control.received_batch WHERE NOT is_linked"
    )
    _touch(connection)
    _find(connection, rules)
    _forget_vanished(connection)


def remember_told(connection: duckdb.DuckDBPyConnection) -> None:
    """Note in ``link.told`` that all tokens in ``link.incidence`` were told, whatever stood there: a batch that tells
    all of an identity's tokens again need not be compared."""
    connection.execute("DELETE FROM link.told")
    connection.execute(
        f"INSERT INTO link.told SELECT {_TOLD} FROM link.incidence GROUP BY linkage_domain, identity_hash"
    )


def drop(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables of a load."""
    for table in (
        "fresh_batch",
        "fresh_node",
        "untold",
        "fresh_incidence",
        "touched",
        "touched_token",
        "affected",
        "told_token",
    ):
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


_FRESH_NODES = """
    SELECT linkage_domain, identity_tag, identity_tag AS component_tag,
           min(sex_code) AS sex_code, min(birth_month) AS birth_month
    FROM raw.identity SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
    ANTI JOIN link.node USING (linkage_domain, identity_tag)
    GROUP BY linkage_domain, identity_tag"""

# Most identities of a batch come with tokens that an earlier one told of them. To lay every token of a month beside all
# that are known takes half of its linkage, so what a batch told of an identity is remembered as one number. That other
# tokens give the same number is a chance of one in 2^64; a number that is not there, or was made by another DuckDB,
# only means that the tokens themselves are compared.
_TOLD = "linkage_domain, hash(identity_tag) AS identity_hash, sum(hash(pass_tag, purpose, pass_id)) AS tokens_sum"
_UNTOLD = f"""
    SELECT DISTINCT linkage_domain, identity_hash, tokens_sum FROM (
        SELECT {_TOLD}, batch_sequence
        FROM raw.identity_pass SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)
        GROUP BY linkage_domain, identity_hash, batch_sequence
    ) ANTI JOIN link.told USING (linkage_domain, identity_hash, tokens_sum)"""

_OF_UNTOLD = "hash(identity_tag) IN (SELECT identity_hash FROM temp.untold)"
_FRESH_INCIDENCES = f"""
    SELECT DISTINCT linkage_domain, purpose, pass_tag, identity_tag, pass_id
    FROM (
        FROM raw.identity_pass WHERE rowid IN (
            SELECT identity_pass.rowid FROM raw.identity_pass
            SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence) WHERE {_OF_UNTOLD}))
    ANTI JOIN (FROM link.incidence WHERE rowid IN (SELECT rowid FROM link.incidence WHERE {_OF_UNTOLD}))
    USING (linkage_domain, purpose, pass_tag, identity_tag, pass_id)"""


def _touch(connection: duckdb.DuckDBPyConnection) -> None:
    """Identities and incidences of batches not linked yet; whom they, new versions of records, a retraction or a
    decision speak of. An identity that comes again with tokens that are known is not touched."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh_node AS {_FRESH_NODES}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE untold AS {_UNTOLD}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh_incidence AS {_FRESH_INCIDENCES}")
    connection.execute("INSERT INTO link.node SELECT * FROM temp.fresh_node")
    connection.execute("INSERT INTO link.incidence SELECT * FROM temp.fresh_incidence")
    connection.execute("INSERT INTO link.told SELECT * FROM temp.untold")
    versions = " UNION ALL ".join(
        f"SELECT linkage_domain, identity_tag FROM raw.{table} SEMI JOIN (SELECT linkage_domain, record_key_tag "
        f"FROM raw.{table} SEMI JOIN temp.fresh_batch USING (linkage_domain, batch_sequence)) "
        "USING (linkage_domain, record_key_tag)"
        for table in RECORDS
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT linkage_domain, identity_tag FROM temp.fresh_node
        UNION
        SELECT linkage_domain, identity_tag FROM temp.fresh_incidence
        UNION
        SELECT linkage_domain, identity_tag FROM ({versions})
        UNION
        SELECT linkage_domain, identity_tag FROM control.retracted_identity
        UNION
        SELECT linkage_domain, identity_tag FROM control.decided_identity"""
    )


def tokens_of(identities: str) -> str:
    """The rows of ``link.incidence`` of the identities in a relation, found by one column before the others are read:
    to read all columns of every row takes five times as long. Tags of two domains are never alike."""
    return f"""
    SELECT * FROM link.incidence WHERE rowid IN (
        SELECT incidence.rowid FROM link.incidence SEMI JOIN {identities} USING (identity_tag))"""


def _find(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """All identities in the components of the candidate graph that a touched one lies in or reaches.

    The components of before, joined through the touched identities, are closed: no component reaches out of the set,
    neither where edges were added nor where a retraction took some away.
    """
    reaching = " UNION ".join(_reaching(purposes, agree) for purposes, agree in _asked(rules))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE touched_token AS {tokens_of('temp.touched')}")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE affected AS
        WITH reached AS (
            SELECT linkage_domain, identity_tag FROM temp.touched
            UNION
            {reaching}
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


def _asked(rules: Rules) -> list[tuple[tuple[str, ...], int]]:
    """Purposes, and how many of them must agree, of the rules that no other one of these implies.

    Days on which one leaves and another comes are not told by tokens: whoever agrees in the rest counts as reached.
    """
    asked = [_without_days(rule) for rule in rules.rules]
    alone = {purpose for purposes, agree in asked if agree == 1 for purpose in purposes}
    several = [(purposes, agree) for purposes, agree in asked if len(set(purposes) - alone) >= agree > 1]
    return [(tuple(sorted(alone)), 1), *several]


def _without_days(rule: Rule) -> tuple[tuple[str, ...], int]:
    purposes = tuple(purpose for purpose in rule.purposes if purpose != SUCCESSION)
    return purposes, rule.agree - (len(purposes) < len(rule.purposes))


def _reaching(purposes: tuple[str, ...], agree: int) -> str:
    """Identities that share tokens of so many of the purposes with a touched one.

    Where one token is enough, it alone is compared, as tags of two purposes or sites are never alike; who came too many
    would only be solved once more.
    """
    names = ", ".join(f"'{purpose}'" for purpose in purposes)
    if agree == 1:
        return f"""
            SELECT linkage_domain, identity_tag FROM link.incidence WHERE rowid IN (
                SELECT incidence.rowid FROM link.incidence
                SEMI JOIN (SELECT pass_tag FROM temp.touched_token WHERE purpose IN ({names})) USING (pass_tag))"""
    return f"""
            SELECT DISTINCT linkage_domain, identity_tag FROM (
                SELECT linkage_domain, theirs.identity_tag
                FROM temp.touched_token AS mine
                JOIN link.incidence AS theirs USING (linkage_domain, purpose, pass_tag)
                WHERE purpose IN ({names})
                GROUP BY linkage_domain, mine.identity_tag, theirs.identity_tag
                HAVING count(DISTINCT purpose) >= {agree})"""


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
    connection.execute("DELETE FROM link.told WHERE identity_hash IN (SELECT hash(identity_tag) FROM temp.affected)")

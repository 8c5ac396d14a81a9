"""Linkage kept in the warehouse: solve anew what a load touched, write what changed.

Everything here happens inside one transaction of the caller, so that a kill leaves the state of
before and the next run repeats it.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import duckdb
import polars as pl

from ingest.center.link import reach
from ingest.center.link.components import RULES_VERSION, numbered, solve
from ingest.center.link.decisions import DECISION_SCHEMA
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.guards import LIMITS_FILE, LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.person_id import ANCHOR_SCHEMA, name_persons
from ingest.center.link.records import anchors_sql, death_codes, lives_sql
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Tokens, tokens
from ingest.center.link.written import Named, write

_IDENTITY = ["linkage_domain", "identity_tag"]
_AFFECTED = "SEMI JOIN temp.affected USING (linkage_domain, identity_tag)"
_NODES = f"SELECT linkage_domain, identity_tag, sex_code, birth_month FROM link.node {_AFFECTED}"
_RECORDS = {name: f"raw.{name}" for name in reach.RECORDS}
_DECISIONS = """
    SELECT linkage_domain, kind, one_tag, other_tag
    FROM link.decision JOIN temp.affected USING (linkage_domain) WHERE identity_tag = one_tag"""


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
    followed = _rules_hash(rules)
    is_new_rules = connection.execute("SELECT rules_hash FROM control.link_rules").fetchone() != (followed,)
    reach.find_affected(connection, rules, everything=is_new_rules)
    first = FirstTags(connection, tag_key)
    now = _frame(connection, _NODES, NODE_SCHEMA).with_columns(pl.col("identity_tag").alias("now_tag"))
    nodes = numbered(first.of(now, "identity_tag"))
    number = nodes.select(*_IDENTITY, "node")
    lives = f"(SELECT * FROM link.incidence {_AFFECTED})"
    decisions = first.of(_frame(connection, _DECISIONS, DECISION_SCHEMA), "one_tag")
    solved = solve(
        nodes,
        _tokens(connection, nodes, first, rules),
        first.of(_frame(connection, lives_sql(**_RECORDS, incidence=lives), LIVE_SCHEMA), "identity_tag").join(
            number, on=_IDENTITY
        ),
        rules,
        first.of(decisions, "other_tag"),
    )
    anchors = f"SELECT * FROM ({anchors_sql(**_RECORDS)}) {_AFFECTED}"
    persons = name_persons(
        solved.persons, first.of(_frame(connection, anchors, ANCHOR_SCHEMA), "identity_tag"), name_key
    )
    figures = write(connection, Named.of(solved, persons, first), reference_month, build_sequence)
    connection.execute("DELETE FROM control.link_rules")
    connection.execute("INSERT INTO control.link_rules VALUES (?)", [followed])
    connection.execute("UPDATE control.received_batch SET is_linked = true WHERE NOT is_linked")
    reach.drop(connection)
    return figures


def _rules_hash(rules: Rules) -> str:
    """What the groups depend on besides records and decisions; when it changes, everything is solved anew."""
    parts = (RULES_VERSION, rules.table_hash, LIMITS_FILE.read_text("utf-8"), repr(death_codes()))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _tokens(
    connection: duckdb.DuckDBPyConnection, nodes: pl.DataFrame, first: FirstTags, rules: Rules
) -> dict[str, Tokens]:
    """The tokens of the affected identities by purpose, one purpose in memory as bytes at a time."""
    number = nodes.select("linkage_domain", pl.col("now_tag").alias("identity_tag"), "node")
    connection.register("affected_node", number.to_arrow())
    found = {}
    several = {  # passes may bring one token of a purpose twice
        row[0]
        for row in connection.execute(
            "SELECT purpose FROM link.incidence GROUP BY purpose HAVING count(DISTINCT pass_id) > 1"
        ).fetchall()
    }
    for purpose in rules.purposes():
        distinct = "DISTINCT" if purpose in several else ""
        told = connection.execute(
            f"SELECT {distinct} linkage_domain, node, pass_tag FROM link.incidence "
            "JOIN affected_node USING (linkage_domain, identity_tag) WHERE purpose = ?",
            [purpose],
        ).pl()
        told = first.of(told, "pass_tag", pl.lit(purpose))
        found[purpose] = tokens(told.get_column("node"), told.get_column("pass_tag"))
    connection.unregister("affected_node")
    return found


def _frame(connection: duckdb.DuckDBPyConnection, sql: str, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return connection.execute(sql).pl().cast(schema)  # type: ignore[arg-type]

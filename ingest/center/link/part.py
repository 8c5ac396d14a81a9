"""The road of a load: what linkage of those whom it touches is solved from."""

from __future__ import annotations

import duckdb
import polars as pl

from ingest.center.link import reach
from ingest.center.link.components import numbered
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.given import Given, anchors, decisions, frame, lives
from ingest.center.link.guards import NODE_SCHEMA
from ingest.center.link.records import numbers_sql
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Tokens, tokens

_KEY = "linkage_domain, identity_tag"
_AFFECTED = f"SEMI JOIN temp.affected USING ({_KEY})"
_NODES = f"SELECT {_KEY}, sex_code, birth_month FROM link.node {_AFFECTED}"
_DECISIONS = "JOIN temp.affected USING (linkage_domain) WHERE identity_tag = one_tag"
# Every version of a record that speaks of one of them: the last one may speak of another.
_RECORDS = {
    name: f"(SELECT * FROM raw.{name} SEMI JOIN (SELECT linkage_domain, record_key_tag FROM raw.{name} {_AFFECTED}) "
    "USING (linkage_domain, record_key_tag))"
    for name in reach.RECORDS
}


def read(connection: duckdb.DuckDBPyConnection, rules: Rules, tag_key: bytes) -> Given:
    """What linkage of the identities in ``temp.affected`` is solved from; ``tag_key`` as in ``relink``. Their tokens
    stay in ``temp.told_token``."""
    first = FirstTags(connection, tag_key, affected="temp.affected")
    now = frame(connection, _NODES, NODE_SCHEMA).with_columns(pl.col("identity_tag").alias("now_tag"))
    nodes = numbered(first.of(now, "identity_tag"))
    number = nodes.select("linkage_domain", pl.col("now_tag").alias("identity_tag"), "node")
    connection.register("affected_node", number.to_arrow())
    numbers = f"(SELECT * FROM {numbers_sql('temp.told_token')} JOIN affected_node USING ({_KEY}))"
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE told_token AS FROM ({reach.tokens_of('affected_node')}) "
            f"JOIN affected_node USING ({_KEY})"
        )
        return Given(
            nodes,
            _tokens(connection, first, rules),
            lives(connection, _RECORDS, numbers),
            anchors(connection, _RECORDS, "affected_node"),
            decisions(connection, _DECISIONS, first),
        )
    finally:
        connection.unregister("affected_node")


def _tokens(connection: duckdb.DuckDBPyConnection, first: FirstTags, rules: Rules) -> dict[str, Tokens]:
    """The tokens of the affected identities by purpose."""
    told = connection.execute("SELECT DISTINCT purpose, linkage_domain, node, pass_tag FROM temp.told_token").pl()
    found = {}
    for purpose in rules.purposes():
        own = first.of(told.filter(purpose=purpose), "pass_tag", pl.lit(purpose))
        found[purpose] = tokens(own.get_column("node"), own.get_column("pass_tag"))
    return found

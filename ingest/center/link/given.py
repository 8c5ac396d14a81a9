"""What linkage is solved from, and the parts that both roads to it share: that of a load and that of everything."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from ingest.center.link.decisions import DECISION_SCHEMA
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.records import anchors_sql, lives_sql
from ingest.center.link.tags import Tokens

_LIVES = {
    "node": pl.UInt32(),
    "scheme_code": pl.String(),
    "start_date": pl.Date(),
    "end_date": pl.Date(),
    "is_death": pl.Boolean(),
    "number_tag": pl.Binary(),
    "number_birth_tag": pl.Binary(),
    "name_tag": pl.Binary(),
}
_ANCHORS = {"node": pl.UInt32(), "start_date": pl.Date()}


@dataclass(frozen=True)
class Given:
    """``nodes`` numbered, by their first tags, with the tags of now as ``now_tag``; ``tokens`` by purpose; ``lives`` as
    in ``LIVE_SCHEMA`` and ``anchors`` (start_date), each with its ``node``; ``decisions`` by first tags."""

    nodes: pl.DataFrame
    tokens: dict[str, Tokens]
    lives: pl.DataFrame
    anchors: pl.DataFrame
    decisions: pl.DataFrame


def lives(connection: duckdb.DuckDBPyConnection, records: dict[str, str], numbers: str) -> pl.DataFrame:
    """The numbers in force by ``records`` (relations by table); ``numbers`` as by ``numbers_sql``, with ``node``."""
    return frame(connection, lives_sql(**records, numbers=numbers, who="node"), _LIVES)


def anchors(connection: duckdb.DuckDBPyConnection, records: dict[str, str], numbers: str) -> pl.DataFrame:
    """When the records of each node begin."""
    told = (
        f"SELECT node, start_date FROM ({anchors_sql(**records)}) JOIN {numbers} USING (linkage_domain, identity_tag)"
    )
    return frame(connection, told, _ANCHORS)


def decisions(connection: duckdb.DuckDBPyConnection, which: str, first: FirstTags) -> pl.DataFrame:
    """The decisions in force, ``which`` of them as SQL says, by first tags."""
    told = frame(
        connection, f"SELECT linkage_domain, kind, one_tag, other_tag FROM link.decision {which}", DECISION_SCHEMA
    )
    return first.of(first.of(told, "one_tag"), "other_tag")


def frame(connection: duckdb.DuckDBPyConnection, sql: str, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """What a query gives, in the types of a schema."""
    return connection.execute(sql).pl().cast(schema)  # type: ignore[arg-type]

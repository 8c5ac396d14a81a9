"""Edges: two identities that share a token of one purpose may be one person.

An *incidence* says that an identity carries a token: (linkage domain, purpose, pass tag, identity
tag, pass). Identities that share (domain, purpose, tag) are joined by an edge; so a tag with its
identities is kept as one bundle and never blown up into pairs.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ingest.center.link.rules import Rules

INCIDENCE_SCHEMA = {
    "linkage_domain": pl.String(),
    "purpose": pl.String(),
    "pass_tag": pl.Binary(),
    "identity_tag": pl.Binary(),
    "pass_id": pl.String(),
}


def rules_hash(rules: Rules, version: str) -> str:
    """What the groups depend on besides the records; when it changes, everything is solved anew."""
    return hashlib.sha256((version + rules.table_hash).encode()).hexdigest()


def candidate_components(nodes: pl.DataFrame, incidences: pl.DataFrame) -> pl.DataFrame:
    """Number every identity with the component of the candidate graph it lies in.

    Returns ``nodes`` with ``component`` (an integer; equal within a component). Every identity of
    ``incidences`` must be among the nodes.
    """
    if nodes.is_empty():
        return nodes.with_columns(pl.lit(0, pl.Int64).alias("component"))
    numbered = nodes.with_row_index("node")
    key = ["linkage_domain", "identity_tag"]
    bundles = (
        incidences.join(numbered.select(*key, "node"), on=key)
        .with_columns(pl.struct("linkage_domain", "purpose", "pass_tag").rank("dense").alias("bundle"))
        .select("node", pl.col("bundle") - 1)
    )
    count = len(numbered)
    size = count + (int(bundles["bundle"].max()) + 1 if len(bundles) else 0)  # type: ignore[arg-type]
    row = bundles["node"].to_numpy().astype(np.int64)
    column = bundles["bundle"].to_numpy().astype(np.int64) + count
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return nodes.with_columns(pl.Series("component", labels[:count].astype(np.int64)))


def in_canonical_order(incidences: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Incidences sorted as guarded union takes them: rank of the rule, tag bytes, identity bytes."""
    ranks = pl.DataFrame(
        [(purpose, rank) for rank, rule in enumerate(rules.rules) for purpose in rule.purposes],
        schema={"purpose": pl.String(), "rank": pl.Int64()},
        orient="row",
    )
    return (
        incidences.join(ranks, on="purpose").sort("rank", "purpose", "pass_tag", "identity_tag", "pass_id").drop("rank")
    )

"""What holds a person together: the strongest ties that make one of its identities.

Of all tokens that identities of one person share, just those are kept that a tree needs (a minimum spanning tree in
canonical order: rank of the rule, token, identity), one row a tie. So every identity is reached by the strongest way
there is, and the tie of the highest rank is the person's weakest link: without it, it would be two. A decision that two
identities are one person holds more than any token.
"""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from ingest.center.link.decisions import TOGETHER
from ingest.center.link.rules import Rules

DECISION = "decision"  # pass and strength of a tie that a person decided
PERSON_TIE_SCHEMA = {
    "linkage_domain": pl.String(),
    "group_tag": pl.Binary(),
    "one_tag": pl.Binary(),
    "other_tag": pl.Binary(),
    "pass_id": pl.String(),
    "strength": pl.String(),
    "tie_rank": pl.Int64(),  # 0 a decision, then the rules in their order; the higher, the weaker
}
_KEY = ["linkage_domain", "identity_tag"]


def person_ties(persons: pl.DataFrame, incidences: pl.DataFrame, decisions: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The ties (``PERSON_TIE_SCHEMA``) of every person of two identities or more.

    ``persons`` has (linkage_domain, identity_tag, group_tag), ``incidences`` as in ``INCIDENCE_SCHEMA``,
    ``decisions`` as in ``DECISION_SCHEMA``.
    """
    ranks = _ranks(rules)
    several = (
        persons.select(*_KEY, "group_tag")
        .filter(pl.len().over("linkage_domain", "group_tag") > 1)
        .sort(*_KEY)
        .with_row_index("node")
    )
    if several.is_empty():
        return pl.DataFrame(schema=PERSON_TIE_SCHEMA)
    tokens = _token_ties(several, incidences, ranks)
    ties = (
        pl.concat([_decided_ties(several, decisions), tokens])
        .sort("tie_rank", "pass_tag", "one", "other")
        .unique(["one", "other"], keep="first", maintain_order=True)
    )
    one, other = (
        several.select(pl.col("node").alias(end), pl.col("identity_tag").alias(f"{end}_tag"), *more)
        for end, more in (("one", ("linkage_domain", "group_tag")), ("other", ()))
    )
    return (
        _needed(ties, len(several))
        .join(one, on="one")
        .join(other, on="other")
        .select(PERSON_TIE_SCHEMA.keys())
        .cast(PERSON_TIE_SCHEMA)  # type: ignore[arg-type]
    )


def keep_ties(connection: duckdb.DuckDBPyConnection, ties: pl.DataFrame) -> None:
    """Write the ties of the persons of ``temp.affected``, named in ``link.identity_person``, over those of before."""
    connection.register("solved_tie", ties.to_arrow())
    connection.execute(
        "DELETE FROM link.person_tie WHERE (linkage_domain, one_tag) IN "
        "(SELECT linkage_domain, identity_tag FROM temp.affected)"
    )
    connection.execute(
        "INSERT INTO link.person_tie "
        "SELECT linkage_domain, person_id, one_tag, other_tag, pass_id, strength, tie_rank FROM solved_tie "
        "JOIN link.identity_person AS named USING (linkage_domain) WHERE named.identity_tag = one_tag"
    )
    connection.unregister("solved_tie")


def _ranks(rules: Rules) -> pl.DataFrame:
    """Rank of every purpose, from 1: that of the first rule which names it, with the name of its strength."""
    named = [(p, rank, rule.strength) for rank, rule in enumerate(rules.rules, start=1) for p in rule.purposes]
    schema = {"purpose": pl.String(), "tie_rank": pl.Int64(), "strength": pl.String()}
    return pl.DataFrame(named, schema=schema, orient="row").unique("purpose", keep="first", maintain_order=True)


def _token_ties(several: pl.DataFrame, incidences: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """From the first identity of every token that a person's identities share to each of the others."""
    bundle = ["linkage_domain", "group_tag", "purpose", "pass_tag"]
    carried = (
        incidences.join(several, on=_KEY)
        .group_by(*bundle, "node")
        .agg(pl.col("pass_id").min())
        .filter(pl.len().over(bundle) > 1)
        .with_columns(pl.col("node").min().over(bundle).alias("first"))
    )
    first = carried.filter(pl.col("node") == pl.col("first")).select(*bundle, pl.col("pass_id").alias("first_pass"))
    # Passes of one purpose match each other: the tie bears the name of the one that points to another's number.
    named = pl.when(pl.col("pass_id") == pl.col("purpose")).then("first_pass").otherwise("pass_id")
    return (
        carried.filter(pl.col("node") != pl.col("first"))
        .join(first, on=bundle)
        .join(ranks, on="purpose")
        .select(
            pl.col("first").alias("one"), pl.col("node").alias("other"), "pass_tag", named.alias("pass_id"),
            "strength", "tie_rank",
        )
    )  # fmt: skip


def _decided_ties(several: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    ends = [
        several.select("linkage_domain", pl.col("identity_tag").alias(f"{end}_tag"), pl.col("node").alias(end),
                       pl.col("group_tag").alias(f"{end}_group"))
        for end in ("one", "other")
    ]  # fmt: skip
    return (
        decisions.filter(pl.col("kind") == TOGETHER)
        .join(ends[0], on=["linkage_domain", "one_tag"])
        .join(ends[1], on=["linkage_domain", "other_tag"])
        .filter(pl.col("one_group") == pl.col("other_group"))
        .select(
            pl.min_horizontal("one", "other").alias("one"), pl.max_horizontal("one", "other").alias("other"),
            pl.lit(b"", pl.Binary()).alias("pass_tag"), pl.lit(DECISION).alias("pass_id"),
            pl.lit(DECISION).alias("strength"), pl.lit(0, pl.Int64()).alias("tie_rank"),
        )
    )  # fmt: skip


def _needed(ties: pl.DataFrame, count: int) -> pl.DataFrame:
    """Of ``ties``, in canonical order and each pair once, those of the minimum spanning tree over ``count`` nodes."""
    weights = np.arange(1, len(ties) + 1, dtype=np.float64)
    ends = (ties["one"].to_numpy().astype(np.int64), ties["other"].to_numpy().astype(np.int64))
    tree = minimum_spanning_tree(coo_array((weights, ends), shape=(count, count)).tocsr())
    return ties[np.sort(tree.data.astype(np.int64)) - 1]

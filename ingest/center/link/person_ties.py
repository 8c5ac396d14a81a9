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
    several = (
        persons.group_by("linkage_domain", "group_tag")
        .agg("identity_tag")
        .filter(pl.col("identity_tag").list.len() > 1)
        .with_row_index("group")
        .explode("identity_tag")
        .sort("group", _ordinal("identity_tag"))
        .with_row_index("node")
    )
    if several.is_empty():
        return pl.DataFrame(schema=PERSON_TIE_SCHEMA)
    nodes = several.select(*_KEY, "node", "group")
    ties = _needed(pl.concat([_decided_ties(nodes, decisions), _token_ties(nodes, incidences, rules)]), len(several))
    one, other = (several[ties[end]] for end in ("one", "other"))
    strengths = {0: DECISION} | {rank: rule.strength for rank, rule in enumerate(rules.rules, start=1)}
    return ties.select(
        one["linkage_domain"],
        one["group_tag"],
        one["identity_tag"].alias("one_tag"),
        other["identity_tag"].alias("other_tag"),
        "pass_id",
        pl.col("tie_rank").replace_strict(strengths, return_dtype=pl.String()).alias("strength"),
        "tie_rank",
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


def _ordinal(tag: str) -> pl.Expr:
    """The first eight bytes of a tag as a number: its order, and among those of one person its name."""
    return pl.col(tag).bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64(), endianness="big")


def _token_ties(nodes: pl.DataFrame, incidences: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """From the first identity of every token that a person's identities share to each of the others, surest first."""
    ranks: dict[str, int] = {}  # of every purpose: that of the first rule which names it
    for rank, rule in enumerate(rules.rules, start=1):
        for purpose in rule.purposes:
            ranks.setdefault(purpose, rank)
    purposes = {purpose: number for number, purpose in enumerate(ranks)}
    passes = sorted(incidences["pass_id"].unique())
    token = ("group", "purpose_no", "token")
    carried = (
        incidences.filter(pl.col("purpose").is_in(list(purposes)))
        .select(
            *_KEY,
            pl.col("purpose").replace_strict(purposes, return_dtype=pl.UInt8()).alias("purpose_no"),
            _ordinal("pass_tag").alias("token"),
            pl.col("pass_id")
            .replace_strict({name: number for number, name in enumerate(passes)}, return_dtype=pl.UInt8())
            .alias("pass_no"),
        )
        .join(nodes, on=_KEY)
        .select(*token, "node", "pass_no")
        .sort(*token, "node", "pass_no")
    )
    is_same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in token).fill_null(value=False)
    ties = carried.select(
        pl.when(~is_same).then("node").forward_fill().alias("one"),
        pl.col("node").alias("other"),
        "purpose_no",
        pl.when(~is_same).then("pass_no").forward_fill().alias("first_no"),
        "pass_no",
    ).filter(pl.col("one") != pl.col("other"))
    names = pl.DataFrame({"purpose": list(purposes)}, schema={"purpose": pl.String()})
    first, last = (
        ties[number].replace_strict(dict(enumerate(passes)), return_dtype=pl.String())
        for number in ("first_no", "pass_no")
    )
    # Passes of one purpose match each other: the tie bears the name of the one that points to another's number.
    is_own = last == names["purpose"].gather(ties["purpose_no"])
    return ties.select(
        "one",
        "other",
        first.zip_with(is_own, last).alias("pass_id"),
        pl.col("purpose_no")
        .replace_strict({number: ranks[purpose] for purpose, number in purposes.items()}, return_dtype=pl.Int64())
        .alias("tie_rank"),
    )


def _decided_ties(nodes: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    ends = [
        nodes.select("linkage_domain", *(pl.col(name).alias(f"{end}_{name}") for name in ("node", "group")),
                     pl.col("identity_tag").alias(f"{end}_tag"))
        for end in ("one", "other")
    ]  # fmt: skip
    return (
        decisions.filter(pl.col("kind") == TOGETHER)
        .join(ends[0], on=["linkage_domain", "one_tag"])
        .join(ends[1], on=["linkage_domain", "other_tag"])
        .filter(pl.col("one_group") == pl.col("other_group"))
        .select(
            pl.min_horizontal("one_node", "other_node").alias("one"),
            pl.max_horizontal("one_node", "other_node").alias("other"),
            pl.lit(DECISION).alias("pass_id"),
            pl.lit(0, pl.Int64()).alias("tie_rank"),
        )
        .sort("one", "other")
    )


def _needed(ties: pl.DataFrame, count: int) -> pl.DataFrame:
    """Of ``ties``, the surest first, those of the minimum spanning tree over ``count`` nodes."""
    once = ties.filter((pl.col("one").cast(pl.UInt64()) * 2**32 + pl.col("other")).is_first_distinct())
    # Within a person the order is that of the rows, so a row's number is its weight.
    ends = (once["one"].to_numpy().astype(np.int64), once["other"].to_numpy().astype(np.int64))
    weights = np.arange(1, len(once) + 1, dtype=np.float64)
    tree = minimum_spanning_tree(coo_array((weights, ends), shape=(count, count)).tocsr())
    return once[np.sort(tree.data.astype(np.int64)) - 1]

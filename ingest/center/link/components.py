"""From identities and tokens to persons: a pure function of the set of records and decisions.

Bundles (nodes whose tokens agree as a rule asks) are followed in canonical order: rank of the rule, then the words of
the key. The groups a bundle touches are joined where all of them agree with one another; where one agrees with
two that exclude each other (a claim without branch number beside twins of the same sex), nothing says whose it is,
and none of these edges is taken; a later rule, such as the name, may decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ingest.center.link import union
from ingest.center.link.decisions import APART, DECISION_SCHEMA, TOGETHER
from ingest.center.link.guards import Facts, carriers, limits
from ingest.center.link.keys import Bundles, bundles
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Nodes, Tokens, words

RULES_VERSION = "4"  # raised when the rules of this package change: everything is then solved anew

REFUSED_SCHEMA = {
    "component": pl.Int32(),  # least node of the component of the candidate graph
    "reason_code": pl.String(),  # union.REASONS
    "pass_id": pl.String(),  # of the rule
    "edges": pl.Int64(),
}
EVIDENCE_SCHEMA = {
    "person": pl.Int32(),  # least node of the person
    "pass_id": pl.String(),  # of the rule
    "edges": pl.Int64(),  # identities that the rule ties to another of the same person
}
TIE_SCHEMA = {
    "person": pl.Int32(),
    "one": pl.Int32(),  # nodes
    "other": pl.Int32(),
    "pass_id": pl.String(),  # of the rule, or DECISION
    "strength": pl.String(),  # of the rule, or DECISION
    "tie_rank": pl.Int64(),  # 0 a decision, then the rules in their order; the higher, the weaker
}
DECISION = "decision"
SUCCESSION = "succession"
"""The purpose of the tokens that the center makes itself, of dates in clear: see ``_succession``."""


@dataclass(frozen=True)
class Solved:
    """Of every node the least of its ``component`` (of the candidate graph) and of its ``person``; ``refused`` what
    guards refused, ``evidence`` what agrees within persons; ``ties`` the joins that made them: of every person a tree
    of its surest ties, and no other."""

    component: Nodes
    person: Nodes
    refused: pl.DataFrame
    evidence: pl.DataFrame
    ties: pl.DataFrame


def numbered(nodes: pl.DataFrame) -> pl.DataFrame:
    """``nodes`` (``NODE_SCHEMA``) in canonical order (domain, tag) with their number as ``node``."""
    first, second = words(nodes.get_column("identity_tag"))
    order = np.argsort(first)
    if (np.diff(first[order]) == 0).any():  # two tags with one first word: hardly ever, but in two domains
        order = np.lexsort((second, first))
    domain = nodes.get_column("linkage_domain")
    if domain.n_unique() > 1:
        order = order[np.argsort(domain.rank("dense").to_numpy()[order], kind="stable")]
    return nodes[order].with_row_index("node")


def solve(
    nodes: pl.DataFrame, tokens: Mapping[str, Tokens], lives: pl.DataFrame, rules: Rules, decisions: pl.DataFrame
) -> Solved:
    """Group identities into persons.

    ``nodes`` from ``numbered``; ``tokens`` by purpose; ``lives`` as in ``LIVE_SCHEMA`` with ``node``; ``decisions``
    as in ``DECISION_SCHEMA``. The order of tokens, lives and decisions does not matter.
    """
    return group(nodes, candidates(nodes, tokens, lives, rules), carriers(tokens), lives, rules, decisions)


def candidates(nodes: pl.DataFrame, tokens: Mapping[str, Tokens], lives: pl.DataFrame, rules: Rules) -> Bundles:
    """Who may be one person by any rule, whatever speaks against it; the same arguments as ``solve``."""
    return bundles(rules, {**tokens, SUCCESSION: _succession(lives)}, _domains(nodes))


def group(
    nodes: pl.DataFrame,
    found: Bundles,
    named: Mapping[str, Nodes],
    lives: pl.DataFrame,
    rules: Rules,
    decisions: pl.DataFrame,
) -> Solved:
    """``solve`` where its ``candidates`` are ``found`` already; of the tokens no more is asked than ``carriers``."""
    decided = _of_known(decisions, nodes)
    component = np.arange(nodes.height, dtype=np.int32)
    union.connect(found.start, found.node, component)
    union.connect(np.arange(0, 2 * decided.height + 1, 2), decided["one", "other"].to_numpy().ravel(), component)
    union.flatten(component)

    facts = Facts.of(nodes, named, lives, decided)
    person = np.arange(nodes.height, dtype=np.int32)
    pairs = {kind: decided.filter(kind=kind)["one", "other"].to_numpy().astype(np.int64) for kind in (TOGETHER, APART)}
    joins, refusals = union.unite(
        found.start, found.node, found.rank, *found.by_node(rules.name_rank(), nodes.height), rules.modes(),
        pairs[TOGETHER], pairs[APART], limits()["group_size"], limits()["long_gap"], person, *facts.arrays(),
    )  # fmt: skip
    union.flatten(person)
    return Solved(
        component,
        person,
        _refused(component, refusals, rules),
        _evidence(person, found, rules),
        _ties(person, joins, rules),
    )


def _domains(nodes: pl.DataFrame) -> Any:
    """A word for the linkage domain of each node."""
    names = nodes.get_column("linkage_domain")
    known = names.unique()
    word = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) for name in known]
    found = names.replace_strict(known, pl.Series(word, dtype=pl.UInt64), return_dtype=pl.UInt64)
    return found.to_numpy().astype(np.uint64)  # of nobody it would be an array of objects


def _succession(lives: pl.DataFrame) -> Tokens:
    """A token for each day on which a number begins or ends: who comes on the day on which another leaves has it too.
    The center makes it, of dates in clear; it ties only beside another token."""
    ends = lives.filter(pl.col("end_date") < pl.date(9999, 1, 1)).select("node", day="end_date")
    days = pl.concat([lives.select("node", day="start_date"), ends]).unique()
    node = days.get_column("node").to_numpy().astype(np.int32)
    day = days.get_column("day").cast(pl.Int32).cast(pl.Int64).to_numpy().view(np.uint64)
    return Tokens(node, day, np.zeros(len(node), np.uint64))


def _of_known(decisions: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """The decisions of which both identities are here, as ``kind`` and nodes ``one``, ``other``, in canonical order."""
    here = nodes.select("linkage_domain", "identity_tag", "node")
    found = decisions.select(DECISION_SCHEMA.keys()).unique()
    for column, node in (("one_tag", "one"), ("other_tag", "other")):
        found = found.join(
            here.rename({"identity_tag": column, "node": node}), on=["linkage_domain", column], how="inner"
        )
    pair = [pl.min_horizontal("one", "other").alias("one"), pl.max_horizontal("one", "other").alias("other")]
    return found.select("kind", *pair).unique().sort(pl.all())


def _refused(component: Nodes, refusals: Any, rules: Rules) -> pl.DataFrame:
    node, reason, rank, edges = refusals.T
    rows = pl.DataFrame({"component": component[node], "reason": reason, "rank": rank, "edges": edges.astype(np.int64)})
    sums = rows.group_by("component", "reason", "rank").agg(pl.col("edges").sum())
    return sums.select(
        "component",
        pl.lit(pl.Series(union.REASONS)).gather("reason").alias("reason_code"),
        _names(rules).gather(sums.get_column("rank") + 1).alias("pass_id"),
        "edges",
    ).cast(REFUSED_SCHEMA)  # type: ignore[arg-type]


def _evidence(person: Nodes, found: Bundles, rules: Rules) -> pl.DataFrame:
    bounds = np.searchsorted(found.rank, np.arange(len(rules.rules) + 1, dtype=found.rank.dtype))
    heads, edges = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for low, high in zip(bounds, bounds[1:], strict=False):
        shared = np.zeros(len(person), np.int32)
        union.count_shared(found.start[low : high + 1], found.node, person, shared)
        heads.append(np.flatnonzero(shared))
        edges.append(shared[heads[-1]])
    rank = np.repeat(np.arange(len(rules.rules)), [len(head) for head in heads[1:]])
    return pl.DataFrame(
        {
            "person": np.concatenate(heads).astype(np.int32),
            "pass_id": _names(rules).gather(pl.Series(rank + 1)),
            "edges": np.concatenate(edges).astype(np.int64),
        },
        schema=EVIDENCE_SCHEMA,
    )


def _ties(person: Nodes, joins: Any, rules: Rules) -> pl.DataFrame:
    one, other, rank = np.minimum(joins[:, 0], joins[:, 1]), np.maximum(joins[:, 0], joins[:, 1]), joins[:, 2]
    strengths = pl.Series([DECISION, *(one.strength for one in rules.rules)])
    place = pl.Series(rank + 1)
    return pl.DataFrame(
        {
            "person": person[one],
            "one": one,
            "other": other,
            "pass_id": _names(rules).gather(place),
            "strength": strengths.gather(place),
            "tie_rank": (rank + 1).astype(np.int64),
        },
        schema=TIE_SCHEMA,
    )


def _names(rules: Rules) -> pl.Series:
    """Ids of the rules by rank + 1; that of decisions first."""
    return pl.Series([DECISION, *(one.rule_id for one in rules.rules)])

"""From identities and edges to persons: a pure function of the set of records.

Components of the candidate graph in which no guard objects are one person each. In the others the
bundles (tags with their identities) are replayed in canonical order: strength, pass, tag bytes. The
groups a bundle touches are joined where all of them agree with one another; where one agrees with
two that exclude each other (a claim without branch number beside twins of the same sex), nothing
says whose it is, and none of these edges is taken; a later pass, such as the name, may decide.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from ingest.center.link.decisions import APART, DECISION_SCHEMA, TOGETHER, nothing_decided
from ingest.center.link.edges import INCIDENCE_SCHEMA, candidate_components, in_canonical_order
from ingest.center.link.guards import MAXIMUM_GROUP, Group, Live, objection, suspects
from ingest.center.link.rules import Rules

RULES_VERSION = "2"  # raised when the rules of this package change: everything is then solved anew

SOLVED_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "component_tag": pl.Binary(),  # least identity tag of the component of the candidate graph
    "group_tag": pl.Binary(),  # least identity tag of the person
}
REFUSED_SCHEMA = {
    "linkage_domain": pl.String(),
    "component_tag": pl.Binary(),
    "reason_code": pl.String(),
    "pass_id": pl.String(),
    "edges": pl.Int64(),
}


@dataclass(frozen=True)
class Solved:
    """The persons (one row an identity) and the edges that guards refused (counts by component)."""

    persons: pl.DataFrame
    refused: pl.DataFrame


def solve(
    nodes: pl.DataFrame,
    incidences: pl.DataFrame,
    lives: pl.DataFrame,
    rules: Rules,
    decisions: pl.DataFrame | None = None,
) -> Solved:
    """Group identities into persons.

    ``nodes``, ``incidences``, ``lives`` as in ``NODE_SCHEMA``, ``INCIDENCE_SCHEMA``, ``LIVE_SCHEMA``;
    ``decisions`` as in ``DECISION_SCHEMA``. The rows' order does not matter.
    """
    decided = _of_known(nothing_decided() if decisions is None else decisions, nodes)
    members = candidate_components(nodes, pl.concat([incidences, _as_edges(decided)]))
    key = ["linkage_domain", "identity_tag"]
    lives = lives.join(members.select(*key, "component"), on=key)
    in_doubt = members.join(decided, left_on=key, right_on=["linkage_domain", "one_tag"], how="semi")["component"]
    suspected = pl.concat([suspects(members, lives), in_doubt]).unique()
    is_suspected = pl.col("component").is_in(suspected.implode())

    groups = members.with_columns(
        pl.col("identity_tag").min().over("component").alias("component_tag"),
        pl.col("identity_tag").min().over("component").alias("group_tag"),
    )
    whole = groups.filter(~is_suspected).select(SOLVED_SCHEMA.keys())
    contested = groups.filter(is_suspected)
    if contested.is_empty():
        return Solved(whole.cast(SOLVED_SCHEMA), pl.DataFrame(schema=REFUSED_SCHEMA))  # type: ignore[arg-type]

    bundles = in_canonical_order(incidences.join(contested.select(*key, "component"), on=key), rules)
    replayed, refused = _replay(contested, bundles, lives.filter(is_suspected), decided)
    return Solved(pl.concat([whole, replayed]), refused)


def _of_known(decisions: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """The decisions of which both identities are here, in canonical order."""
    here = nodes.select("linkage_domain", "identity_tag")
    for column in ("one_tag", "other_tag"):
        decisions = decisions.join(here, left_on=["linkage_domain", column], right_on=here.columns, how="semi")
    return decisions.select(DECISION_SCHEMA.keys()).unique().sort(pl.all())


def _as_edges(decided: pl.DataFrame) -> pl.DataFrame:
    """Decided pairs as edges of the candidate graph: what they may change is solved together."""
    pair = pl.concat_list("one_tag", "other_tag").alias("identity_tag")
    edges = decided.select(
        "linkage_domain",
        pl.lit("decision").alias("purpose"),
        (pl.col("one_tag") + pl.col("other_tag")).alias("pass_tag"),
        pair,
        pl.lit("decision").alias("pass_id"),
    )
    return edges.explode("identity_tag").cast(INCIDENCE_SCHEMA)  # type: ignore[arg-type]


def _replay(
    contested: pl.DataFrame, bundles: pl.DataFrame, lives: pl.DataFrame, decided: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Guarded union over the contested components only (few: the loop is over identities)."""
    contested = contested.sort("linkage_domain", "identity_tag").with_row_index("node")
    numbers = {(d, t): n for n, d, t in contested.select("node", "linkage_domain", "identity_tag").iter_rows()}
    group_of: list[Group] = [
        Group([node], sex, birth)
        for node, sex, birth in contested.select("node", "sex_code", "birth_month").iter_rows()
    ]
    for domain, tag, *live in lives.select(
        "linkage_domain", "identity_tag", "scheme_code", "start_date", "end_date", "number_tag", "number_birth_tag"
    ).iter_rows():
        group_of[numbers[domain, tag]].lives.append(Live(*live))

    for domain, kind, one, other in decided.iter_rows():
        if kind == APART:
            for here, there in ((one, other), (other, one)):
                group_of[numbers[domain, here]].apart.add(numbers[domain, there])
    refused: Counter[tuple[int, str, str]] = Counter()
    for domain, kind, one, other in decided.iter_rows():
        if kind == TOGETHER and not _decide(numbers[domain, one], numbers[domain, other], group_of):
            refused[numbers[domain, one], "decided", "decision"] += 1
    grouped = bundles.group_by("linkage_domain", "purpose", "pass_tag", maintain_order=True).agg(
        "identity_tag", "pass_id"
    )
    for domain, _, _, tags, pass_ids in grouped.iter_rows():
        nodes = [numbers[domain, tag] for tag in tags]
        touched: dict[int, Group] = {}
        passes: dict[int, set[str]] = {}
        for node, pass_id in zip(nodes, pass_ids, strict=True):
            group = group_of[node]
            touched.setdefault(group.head, group)
            passes.setdefault(group.head, set()).add(pass_id)
        for reason, pass_id in _unite(touched, passes, group_of):
            refused[nodes[0], reason, pass_id] += 1

    result = contested.with_columns(
        pl.Series("leader", [group.head for group in group_of], dtype=pl.UInt32())
    )  # nodes are numbered in the order of (domain, tag): the head has the least tag
    leaders = result.select(pl.col("node").alias("leader"), pl.col("identity_tag").alias("least_tag"))
    persons = result.join(leaders, on="leader").with_columns(pl.col("least_tag").alias("group_tag"))
    counted = pl.DataFrame(
        [(node, reason, pass_id, edges) for (node, reason, pass_id), edges in refused.items()],
        schema={"node": pl.UInt32(), "reason_code": pl.String(), "pass_id": pl.String(), "edges": pl.Int64()},
        orient="row",
    )
    per_component = (
        counted.join(contested.select("node", "linkage_domain", "component_tag"), on="node")
        .group_by("linkage_domain", "component_tag", "reason_code", "pass_id")
        .agg(pl.col("edges").sum())
    )
    return (
        persons.select(SOLVED_SCHEMA.keys()).cast(SOLVED_SCHEMA),  # type: ignore[arg-type]
        per_component.select(REFUSED_SCHEMA.keys()).cast(REFUSED_SCHEMA),  # type: ignore[arg-type]
    )


def _decide(one: int, other: int, group_of: list[Group]) -> bool:
    """Join the groups of two identities past the guards, unless they were decided to be apart."""
    first, second = sorted((group_of[one], group_of[other]), key=lambda group: group.head)
    if first is second:
        return True
    if first.is_apart(second):
        return False
    first.absorb(second)
    for node in first.members:
        group_of[node] = first
    return True


def _unite(touched: dict[int, Group], passes: dict[int, set[str]], group_of: list[Group]) -> list[tuple[str, str]]:
    """Join the groups one bundle touches, as far as the guards let; returns what they refused."""
    heads = sorted(touched)
    if len(heads) < 2:
        return []
    if len(heads) > MAXIMUM_GROUP:
        return [("group_size", min(passes[head])) for head in heads[1:]]
    refusals: list[tuple[str, str]] = []
    agrees: dict[int, set[int]] = {head: set() for head in heads}
    for one, other in combinations(heads, 2):
        reason = objection(touched[one], touched[other])
        if reason is None:
            agrees[one].add(other)
            agrees[other].add(one)
        else:
            refusals.append((reason, _name(passes[one], passes[other])))

    for circle in _circles(agrees):
        if len(circle) < 2:
            continue
        pairs = [(one, other) for one, other in combinations(circle, 2) if other in agrees[one]]
        if len(pairs) < len(circle) * (len(circle) - 1) // 2:
            refusals += [("ambiguous", _name(passes[one], passes[other])) for one, other in pairs]
        elif sum(len(touched[head].members) for head in circle) > MAXIMUM_GROUP:
            refusals += [("group_size", _name(passes[one], passes[other])) for one, other in pairs]
        else:
            first = touched[circle[0]]
            for head in circle[1:]:
                first.absorb(touched[head])
            for node in first.members:
                group_of[node] = first
    return refusals


def _circles(agrees: dict[int, set[int]]) -> list[list[int]]:
    """Connected parts of the relation "no guard objects", each sorted."""
    circles: list[list[int]] = []
    left = set(agrees)
    for head in sorted(agrees):
        if head not in left:
            continue
        circle, frontier = {head}, {head}
        while frontier:
            frontier = set().union(*(agrees[reached] for reached in frontier)) - circle
            circle |= frontier
        left -= circle
        circles.append(sorted(circle))
    return circles


def _name(one: set[str], other: set[str]) -> str:
    """The pass of an edge: the one both ends share, else the least of them."""
    return min(one & other or one | other)

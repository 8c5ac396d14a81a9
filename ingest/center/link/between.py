"""Why two persons are two: the guards asked once more of groups that are there already."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.center.link import union
from ingest.center.link.components import numbered
from ingest.center.link.guards import Facts, limits

_STRICT = np.array([union.BIRTH_SAME, union.ALL])  # months of birth agree, whoever it is


def objections(nodes: pl.DataFrame, lives: pl.DataFrame, apart: pl.DataFrame, person: bytes) -> dict[bytes, str | None]:
    """By id of each other person, what speaks against its being ``person`` (``union.REASONS``), or None.

    ``nodes`` as in ``NODE_SCHEMA`` with ``person_id``, ``lives`` as in ``LIVE_SCHEMA``, ``apart`` the decided pairs as
    in ``DECISION_SCHEMA``; all of one linkage domain.
    """
    known = numbered(nodes)
    number = known.select("identity_tag", "node")
    pairs = apart.select(
        pl.col(f"{end}_tag").replace_strict(*number.get_columns(), return_dtype=pl.Int64).alias(end)
        for end in ("one", "other")
    )
    facts = Facts.of(known, {}, lives.join(number, on="identity_tag"), pairs)
    parent = np.arange(known.height, dtype=np.int32)
    heads: dict[bytes, int] = {}
    for node, owner in known.select("node", "person_id").iter_rows():
        head = heads.setdefault(owner, node)
        if head != node:
            union.absorb(
                head, node, parent, facts.facts, facts.births, facts.birth_next, facts.life_first, facts.life_last,
                facts.life_next,
            )  # fmt: skip
    found: dict[bytes, str | None] = {}
    for other, head in heads.items():
        if other != person:
            one, two = sorted((heads[person], head))
            why = union.objection(
                one, two, _STRICT, False, parent, facts.facts, facts.births, facts.birth_next, facts.life,
                facts.life_word, facts.life_first, facts.life_next, pairs.to_numpy().astype(np.int64),
                limits()["long_gap"],
            )  # fmt: skip
            found[other] = union.REASONS[why] or None
    return found

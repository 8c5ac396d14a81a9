"""Manual decisions in linkage: pairs of identities that a named person called one, or apart.

They are part of what linkage is a function of: the same records and decisions give the same persons. ``together``
joins past the guards, but never past an ``apart``; ``apart`` keeps the two out of one person whatever path ties
them, so a split is an ``apart``. Who is left between two that are kept apart goes with whom it agrees best.
"""

from __future__ import annotations

import polars as pl

DECISION_SCHEMA = {
    "linkage_domain": pl.String(),
    "kind": pl.String(),  # one of KINDS
    "one_tag": pl.Binary(),
    "other_tag": pl.Binary(),
}
"""The decisions in force: of a pair the last one only. Tags are identity tags; who is not here yet is waited for."""
TOGETHER, APART = KINDS = ("together", "apart")


def nothing_decided() -> pl.DataFrame:
    """No decision."""
    return pl.DataFrame(schema=DECISION_SCHEMA)

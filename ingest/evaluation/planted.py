"""What became of the pairs that were planted: whether both are one person to the linker."""

from __future__ import annotations

from typing import Any

import polars as pl

from ingest.synth.world.planted import PAIRS
from ingest.synth.world.whole import World

PLANTED_SCHEMA: dict[str, pl.DataType] = {**PAIRS, "overlaps": pl.Boolean()}
"""A planted pair, and whether the two are insured on one day at least."""


def planted_of(world: World) -> pl.DataFrame:
    """The planted pairs (``PLANTED_SCHEMA``) that have a record of 資格 each."""
    cards = world.coverage.records.select("person", "start", pl.col("end").fill_null(1 << 40))
    pairs = world.planted.join(cards, on="person").join(cards.rename({"person": "other"}), on="other", suffix="_2")
    overlaps = (pl.col("start") < pl.col("end_2")) & (pl.col("start_2") < pl.col("end"))
    found = pairs.with_columns(overlaps=overlaps).group_by(PAIRS.keys()).agg(pl.col("overlaps").any())
    return found.select(PLANTED_SCHEMA.keys()).cast(PLANTED_SCHEMA)  # type: ignore[arg-type]


def merged(units: pl.DataFrame, planted: pl.DataFrame) -> list[dict[str, Any]]:
    """By kind, overlap and whether 資格 of both came to the center: how many pairs there are, and of how many some
    identities lie in one group. No guard sees an overlap of which one side was set aside at the site.

    Two of one name, day of birth and town whose enrolments never overlap cannot be told from one who left and joined
    again: they are counted here and are for a person to look at.
    """
    own = units.select("person", "group").unique()
    both = planted.join(own, on="person").join(own.rename({"person": "other"}), on=["other", "group"])
    pair = [*PAIRS]
    told = planted.join(both.select(pair).unique().with_columns(is_merged=pl.lit(True)), on=pair, how="left")
    known = units.filter("is_register")["person"].unique().implode()
    are_known = pl.col("person").is_in(known) & pl.col("other").is_in(known)
    counted = told.group_by("kind", "overlaps", registered=are_known).agg(
        pairs=pl.len().cast(pl.Int64), merged=pl.col("is_merged").fill_null(False).sum().cast(pl.Int64)
    )
    return counted.sort("kind", "overlaps", "registered").to_dicts()

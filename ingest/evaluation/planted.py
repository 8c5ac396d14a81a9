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
    """By kind, overlap and whether 資格 of both came to the center: pairs, of how many both are one (``merged``), and
    of how many more a record of one alone lies with the other (``strayed``: a receipt without branch, say, whose
    wrong digit of birth is the twin's too).

    Two are one person where identities of their 資格 share a group; where 資格 of one did not come, no guard sees an
    overlap, and any identity counts. Two of one name, day of birth and town whose enrolments never overlap cannot be
    told from one who left and joined again: they are counted here and are for a person to look at.
    """
    registered = units.filter("is_register")
    known = registered["person"].unique().implode()
    told = planted.with_columns(registered=pl.col("person").is_in(known) & pl.col("other").is_in(known))
    by_register, by_any = _sharing(registered, told), _sharing(units, told)
    is_merged = pl.when("registered").then(by_register).otherwise(by_any)
    counted = (
        told.with_columns(is_merged=is_merged, shares_any=by_any)
        .group_by("kind", "overlaps", "registered")
        .agg(
            pairs=pl.len().cast(pl.Int64),
            merged=pl.col("is_merged").sum().cast(pl.Int64),
            strayed=(pl.col("shares_any") & ~pl.col("is_merged")).sum().cast(pl.Int64),
        )
    )
    return counted.sort("kind", "overlaps", "registered").to_dicts()


def _sharing(units: pl.DataFrame, planted: pl.DataFrame) -> pl.Series:
    """For each planted pair whether some of these identities of both lie in one group."""
    own = units.select("person", "group").unique()
    both = planted.join(own, on="person").join(own.rename({"person": "other"}), on=["other", "group"])
    pairs = both.select("person", "other").unique().with_columns(is_shared=pl.lit(True))
    return planted.join(pairs, on=["person", "other"], how="left", maintain_order="left")["is_shared"].fill_null(False)

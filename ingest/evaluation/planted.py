"""What became of the pairs that were planted: whether both are one person to the linker."""

from __future__ import annotations

from typing import Any

import polars as pl

from ingest.synth.world.planted import PAIRS
from ingest.synth.world.whole import World

PLANTED_SCHEMA: dict[str, pl.DataType] = {**PAIRS, "overlaps": pl.Boolean(), "is_seen": pl.Boolean()}
"""A planted pair, whether the two are insured on one day at least, and whether the enrolments that came say so."""

_CARD = ["person", "scheme_code", "insurer_number", "symbol", "number", "applied_start_date"]
_NEVER = 1 << 40


def planted_of(world: World, enrolment: pl.DataFrame) -> pl.DataFrame:
    """The planted pairs (``PLANTED_SCHEMA``) of a world of which these rows of 資格 come (``forms``).

    What a site set aside does not come: no guard sees an overlap of which one side was.
    """
    newest = enrolment.sort("processed_date", maintain_order=True).unique(_CARD, keep="last", maintain_order=True)
    came = newest.select(
        "person", pl.col("applied_start_date", "applied_end_date").to_physical().cast(pl.Int64).name.keep()
    ).rename({"applied_start_date": "start", "applied_end_date": "end"})
    are_insured = _overlapping(world.planted, world.coverage.records.select("person", "start", "end"))
    are_seen = _overlapping(world.planted, came)
    found = world.planted.with_columns(overlaps=are_insured, is_seen=are_seen)
    return found.select(PLANTED_SCHEMA.keys()).cast(PLANTED_SCHEMA)  # type: ignore[arg-type]


def _overlapping(pairs: pl.DataFrame, cards: pl.DataFrame) -> pl.Series:
    """For each pair whether a card of one and a card of the other are in force on one day (``end`` exclusive)."""
    cards = cards.with_columns(pl.col("end").fill_null(_NEVER))
    both = pairs.join(cards, on="person").join(cards.rename({"person": "other"}), on="other", suffix="_2")
    met = both.filter((pl.col("start") < pl.col("end_2")) & (pl.col("start_2") < pl.col("end")))
    return _are_in(pairs, met)


def _are_in(pairs: pl.DataFrame, met: pl.DataFrame) -> pl.Series:
    found = met.select("person", "other").unique().with_columns(is_found=pl.lit(True))
    return pairs.join(found, on=["person", "other"], how="left", maintain_order="left")["is_found"].fill_null(False)


def merged(units: pl.DataFrame, planted: pl.DataFrame) -> list[dict[str, Any]]:
    """By kind, overlap and whether that is seen: pairs, of how many both are one (``merged``), and of how many more a
    record of one alone lies with the other (``strayed``: a receipt without branch, say, whose wrong digit of birth is
    the twin's too).

    Two are one person where identities of their 資格 share a group; where no overlap is seen, where any do. Two of one
    name, day of birth and town whose enrolments never overlap cannot be told from one who left and joined again: they
    are counted here and are for a person to look at.
    """
    by_register = _sharing(units.filter("is_register"), planted)
    by_any = _sharing(units, planted)
    told = planted.with_columns(is_merged=pl.when("is_seen").then(by_register).otherwise(by_any), shares_any=by_any)
    counted = told.group_by("kind", "overlaps", "is_seen").agg(
        pairs=pl.len().cast(pl.Int64),
        merged=pl.col("is_merged").sum().cast(pl.Int64),
        strayed=(pl.col("shares_any") & ~pl.col("is_merged")).sum().cast(pl.Int64),
    )
    return counted.sort("kind", "overlaps", "is_seen").to_dicts()


def _sharing(units: pl.DataFrame, planted: pl.DataFrame) -> pl.Series:
    """For each planted pair whether some of these identities of both lie in one group."""
    own = units.select("person", "group").unique()
    both = planted.join(own, on="person").join(own.rename({"person": "other"}), on=["other", "group"])
    return _are_in(planted, both)

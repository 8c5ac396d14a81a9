"""What the seeds know of indicators, areas and classes: against this a table of counts is checked."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from ingest.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
LEVELS = ("nation", "prefecture", "medical_area", "insurer", "municipality", "peer")
WHOLE_LEVELS = ("nation", "prefecture", "medical_area", "peer")
"""Levels whose figures rest on several insurers."""


def _seed(name: str, *columns: str) -> pl.DataFrame:
    return pl.read_csv(Path(SEEDS, f"{name}.csv"), infer_schema=False, columns=list(columns) or None)


def _has(column: str, word: str) -> pl.Expr:
    return pl.concat_str(pl.lit(" "), pl.col(column), pl.lit(" ")).str.contains(f" {word} ", literal=True)


@cache
def indicators() -> pl.DataFrame:
    """The catalogue: id, version, valid_from, valid_to, scheme_codes and period_kinds with blanks around, and

    ``is_share``      persons or sums of which the numerator is a part of the denominator
    ``has_denominator``
    ``adds_areas``    the figure of an area is the sum of its parts
    ``is_sum``        it is no count of persons, so that the parts of any kind add up
    ``of_classes``    it is told by class of disease
    """
    classed = _seed("indicator_classes")["indicator_id"]
    return _seed("indicators").select(
        "indicator_id",
        pl.col("definition_version").cast(pl.Int64),
        pl.col("valid_from").str.to_date(),
        pl.col("valid_to").str.to_date(),
        pl.concat_str(pl.lit(" "), "scheme_codes", pl.lit(" ")).alias("scheme_codes"),
        pl.concat_str(pl.lit(" "), "period_kinds", pl.lit(" ")).alias("period_kinds"),
        ((pl.col("unit") == "%") & (pl.col("block_code") != "linkage")).alias("is_share"),
        (pl.col("denominator_ja") != "なし").alias("has_denominator"),
        _has("additive_over", "area").fill_null(False).alias("adds_areas"),
        (_has("additive_over", "area") & _has("additive_over", "period")).fill_null(False).alias("is_sum"),
        pl.col("indicator_id").is_in(classed.implode()).alias("of_classes"),
    )


@cache
def classes() -> pl.DataFrame:
    """Class codes that an indicator may be told by: indicator_id, class_code."""
    kinds = (
        _seed("indicator_classes")
        .select("indicator_id", class_kind_code=pl.col("class_kind_codes").str.split(" "))
        .explode("class_kind_code")
    )
    return kinds.join(_seed("disease_classes"), on="class_kind_code").select("indicator_id", "class_code").unique()


@cache
def areas() -> pl.DataFrame:
    """Every area: area_level, area_id, prefecture_code (null of the nation and of peers), scheme_code of an insurer.

    Wards are parts of their city and no municipalities here.
    """
    nothing = pl.lit(None, dtype=pl.String)
    peers = _seed("peer_classes").select(
        pl.lit("peer").alias("area_level"),
        pl.concat_str("reading_code", "peer_class_code", separator=":").alias("area_id"),
        nothing.alias("prefecture_code"),
        nothing.alias("scheme_code"),
    )
    named = {
        "prefecture": (_seed("prefectures"), "prefecture_code", nothing),
        "medical_area": (_seed("medical_areas"), "medical_area_code", nothing),
        "municipality": (
            _seed("municipalities").filter(pl.col("kind_code") != "ward"), "municipality_code", nothing,
        ),
        "insurer": (_seed("insurers"), "insurer_number", pl.col("scheme_code")),
    }  # fmt: skip
    frames = [
        frame.select(
            pl.lit(level).alias("area_level"), pl.col(key).alias("area_id"), pl.col("prefecture_code"),
            scheme.alias("scheme_code"),
        )
        for level, (frame, key, scheme) in named.items()
    ]  # fmt: skip
    nation = pl.DataFrame([("nation", "JP", None, None)], schema=frames[0].schema, orient="row")
    return pl.concat([nation, *frames, peers]).unique(maintain_order=True)


@cache
def bands() -> tuple[str, ...]:
    """Codes of 年齢階級, and all ages."""
    return (*_seed("age_bands")["age_band_code"], "all")

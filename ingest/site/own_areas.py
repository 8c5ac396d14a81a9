"""Which areas are wholly a tenant's own: there it sees its own counts in full, unprotected.

An insurer's own are the insurer, its municipalities and their districts; where the tenant holds every
insurer of the scheme in the prefecture (広域連合), the prefecture too. A grant limited to one
municipality gives that municipality and its districts, never the whole insurer (a care union). The
value of 国保＋後期 is own where both schemes are.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.settings import PROJECT_ROOT
from ingest.site.area import area_of

INSURER_MUNICIPALITY = PROJECT_ROOT / "seeds" / "insurer_municipality.csv"
BOTH = ("kokuho", "koki", "kokuho_koki")
_KEY = ["tenant_id", "scheme_set"]
_COLUMNS = [*_KEY, "scheme_code", "area_level", "area_id"]


def own_areas(grants: pl.DataFrame, prefecture_code: str, seed: Path = INSURER_MUNICIPALITY) -> pl.DataFrame:
    """Own areas by tenant and scheme set: tenant_id, scheme_set, scheme_code, area_level, area_id.

    A district's ``area_id`` is its municipality: all districts of it are own.
    """
    whole = grants.filter(pl.col("municipality_code").is_null())
    parts = pl.read_csv(seed, infer_schema=False).select("insurer_number", "scheme_code", "municipality_code").unique()
    municipality = pl.concat(
        [
            grants.filter(pl.col("municipality_code").is_not_null()).select(*_KEY, "scheme_code", "municipality_code"),
            whole.drop("municipality_code")
            .join(parts, on=["scheme_code", "insurer_number"])
            .select(*_KEY, "scheme_code", "municipality_code"),
        ]
    ).unique()
    first, second, both = BOTH
    shared = (
        municipality.filter(pl.col("scheme_code") == first)
        .join(municipality.filter(pl.col("scheme_code") == second), on=[*_KEY, "municipality_code"])
        .with_columns(pl.lit(both).alias("scheme_code"))
        .select(municipality.columns)
    )
    towns = pl.concat([municipality, shared]).rename({"municipality_code": "area_id"})
    found = [
        whole.with_columns(pl.lit("insurer").alias("area_level"), pl.col("insurer_number").alias("area_id")).select(
            _COLUMNS
        ),
        towns.with_columns(pl.lit("municipality").alias("area_level")).select(_COLUMNS),
        towns.with_columns(pl.lit("district").alias("area_level")).select(_COLUMNS),
        _whole_prefecture(whole, prefecture_code),
    ]
    return pl.concat(found).unique().sort(_COLUMNS)


def _whole_prefecture(whole: pl.DataFrame, prefecture_code: str) -> pl.DataFrame:
    count = area_of(prefecture_code).insurers.group_by("scheme_code").agg(pl.len().alias("all_insurers"))
    held = whole.group_by(*_KEY, "scheme_code").agg(pl.col("insurer_number").n_unique().alias("held"))
    return (
        held.join(count, on="scheme_code")
        .filter(pl.col("held") == pl.col("all_insurers"))
        .with_columns(pl.lit("prefecture").alias("area_level"), pl.lit(prefecture_code).alias("area_id"))
        .select(_COLUMNS)
    )

"""Names as printed: 姓 and 名 with an ideographic blank between.

The names of the seeds ``surnames`` and ``given_names`` are the frequent ones; the many rare ones are composed of parts
(seed ``name_parts``). Without them far too many people would share a name and a birthday.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import seed

FREQUENT_SURNAMES = 0.52
"""Share of people with a surname of the seed: 佐藤 then is 1.4 % (in Japan about 1.5; from memory, unverified)."""
FREQUENT_GIVEN = 0.35
"""Share of a sex and generation with a given name of the seed: the first then has 2.6 % (unverified)."""
RARE_FROM_RANK = 60  # weights of rare names fall as 1 / (this + rank)


@cache
def surnames() -> pl.DataFrame:
    """``surname``, ``kana``, ``weight``: shares of all households."""
    frequent = seed("surnames").select("surname", "kana", _share(FREQUENT_SURNAMES))
    rare = _composed("surname_1", "surname_2").rename({"name": "surname"})
    rare = rare.join(frequent, on="surname", how="anti", maintain_order="left")
    return pl.concat([frequent, _ranked(rare, 1 - FREQUENT_SURNAMES)])


@cache
def given_names() -> pl.DataFrame:
    """``given_name``, ``kana``, ``weight``, ``sex_code``, ``born_from``, ``born_to``: shares of a generation."""
    generation = ["sex_code", "born_from", "born_to"]
    columns = ["given_name", "kana", "weight", *generation]
    parts = []
    for (sex, low, high), rows in seed("given_names").group_by(generation, maintain_order=True):
        frequent = rows.with_columns(_share(FREQUENT_GIVEN))
        who = "man" if sex == "1" else "woman"
        rare = _composed(f"{who}_1", f"{who}_2").rename({"name": "given_name"})
        rare = rare.join(frequent, on="given_name", how="anti", maintain_order="left")
        rare = _ranked(rare, 1 - FREQUENT_GIVEN).with_columns(
            sex_code=pl.lit(sex), born_from=pl.lit(low), born_to=pl.lit(high)
        )
        parts += [frequent.select(columns), rare.select(columns)]
    return pl.concat(parts, how="vertical_relaxed")


def name_columns(surname: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[pl.Series, pl.Series]:
    """``name_kanji`` and ``name_kana`` of rows of ``surnames`` and ``given_names``."""
    last, first = surnames(), given_names()
    kanji = last["surname"].gather(surname) + "　" + first["given_name"].gather(given)
    kana = last["kana"].gather(surname) + "　" + first["kana"].gather(given)
    return kanji.alias("name_kanji"), kana.alias("name_kana")


def _share(share: float) -> pl.Expr:
    weight = pl.col("weight").cast(pl.Float64)
    return weight / weight.sum() * share


def _composed(first: str, second: str) -> pl.DataFrame:
    """Names of two parts (``name``, ``kana``), those of the earlier parts first; no part stands beside itself."""
    parts = seed("name_parts").with_columns(place=pl.int_range(pl.len()).over("kind"))
    one, two = (parts.filter(kind=kind).select("part", "kana", "place") for kind in (first, second))
    both = one.join(two, how="cross", suffix="_2").filter(pl.col("part") != pl.col("part_2"))
    both = both.sort(pl.col("place") + pl.col("place_2"), "place", maintain_order=True)
    both = both.select(name=pl.col("part") + pl.col("part_2"), kana=pl.col("kana") + pl.col("kana_2"))
    return both.unique("name", keep="first", maintain_order=True)


def _ranked(rare: pl.DataFrame, share: float) -> pl.DataFrame:
    falling = 1 / (RARE_FROM_RANK + pl.int_range(pl.len()))
    return rare.with_columns(weight=falling / falling.sum() * share)

"""Groups in which two persons lie: who they are to each other."""

from __future__ import annotations

from typing import Any

import polars as pl

RELATIONS = ("twins", "namesakes", "one household", "others")


def mixed(units: pl.DataFrame, people: pl.DataFrame) -> list[dict[str, Any]]:
    """Pairs of persons in one group and the pairs of units between them, by relation: twins (one household and day of
    birth), namesakes (one name and day of birth), others of one household, the rest.

    ``units`` and ``people`` as in ``metrics.figures``.
    """
    by_person = units.group_by("group", "person").agg(units=pl.len().cast(pl.Int64))
    several = by_person.filter(pl.len().over("group") > 1).join(people, on="person", how="left")
    both = several.join(several, on="group", suffix="_2").filter(pl.col("person") < pl.col("person_2"))
    same_day = pl.col("birth_date") == pl.col("birth_date_2")
    same_home = pl.col("household") == pl.col("household_2")
    relation = (
        pl.when(same_home & same_day).then(pl.lit(RELATIONS[0]))
        .when(same_day & (pl.col("name") == pl.col("name_2"))).then(pl.lit(RELATIONS[1]))
        .when(same_home).then(pl.lit(RELATIONS[2]))
        .otherwise(pl.lit(RELATIONS[3]))
    )  # fmt: skip
    found = both.group_by(relation=relation).agg(
        persons=pl.len().cast(pl.Int64), pairs=(pl.col("units") * pl.col("units_2")).sum()
    )
    return found.sort("relation").to_dicts()

"""要介護認定: the rate by age in September 2020, and the levels by sex and age at the end of March 2023."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.cells import cells, share_error
from ingest.synth.nation.sample import Sample, bands
from ingest.synth.world.care import LEVELS
from ingest.synth.world.clock import age_at, day_of
from ingest.synth.world.counts import present

RATES_ON, LEVELS_ON = date(2020, 9, 30), date(2023, 3, 31)
ROUNDED = 0.001


def residents(sample: Sample, on: date) -> pl.DataFrame:
    """Residents of 65 and over on a day: person, sex_code, age, age_band_code, care_level_code (null: none)."""
    day, people = day_of(on), sample.world.people
    who = present(sample.world.lives, day)["person"].to_numpy()
    age = age_at(people.birth[who], day)
    frame = pl.DataFrame({"person": who, "sex_code": people.sex[who].astype(str), "age": age})
    now = (
        sample.spells.filter((pl.col("first") <= day) & (pl.col("last") >= day))
        .unique("person", keep="last", maintain_order=True)
        .select("person", care_level_code=pl.lit(pl.Series(np.array(LEVELS))).gather(pl.col("level")))
    )
    old = frame.filter(pl.col("age") >= 65).with_columns(age_band_code=bands(pl.col("age"), 65, 90))
    return old.join(now, on="person", how="left")


def certification(sample: Sample) -> pl.DataFrame:
    """Cells of the rate by age, and of the share of each level among the certified by sex and age."""
    certified = pl.col("care_level_code").is_not_null()
    ours = residents(sample, RATES_ON).group_by("age_band_code").agg(n=pl.len(), ours=certified.mean())
    by_age = (
        seed("certification_rates").select("age_band_code", reference="certified_share")
        .join(ours, on="age_band_code")
        .with_columns(
            figure=pl.lit("certified"), error=share_error(pl.col("reference"), pl.col("n"), ROUNDED)
        )
    )  # fmt: skip
    levels = residents(sample, LEVELS_ON).filter(certified)
    all_women = levels.filter(sex_code="2").with_columns(age_band_code=pl.lit("65+"))
    levels = pl.concat([levels, all_women])
    keys = ["sex_code", "age_band_code"]
    of = levels.group_by(keys).len("n")
    counted = levels.group_by(*keys, "care_level_code").len("hits")
    joint = (
        seed("certified_levels").with_columns(reference=pl.col("persons") / pl.col("persons").sum().over(keys))
        .join(of, on=keys).join(counted, on=[*keys, "care_level_code"], how="left")
        .with_columns(
            figure=pl.lit("level"), category="care_level_code", ours=pl.col("hits").fill_null(0) / pl.col("n")
        )
        .with_columns(error=share_error(pl.col("reference"), pl.col("n")))
    )  # fmt: skip
    of_level = pl.col("age_band_code") == "65+"
    return pl.concat(
        [
            cells(by_age, "certification", "marginal", "share"),
            cells(_who(levels.filter(~of_level)), "certification", "joint", "share"),
            cells(joint.filter(of_level), "certification", "marginal", "share"),
            cells(joint.filter(~of_level), "certification", "joint", "share"),
        ]
    )


def _who(certified: pl.DataFrame) -> pl.DataFrame:
    """Who the certified are: the share of each sex and age among them. Women are published at 65 to 69 and in all."""
    as_one = (pl.col("sex_code") == "2") & (pl.col("age_band_code") != "65-69")
    group = pl.when(as_one).then(pl.lit("70+")).otherwise("age_band_code")
    counts = seed("certified_levels").filter(pl.col("age_band_code") != "40-64(第2号)")
    women = counts.filter(sex_code="2").group_by("age_band_code").agg(pl.col("persons").sum())
    persons = dict(women.iter_rows())
    rest = persons["65+"] - persons["65-69"]
    keys = ["sex_code", "age_band_code"]
    by_age = counts.filter(pl.col("age_band_code") != "65+").group_by(keys).agg(pl.col("persons").sum())
    published = pl.concat([by_age, pl.DataFrame({"sex_code": "2", "age_band_code": "70+", "persons": rest})])
    ours = certified.with_columns(age_band_code=group).group_by(keys).len("hits")
    return (
        published.with_columns(reference=pl.col("persons") / pl.col("persons").sum())
        .join(ours, on=keys)
        .with_columns(figure=pl.lit("certified_by_sex_and_age"), n=pl.lit(certified.height))
        .with_columns(ours=pl.col("hits") / pl.col("n"))
        .with_columns(error=share_error(pl.col("reference"), pl.col("n")))
    )

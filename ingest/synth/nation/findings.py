"""Findings of 特定健診: the published bins by sex and age, and the means of the prefecture, sex and age."""

from __future__ import annotations

import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.cells import cells, share_error
from ingest.synth.nation.sample import Sample
from ingest.synth.world.distributions import PROTEIN as SIGNS

FISCAL_YEAR = 2022  # of the published bins
PROTEIN = "urine_protein"
OF_BINS = ("bmi", "hba1c", "systolic", "ldl")
NOT_MADE = ("haemoglobin",)


def with_bands(frame: pl.DataFrame) -> pl.DataFrame:
    """``age_band_code`` of ages 40 to 74."""
    low = pl.col("age") // 5 * 5
    return frame.with_columns(age_band_code=pl.concat_str(low.cast(pl.String), pl.lit("-"), (low + 4).cast(pl.String)))


def examined(sample: Sample, fiscal_year: int) -> pl.DataFrame:
    """Results of a fiscal year with person, sex_code, age and age_band_code."""
    mine = with_bands(sample.checkups.filter(pl.col("fiscal_year") == fiscal_year))
    return sample.results.join(mine.rename({"source_row": "parent_source_row"}), on="parent_source_row")


def bins(sample: Sample) -> pl.DataFrame:
    """Cells of the published bins: joint by sex and age, marginal weighted by the persons of the publication."""
    signs = {sign: str(code) for code, sign in enumerate(SIGNS, start=1)}
    number = pl.col("value_from").replace(signs).cast(pl.Float64).fill_null(-1.0)
    named = pl.col("value_from").fill_null("") + "–" + pl.col("value_below").fill_null("")
    table = seed("checkup_bins").with_columns(
        low=number, category=pl.when(pl.col("item_id") == PROTEIN).then("value_from").otherwise(named)
    )
    results = examined(sample, FISCAL_YEAR)
    value = pl.coalesce("numeric_value", pl.col("code_value").cast(pl.Float64))
    parts = []
    for item in (*OF_BINS, PROTEIN):
        mine = results.filter(item_id=item).with_columns(low=value).drop_nulls("low")
        edges = table.filter(item_id=item).select("low", "category").unique().sort("low")
        keys = ["sex_code", "age_band_code"]
        counted = mine.sort("low").join_asof(edges, on="low").group_by(*keys, "category").len("hits")
        of = mine.group_by(keys).len("n")
        group = table.filter(item_id=item).group_by(*keys, "category").agg(persons=pl.col("persons").sum())
        parts.append(
            group.join(of, on=keys).join(counted, on=[*keys, "category"], how="left")
            .with_columns(
                figure=pl.lit(item),
                ours=pl.col("hits").fill_null(0) / pl.col("n"),
                reference=pl.col("persons") / pl.col("persons").sum().over(keys),
            )
            .with_columns(error=share_error(pl.col("reference"), pl.col("n")))
        )  # fmt: skip
    joint = pl.concat(parts)
    return pl.concat([cells(joint, "findings", "joint", "share"), marginal(joint, "findings")])


def marginal(joint: pl.DataFrame, family: str) -> pl.DataFrame:
    """By sex over the ages: both sides weighted by the persons of the publication."""
    weight = pl.col("persons").sum().over("figure", "sex_code", "age_band_code")
    weighted = joint.with_columns(weight=weight).with_columns(
        weight=pl.col("weight") / pl.col("persons").sum().over("figure", "sex_code")
    )
    summed = weighted.group_by("figure", "sex_code", "category").agg(
        n=pl.col("n").sum(),
        ours=(pl.col("weight") * pl.col("ours")).sum(),
        reference=(pl.col("weight") * pl.col("reference")).sum(),
        error=(pl.col("weight") * pl.col("error")).pow(2).sum().sqrt(),
    )
    return cells(summed, family, "marginal", "share")


def means(sample: Sample) -> pl.DataFrame:
    """Cells of the mean values by prefecture, sex and age, of the items that follow the prefecture's mean."""
    published = seed("checkup_means").filter(~pl.col("item_id").is_in([*OF_BINS, *NOT_MADE]))
    results = examined(sample, FISCAL_YEAR)
    keys = ["item_id", "prefecture_code", "sex_code", "age_band_code"]
    ours = results.group_by(keys).agg(
        n=pl.col("numeric_value").count(),
        ours=pl.col("numeric_value").mean(),
        error=pl.col("numeric_value").std() / pl.col("numeric_value").count().sqrt(),
    )
    joint = published.join(ours, on=keys).rename(
        {"mean": "reference", "item_id": "figure", "prefecture_code": "category"}
    )  # fmt: skip
    return cells(joint, "means", "joint", "mean")

"""標準的な質問票: the share of each answer by sex and age."""

from __future__ import annotations

import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.cells import cells, share_error
from ingest.synth.nation.findings import examined, marginal
from ingest.synth.nation.sample import Sample

FISCAL_YEAR = 2021  # of the publication


def questions(sample: Sample) -> pl.DataFrame:
    """Cells of the answers by sex and age, and over the ages, weighted as those examined in the nation are.

    The publication is of the old form, which is asked until 2023.
    """
    table = seed("questionnaire").select(
        "sex_code", "age_band_code", figure="item_id", category=pl.col("code_value").cast(pl.String),
        reference="answer_share",
    )  # fmt: skip
    keys = ["figure", "sex_code", "age_band_code"]
    mine = examined(sample, FISCAL_YEAR).rename({"item_id": "figure", "code_value": "category"})
    mine = mine.join(table.select("figure").unique(), on="figure", how="semi")
    of = mine.group_by(keys).len("n")
    counted = mine.group_by(*keys, "category").len("hits")
    joint = (
        table.join(of, on=keys).join(counted, on=[*keys, "category"], how="left")
        .with_columns(ours=pl.col("hits").fill_null(0) / pl.col("n"))
        .with_columns(error=share_error(pl.col("reference"), pl.col("n")))
    )  # fmt: skip
    # Of yes and no the one says what the other does.
    answers = pl.len().over(keys)
    joint = joint.filter((answers > 2) | (pl.col("category") == "1"))
    nation = (
        seed("checkup_bins").filter(item_id="bmi").group_by("sex_code", "age_band_code").agg(pl.col("persons").sum())
    )
    weighted = joint.join(nation, on=["sex_code", "age_band_code"])
    return pl.concat([cells(joint, "questions", "joint", "share"), marginal(weighted, "questions")])

"""What goes together: several findings in one person, who comes and what it costs, who is certified and what it costs.

Of these only the metabolic syndrome is published (該当者 and 予備群 by sex over all ages); the others are shown as
they follow, with an empty reference.
"""

from __future__ import annotations

import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.attendance import legal_members
from ingest.synth.nation.cells import cells, rates, share_error
from ingest.synth.nation.certification import LEVELS_ON, residents
from ingest.synth.nation.findings import FISCAL_YEAR, examined
from ingest.synth.nation.sample import Sample, bands

WAIST_LIMIT = pl.when(pl.col("sex_code") == "1").then(85.0).otherwise(90.0)
HIGH_SUGAR, HIGH_PRESSURE = 6.5, 140.0
KEYS = ["sex_code", "age_band_code"]


def metabolic(sample: Sample) -> pl.DataFrame:
    """該当者と予備群 by sex, ages weighted as those examined in the nation are (the persons of the published bins)."""
    judged = examined(sample, FISCAL_YEAR).filter(item_id="metabolic_judgement")
    by_age = judged.group_by(KEYS).agg(n=pl.len(), ours=(pl.col("code_value") != "3").mean())
    nation = seed("checkup_bins").filter(item_id="bmi").group_by(KEYS).agg(persons=pl.col("persons").sum())
    weight = pl.col("persons") / pl.col("persons").sum().over("sex_code")
    by_sex = (
        by_age.join(nation, on=KEYS)
        .with_columns(weight=weight, error=share_error(pl.col("ours"), pl.col("n")))
        .group_by("sex_code")
        .agg(
            n=pl.col("n").sum(),
            ours=(pl.col("weight") * pl.col("ours")).sum(),
            error=(pl.col("weight") * pl.col("error")).pow(2).sum().sqrt(),
        )
    )
    published = seed("metabolic_by_year").filter(fiscal_year=FISCAL_YEAR).select("sex_code", reference="share")
    joined = by_sex.join(published, on="sex_code").with_columns(
        figure=pl.lit("metabolic_or_preliminary"), error=(pl.col("error").pow(2) + 0.001**2 / 12).sqrt()
    )
    alone = by_age.with_columns(figure=pl.lit("metabolic_or_preliminary"))
    return pl.concat([cells(joined, "joint", "marginal", "share"), cells(alone, "joint", "joint", "share")])


def findings_together(sample: Sample) -> pl.DataFrame:
    """Findings alone and in one person by sex and age: waist, sugar, pressure."""
    items = ["waist", "hba1c", "systolic"]
    wide = examined(sample, FISCAL_YEAR).filter(pl.col("item_id").is_in(items)).pivot(
        on="item_id", index=["person", *KEYS], values="numeric_value"
    )  # fmt: skip
    sugar, pressure = pl.col("hba1c") >= HIGH_SUGAR, pl.col("systolic") >= HIGH_PRESSURE
    found = {
        "waist_over": pl.col("waist") >= WAIST_LIMIT,
        "hba1c_65": sugar,
        "systolic_140": pressure,
        "hba1c_65_and_systolic_140": sugar & pressure,
    }
    long = wide.with_columns(**found).group_by(KEYS).agg(pl.len().alias("n"), *(pl.col(name).mean() for name in found))
    return cells(long.unpivot(on=list(found), index=[*KEYS, "n"], variable_name="figure", value_name="ours"),
                 "joint", "joint", "share")  # fmt: skip


def costs_together(sample: Sample) -> pl.DataFrame:
    """Medical cost of those who came to the checkup and who did not, and of the certified and the others."""
    year = sample.world.settings.reference_month.year - 1
    members = legal_members(sample, year).select("person", came=pl.col("came").cast(pl.String))
    attending = sample.months.join(members, on="person").with_columns(age_band_code=bands(pl.col("age"), 40, 70))
    has_level = pl.col("care_level_code").is_not_null().cast(pl.String)
    old = residents(sample, LEVELS_ON).select("person", certified=has_level)
    frail = sample.months.join(old, on="person").with_columns(age_band_code=bands(pl.col("age"), 65, 90))
    both = {"cost_by_attendance": ("came", attending), "cost_by_certification": ("certified", frail)}
    parts = []
    for figure, (column, frame) in both.items():
        by = rates(frame, [column, "age_band_code"]).rename({column: "category"}).with_columns(figure=pl.lit(figure))
        parts.append(cells(by, "joint", "joint", "yen"))
    return pl.concat(parts)


def joint(sample: Sample) -> pl.DataFrame:
    """All of them."""
    return pl.concat([metabolic(sample), findings_together(sample), costs_together(sample)])

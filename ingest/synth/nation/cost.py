"""医療費 a head and year by age, and 介護費用 a head of residents by age."""

from __future__ import annotations

import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.cells import cells, rates
from ingest.synth.nation.sample import Sample, bands

ROUNDED_YEN = 1000.0


def cost(sample: Sample) -> pl.DataFrame:
    """Cells of medical cost by age of members of 国保 and 後期, and of care cost by age of residents."""
    table = seed("cost_by_age").select("age_band_code", reference=pl.col("cost_yen_per_year").cast(pl.Float64))
    ours = rates(sample.months.with_columns(age_band_code=bands(pl.col("age"), 0, 100)), ["age_band_code"])
    medical = _against(table, ours, "medical_cost")
    table = seed("care_cost_by_age").select("age_band_code", reference=pl.col("cost_yen_per_year").cast(pl.Float64))
    ours = rates(sample.care_months.with_columns(age_band_code=bands(pl.col("age"), 0, 95)), ["age_band_code"])
    care = _against(table, ours, "care_cost")
    return pl.concat([medical, care])


def _against(table: pl.DataFrame, ours: pl.DataFrame, figure: str) -> pl.DataFrame:
    joined = table.join(ours, on="age_band_code").with_columns(
        figure=pl.lit(figure), error=(pl.col("error").pow(2) + ROUNDED_YEN**2 / 12).sqrt()
    )
    return cells(joined, figure, "marginal", "yen")

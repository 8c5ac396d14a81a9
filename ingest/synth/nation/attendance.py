"""特定健診受診率 of 市町村国保: by sex and age in 2020, and of each year."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.synth.calibration import seed
from ingest.synth.nation.cells import cells, share_error
from ingest.synth.nation.sample import Sample, bands, year_ends
from ingest.synth.world.clock import age_at

YEAR_OF_AGES = 2020
ROUNDED = 0.001


def legal_members(sample: Sample, fiscal_year: int) -> pl.DataFrame:
    """Members of 国保 of 40 to 74 who were with one insurer from the first to the last day, and who of them came."""
    world = sample.world
    begin, end = year_ends(fiscal_year)
    person = np.arange(len(world.people))
    # One row of records is one stay with one insurer: covered by the same row on both days is covered throughout.
    start = world.coverage.at(person, np.full(len(person), begin))
    last = world.coverage.at(person, np.full(len(person), end))
    scheme = (world.coverage.records["scheme_code"] == "kokuho").to_numpy()
    age = age_at(world.people.birth, end)
    base = np.flatnonzero((start >= 0) & (start == last) & scheme[np.maximum(start, 0)] & (age >= 40) & (age <= 74))
    came = sample.checkups.filter((pl.col("fiscal_year") == fiscal_year) & (pl.col("scheme_code") == "kokuho"))
    return pl.DataFrame(
        {
            "person": base,
            "sex_code": sample.sex_of(base).astype(str),
            "age": age[base],
            "came": np.isin(base, came["person"].to_numpy()),
        }
    )


def attendance(sample: Sample) -> pl.DataFrame:
    """Cells of attendance: joint by sex and age in 2020, marginal by year."""
    members = legal_members(sample, YEAR_OF_AGES).with_columns(age_band_code=bands(pl.col("age"), 40, 70))
    published = seed("attendance").filter(insurer_size="all").select(
        "sex_code", "age_band_code", reference="attendance_share"
    )  # fmt: skip
    ours = (
        members.with_columns(age_band_code=pl.col("age_band_code").replace("70+", "70-74"))
        .group_by("sex_code", "age_band_code")
        .agg(n=pl.len(), ours=pl.col("came").mean())
    )
    joint = published.join(ours, on=["sex_code", "age_band_code"]).with_columns(
        figure=pl.lit(f"attendance_{YEAR_OF_AGES}"), error=share_error(pl.col("reference"), pl.col("n"), ROUNDED)
    )
    by_year = dict(seed("attendance_by_year").select("fiscal_year", "kokuho_share").iter_rows())
    last = sample.world.settings.reference_month
    rows = []
    for year in range(sample.world.settings.first_fiscal_year, last.year):
        whole = legal_members(sample, year)
        rows.append(
            {
                "figure": f"attendance_{year}",
                "n": whole.height,
                "ours": whole["came"].mean(),
                "reference": by_year[year],
            }
        )
    marginal = pl.DataFrame(rows).with_columns(error=share_error(pl.col("reference"), pl.col("n"), ROUNDED))
    return pl.concat([cells(joint, "attendance", "joint", "share"), cells(marginal, "attendance", "marginal", "share")])

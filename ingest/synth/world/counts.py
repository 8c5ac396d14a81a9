"""Counts that come ready made: residents on 1 January, and the insured of 介護 at each month's end."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.contracts import CARE_INSURED_COUNT, POPULATION
from ingest.synth.calibration import warehouse_seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.clock import age_at, day_of, first_day, last_day, month_date
from ingest.synth.world.lives import WELFARE, Lives
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]


def band_codes() -> tuple[Ints, list[str]]:
    """First ages and codes of the five-year bands."""
    table = warehouse_seed("age_bands")
    return table["age_from"].cast(pl.Int64).to_numpy(), table["age_band_code"].to_list()


def present(lives: Lives, day: int) -> pl.DataFrame:
    """States that hold on a day of those who are there."""
    return lives.states.filter(
        (pl.col("town") >= 0) & (pl.col("start") <= day) & (pl.col("end").fill_null(1 << 40) > day)
    )


def _tally(town: Ints, sex: Ints, age: Ints, towns: Towns, from_age: int) -> pl.DataFrame:
    """Persons by town, sex and band, those that nobody is in included."""
    first, codes = band_codes()
    band = np.searchsorted(first, age, side="right") - 1
    shape = (len(towns), 2, len(codes))
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (town, sex - 1, band), 1)
    grid = np.indices(shape)
    frame = pl.DataFrame(
        {
            "town": grid[0].ravel(),
            "sex_code": (grid[1].ravel() + 1).astype(str),
            "age_band_code": np.array(codes)[grid[2].ravel()],
            "count": counts.ravel(),
        }
    )
    wanted = [code for age_from, code in zip(first, codes, strict=True) if age_from >= from_age]
    return frame.filter(pl.col("age_band_code").is_in(wanted)).with_columns(
        municipality_code=pl.lit(pl.Series(towns.code)).gather(pl.col("town")),
        insurer_number=pl.lit(pl.Series(towns.care)).gather(pl.col("town")),
        source_row=pl.int_range(pl.len()),
    )


def population(settings: SynthSettings, towns: Towns, people: People, lives: Lives) -> pl.DataFrame:
    """Residents on 1 January of each year, a home in another town counting there. All sites together."""
    years = range(settings.first_fiscal_year, settings.reference_month.year + 1)
    return pl.concat([_population_of(towns, people, lives, year) for year in years])


def _population_of(towns: Towns, people: People, lives: Lives, year: int) -> pl.DataFrame:
    day = day_of(date(year, 1, 1))
    states = present(lives, day)
    person = states["person"].to_numpy()
    town = states["town"].to_numpy().copy()
    moved = lives.facility.filter(pl.col("day") <= day)
    where = dict(zip(moved["person"].to_list(), moved["town"].to_list(), strict=True))
    for place in np.flatnonzero(np.isin(person, list(where))):
        town[place] = where[int(person[place])]
    tally = _tally(town, people.sex[person], age_at(people.birth[person], day), towns, 0)
    return tally.with_columns(
        year=pl.lit(year), population_count=pl.col("count"), created_date=pl.lit(date(year, 2, 10))
    ).select(pl.col(c).cast(t) for c, t in POPULATION.plain_schema().items())


def care_insured(towns: Towns, people: People, lives: Lives, month: int) -> pl.DataFrame:
    """第1号 and 第2号被保険者 at a month's end (みなし2号, who are on 生活保護, are not insured)."""
    day = last_day(month)
    states = present(lives, day)
    person = states["person"].to_numpy()
    age = age_at(people.birth[person], day)
    insured = (age >= 65) | ((age >= 40) & (states["coverage"].to_numpy() != WELFARE))
    tally = _tally(states["town"].to_numpy()[insured], people.sex[person][insured], age[insured], towns, 40)
    first, codes = band_codes()
    older = {code: ("1" if age_from >= 65 else "2") for age_from, code in zip(first, codes, strict=True)}
    return tally.with_columns(
        scheme_code=pl.lit("care"),
        month=pl.lit(month_date(month)),
        insured_class_code=pl.col("age_band_code").replace_strict(older, return_dtype=pl.String),
        insured_count=pl.col("count"),
        created_date=pl.lit(first_day(month + 1) + 9).cast(pl.Int32).cast(pl.Date),
    ).select(pl.col(c).cast(t) for c, t in CARE_INSURED_COUNT.plain_schema().items())

"""From a person's standing among those of the same sex and age to a value, by the published figures."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from ingest.synth.calibration import band_start, seed
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RANKED_FROM = 30


def standing_among(score: Floats, sex: Ints, band: Ints) -> Floats:
    """Share of one's sex and age band whose score is lower (in bands too small to rank, by the sex's normal curve)."""
    result = np.empty_like(score)
    for one in (1, 2):
        mine = sex == one
        if not mine.any():
            continue
        middle, spread = score[mine].mean(), max(score[mine].std(), 0.3)
        for number in range(7):
            here = np.flatnonzero(mine & (band == number))
            if len(here) >= RANKED_FROM:
                result[here] = (rankdata(score[here]) - 0.5) / len(here)
            else:
                result[here] = ndtr((score[here] - middle) / spread)
    return result


def from_bins(item: str, u: Floats, sex: Ints, band: Ints, least: float, most: float) -> Floats:
    """The value at the standing ``u`` (0 to 1) of the published distribution of a sex and age band."""
    result = np.empty_like(u)
    for one in (1, 2):
        for number in range(7):
            here = (sex == one) & (band == number)
            shares, edges = _bins(item, one, number, least, most)
            result[here] = np.interp(u[here], shares, edges)
    return _cut(result, item)


def _cut(value: Floats, item: str) -> Floats:
    """Decimals as printed, cut and not rounded, so that nothing crosses an edge of the published bins."""
    scale = 10.0 if item in ("bmi", "hba1c") else 1.0
    return np.floor(value * scale + 1e-9) / scale


@cache
def _bins(item: str, sex: int, band: int, least: float, most: float) -> tuple[Floats, Floats]:
    """Running shares and values of the edges of the bins."""
    low = 40 + 5 * band
    rows = seed("checkup_bins").filter(item_id=item, sex_code=str(sex), age_band_code=f"{low}-{low + 4}")
    bins = sorted(
        (float(r["value_from"] or least), float(r["value_below"] or most), float(r["persons"])) for r in rows.to_dicts()
    )
    shares = np.cumsum([0.0] + [count for _, _, count in bins])
    edges = [bins[0][0]] + [below for _, below, _ in bins]
    return shares / shares[-1], np.array(edges)


def means(item: str, towns: Towns, town: Ints, sex: Ints, band: Ints) -> Floats:
    """Mean of an item in the prefecture, sex and age band."""
    return _mean_table(item)[(towns.prefecture[town] == 31).astype(int), sex - 1, band]


@cache
def _mean_table(item: str) -> Floats:
    table = np.zeros((2, 2, 7))
    for prefecture, sex, age, mean in (
        seed("checkup_means")
        .filter(item_id=item)
        .select("prefecture_code", "sex_code", "age_band_code", "mean")
        .iter_rows()
    ):
        table[int(prefecture == "31"), int(sex) - 1, (band_start(age) - 40) // 5] = mean
    return table

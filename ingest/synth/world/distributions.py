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
GROUPS = 8
KOKI_GROUP = 7
"""Bands of five years from 40 to 74, then 後期 of any age: it is not in the publications and takes the last band's."""
PROTEIN = ("－", "±", "＋", "＋＋", "＋＋＋")


def standing_among(score: Floats, sex: Ints, band: Ints) -> Floats:
    """Share of one's sex and group whose score is lower (in groups too small to rank, by the sex's normal curve)."""
    result = np.empty_like(score)
    for one in (1, 2):
        mine = sex == one
        if not mine.any():
            continue
        middle, spread = score[mine].mean(), max(score[mine].std(), 0.3)
        for number in range(GROUPS):
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
        for number in range(GROUPS):
            here = (sex == one) & (band == number)
            shares, edges = _bins(item, one, min(number, KOKI_GROUP - 1), least, most)
            result[here] = np.interp(u[here], shares, edges)
    return _cut(result, item)


def protein_codes(u: Floats, sex: Ints, band: Ints) -> Ints:
    """尿蛋白 1 (－) to 5 (＋＋＋) at the standing ``u`` by the published shares of a sex and age band."""
    result = np.ones(len(u), dtype=np.int64)
    for one in (1, 2):
        for number in range(GROUPS):
            here = (sex == one) & (band == number)
            result[here] += np.searchsorted(_protein_edges(one, min(number, KOKI_GROUP - 1)), u[here], side="right")
    return result


def levelled(value: Floats, target: Floats, sex: Ints, group: Ints, is_log: bool = False) -> Floats:
    """``value`` shifted (or, ``is_log``, stretched) so that every sex and group has the mean of its targets.

    A group too small for a mean of its own is shifted as its sex is.
    """
    result = value.copy()
    for one in (1, 2):
        mine = np.flatnonzero(sex == one)
        for number in np.unique(group[mine]):
            here = mine[group[mine] == number]
            base = here if len(here) >= RANKED_FROM else mine
            own, wanted = value[base].mean(), target[base].mean()
            result[here] = value[here] * wanted / own if is_log else value[here] + wanted - own
    return result


def standardised(value: Floats, sex: Ints, group: Ints) -> Floats:
    """``value`` with mean 0 and standard deviation 1 in every sex and group (in small ones, as in the sex)."""
    result = np.empty_like(value)
    for one in (1, 2):
        mine = np.flatnonzero(sex == one)
        for number in np.unique(group[mine]):
            here = mine[group[mine] == number]
            base = here if len(here) >= RANKED_FROM else mine
            result[here] = (value[here] - value[base].mean()) / max(value[base].std(), 1e-6)
    return result


def creatinine_spread(towns: Towns, town: Ints, sex: Ints, band: Ints) -> Floats:
    """Standard deviation of the logarithm of creatinine: that under which the mean of eGFR is the published one too.

    Of a log-normal value with mean m and spread s, value^-1.094 has the mean m^-1.094 exp(1.094 * 2.094 s^2 / 2).
    """
    at_mean = 194 * means("creatinine", towns, town, sex, band) ** -1.094 * (42.0 + 5 * np.minimum(band, 6)) ** -0.287
    ratio = means("egfr", towns, town, sex, band) / (at_mean * np.where(sex == 2, 0.739, 1.0))
    return np.sqrt(np.maximum(2 * np.log(ratio) / (1.094 * 2.094), 0.1**2))


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


@cache
def _protein_edges(sex: int, band: int) -> Floats:
    """Running shares of － to ＋＋, after which the next code begins."""
    low = 40 + 5 * band
    rows = seed("checkup_bins").filter(item_id="urine_protein", sex_code=str(sex), age_band_code=f"{low}-{low + 4}")
    persons = dict(rows.select("value_from", "persons").iter_rows())
    running = np.cumsum([persons[sign] for sign in PROTEIN])
    return running[:-1] / running[-1]


def means(item: str, towns: Towns, town: Ints, sex: Ints, band: Ints) -> Floats:
    """Mean of an item in the prefecture, sex and age band."""
    return _mean_table(item)[(towns.prefecture[town] == 31).astype(int), sex - 1, np.minimum(band, KOKI_GROUP - 1)]


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

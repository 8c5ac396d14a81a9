"""要介護度: from how much care a certified person needs, among those of a sex and age, to a level as published."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ingest.synth.calibration import seed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BANDS = ("65-69", "70-74", "75-79", "80-84", "85-89", "90+")
RANKED_FROM = 30


def levels(need: Floats, days: Floats, sex: Ints, age: Ints, year: Ints) -> Ints:
    """Level 0 (要支援1) to 6 (要介護5) of certified periods.

    Goes in: need on any scale, the days that each period is in force (its weight), sex, age and year in the middle of
    it. In any year the certified of a sex and age are then spread over the levels as published, the neediest highest.
    Those under 65 are spread as those of 65 to 69. Groups too small to rank go by the normal curve of all.
    """
    result = np.zeros(len(need), dtype=np.int64)
    if not len(need):
        return result
    band = np.clip((age - 65) // 5, 0, len(BANDS) - 1)
    middle, spread = need.mean(), max(need.std(), 0.3)
    for one in (1, 2):
        for number, code in enumerate(BANDS):
            group = np.flatnonzero((sex == one) & (band == number))
            for then in np.unique(year[group]):
                here = group[year[group] == then]
                if len(here) >= RANKED_FROM:
                    order = here[np.argsort(need[here], kind="stable")]
                    weight = days[order] + 1e-6  # a period that nobody sees still has a level
                    standing = (np.cumsum(weight) - weight / 2) / weight.sum()
                else:
                    order, standing = here, ndtr((need[here] - middle) / spread)
                result[order] = np.searchsorted(_edges(one, code), standing, side="right")
    return result


@cache
def _edges(sex: int, band: str) -> Floats:
    """Running shares of the levels of a sex and age, after which the next level begins."""
    rows = seed("certified_level_shares").filter(sex_code=str(sex), age_band_code=band).sort("care_level_code")
    running = np.cumsum(rows["level_share"].to_numpy())
    return running[:-1] / running[-1]

"""標準的な質問票: answers by the published shares of sex and age, which a person mostly gives again."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from ingest.synth.calibration import seed
from ingest.synth.world.chance import fixed
from ingest.synth.world.distributions import GROUPS, KOKI_GROUP, RANKED_FROM

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def answers(world: int, who: Ints, sex: Ints, band: Ints, year: int, random: np.random.Generator) -> dict[str, Ints]:
    """Answers by the published shares of sex and age; a person mostly answers as the year before."""
    result = {}
    for item in _questions():
        own = fixed(world, f"answer {item}", who)
        u = np.where(fixed(world, f"again {item}", who, year) < 0.85, own, random.random(len(who)))
        answer = np.zeros(len(who), dtype=np.int64)
        for one in (1, 2):
            for number in range(GROUPS):
                here = (sex == one) & (band == number)
                codes, edges = _shares(item, one, min(number, KOKI_GROUP - 1))
                answer[here] = codes[np.minimum(np.searchsorted(edges, u[here], side="right"), len(codes) - 1)]
        result[item] = answer
    return result


KOKI_QUESTIONS: dict[str, tuple[float, ...]] = {
    "koki_health": (0.15, 0.22, 0.48, 0.12, 0.03),
    "koki_satisfaction": (0.45, 0.45, 0.08, 0.02),
    "koki_three_meals": (0.95, 0.05),
    "koki_hard_food": (0.27, 0.73),
    "koki_choking": (0.21, 0.79),
    "koki_weight_loss": (0.12, 0.88),
    "koki_slow_walk": (0.58, 0.42),
    "koki_fall": (0.18, 0.82),
    "koki_exercise": (0.62, 0.38),
    "koki_forgetful": (0.16, 0.84),
    "koki_date_unknown": (0.24, 0.76),
    "koki_smoking": (0.05, 0.72, 0.23),
    "koki_goes_out": (0.91, 0.09),
    "koki_contact": (0.94, 0.06),
    "koki_consults": (0.95, 0.05),
}
"""後期高齢者の質問票: the share of each answer, from 1; typed from memory (unverified)."""


def koki_answers(world: int, who: Ints, year: int, random: np.random.Generator) -> dict[str, Ints]:
    """The 15 answers of 後期 (1 the first printed class); a person mostly answers as the year before."""
    result = {}
    for item, shares in KOKI_QUESTIONS.items():
        again = fixed(world, f"again {item}", who, year) < 0.85
        u = np.where(again, fixed(world, f"answer {item}", who), random.random(len(who)))
        result[item] = 1 + np.minimum(np.searchsorted(np.cumsum(shares), u, side="right"), len(shares) - 1)
    return result


TOLD_BY_HEALTH = (
    "drug_pressure", "drug_glucose", "drug_lipid", "history_stroke", "history_heart", "history_kidney",
)  # fmt: skip


def told_of_illness(
    world: int, who: Ints, sex: Ints, band: Ints, truth: dict[str, tuple[Mask, Mask]]
) -> dict[str, Ints]:
    """1 はい, 2 いいえ to the questions of ``TOLD_BY_HEALTH``; ``truth``: whether it is so, whether it is likely else.

    As many say yes as are published for their sex and age: first those of whom it is so, then those of whom it is
    likely; which ones is the person's own for good. So the answers of a few differ from their claims, as answers do.
    後期, of which nothing is published, says what is so.
    """
    result = {}
    for item, (is_so, is_likely) in truth.items():
        score = 2.0 * is_so + 1.0 * (is_likely & ~is_so) + 0.5 * fixed(world, f"says {item}", who)
        answer = np.where(is_so, 1, 2)
        for one in (1, 2):
            for number in range(KOKI_GROUP):
                here = np.flatnonzero((sex == one) & (band == number))
                if len(here) >= RANKED_FROM:
                    codes, edges = _shares(item, one, number)
                    yes = float(edges[0]) if codes[0] == 1 else 0.0
                    standing = (rankdata(score[here]) - 0.5) / len(here)
                    answer[here] = np.where(standing > 1 - yes, 1, 2)
        result[item] = answer
    return result


@cache
def _questions() -> tuple[str, ...]:
    items = seed("questionnaire")["item_id"].unique(maintain_order=True)
    return tuple(item for item in items if item not in TOLD_BY_HEALTH)


@cache
def _shares(item: str, sex: int, band: int) -> tuple[Ints, Floats]:
    low = 40 + 5 * band
    rows = seed("questionnaire").filter(item_id=item, sex_code=str(sex), age_band_code=f"{low}-{low + 4}")
    rows = rows.sort("code_value")
    return rows["code_value"].cast(pl.Int64).to_numpy(), np.cumsum(rows["answer_share"].to_numpy())


def answers_2024(world: int, who: Ints, codes: dict[str, Ints]) -> dict[str, Ints]:
    """飲酒 in eight classes and 飲酒量 in five from 2024, split from the older three and four."""
    u = fixed(world, "drinks", who)
    finer = {
        1: (np.array([1, 2]), 0.7), 2: (np.array([3, 4, 5]), 0.0), 3: (np.array([6, 7, 8]), 0.0),
    }  # fmt: skip
    drinking = np.zeros(len(who), dtype=np.int64)
    for old, (new, first) in finer.items():
        here = codes["drinking"] == old
        edges = [first, 1.0] if first else [1 / 3, 2 / 3, 1.0]
        drinking[here] = new[np.minimum(np.searchsorted(edges, u[here], side="right"), len(new) - 1)]
    most = (codes["drinking_amount"] == 4) & (u > 0.7)
    return {"drinking": drinking, "drinking_amount": np.where(most, 5, codes["drinking_amount"])}

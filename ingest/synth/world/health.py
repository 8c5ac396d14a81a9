"""Chronic disease: who gets what, from when, and from when on it is treated.

A person has a liability for each condition (partly the person's metabolic factor and frailty); the share of
an age that has it is a logistic curve of the seed ``conditions``. So a condition, once there, stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, ndtr

from ingest.synth.calibration import seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Days = NDArray[np.int64]
NEVER = 1 << 30
CANCER_SHARE = (0.50, 0.36)  # of men and women in the end
CANCER_AGE = (75.5, 72.0)
CANCER_WIDTH = (9.5, 12.0)
CANCER_ACTIVE_DAYS = (600, 1700)  # treatment from, to
STORY_SHARE = 0.06  # of all of 40-74 in the town of the story: sugar far too high and no drug


@dataclass(frozen=True)
class Health:
    """Arrays by condition × person (days, ``NEVER`` where not): ``onset``, ``treated`` from.

    ``cancer`` is the row of the seed ``cancers`` (or -1), ``cancer_from`` the day found.
    ``untreated_sugar``: those of the planted story. ``habit``: standard normal, inclination to attend checkups.
    """

    names: list[str]
    onset: NDArray[np.int32]
    treated: NDArray[np.int32]
    cancer: NDArray[np.int64]
    cancer_from: Days
    cancer_until: Days
    untreated_sugar: NDArray[np.bool_]
    habit: NDArray[np.float64]

    def row(self, name: str) -> int:
        """Row of a condition."""
        return self.names.index(name)


def make_health(settings: SynthSettings, towns: Towns, people: People) -> Health:
    """The chronic diseases of everybody."""
    table = seed("conditions")
    n = len(people)
    random = stream(settings.seed, "health")
    metabolic = people.metabolic + towns.metabolic[people.town]
    men = people.sex == 1
    onset = np.full((table.height, n), NEVER, dtype=np.int32)
    treated = np.full((table.height, n), NEVER, dtype=np.int32)
    for row, condition in enumerate(table.iter_rows(named=True)):
        a, b = condition["metabolic_loading"], condition["frailty_loading"]
        own = np.sqrt(max(1 - a * a - b * b, 0.05))
        u = ndtr(a * metabolic + b * people.frailty + own * random.normal(size=n))
        share = np.where(men, condition["men_share"], condition["women_share"])
        middle = np.where(men, condition["men_age"], condition["women_age"])
        width = np.where(men, condition["men_width"], condition["women_width"])
        part = (1 - u) / share
        has = part < 1
        age = middle + width * logit(np.clip(part, 1e-9, 1 - 1e-9))
        day = people.birth + np.clip(age, 0.3, 120) * 365.25
        onset[row] = np.where(has, np.minimum(day, NEVER), NEVER)
        lag = 60 + random.exponential(500, n)
        takes = random.random(n) < condition["treated_share"]
        treated[row] = np.where(has & takes, np.minimum(day + lag, NEVER), NEVER)
    cancer, found, until = _cancer(people, random)
    story = _story(settings, towns, people, onset, treated, table["condition"].to_list())
    habit = -0.25 * people.frailty - 0.1 * people.metabolic
    return Health(
        names=table["condition"].to_list(),
        onset=onset,
        treated=treated,
        cancer=cancer,
        cancer_from=found,
        cancer_until=until,
        untreated_sugar=story,
        habit=habit + np.sqrt(1 - np.var(habit)) * random.normal(size=n),
    )


def _cancer(people: People, random: np.random.Generator) -> tuple[NDArray[np.int64], Days, Days]:
    table = seed("cancers")
    n = len(people)
    site = np.full(n, -1)
    found, until = np.full(n, NEVER), np.full(n, NEVER)
    for sex, column in ((1, "men_weight"), (2, "women_weight")):
        here = np.flatnonzero(people.sex == sex)
        part = (1 - ndtr(0.15 * people.frailty[here] + 0.99 * random.normal(size=len(here)))) / CANCER_SHARE[sex - 1]
        age = CANCER_AGE[sex - 1] + CANCER_WIDTH[sex - 1] * logit(np.clip(part, 1e-9, 1 - 1e-9))
        has = (part < 1) & (age > 15)
        who = here[has]
        weights = table[column].to_numpy()
        site[who] = random.choice(table.height, size=len(who), p=weights / weights.sum())
        found[who] = (people.birth[who] + age[has] * 365.25).astype(np.int64)
        until[who] = found[who] + random.integers(*CANCER_ACTIVE_DAYS, len(who))
    return site, found, until


def _story(
    settings: SynthSettings, towns: Towns, people: People, onset: NDArray[np.int32], treated: NDArray[np.int32],
    names: list[str],
) -> NDArray[np.bool_]:  # fmt: skip
    """Untreated sugar: in one town many of 40-74 have had diabetes for years and no doctor for it."""
    town = towns.story["untreated_hba1c"]
    age = age_at(people.birth, people.start + 3 * 365)
    chosen = fixed(settings.seed, "story sugar", np.arange(len(people))) < STORY_SHARE
    story = (people.town == town) & (age >= 40) & (age < 75) & chosen
    row = names.index("diabetes")
    onset[row][story] = np.minimum(onset[row][story], people.start - 700)
    treated[row][story] = NEVER
    return story

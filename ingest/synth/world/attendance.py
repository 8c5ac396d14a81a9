"""Who comes to the checkup of a year: habits, age and sex, the town, the year."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logit, ndtr

from ingest.synth.calibration import band_start, middles, seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import stream
from ingest.synth.world.clock import age_at, day_of
from ingest.synth.world.coverage import Coverage
from ingest.synth.world.distributions import standardised
from ingest.synth.world.health import Health
from ingest.synth.world.lives import KOKI, KUMIAI
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EXAM_MONTHS = (0.02, 0.06, 0.17, 0.18, 0.14, 0.15, 0.13, 0.08, 0.03, 0.02, 0.015, 0.005)  # April … March
EXAM_MONTHS_2020 = (0.0, 0.0, 0.05, 0.14, 0.17, 0.18, 0.18, 0.14, 0.08, 0.03, 0.02, 0.01)
HABIT_SHARE = 0.78  # of the variance of the inclination to come; the rest is of the year
STORY_MEN = (40, 54)
STORY_FACTOR = 0.22


def attendance_share(settings: SynthSettings, towns: Towns, year: int, sex: Ints, age: Ints, town: Ints) -> Floats:
    """Share of 国保 and 後期 members of a town, sex and age who come, before habits."""
    size = seed("population_2025").group_by("municipality_code").agg(pl.col("population_count").sum())
    population = dict(size.iter_rows())
    people = np.array([population[code] for code in towns.code])
    # 大・中・小 are insurers of 100,000 members and more, 5,000 to 100,000, fewer (about a fifth of a town is insured).
    sizes = np.array([{0: "small", 1: "middle", 2: "large"}[int(n > 25_000) + int(n > 500_000)] for n in people])
    table = seed("attendance")
    share = np.zeros(len(sex))
    if settings.is_nation:
        sizes = np.full(len(towns), "all")
    for group in ("all", "small", "middle", "large"):
        for one in (1, 2):
            rows = table.filter(insurer_size=group, sex_code=str(one))
            middle = np.array([band_start(b) + 2 for b in rows["age_band_code"]])
            order = np.argsort(middle)
            nodes = middles(rows["attendance_share"].to_numpy()[order])
            here = (sizes[town] == group) & (sex == one)
            share[here] = np.interp(age[here], middle[order], nodes)
    years = {row["fiscal_year"]: row for row in seed("attendance_by_year").iter_rows(named=True)}
    now = years.get(year, years[max(years)])
    # ``drift`` is fitted: the members of later years, whose largest cohort leaves at 75, come less often by age alone.
    shift = logit(now["kokuho_share"]) - logit(years[2020]["kokuho_share"]) + now["drift"]
    odds = logit(np.clip(share, 0.01, 0.95)) + shift + towns.attendance[town]
    share = 1 / (1 + np.exp(-odds))
    in_story = (town == towns.story["low_attendance_men"]) & (sex == 1) & (age >= STORY_MEN[0]) & (age <= STORY_MEN[1])
    return np.where(in_story, share * STORY_FACTOR, share)


def attenders(
    settings: SynthSettings, towns: Towns, people: People, health: Health, coverage: Coverage, year: int, last_day: int
) -> tuple[Ints, Ints, Ints]:
    """Persons, days and cards of the examinations of a fiscal year."""
    random = stream(settings.seed, "attend", year)
    april, march = day_of(date(year, 4, 1)), day_of(date(year + 1, 3, 31))
    n = len(people)
    months = EXAM_MONTHS_2020 if year == 2020 else EXAM_MONTHS
    month = random.choice(12, size=n, p=np.array(months) / sum(months))
    starts = np.array([day_of(date(year + (m + 3) // 12, (m + 3) % 12 + 1, 1)) for m in range(12)])
    day = starts[month] + random.integers(0, 28, n)
    card = coverage.at(np.arange(n), day)
    who = np.flatnonzero((card >= 0) & (day <= min(march, last_day)) & (day >= april))
    card, day = card[who], day[who]
    age = age_at(people.birth[who], march)
    cover = coverage.records["coverage"].to_numpy()[card]
    eligible = np.where(cover == KOKI, age >= 65, (age >= 40) & (age < 76))
    who, card, day, age, cover = who[eligible], card[eligible], day[eligible], age[eligible], cover[eligible]
    share = attendance_share(settings, towns, year, people.sex[who], np.where(cover == KOKI, np.maximum(age, 75), age),
                             coverage.town[card])  # fmt: skip
    share = np.where(cover == KUMIAI, np.minimum(share * 1.45, 0.9), share)
    # Those of an age who are left are not as frail as all were: so their habit is taken among themselves.
    habit = standardised(health.habit[who], people.sex[who], np.where(cover == KOKI, 0, age // 5))
    inclination = np.sqrt(HABIT_SHARE) * habit + np.sqrt(1 - HABIT_SHARE) * random.normal(size=len(who))
    comes = ndtr(inclination) > 1 - share
    return who[comes], day[comes], card[comes]

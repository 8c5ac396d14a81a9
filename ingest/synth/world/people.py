"""Everybody who lives in the towns at some time: those there at the start, children to come, newcomers.

The towns of 2025 (住民基本台帳人口) are taken five years back: each five-year band of 2025 was the band
before it, larger by those who died since. Within a band days of birth follow the births of their year,
so that the cohort born 1947-49 is as large as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import band_start, curve, log_curve, seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed, pick, stream
from ingest.synth.world.clock import Days, age_at, day_of, first_day, month_of, months_of_days, parts
from ingest.synth.world.naming import given_names, surnames
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOTHER_AGE = (31.0, 4.5)
BIRTHS_PER_WOMAN_YEAR = 0.046  # women of 20-44
TWIN_SHARE = 0.01
OLDEST = 104


@dataclass(frozen=True)
class People:
    """Arrays by person; a person is an index. ``town`` and ``arrives`` say where and when one comes in."""

    birth: Days
    sex: Ints  # 1 man, 2 woman
    town: Ints
    arrives: Days  # day of entry: the start, the birth, the move
    household: Ints
    mother: Ints  # of those born later, else -1
    married: NDArray[np.bool_]
    surname: Ints
    given: Ints
    frailty: Floats  # standard normal: how ill for one's age
    metabolic: Floats  # standard normal: weight, sugar, pressure
    start: int

    def __len__(self) -> int:
        return len(self.birth)


def make_people(settings: SynthSettings, towns: Towns) -> People:
    """The people of a world that begins on 1 January of the first fiscal year."""
    start = day_of(date(settings.first_fiscal_year, 1, 1))
    random = stream(settings.seed, "people")
    birth, sex, town = _first_residents(settings, towns, start, random)
    household, married = _households(birth, sex, town, start, random)
    _twins(birth, household, start, random)
    months = month_of(settings.reference_month) - month_of(date(settings.first_fiscal_year, 1, 1)) + 1
    child_birth, mother = _children_to_come(birth, sex, start, months, random)
    new_birth, new_sex, new_town, new_day = _newcomers(birth, sex, town, start, months, random)
    n, c, w = len(birth), len(child_birth), len(new_birth)
    total = n + c + w
    all_birth = np.concatenate([birth, child_birth, new_birth])
    all_sex = np.concatenate([sex, random.integers(1, 3, c), new_sex])
    number = np.arange(total)
    all_household = np.concatenate([household, household[mother], number[n + c :]])
    factors = random.normal(size=(2, total))
    return People(
        birth=all_birth,
        sex=all_sex,
        town=np.concatenate([town, town[mother], new_town]),
        arrives=np.concatenate([np.full(n, start), child_birth, new_day]),
        household=all_household,
        mother=np.concatenate([np.full(n, -1), mother, np.full(w, -1)]),
        married=np.concatenate([married, np.zeros(c + w, bool)]),
        surname=_surnames(settings.seed, all_household),
        given=_given_names(settings.seed, number, all_sex, all_birth),
        frailty=factors[0],
        metabolic=0.25 * factors[0] + np.sqrt(1 - 0.25**2) * factors[1],
        start=start,
    )


def survival(age_from: NDArray[np.int64], years: int, sex: int) -> Floats:
    """Share of those of an age who are alive ``years`` later."""
    column = "men_rate" if sex == 1 else "women_rate"
    alive = np.ones(len(age_from))
    for year in range(years):
        alive *= 1 - log_curve("mortality", column, age_from + year)
    return alive


def expected_coverage(ages: Ints) -> Floats:
    """Share of an age insured by 国保 or 後期."""
    inside = curve("coverage", "kokuho_share", ages) + curve("coverage", "disability_share", ages)
    return np.where(ages >= 75, 1.0, np.minimum(inside, 1.0)) * (1 - curve("coverage", "welfare_share", ages))


def _first_residents(
    settings: SynthSettings, towns: Towns, start: int, random: np.random.Generator
) -> tuple[Days, Ints, Ints]:
    table = seed("population_2025").filter(pl.col("municipality_code").is_in(towns.code))
    births, sexes, places = [], [], []
    for place, code in enumerate(towns.code):
        here = seed("population_nation_2025") if settings.is_nation else table.filter(municipality_code=code)
        rows = here.sort("sex_code", "age_band_code")
        sex = rows["sex_code"].cast(pl.Int64).to_numpy()
        low = np.array([band_start(b) for b in rows["age_band_code"]]) - 5
        count = rows["population_count"].to_numpy().astype(float)
        for one in (1, 2):
            mine = sex == one
            count[mine] /= survival(low[mine] + 2, 5, one)
        keep = low >= 0
        sex, low, count = sex[keep], low[keep], count[keep]
        count *= towns.insured[place] / np.sum(count * expected_coverage(low + 2))
        edges = np.rint(np.cumsum(count)).astype(int)
        number = np.diff(edges, prepend=0)
        sex, low = np.repeat(sex, number), np.repeat(low, number)
        births.append(_birth_days(low, sex, start, random))
        sexes.append(sex)
        places.append(np.full(len(sex), place))
    return np.concatenate(births), np.concatenate(sexes), np.concatenate(places)


def _birth_days(low: Ints, sex: Ints, start: int, random: np.random.Generator) -> Days:
    """Days of birth within five-year bands of age at the start, by births of the year and survival."""
    result = np.empty(len(low), dtype=np.int64)
    u = random.random(len(low))
    for one in (1, 2):
        days, ages, total = _living_by_birth(start, one)
        here = sex == one
        high = np.where(low[here] >= 90, OLDEST, low[here] + 4)
        # Ages fall along the days: the band runs from the first day of its oldest to the last of its youngest.
        begin = total[np.searchsorted(-ages, -high, side="left")]
        end = total[np.searchsorted(-ages, -low[here], side="right")]
        result[here] = days[np.searchsorted(total, begin + u[here] * (end - begin), side="right") - 1]
    return result


@cache
def _living_by_birth(start: int, sex: int) -> tuple[Days, Ints, Floats]:
    """Days of birth, ages at the start and the running total of those living, by day of birth."""
    days = np.arange(start - int(365.25 * (OLDEST + 1)), start)
    year, _, _ = parts(days)
    ages = age_at(days, start)
    born = np.interp(year, *seed("births_by_year").select("birth_year", "births_millions").to_numpy().T)
    every = np.arange(OLDEST + 2)
    rates = log_curve("mortality", "men_rate" if sex == 1 else "women_rate", every)
    alive = np.concatenate([[1.0], np.cumprod(1 - rates)[:-1]])
    return days, ages, np.concatenate([[0.0], np.cumsum(born * alive[ages])])


def _households(
    birth: Days, sex: Ints, town: Ints, start: int, random: np.random.Generator
) -> tuple[Ints, NDArray[np.bool_]]:
    """Household (the index of its head) of everybody, and who is married.

    Couples are neighbours in age; a child under 20 lives with a married woman about 31 years older.
    """
    n = len(birth)
    age = age_at(birth, start)
    share = np.interp(age, [20, 25, 30, 35, 45, 70, 80, 90], [0, 0.22, 0.5, 0.64, 0.7, 0.74, 0.62, 0.35])
    share = np.where((sex == 2) & (age > 70), share * np.interp(age, [70, 90], [0.95, 0.35]), share)
    wants = (random.random(n) < share) & (age >= 20)
    order_age = age + random.normal(0, 1.5, n) + np.where(sex == 2, 2.0, 0.0)
    household = np.arange(n)
    married = np.zeros(n, bool)
    spread = random.normal(*MOTHER_AGE, n)
    for place in range(town.max() + 1):
        men = np.flatnonzero((town == place) & wants & (sex == 1))
        women = np.flatnonzero((town == place) & wants & (sex == 2))
        pairs = min(len(men), len(women))
        men = men[np.sort(random.permutation(len(men))[:pairs])]
        women = women[np.sort(random.permutation(len(women))[:pairs])]
        men, women = men[np.argsort(order_age[men])], women[np.argsort(order_age[women])]
        household[women] = men
        married[men] = married[women] = True
        children = np.flatnonzero((town == place) & (age < 20))
        if pairs:
            by_age = women[np.argsort(birth[women], kind="stable")]
            wish = birth[children] - (spread[children] * 365.25).astype(int)
            near = np.clip(np.searchsorted(birth[by_age], wish), 0, pairs - 1)
            household[children] = household[by_age[near]]
    return household, married


def _twins(birth: Days, household: Ints, start: int, random: np.random.Generator) -> None:
    """Some children of one household get the same day of birth."""
    children = np.flatnonzero(age_at(birth, start) < 20)
    by_home = children[np.lexsort((birth[children], household[children]))]
    same_home = household[by_home[1:]] == household[by_home[:-1]]
    chosen = np.flatnonzero(same_home & (random.random(len(same_home)) < 2 * TWIN_SHARE))
    birth[by_home[chosen + 1]] = birth[by_home[chosen]]


def _children_to_come(
    birth: Days, sex: Ints, start: int, months: int, random: np.random.Generator
) -> tuple[Days, Ints]:
    age = age_at(birth, start)
    women = np.flatnonzero((sex == 2) & (age >= 15) & (age < 44))
    month = np.arange(months)
    later = age[women][:, None] + month[None, :] / 12
    rate = BIRTHS_PER_WOMAN_YEAR / 12 * 2.6 * np.exp(-(((later - 31) / 5.5) ** 2) / 2)
    mother, when = np.nonzero(random.random(rate.shape) < rate)
    first = int(months_of_days(np.array([start]))[0])
    base = np.array([first_day(first + m) for m in range(months + 1)])
    day = base[when] + (random.random(len(when)) * (base[when + 1] - base[when])).astype(int)
    twice = np.repeat(np.arange(len(day)), 1 + (random.random(len(day)) < TWIN_SHARE))
    return day[twice], women[mother][twice]


def _newcomers(
    birth: Days, sex: Ints, town: Ints, start: int, months: int, random: np.random.Generator
) -> tuple[Days, Ints, Ints, Days]:
    """People from the rest of Japan: about as many as leave, of the ages that move."""
    age = age_at(birth, start)
    rate = curve("moves", "outside_rate_year", age)
    number = int(round(rate.sum() * months / 12 * 0.85))
    like = random.choice(len(birth), size=number, p=rate / rate.sum())
    arrives = start + 31 + (random.random(number) * (months - 2) * 30.4).astype(int)
    return birth[like] + (arrives - start), sex[like], town[like], arrives


def _surnames(world: int, household: Ints) -> Ints:
    return pick(fixed(world, "surname", household), surnames()["weight"].to_numpy())


def _given_names(world: int, person: Ints, sex: Ints, birth: Days) -> Ints:
    """Row of ``given_names`` by sex and year of birth."""
    table = given_names().with_row_index("row").with_columns(pl.col("sex_code").cast(pl.Int64))
    u = fixed(world, "given", person)
    year, _, _ = parts(birth)
    result = np.zeros(len(person), dtype=np.int64)
    for (one, low, high), rows in table.group_by("sex_code", "born_from", "born_to", maintain_order=True):
        here = (sex == one) & (year >= low) & (year <= high)
        result[here] = rows["row"].to_numpy()[pick(u[here], rows["weight"].to_numpy())]
    return result

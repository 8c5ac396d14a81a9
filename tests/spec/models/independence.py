"""平均自立期間 in plain Python: the life table first, then the years without certification.

No model, seed or macro is read: ages end at 85, those who die in five years have lived half of them, towns of fewer
than 13,000 are left out, 1.96 standard errors on either side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from math import sqrt
from typing import NamedTuple

from tests.spec.models import public_tables as told
from tests.spec.models.contributions import Table, fiscal_year

LEVELS = {"any": {"12", "13", "21", "22", "23", "24", "25"}, "care2": {"22", "23", "24", "25"}}
# the population of 1 January is of the fiscal year in which that lies, deaths of a year of the one that begins in it
POPULATION_OF = {2023: 2022, 2024: 2025, 2025: 2025}


class Age(NamedTuple):
    """One band of five years, or 85 and over."""

    deaths: int
    residents: int
    certified: float


def recount(table: Table) -> Iterator[tuple[str, int, str, int]]:
    """Indicator, fiscal year, town, hundredths of a year."""
    months: dict[tuple[int, str], set[date]] = defaultdict(set)
    counted: dict[tuple[int, str, str, str, str], int] = defaultdict(int)
    for row in table("marts.care_person_month"):
        year, town = fiscal_year(row["month"]), row["municipality_code"]
        months[year, town].add(row["month"])
        for measure, levels in LEVELS.items():
            if row["care_level_code"] in levels:
                counted[year, town, measure, row["sex_code"], row["age_band_code"]] += 1
    for year, population_year in POPULATION_OF.items():
        for town in told.WITH_DEATHS_BY_AGE:
            people = {key[2:]: count for key, count in told.residents().items() if key[:2] == (town, population_year)}
            if (year, town) not in months or sum(people.values()) < 13_000:
                continue
            for measure in LEVELS:
                for sex, name in (("1", "male"), ("2", "female")):
                    ages = [
                        Age(
                            sum(told.deaths_by_age(town, sex, band) for band in bands),
                            sum(people[sex, band] for band in bands),
                            sum(counted[year, town, measure, sex, band] for band in bands) / len(months[year, town]),
                        )
                        for bands in [*([band] for band in told.BANDS[:17]), list(told.BANDS[17:])]
                    ]
                    years, error = expectancy(ages)
                    for end, value in (("", years), ("_lower", years - error), ("_upper", years + error)):
                        yield f"independent_years_{measure}_{name}{end}", year, town, round(value * 100)


def expectancy(ages: list[Age]) -> tuple[float, float]:
    """Years without certification from birth, and half the width of their 95 % interval."""
    alive = [1.0]
    for age in ages[:-1]:
        rate = age.deaths / age.residents
        alive.append(alive[-1] * (1 - 5 * rate / (1 + 2.5 * rate)))
    free = [1 - age.certified / age.residents for age in ages]
    lived = [5 * (now + then) / 2 for now, then in zip(alive, alive[1:], strict=False)]
    lived.append(alive[-1] / (ages[-1].deaths / ages[-1].residents))
    variance = sum(
        years**2 * share * (1 - share) / age.residents for years, share, age in zip(lived, free, ages, strict=True)
    )
    for number, age in enumerate(ages[:-1]):
        if age.deaths:
            chance = 1 - alive[number + 1] / alive[number]
            later = sum(years * share for years, share in zip(lived[number + 1 :], free[number + 1 :], strict=True))
            gained = alive[number] * (2.5 * free[number] + later / alive[number + 1])
            variance += gained**2 * chance**2 * (1 - chance) / age.deaths
    last = ages[-1]
    rate = last.deaths / last.residents
    variance += (alive[-1] * free[-1] / rate**2) ** 2 * rate / last.residents
    return sum(years * share for years, share in zip(lived, free, strict=True)), 1.96 * sqrt(variance)

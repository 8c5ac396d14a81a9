"""What rests on public tables in plain Python: from the tables as invented and the members' months, no SQL.

The rules are typed here from their words: ``seeds/indicators.csv``, ``docs/how-to/public-tables.md``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache

from tests.spec.models import independence
from tests.spec.models import public_tables as told
from tests.spec.models.contributions import Table, fiscal_year, seed
from tests.spec.models.recount import Areas

# indicator, fiscal year, scheme, area level, area
Key = tuple[str, int, str, str, str]
Share = tuple[int, int]
Place = tuple[str, str]

FISCAL_YEARS = range(2020, 2026)
AGES = {
    "residents_under_40": (0, 40), "residents_40_64": (40, 65), "residents_65_74": (65, 75),
    "residents_75_up": (75, 200), "residents_65_up": (65, 200),
}  # fmt: skip
PER_MEMBERS = {name: f"{name}_per_1000" for name in told.FACILITIES}


def year_for(fiscal_year: int, years: tuple[int, ...], offset: int, carried: int) -> int | None:
    """The newest year of a table that is of the fiscal year or of so many before it."""
    fitting = [year for year in years if 0 <= fiscal_year - (year + offset) <= carried]
    return max(fitting, default=None)


@cache
def _parents(year: int) -> dict[str, list[Place]]:
    """Of each municipality the areas above it."""
    areas = Areas()
    medical = {row["municipality_code"]: row["medical_area_code"] for row in seed("municipality_medical_area")}
    found: dict[str, list[Place]] = {}
    for row in seed("municipalities"):
        town = row["municipality_code"]
        if row["kind_code"] != "ward":
            found[town] = [("nation", "JP"), ("prefecture", row["prefecture_code"])]
            found[town] += [("peer", group) for group in areas.peers(town, year)]
            found[town] += [("medical_area", medical[town])] if town in medical else []
    return found


def _place(code: str) -> Place:
    if code == "00000":
        return "nation", "JP"
    return ("prefecture" if len(code) == 2 else "municipality"), code


def _up(values: dict[str, int], year: int) -> dict[Place, int]:
    """The areas that are named, and sums of municipalities where all of an area are there and it is not named."""
    found = {_place(code): value for code, value in values.items()}
    inside: dict[Place, list[str]] = defaultdict(list)
    for town, above in _parents(year).items():
        for place in above:
            inside[place].append(town)
    for place, members in inside.items():
        if place not in found and all(town in values for town in members):
            found[place] = sum(values[town] for town in members)
    return found


def _seeded(year: int) -> dict[str, tuple[int, int, int]]:
    return {
        r["municipality_code"]: (
            int(r["population_count"]),
            int(r["population_65_count"]),
            int(r["population_75_count"]),
        )
        for r in seed("municipality_population")
        if int(r["year"]) == year
    }


def _population(year: int, first: int, end: int) -> dict[str, int]:
    """Residents of an age, by area; of what the table does not name the seed tells all, 65 and over, 75 and over."""
    found: dict[str, int] = defaultdict(int)
    for (area, of_year, _, band), count in told.residents().items():
        if of_year == year and first <= int(band[:2]) < end:
            found[area] += count
    known = {(0, 200): lambda n: n[0], (65, 75): lambda n: n[1] - n[2], (75, 200): lambda n: n[2],
             (65, 200): lambda n: n[1]}  # fmt: skip
    if (first, end) in known:
        found |= {
            town: known[first, end](counts)
            for town, counts in _seeded(year).items()
            if (town, year, "1", "95+") not in told.residents() and town in _parents(year)
        }
    return dict(found)


def residents(year: int) -> Iterator[tuple[str, Place, Share]]:
    """人口, 産業, 平均余命, 死因 and 標準化死亡比 of a fiscal year."""
    of_year = year_for(year, (*told.POPULATION_YEARS, 2025), -1, 5)
    if of_year:
        everybody = _up(_population(of_year, 0, 200), year)
        yield from (("residents", place, (count, 0)) for place, count in everybody.items())
        for indicator, (first, end) in AGES.items():
            part = _up(_population(of_year, first, end), year)
            yield from ((indicator, place, (count, everybody[place])) for place, count in part.items())
    if year_for(year, (told.CENSUS_YEAR,), 0, 6):
        for area in told.NAMED_BY_CENSUS:
            workers = told.workers(area)
            for sector in told.SECTORS:
                yield f"industry_{sector}", _place(area), (workers[sector], workers["all"])
            for sex, name in (("1", "male"), ("2", "female")):
                hundredths = int(Decimal(told.life_expectancy(area, sex)) * 100)
                yield f"life_expectancy_{name}", _place(area), (hundredths, 100)
    if year_for(year, (told.CAUSES_YEAR,), 0, 3):
        by_cause = {
            cause: _up({town: told.causes(town)[cause] for town in told.towns("16")}, year) for cause in told.CAUSES
        }
        for cause, counts in by_cause.items():
            for place, count in counts.items():
                yield f"death_{cause}", place, (count, sum(by_cause[other][place] for other in told.CAUSES))
    if of_year and year_for(year, (told.DEATHS_YEAR,), 0, 3):
        yield from _mortality(of_year)


def _mortality(year: int) -> Iterator[tuple[str, Place, Share]]:
    people = told.residents()
    for sex, name in (("1", "male"), ("2", "female")):
        rates = {b: told.national_deaths(sex, b) / people["00000", year, sex, b] for b in told.BANDS}
        observed = {town: deaths - int(sex) + 1 for town, deaths in told.WITH_DEATHS.items()}
        observed["00000"] = sum(told.national_deaths(sex, band) for band in told.BANDS)
        for town in told.WITH_DEATHS_BY_AGE:
            observed[town] = sum(told.deaths_by_age(town, sex, band) for band in told.BANDS)
        for area, deaths in observed.items():
            expected = sum(rate * people[area, year, sex, band] for band, rate in rates.items())
            yield f"mortality_ratio_{name}", _place(area), (deaths * 1000, round(expected * 1000))


def beside_members(table: Table) -> Iterator[tuple[str, int, Place, Share]]:
    """加入率 and facilities per member, where every town with members has the figure."""
    months: dict[tuple[int, str], set[date]] = defaultdict(set)
    counted: dict[tuple[int, str], int] = defaultdict(int)
    for row in table("marts.person_month"):
        if row["is_member"] and row["scheme_code"] == "kokuho":
            months[fiscal_year(row["month"]), row["municipality_code"]].add(row["month"])
            counted[fiscal_year(row["month"]), row["municipality_code"]] += 1
    for year in FISCAL_YEARS:
        for measure, indicator in {"population": "enrolment_share", **PER_MEMBERS}.items():
            values = _of_towns(measure, year)
            for place, members in _members(counted, year).items():
                if all(town in values for town in members):
                    weighted = sum(values[town] * len(months[year, town]) for town in members)
                    total = sum(members.values())
                    share = (total, weighted) if measure == "population" else (weighted, total)
                    yield indicator, year, place, share


def _of_towns(measure: str, year: int) -> dict[str, int]:
    if measure == "population":
        of_year = year_for(year, (*told.POPULATION_YEARS, 2025), -1, 5)
        return _population(of_year, 0, 200) if of_year else {}
    if not year_for(year, (told.FACILITIES_YEAR,), 0, 3):
        return {}
    everywhere = {town: told.facilities(town)[measure] for town in (*told.towns("16"), *told.towns("31"))}
    return {town: count for town, count in everywhere.items() if count is not None}


def _members(counted: dict[tuple[int, str], int], year: int) -> dict[Place, dict[str, int]]:
    """Member-months by area and town."""
    found: dict[Place, dict[str, int]] = defaultdict(dict)
    for (of_year, town), count in counted.items():
        if of_year == year:
            for place in (("municipality", town), *_parents(year)[town]):
                found[place][town] = count
    return found


def recount_tables(table: Table) -> dict[Key, Share]:
    """Every figure that rests on a public table."""
    found: dict[Key, Share] = {}
    for indicator, year, town, hundredths in independence.recount(table):
        found[indicator, year, "residents", "municipality", town] = (hundredths, 100)
    for year in FISCAL_YEARS:
        for indicator, (level, area), share in residents(year):
            found[indicator, year, "residents", level, area] = share
    for indicator, year, (level, area), share in beside_members(table):
        found[indicator, year, "kokuho", level, area] = share
    return found

"""Public tables of an invented nation, written as the files that an operator imports.

富山県 is told town by town and adds up; of 鳥取県 only the facilities come; the nation has lines of its own. Only what
the tests ask about is there: that whatever is missing gives no figure is part of what they ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tests.spec.models.contributions import seed

BANDS = (*(f"{low:02d}-{low + 4:02d}" for low in range(0, 95, 5)), "95+")
SOURCE = "架空の統計"
POPULATION_YEARS = (2022, 2025)
DEATHS_YEAR = CAUSES_YEAR = FACILITIES_YEAR = 2023
CENSUS_YEAR = 2020
SEXES = {"1": "男", "2": "女"}
CAUSES = ("cancer", "heart", "brain", "diabetes", "kidney", "suicide")
SECTORS = ("primary", "secondary", "tertiary")
FACILITIES = ("hospitals", "clinics", "beds", "doctors")
WITHOUT_DOCTORS = "31386"
NAMED_BY_CENSUS = {"00000": 9, "16": 5, "16201": 2}  # areas with lines of their own, and how large they are
WITH_DEATHS = {"16201": 61, "16204": 17}  # towns; deaths of men, of women one less
WITH_DEATHS_BY_AGE = ("16205", "16208", "16209")  # towns with certified persons, the first of them small

# town or "00000" the nation, year, sex, band -> persons
Residents = dict[tuple[str, int, str, str], int]


@cache
def towns(prefecture: str) -> tuple[str, ...]:
    """The municipalities of a prefecture."""
    rows = seed("municipalities")
    return tuple(
        r["municipality_code"] for r in rows if r["prefecture_code"] == prefecture and r["kind_code"] != "ward"
    )


@cache
def residents() -> Residents:
    """Persons of 富山県 town by town, and of the nation."""
    found: Residents = {}
    for year in POPULATION_YEARS:
        for place, town in enumerate(towns("16"), start=1):
            for sex in SEXES:
                for number, band in enumerate(BANDS):
                    found[town, year, sex, band] = place * 40 + (19 - number) * 3 + int(sex) * number + year % 10
        for sex in SEXES:
            for number, band in enumerate(BANDS):
                found["00000", year, sex, band] = 70_000 + 100 * (19 - number) + int(sex)
    return found


def national_deaths(sex: str, band: str) -> int:
    """Deaths of the nation at an age."""
    return 3 + 7 * BANDS.index(band) ** 2 // int(sex)


def deaths_by_age(town: str, sex: str, band: str) -> int:
    """Deaths of a town at an age: none in some bands of the young."""
    number = BANDS.index(band)
    return 0 if number in (1, 2) else 1 + number * number // (12 + int(sex) + int(town[-1]))


def causes(town: str) -> dict[str, int]:
    """Deaths of a town of 富山県 by cause."""
    return {cause: 3 + (int(town[2:]) + 7 * number) % 11 for number, cause in enumerate(CAUSES)}


def workers(area: str) -> dict[str, int]:
    """Employed persons of an area by sector, and of all."""
    size = NAMED_BY_CENSUS[area]
    found = {"primary": 110 * size, "secondary": 340 * size, "tertiary": 513 * size}
    return found | {"all": sum(found.values()) + 7 * size}


def life_expectancy(area: str, sex: str) -> str:
    """Years, as printed."""
    return f"{79 + NAMED_BY_CENSUS[area] % 3 + 6 * (sex == '2')}.{NAMED_BY_CENSUS[area]}4"


def facilities(town: str) -> dict[str, int | None]:
    """Hospitals, clinics, beds and doctors of a town of both prefectures; doctors of one town are not known."""
    number = int(town[2:]) % 9
    doctors = None if town == WITHOUT_DOCTORS else 11 + number
    return {"hospitals": number, "clinics": 5 + number, "beds": 90 * number, "doctors": doctors}


def files() -> Iterator[tuple[str, str]]:
    """Table and CSV content of every import."""
    yield (
        "population",
        _csv(
            "年,地域コード,性別,年齢階級,人口",
            (
                f"{year},{area},{SEXES[sex]},{_printed(band)},{count}"
                for (area, year, sex, band), count in residents().items()
            ),
        ),
    )
    yield (
        "industry",
        _csv(
            "年,地域コード,第1次産業,第2次産業,第3次産業,分類不能,就業者総数",
            (
                f"{CENSUS_YEAR},{area},{w['primary']},{w['secondary']},{w['tertiary']},{7 * size},{w['all']}"
                for area, size in NAMED_BY_CENSUS.items()
                for w in [workers(area)]
            ),
        ),
    )
    yield (
        "life_table",
        _csv(
            "年,地域コード,性別,平均余命",
            (
                f"{CENSUS_YEAR},{area},{SEXES[sex]},{life_expectancy(area, sex)}"
                for area in NAMED_BY_CENSUS
                for sex in SEXES
            ),
        ),
    )
    of_nation = [
        f"{DEATHS_YEAR},00000,{SEXES[sex]},{_printed(band)},{national_deaths(sex, band)}"
        for sex in SEXES
        for band in BANDS
    ]
    of_towns = [
        f"{DEATHS_YEAR},{town},{SEXES[sex]},総数,{deaths - int(sex) + 1}"
        for town, deaths in WITH_DEATHS.items()
        for sex in SEXES
    ]
    by_age = [
        f"{DEATHS_YEAR},{town},{SEXES[sex]},{_printed(band)},{deaths_by_age(town, sex, band)}"
        for town in WITH_DEATHS_BY_AGE
        for sex in SEXES
        for band in BANDS
    ]
    yield "deaths", _csv("年,地域コード,性別,年齢階級,死亡数", [*of_nation, *of_towns, *by_age])
    yield (
        "causes_of_death",
        _csv(
            "年,地域コード,がん,心臓病,脳疾患,糖尿病,腎不全,自殺",
            (f"{CAUSES_YEAR},{town},{','.join(map(str, causes(town).values()))}" for town in towns("16")),
        ),
    )
    yield (
        "facilities",
        _csv(
            "年,地域コード,病院数,診療所数,病床数,医師数",
            (
                f"{FACILITIES_YEAR},{town},{','.join('' if n is None else str(n) for n in facilities(town).values())}"
                for town in (*towns("16"), *towns("31"))
            ),
        ),
    )


def _printed(band: str) -> str:
    return "95歳以上" if band == "95+" else f"{int(band[:2])}～{int(band[3:])}歳"


def _csv(headings: str, lines: Iterator[str] | list[str]) -> str:
    return "".join(f"{line}\n" for line in (f"{headings},出典", *(f"{line},{SOURCE}" for line in lines)))

"""紐付けの品質 in plain Python, from the rows of the marts: what cannot be of one person, and what should be found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
# indicator, scheme, insurer, month, person, above the line, below it; sex and band where they count
Told = tuple[str, str, str, date, bytes | None, int, int, str, str]
CARE_OF_75 = ("75-79", "80-84", "85-89", "90-94", "95+")


def linkage(table: Table, reasons: list[dict[str, str]], towns: dict[str, set[str]]) -> Iterator[Told]:
    """All shares; ``reasons`` is the seed of reasons, ``towns`` the 後期 insurers that answer for a municipality."""
    kinds = {(r["scheme_code"], r["side"], r["reason_code"]): r["change_code"] for r in reasons}
    yield from _impossible(table, kinds)
    yield from _joined(table, kinds)
    yield from _moves(table, kinds)
    yield from _population(table, towns)


Kinds = dict[tuple[str, str, str], str]


def _first(day: date) -> date:
    return day.replace(day=1)


def _year(day: date) -> int:
    return day.year - (day.month < 4)


def _told(indicator: str, row: Row, month: date, above: int, below: int) -> Told:
    return indicator, row["scheme_code"], row["insurer_number"], month, row["person_id"], above, below, "U", "unknown"


def _ended(row: Row) -> date | None:
    """The day from which a lost enrolment holds no more: the earlier of 適用終了 and 資格喪失."""
    day: date | None = row["lost_date"]
    return day and min(day, row["applied_end_date"] or day)


def _lost(table: Table, kinds: Kinds, kind: str) -> list[Row]:
    return [
        row
        for row in table("marts.enrolment")
        if row["lost_date"] and kinds.get((row["scheme_code"], "lost", row["lost_reason_code"])) == kind
    ]


def _acquired(table: Table, kinds: Kinds, kind: str) -> list[Row]:
    return [
        row
        for row in table("marts.enrolment")
        if kinds.get((row["scheme_code"], "acquired", row["acquired_reason_code"])) == kind
    ]


def _members(table: Table) -> list[Row]:
    return [row for row in table("marts.person_month") if row["is_member"]]


def _impossible(table: Table, kinds: Kinds) -> Iterator[Told]:
    deaths: dict[tuple[object, ...], date] = {}
    for row in _lost(table, kinds, "death"):
        of = row["person_id"], row["scheme_code"], _year(_ended(row) or date.max)
        deaths[of] = min(_first(_ended(row) or date.max), deaths.get(of, date.max))
    for row in table("marts.claim"):
        if not row["is_summary"]:
            month = row["service_month"]
            died = deaths.get((row["person_id"], row["scheme_code"], _year(month)))
            yield _told("claims_after_death", row, month, int(died is not None and month > died), 1)
    together: dict[tuple[object, ...], int] = defaultdict(int)
    for row in _members(table):
        together[row["person_id"], row["scheme_code"], row["month"]] += 1
    said: dict[tuple[object, ...], tuple[set[object], set[object]]] = defaultdict(lambda: (set(), set()))
    for row in table("marts.enrolment"):
        end = row["applied_end_date"] or date(2100, 1, 1)
        for year in range(2015, 2027):
            if row["applied_start_date"] < date(year + 1, 4, 1) and end > date(year, 4, 1):
                sexes, births = said[row["person_id"], row["scheme_code"], year]
                sexes.add(row["sex_code"])
                births.add(row["birth_month"])
    for row in _members(table):
        several = together[row["person_id"], row["scheme_code"], row["month"]] > 1
        sexes, births = said[row["person_id"], row["scheme_code"], _year(row["month"])]
        yield _told("overlapping_insurers", row, row["month"], int(several), 1)
        yield _told("two_sexes", row, row["month"], int(len(sexes) > 1), 1)
        yield _told("two_birth_months", row, row["month"], int(len(births) > 1), 1)


def _joined(table: Table, kinds: Kinds) -> Iterator[Told]:
    members = {(r["person_id"], r["scheme_code"], r["insurer_number"], r["month"]) for r in table("marts.person_month")}
    for row in table("marts.checkup"):
        place = row["person_id"], row["scheme_code"], row["insurer_number"], row["exam_month"]
        yield _told("checkups_joined", row, row["exam_month"], int(place in members), 1)
    certified = {(row["person_id"], row["month"]) for row in table("marts.care_person_month")}
    for row in table("marts.care_month"):
        known = (row["person_id"], row["service_month"]) in certified
        yield _told("care_joined", row, row["service_month"], int(known), 1)
    entered = {
        (row["person_id"], _first(row["applied_start_date"]))
        for row in table("marts.enrolment")
        if row["scheme_code"] == "koki"
    }
    left = {
        (row["person_id"], row["insurer_number"], _ended(row)): row
        for row in _lost(table, kinds, "koki")
        if row["is_turned_75"] and row["scheme_code"] == "kokuho"
    }
    for row in left.values():
        month = _first(_ended(row) or date.max)
        yield _told("transitions_followed", row, month, int((row["person_id"], month) in entered), 1)


def _moves(table: Table, kinds: Kinds) -> Iterator[Told]:
    def place(row: Row, day: date) -> tuple[object, ...]:
        return row["person_id"], row["scheme_code"], _first(day), row["insurer_number"]

    # 資格 is of the prefecture and goes on through a move within it; 適用 says at which insurer.
    def day_of(row: Row, side: str) -> date | None:
        return row["applied_start_date"] if side == "acquired" else _ended(row)

    every: dict[str, set[tuple[object, ...]]] = {"acquired": set(), "lost": set()}
    for row in table("marts.enrolment"):
        for side, found in every.items():
            day = day_of(row, side)
            if day and (row["scheme_code"], side, row[f"{side}_reason_code"]) in kinds:
                found.add(place(row, day))
    for indicator, side, other in (("arrivals", "acquired", "lost"), ("departures", "lost", "acquired")):
        events = _acquired(table, kinds, "moved") if side == "acquired" else _lost(table, kinds, "moved")
        moved = {place(row, day): (row, day) for row in events if (day := day_of(row, side))}
        for (person, scheme, month, insurer), (row, day) in moved.items():
            if not any(at[:3] == (person, scheme, month) and at[3] != insurer for at in every[other]):
                yield _told(indicator, row, _first(day), 1, 0)
        for row in _members(table):
            yield _told(indicator, row, row["month"], 0, 1)


def _population(table: Table, towns: dict[str, set[str]]) -> Iterator[Told]:
    came = set()
    for row in table("marts.population"):
        if row["age_band_code"] not in CARE_OF_75:
            continue
        for place in range(12):
            month = date(row["year"] - 1 + (place > 8), (place + 3) % 12 + 1, 1)
            for insurer in towns.get(row["municipality_code"], set()):
                came.add((insurer, month))
                yield ("koki_to_population", "koki", insurer, month, None, 0, row["population_count"],
                       row["sex_code"], row["age_band_code"])  # fmt: skip
    for row in _members(table):
        where = row["insurer_number"], row["month"]
        if row["scheme_code"] == "koki" and row["age_band_code"] in CARE_OF_75 and where in came:
            yield ("koki_to_population", "koki", *where, row["person_id"], 1, 0, row["sex_code"], row["age_band_code"])

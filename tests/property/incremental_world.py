"""A small world that goes on: people, their records, and what may happen to them between two builds.

What happens is chosen by small numbers that are taken modulo what there is, so that any numbers make
sense and Hypothesis can shrink them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from ingest.formats.contracts import CONTRACTS
from tests import counts_world
from tests.property.incremental_center import Center
from tests.property.incremental_rows import (
    Number,
    Person,
    Record,
    Row,
    Version,
    lines_of,
    month,
    moved,
    standing,
    version_columns,
    withdrawal,
)
from tests.property.incremental_sites import Site

START = date(2024, 12, 1)
END = date(2025, 9, 1)
DOMAINS = ("16", "31")
INSURERS = {  # scheme, number, municipality in the ledger
    "16": (
        ("kokuho", "160010", "16201"),
        ("kokuho", "160028", "16202"),
        ("kumiai", "163014", None),
        ("koki", "39160015", "16201"),
    ),
    "31": (("kokuho", "310011", "31201"), ("koki", "39310016", "31201")),
}
CARE = {"16": ("162019", "169508"), "31": ("312011",)}
TOWNS = {"162019": (None, "16201"), "169508": ("16208", "16209", "16210"), "312011": (None, "31201")}
BIRTHS = (date(1958, 4, 1), date(1958, 4, 20), date(1949, 12, 1), date(1984, 3, 31))
KANAS = ("アオキ", "イトウ", "ウエダ")
KINDS: tuple[dict[str, str | None], ...] = (
    {"claim_kind_code": "medical"},
    {"claim_kind_code": "pharmacy", "days_count": None, "prescribing_institution_code": "1610123459"},
    {"claim_kind_code": "dental"},
    {"claim_kind_code": "dpc", "summary_code": "0"},
)
LEVELS = ("12", "21", "23")
STEP = 10  # of the clock from one version to the next; an older one that comes late falls between

Operation = tuple[str, int, int, int]


class World:
    """The people and records of two sites, and the center that they send to."""

    def __init__(self, workspace: Path, seed: int = 1, people: int = 10) -> None:
        self.center = Center(workspace)
        self.center.move_to(START)
        self.sites = {domain: Site(self.center.settings, domain) for domain in DOMAINS}
        self.people: list[Person] = []
        self.records: list[Record] = []
        self._clock = 100
        dice = random.Random(seed)
        for place in range(people):
            self.join(place, dice.randrange(64), dice.randrange(64))
        for _ in range(4 * people):
            name = dice.choice(("claim", "claim", "checkup", "certify", "care_claim"))
            self.apply((name, dice.randrange(99), dice.randrange(64), dice.randrange(64)))
        for _ in range(people // 3):
            self.apply(("move", dice.randrange(99), dice.randrange(64), dice.randrange(64)))
        for place in range(people // 2):
            self.guide(place, 7 * place % 64, 5 * place % 64)
        self.count(0, 0, 0)
        self.count(1, 1, 1)
        self.census(0, 0, 0)

    def copied(self, folder: Path) -> World:
        """The same world once more, in a workspace of its own; nothing waits at its sites."""
        other: World = object.__new__(World)
        other.center = self.center.copy(folder)
        other.sites = {domain: site.copied(other.center.settings) for domain, site in self.sites.items()}
        other.people, other.records = copy.deepcopy((self.people, self.records))
        other._clock = self._clock
        return other

    def apply(self, operation: Operation) -> None:
        """Let one thing happen."""
        name, which, how, size = operation
        OPERATIONS[name](self, which, how, size)

    def send(self) -> None:
        """Every site seals what waits at it."""
        for site in self.sites.values():
            site.send()

    # -- add ---------------------------------------------------------------------------------------
    def join(self, which: int, how: int, size: int) -> None:
        """Somebody nobody knew becomes a member."""
        domain = DOMAINS[which % 3 // 2]
        person = Person(domain, KANAS[size % 3], BIRTHS[how % 4], "12"[how // 4 % 2])
        self.people.append(person)
        self._enrol(person, how // 8 + size, month(size % 9), month(size % 9 + 14) if size % 4 == 3 else None)

    def move(self, which: int, how: int, size: int) -> None:
        """Somebody gets a number at another insurer; the ledger may name the one before, and end it."""
        person = self._person(which)
        if person is None:
            return
        before = person.numbers[-1]
        start = month(10 + size % 9)
        more = before.as_previous() if how % 2 else {}
        old = [r for r in self.records if r.table == "enrolment" and r.versions[-1].row["number"] == before.number]
        if old and how % 3:
            self.change(old[-1], applied_end_date=start)
        self._enrol(person, how // 6, start, None, more)

    def claim(self, which: int, how: int, size: int) -> None:
        """A receipt of somebody, at times without branch or name."""
        person, number = self._member(which)
        if person is None or number is None:
            return
        told = person.columns() if how % 3 else person.columns() | {"name_kana": None}
        if how % 5 == 0:
            number = replace(number, branch=None)
        row = number.columns() | told | {
            "service_month": month(how % 20), "search_number": f"{len(self.records):030d}", "points": 100 + size,
            "meal_yen": 0, "receipt_number": len(self.records), "is_inpatient": size % 4 == 0,
            **KINDS[how // 4 % len(KINDS)],
        }  # fmt: skip
        self.add("claim", person.domain, row, size % 4)

    def checkup(self, which: int, how: int, size: int) -> None:
        """A checkup of somebody."""
        person, number = self._member(which)
        if person is None or number is None:
            return
        day = month(how % 18).replace(day=1 + size % 28)
        row = number.columns() | person.columns() | {"exam_date": day, "exam_month": day.replace(day=1)}
        self.add("checkup", person.domain, row, size % 4)

    def guide(self, which: int, how: int, size: int) -> None:
        """A report of a guidance of somebody."""
        person, number = self._member(which)
        if person is None or number is None:
            return
        first = month(how % 18)
        row = number.columns() | person.columns() | {
            "guidance_month": first, "guidance_fiscal_year": 2023 + how % 3, "first_interview_date": first,
            "final_evaluation_date": month(how % 18 + 3) if how % 2 else None,
        }  # fmt: skip
        self.add("guidance", person.domain, row, size % 4)

    def certify(self, which: int, how: int, size: int) -> None:
        """An event of a certification, which may name the number at the medical insurer."""
        person = self._person(which)
        if person is None:
            return
        number = self._care_number(person, size)
        towns = TOWNS[number.insurer]
        event = month(how % 18).replace(day=1 + 14 * (size % 2))
        code = ("1", "2", "2", "3")[how // 2 % 4]
        row = number.columns() | person.columns() | {
            "event_date": event, "event_code": code, "event_reason_code": f"0{size % 3}",
            "insured_start_date": event, "care_level_code": LEVELS[size % 3],
            "municipality_code": towns[how % len(towns)],
        }  # fmt: skip
        if code != "3":
            start = moved(event, -(how % 4))
            row |= {"certified_start_date": start, "certified_end_date": moved(start, 6 + size % 12)}
        medical = [one for one in person.numbers if one.scheme != "care"]
        if how % 2 and medical:
            row |= medical[0].as_related()
        self.add("care_certification", person.domain, row, 0)

    def care_claim(self, which: int, how: int, size: int) -> None:
        """A claim of care services."""
        person = self._person(which)
        if person is None:
            return
        row = self._care_number(person, size).columns() | person.columns() | {
            "service_month": month(how % 20), "reference_number": str(len(self.records)),
            "care_level_code": LEVELS[size % 3], "units": 100 + size, "benefit_yen": 900 + size, "user_yen": 100,
        }  # fmt: skip
        self.add("care_claim", person.domain, row, 1 + size % 2)

    def count(self, which: int, how: int, size: int) -> None:
        """The table of care insured of one insurer and month, whole."""
        domain = DOMAINS[which % 2]
        insurer = CARE[domain][how % len(CARE[domain])]
        created = self._day(how)
        for place in range(1 + size % 3):
            row = {
                "scheme_code": "care", "insurer_number": insurer, "municipality_code": TOWNS[insurer][-1],
                "month": month(how % 18), "sex_code": "12"[place % 2],
                "age_band_code": f"{65 + 5 * place}-{69 + 5 * place}",
                "insured_class_code": "1", "insured_count": 10 + size, "created_date": created,
            }  # fmt: skip
            self.sites[domain].put("care_insured_count", Version(0, row, {}))

    def name_all(self, which: int, how: int, size: int) -> None:
        """A full delivery of one insurer's members, of some day, which leaves some of them out."""
        known = [record for record in self.records if record.table == "enrolment"]
        row = known[which % len(known)].newest.row
        mine = [r for r in known if r.newest.row["insurer_number"] == row["insurer_number"]]
        self.full(month(9 + how % 16).replace(day=1 + size % 28), [r for n, r in enumerate(mine) if (n + size) % 4])

    def census(self, which: int, how: int, size: int) -> None:
        """The population of one municipality and year, whole."""
        domain = DOMAINS[which % 2]
        row = {"municipality_code": f"{domain}201", "year": 2024 + how % 2, "sex_code": "1", "age_band_code": "65-69",
               "population_count": 1000 + size, "created_date": self._day(how)}  # fmt: skip
        self.sites[domain].put("population", Version(0, row, {}))

    def divide(self, which: int, how: int, size: int) -> None:
        """A 地区割 of one municipality, whole: another version of it, or that it is given up."""
        domain = DOMAINS[which % 2]
        town, name = f"{domain}20{1 + how % 2}", ("小学校区", "日常生活圏域")[size % 2]
        told = {"municipality_code": town, "district_set_name": name, "created_date": self._day(how),
                "version_number": 1 + size % 3, "is_deleted": size % 5 == 0}  # fmt: skip
        for place in range(1 if told["is_deleted"] else 1 + size % 3):
            row = (
                {}
                if told["is_deleted"]
                else {"district_code": f"00{place}", "set_district_name": f"区{how * place % 2}"}
            )
            self.sites[domain].put("district_set", Version(0, told | row, {}))

    # -- change ------------------------------------------------------------------------------------
    def correct(self, which: int, how: int, size: int) -> None:
        """A newer version of a record: of what it says, of its month, of whose it is."""
        record = self._record(which)
        changes = self._corrections(record)
        kept = changes[how % len(changes)](size)
        lines = lines_of(record.table, record.newest.row | kept, size % 4) if size % 2 else None
        self._send_version(record, record.changed(standing(record.table) | kept, self._tick(), lines))

    def late(self, which: int, how: int, size: int) -> None:
        """A version that is older than one that came before it, or just as old."""
        record = self._record(which)
        known = sorted(version.clock for version in record.versions)
        clock = known[how % len(known)] + (-5, 0, 5)[size % 3]
        changes = self._corrections(record)
        kept = changes[how % len(changes)](size)
        self._send_version(record, record.changed(standing(record.table) | kept, clock))

    def withdraw(self, which: int, how: int, size: int) -> None:
        """A record is taken back."""
        self.take_back(self._record(which))

    def deliver_again(self, which: int, how: int, size: int) -> None:
        """The same rows in another file: the newest, or all that were ever sent."""
        record = self._record(which)
        for place in range(len(record.versions)) if size % 2 else [how % len(record.versions)]:
            self.repeat(record, place)

    def merge(self, which: int, how: int, size: int) -> None:
        """A late version of an enrolment says that its member is somebody else who is known."""
        enrolments = [record for record in self.records if record.table == "enrolment"]
        record = enrolments[which % len(enrolments)]
        others = [r for r in enrolments if r.domain == record.domain and r is not record]
        if not others:
            return
        other = others[how % len(others)].newest.row
        before = {f"previous_{name}": other[name] for name in ("scheme_code", "insurer_number", "symbol", "number")}
        same = {name: other[name] for name in ("birth_date", "sex_code")} | before
        end = {"applied_end_date": other["applied_start_date"]} if size % 2 else {}
        self.change(record, **same, **end)

    def split(self, which: int, how: int, size: int) -> None:
        """A corrected enrolment is in force beside another number again: a guard refuses the edge of both."""
        ended = [r for r in self.records if r.table == "enrolment" and r.newest.row.get("applied_end_date")]
        if ended:
            self.change(ended[which % len(ended)], applied_end_date=None, lost_date=None)

    def advance(self, which: int, how: int, size: int) -> None:
        """The month of reference moves on."""
        self.center.move_to(min(END, moved(self.center.settings.reference_month, 1 + which % 3)))

    def retract(self, which: int, how: int, size: int) -> None:
        """A site takes back one of its batches, the latest more often than one of long ago."""
        self.sites[DOMAINS[which % 2]].retract(-1 if how % 3 else size)

    def tell(self, which: int, how: int, size: int) -> None:
        """A site sends a table of counts, of towns with records and without; at times an older one than stands."""
        domain = DOMAINS[which % 4 // 3]
        towns = [f"{domain}{town}" for town in ("201", "202", "204", {"16": "321", "31": "302"}[domain])]
        kept = [town for number, town in enumerate(towns) if size >> number & 1] or towns[:1]
        told = {"indicator_id": "members", "denominator": 0, "largest_contribution": 12, "period": str(2023 + how % 2),
                "source_year": 2023 + which % 2, "created_date": f"2024-0{1 + how % 9}-01"}  # fmt: skip
        self.sites[domain].tell(
            *(counts_world.row(**told, area_id=town, numerator=240 + size, contributor_count=40) for town in kept),
            reference_month=END,
        )  # fmt: skip

    def decide(self, which: int, how: int, size: int) -> None:
        """A named person at a site says who is one, or takes a word back."""
        self.sites[DOMAINS[which % 5 // 4]].decide(which, how, size)

    # -- choices -----------------------------------------------------------------------------------
    def _corrections(self, record: Record) -> list[Callable[[int], Row]]:
        row = record.newest.row
        whose: list[Callable[[int], Row]] = [
            lambda size: {"birth_date": BIRTHS[size % len(BIRTHS)]},
            lambda size: {"sex_code": "12"[size % 2]},
        ]
        if record.table == "enrolment":
            return [
                *whose,
                lambda size: {"district_code": f"00{size % 2}", "district_name": f"地区{size % 2}"},
                lambda size: {"applied_end_date": moved(row["applied_start_date"], size % 14)},
                lambda size: {"lost_date": moved(row["applied_start_date"], 1 + size % 20)},
                lambda size: {"municipality_code": f"{record.domain}202" if row["municipality_code"] else None},
                lambda size: {"name_kana": KANAS[size % 3], "address_number": str(size % 3)},
                lambda size: {"applied_end_date": None, "lost_date": None},
            ]
        if record.table == "claim":
            return [
                *whose,
                lambda size: {"points": 500 + size, "is_inpatient": size % 2 == 0},
                lambda size: {"service_month": month(size % 20)},
                lambda size: {"number": str(1000 + size % 8), "branch": "01"},
                lambda size: {"branch": None, "is_summary": size % 2 == 0},
            ]
        if record.table == "checkup":
            return [
                lambda size: {"branch": None if size % 2 else "01"},
                lambda size: {"institution_code": f"16{size:08d}"},
            ]
        if record.table == "guidance":
            return [
                lambda size: {"points": 20 * size, "report_code": "22"},
                lambda size: {"guidance_month": month(size % 20)},
            ]
        if record.table == "care_claim":
            return [*whose, lambda size: {"units": 700 + size, "care_level_code": LEVELS[size % 3]}]
        towns = TOWNS[row["insurer_number"]]
        return [
            *whose,
            lambda size: {"care_level_code": LEVELS[size % 3]},
            lambda size: {"certified_start_date": month(size % 14)},
            lambda size: {"certified_end_date": moved(row["event_date"], size % 10)},
            lambda size: {"municipality_code": towns[size % len(towns)]},
            lambda size: {"insured_end_date": month(8 + size % 12)},
            lambda size: {"name_kana": KANAS[size % 3]},
            lambda size: self._anybody(record.domain, size),
        ]

    def _anybody(self, domain: str, size: int) -> Row:
        known = [n for p in self.people if p.domain == domain for n in p.numbers if n.scheme != "care"]
        return known[size % len(known)].as_related()

    def _person(self, which: int) -> Person | None:
        return self.people[which % len(self.people)] if self.people else None

    def _member(self, which: int) -> tuple[Person | None, Number | None]:
        person = self._person(which)
        medical = [number for number in person.numbers if number.scheme != "care"] if person else []
        return (person, medical[which // 7 % len(medical)]) if medical else (None, None)

    def _record(self, which: int) -> Record:
        return self.records[which % len(self.records)]

    def _care_number(self, person: Person, size: int) -> Number:
        known = [number for number in person.numbers if number.scheme == "care"]
        if known and size % 9:
            return known[size % len(known)]
        insurers = CARE[person.domain]
        number = Number("care", insurers[size % len(insurers)], None, None, f"{len(self.records):010d}", None)
        person.numbers.append(number)
        return number

    def _enrol(self, person: Person, choice: int, start: date, end: date | None, more: Row | None = None) -> None:
        insurers = INSURERS[person.domain]
        scheme, insurer, town = insurers[choice % len(insurers)]
        if scheme == "koki":
            number = Number(scheme, insurer, town, None, str(30000000 + len(self.records)), None)
        else:
            number = Number(scheme, insurer, town, "紡", str(1000 + len(self.people) % 8), f"0{1 + choice % 2}")
        person.numbers.append(number)
        row = number.columns() | person.columns() | {
            "municipality_code": town, "district_code": "001", "acquired_date": start, "applied_start_date": start,
            "applied_end_date": end,
        }  # fmt: skip
        self.add("enrolment", person.domain, row | (more or {}), 0)

    # -- sending -----------------------------------------------------------------------------------
    def add(self, table: str, domain: str, row: Row, size: int = 0) -> Record:
        """Send a record that is new, with lines of each kind as many as its size."""
        row = {name: value for name, value in row.items() if name in CONTRACTS[table].names()}
        clock = self._tick()
        record = Record(table, domain)
        self.records.append(record)
        row |= version_columns(table, clock)
        self._send_version(record, Version(clock, row, lines_of(table, row, size)))
        return record

    def change(self, record: Record, **columns: object) -> None:
        """Send a newer version of a record that stands."""
        self._send_version(record, record.changed(standing(record.table) | columns, self._tick()))

    def take_back(self, record: Record) -> None:
        """Send the withdrawal of a record."""
        self._send_version(record, record.changed(withdrawal(record.table), self._tick()))

    def full(self, day: date, records: Sequence[Record]) -> None:
        """Send records as a full delivery of that day names them."""
        clock = (day - date(2024, 1, 1)).days
        for record in records:
            version = record.changed(standing("enrolment") | {"full_as_of_date": day}, clock)
            row = version.row | {"processed_date": day, "full_as_of_date": day}
            self._send_version(record, replace(version, row=row))

    def repeat(self, record: Record, place: int) -> None:
        """Send one of the versions of a record once more, in another file."""
        self.sites[record.domain].put(record.table, record.versions[place])

    def _send_version(self, record: Record, version: Version) -> None:
        record.versions.append(version)
        self.sites[record.domain].put(record.table, version)

    def _tick(self) -> int:
        self._clock += STEP
        return self._clock

    def _day(self, how: int) -> date:
        late = 5 * STEP if how % 4 == 3 else 0  # a table that is older than one that has come
        return date(2024, 1, 1) + timedelta(days=self._tick() - late)


OPERATIONS: dict[str, Callable[[World, int, int, int], None]] = {
    name: getattr(World, name)
    for name in (
        "join", "move", "claim", "checkup", "guide", "certify", "care_claim", "count", "name_all", "census", "divide",
        "correct", "late", "withdraw", "deliver_again", "merge", "split", "advance", "retract",
        "decide", "tell",
    )
}  # fmt: skip

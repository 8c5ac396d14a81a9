"""Records of a small invented world, as rows of the contracts, with what makes a version newer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ingest.formats.contracts import CONTRACTS

Row = dict[str, Any]
Lines = dict[str, list[Row]]

FIRST_MONTH = date(2023, 8, 1)


def month(number: int) -> date:
    """The month so many after the first of this world."""
    months = FIRST_MONTH.year * 12 + FIRST_MONTH.month - 1 + number
    return date(months // 12, months % 12 + 1, 1)


def moved(day: date, months: int) -> date:
    """The same month moved, its first day."""
    return month((day.year - FIRST_MONTH.year) * 12 + day.month - FIRST_MONTH.month + months)


@dataclass(frozen=True)
class Number:
    """A person's number at one insurer."""

    scheme: str
    insurer: str
    municipality: str | None
    symbol: str | None
    number: str
    branch: str | None

    def columns(self) -> Row:
        """As every contract with an identity names it."""
        return {"scheme_code": self.scheme, "insurer_number": self.insurer, "symbol": self.symbol,
                "number": self.number, "branch": self.branch}  # fmt: skip

    def as_previous(self) -> Row:
        """As an enrolment names the number before."""
        return {"previous_scheme_code": self.scheme, "previous_insurer_number": self.insurer,
                "previous_symbol": self.symbol, "previous_number": self.number}  # fmt: skip

    def as_related(self) -> Row:
        """As a certification names the number at the medical insurer."""
        scheme = "koki" if self.scheme == "koki" else "kokuho"
        return {"related_scheme_code": scheme, "related_insurer_number": self.insurer,
                "related_symbol": self.symbol, "related_number": self.number}  # fmt: skip


@dataclass
class Person:
    """Somebody of one prefecture and the numbers that somebody has had."""

    domain: str
    kana: str
    birth: date
    sex: str
    numbers: list[Number] = field(default_factory=list)

    def columns(self) -> Row:
        """What every contract with an identity says of a person."""
        return {"name_kana": self.kana, "birth_date": self.birth, "sex_code": self.sex}


@dataclass(frozen=True)
class Version:
    """What one delivery said of a record; the clock tells which version is the newer."""

    clock: int
    row: Row
    lines: Lines


@dataclass
class Record:
    """One record of the real world and the versions of it that have been sent, in their order of sending."""

    table: str
    domain: str
    versions: list[Version] = field(default_factory=list)

    @property
    def newest(self) -> Version:
        """The version that stands."""
        return max(self.versions, key=lambda version: version.clock)

    def changed(self, changes: Row, clock: int, lines: Lines | None = None) -> Version:
        """A version with the columns changed; lines keep to the month of their record."""
        row = self.newest.row | changes | version_columns(self.table, clock)
        kept = self.newest.lines if lines is None else lines
        place = CONTRACTS[self.table].partition_month
        if place is not None and kept:
            kept = {name: [line | {place: row[place]} for line in several] for name, several in kept.items()}
        return Version(clock, row, kept)


_WITHDRAWN: dict[str, Row] = {
    "enrolment": {"is_deleted": True},
    "claim": {"is_withdrawn": True},
    "checkup": {"is_deleted": True},
    "guidance": {"is_deleted": True},
    "care_claim": {"creation_code": "3"},
    "care_certification": {"correction_code": "3"},
}
_STANDING: dict[str, Row] = {
    "enrolment": {"is_deleted": False},
    "claim": {"is_withdrawn": False},
    "checkup": {"is_deleted": False},
    "guidance": {"is_deleted": False},
    "care_claim": {"creation_code": "2"},
    "care_certification": {"correction_code": "2"},
}


def withdrawal(table: str) -> Row:
    """What takes a record of ``table`` back."""
    return _WITHDRAWN[table]


def standing(table: str) -> Row:
    """What a correction says of a record that stands, or stands again."""
    return _STANDING[table]


def version_columns(table: str, clock: int) -> Row:
    """The version key of ``table`` at a time of the clock."""
    day = date(2024, 1, 1) + timedelta(days=clock)
    if table == "enrolment":
        return {"processed_date": day, "record_number": 1, "full_as_of_date": None}
    if table in ("checkup", "guidance"):
        return {"created_date": day, "data_number": 1}
    if table == "care_certification":
        return {"corrected_date": day}
    adjudicated = {"adjudication_month": month(clock // 10)}
    return adjudicated | ({"version_number": 1 + clock % 10} if table == "claim" else {})


DISEASES = ("883342", "883341", "883343")  # 高血圧症 (8833421) where there is one line, else codes that lead nowhere


def lines_of(table: str, row: Row, size: int) -> Lines:
    """Lines of a record: ``size`` of each kind, at most three."""
    if table == "claim":
        place = {"service_month": row["service_month"]}
        return {
            "claim_diagnosis": [
                place | {"sequence_number": n + 1, "disease_code": DISEASES[n] + str(size), "is_main": n == 0}
                for n in range(size)
            ],
            "claim_item": [
                place | {"sequence_number": n + 1, "item_kind_code": "IY", "item_code": f"62000000{n}"}
                for n in range(size)
            ],
        }
    if table == "checkup":
        values = {"hba1c": "6.1", "systolic": "141", "waist": "88.5"}
        place = {"exam_month": row["exam_month"]}
        measured = [place | {"item_id": item, "numeric_value": value} for item, value in list(values.items())[:size]]
        codes = {"smoking": "12"[size % 2], "guidance_level": "123"[size % 3]}
        return {"checkup_result": [*measured, *(place | {"item_id": i, "code_value": c} for i, c in codes.items())]}
    if table == "guidance":
        place = {"guidance_month": row["guidance_month"]}
        return {"guidance_session": [place | {"sequence_number": n + 1, "points": 20 * size} for n in range(size)]}
    if table == "care_claim":
        place = {"service_month": row["service_month"]}
        services = [{"service_type_code": f"1{n}", "units": 100 * size, "benefit_yen": 900 * size} for n in range(size)]
        line = {"item_code": "1111", "units": 100 * size, "times_count": size}
        return {
            "care_service": [place | service for service in services],
            "care_line": [place | line | {"service_type_code": f"1{n}"} for n in range(size)],
        }
    return {}


_ARRIVES = {"enrolment": "processed_date", "care_certification": "corrected_date"}


def arrivals(table: str, rows: Iterable[Row]) -> set[tuple[str, str, date]]:
    """Insurer, stream and month that rows of ``table`` arrive for."""
    contract = CONTRACTS[table]
    place = contract.partition_month or _ARRIVES.get(table)
    if contract.parent or place is None:
        return set()
    return {(row["insurer_number"], contract.stream, row[place].replace(day=1)) for row in rows}

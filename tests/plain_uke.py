"""Receipts read line by line in plain Python, with positions typed from formats.md 1.1-1.5: slow, and independent of
the reader and its layout tables, so that the two check each other. It takes good lines only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

KINDS = {"1": "medical", "3": "dental", "4": "pharmacy"}
FIRST_DAY = {
    "medical": {"SI": 13, "IY": 13, "TO": 17},
    "dental": {"SI": 7, "IY": 8, "TO": 14, "SS": 78},
}
AMOUNTS = {("dental", "TO"): (12, 13), ("dental", "SS"): (76, 77)}
"""Columns of 点数 and 回数 where they are not the fifth and sixth."""
CZ_CODES = (9, *range(16, 44, 3), 55, 60, 63)
"""Columns of the codes of a CZ record; the points of each stand in the next."""
KI_CODES = (*range(8, 55, 4), *range(70, 108, 4))
"""Columns of the codes of a KI record, of fees and of additions; 回数 and 点数 of each follow."""
MINUS = "630010002"
OUTSIDE = ("MN", "ON", "EX", "RC", "HR")  # records of the file, of no receipt


@dataclass
class Receipt:
    """One receipt with its records as lists of columns; ``table`` is the 点数表 of the record above it."""

    table: str
    re: list[str]
    records: list[list[str]] = field(default_factory=list)

    def of(self, record_id: str) -> list[list[str]]:
        return [record for record in self.records if record[0] == record_id]

    @property
    def kind(self) -> str:
        return "dpc" if self.table == "1" and len(self.re) in (28, 40) else KINDS[self.table]

    @property
    def is_summary(self) -> bool:
        return self.kind == "dpc" and self.re[18] == "1"

    @property
    def submitted(self) -> int:
        """合計点数 of the first HO, of KO where there is none."""
        return int((self.of("HO") or self.of("KO"))[0][5])

    @property
    def is_of_set(self) -> bool:
        return self.kind == "dpc" and self.re[18] in ("2", "3")

    @property
    def adjudicated(self) -> int:
        """合計点数 of the last HO; an open list of a child of a 総括 ends in the greater one of the 総括 (rule 9)."""
        told = [int(record[5]) for record in self.of("HO") or self.of("KO")]
        ends_in_total = self.is_of_set and len(told) % 2 == 0 and told[-1] > told[-2]
        return told[-2] if ends_in_total else told[-1]

    @property
    def visits(self) -> int | None:
        """The days of the medical insurer's JD as bits, None where there is none."""
        days = [record[2:33] for record in self.of("JD") if record[1] == "1"]
        return sum(2**place for place, text in enumerate(days[-1]) if text == "1") if days else None

    @property
    def items(self) -> list[dict[str, Any]]:
        """The lines as columns of ``claim_item``, in their order."""
        return self._lines.items

    @property
    def line_points(self) -> int:
        """The sum of the lines (formats.md, head and 1.4)."""
        return self._lines.points

    @cached_property
    def _lines(self) -> _Lines:
        lines = _Lines(self.kind)
        for record in self.records:
            lines.add(record)
        return lines

    def day_columns(self) -> Iterator[tuple[int, int]]:
        """For each line with days: their sum, and 回数."""
        layout = "medical" if self.kind == "dpc" else self.kind
        for record in self.records:
            if layout in FIRST_DAY and record[0] in FIRST_DAY[layout]:
                first = FIRST_DAY[layout][record[0]]
                times = AMOUNTS.get((layout, record[0]), (5, 6))[1]
                yield sum(int(day or 0) for day in record[first : first + 31]), int(record[times])


class _Lines:
    """The lines of a receipt taken one after the other: ``items`` and their ``points``."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.items: list[dict[str, Any]] = []
        self.points = 0
        self.category: str | None = None
        self.unit_points: int | None = None
        self.group: list[dict[str, Any]] = []

    def add(self, columns: list[str]) -> None:
        """Takes in one line of the receipt (the record id first)."""
        name = columns[0]
        if name == "GT":
            self.points += int(columns[8])
        elif name == "CD":
            self._item("CD", columns[5], columns[2], None, _number(columns[9]), _day(columns[1]), columns[6])
        elif self.kind == "pharmacy":
            self._of_pharmacy(columns)
        elif name in ("SI", "IY", "TO", "SS"):
            self._of_treatment(columns)
        elif name == "CO":
            self.category = columns[1] or self.category

    def _item(
        self, kind: str, code: str, category: str | None, points: int | None, times: int | None, days: int | None,
        quantity: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        row = {
            "item_kind_code": kind,
            "item_code": code,
            "category_code": category,
            "quantity": Decimal(quantity) if quantity else None,
            "points": points,
            "times_count": times,
            "days_code": days,
        }
        self.items.append(row)
        return row

    def _of_treatment(self, columns: list[str]) -> None:
        name, layout = columns[0], "medical" if self.kind == "dpc" else self.kind
        self.category = columns[1] or self.category
        at_points, at_times = AMOUNTS.get((layout, name), (5, 6))
        first = FIRST_DAY[layout][name]
        points, times = _number(columns[at_points]), _number(columns[at_times])
        days = _days(columns[first : first + 31])
        self._item(name, columns[3], self.category, points, times, days, columns[4])
        if points is not None and self.category not in ("97", "99"):
            self.points += points * (times or 0) * (-1 if columns[3] == MINUS else 1)
        if name == "SS":
            for at in range(6, 76, 2):
                if columns[at]:
                    self._item("SS", columns[at], self.category, None, None, None, columns[at + 1])

    def _of_pharmacy(self, columns: list[str]) -> None:
        name = columns[0]
        if name == "SH":
            self.unit_points, self.group = int(columns[5]), []
        elif name in ("IY", "TO"):
            row = self._item(name, columns[2], None, None, 0, 0, columns[3])
            for before in self.group:
                before["points"] = None
            row["points"] = self.unit_points
            self.group.append(row)
        elif name == "CZ":
            day = _day(columns[3])
            for row in self.group:
                row["times_count"] += int(columns[5])
                row["days_code"] |= day
            for at in CZ_CODES:
                if columns[at]:
                    self._item("CZ", columns[at], None, int(columns[at + 1]), 1, day)
                    self.points += int(columns[at + 1])
            self.points += int(columns[13] or 0) - int(columns[66] or 0)
        elif name == "KI":
            day = _day(columns[1])
            if columns[4]:
                self._item("KI", columns[4], None, int(columns[5]), 1, day)
                self.points += int(columns[5])
            for at in KI_CODES:
                if columns[at]:
                    times, points = int(columns[at + 1] or 1), int(columns[at + 2])
                    self._item("KI", columns[at], None, points, times, day)
                    self.points += times * points


def _number(text: str) -> int | None:
    return int(text) if text else None


def _days(columns: list[str]) -> int | None:
    found = sum(2**place for place, text in enumerate(columns) if text and int(text) > 0)
    return found or None


def _day(date: str) -> int:
    return 2 ** (int(date[-2:]) - 1)


@dataclass
class File:
    """Receipts of a file and what its GO records announce."""

    edition: str
    receipts: list[Receipt]
    announced: list[tuple[int, int]]
    unknown: int
    has_end_mark: bool
    has_cr: bool


def read_plain(source: Path | bytes) -> File:
    """The receipts of a whole file, in their order."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    receipts: list[Receipt] = []
    announced, unknown, table, edition = [], 0, "", "provider"
    for text in data.rstrip(b"\x1a").decode("cp932").splitlines():
        record = text.split(",")
        while not record[0].isalpha():
            edition, record = "insurer", record[1:]
        name = record[0]
        if name in ("IR", "YK"):
            table = record[3]
        elif name == "RE":
            receipts.append(Receipt(table, record))
        elif name == "GO":
            announced.append((int(record[1]), int(record[2])))
        elif name == "ZZ":
            unknown += 1
        elif receipts and name not in OUTSIDE:
            receipts[-1].records.append(record)
    return File(edition, receipts, announced, unknown, data.endswith(b"\x1a"), b"\r\n" in data)

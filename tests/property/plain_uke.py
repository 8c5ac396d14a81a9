"""Receipts read line by line in plain Python, with positions typed from the specification: slow, and independent of
the reader that is held against it. It takes good lines only.
"""

from __future__ import annotations

from decimal import Decimal
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
KI_CODES = range(8, 55, 4)
MINUS = "630010002"


def _number(text: str) -> int | None:
    return int(text) if text else None


def _days(columns: list[str]) -> int | None:
    found = sum(2**place for place, text in enumerate(columns) if text and int(text) > 0)
    return found or None


def _day(date: str) -> int:
    return 2 ** (int(date[-2:]) - 1)


class Receipt:
    """One receipt: ``kind``, ``points`` and ``first_points`` (HO), ``visits`` (JD), ``items``, ``line_points``."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.points: list[int] = []
        self.visits: int | None = None
        self.items: list[dict[str, Any]] = []
        self.line_points = 0
        self.category: str | None = None
        self.unit_points: int | None = None
        self.group: list[dict[str, Any]] = []
        self.is_dispensed = False

    def add(self, columns: list[str]) -> None:
        """Takes in one line of the receipt (the record id first)."""
        name = columns[0]
        if name == "BU":
            self.kind = "dpc"
        elif name == "HO":
            self.points.append(int(columns[5]))
        elif name == "JD" and columns[1] == "1":
            self.visits = sum(2**place for place, text in enumerate(columns[2:33]) if text == "1")
        elif name == "GT":
            self.line_points += int(columns[8])
        elif name == "CD":
            self._item("CD", columns[5], columns[2], None, _number(columns[9]), _day(columns[1]), columns[6])
        elif self.kind == "pharmacy":
            self._of_pharmacy(columns)
        elif name in ("SI", "IY", "TO", "SS"):
            self._of_treatment(columns)

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
            self.line_points += points * (times or 0) * (-1 if columns[3] == MINUS else 1)
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
                    self.line_points += int(columns[at + 1])
            self.line_points += int(columns[13] or 0) - int(columns[66] or 0)
        elif name == "KI":
            day = _day(columns[1])
            if columns[4]:
                self._item("KI", columns[4], None, int(columns[5]), 1, day)
                self.line_points += int(columns[5])
            for at in KI_CODES:
                if columns[at]:
                    self._item("KI", columns[at], None, int(columns[at + 2]), int(columns[at + 1]), day)
                    self.line_points += int(columns[at + 1]) * int(columns[at + 2])


def read_plainly(data: bytes) -> list[Receipt]:
    """The receipts of a file in their order."""
    receipts: list[Receipt] = []
    kind = ""
    for line in data.rstrip(b"\x1a").decode("cp932").splitlines():
        columns = line.split(",")
        while not columns[0].isalpha():
            columns = columns[1:]
        if columns[0] in ("IR", "YK"):
            kind = KINDS[columns[3]]
        elif columns[0] == "RE":
            receipts.append(Receipt(kind))
        elif receipts:
            receipts[-1].add(columns)
    return receipts

"""A second, plain reading of receipt files: one loop over lines, written from formats.md 1.1-1.5 alone.

It knows nothing of the reader's layout tables, so that the two check each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUBTRACTED = {"630010002"}


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
        if self.table == "1":
            return "dpc" if len(self.re) in (28, 40) else "medical"
        return {"3": "dental", "4": "pharmacy"}[self.table]

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

    def points(self) -> int:
        """The sum of the lines (formats.md, head and 1.4)."""
        return self._pharmacy() if self.kind == "pharmacy" else self._lines()

    def _lines(self) -> int:
        total, category = 0, ""
        for record in self.records:
            if record[0] in ("SI", "IY", "TO", "SS", "CO"):
                category = record[1] or category
            if record[0] == "GT":
                total += int(record[8])
            place = {"SI": 5, "IY": 5, "TO": 12 if self.kind == "dental" else 5, "SS": 76}.get(record[0])
            if place and record[place] and category not in ("97", "99"):
                sign = -1 if record[3] in SUBTRACTED else 1
                total += sign * int(record[place]) * int(record[place + 1])
        return total

    def _pharmacy(self) -> int:
        total = 0
        for record in self.of("CZ"):
            places = [10, 13, *range(17, 45, 3), 56, 61]
            total += sum(int(record[place] or 0) for place in places) - int(record[66] or 0)
        for record in self.of("KI"):
            total += int(record[5] or 0)
            total += sum(int(record[place] or 0) * int(record[place - 1] or 1) for place in range(10, 55, 4))
            total += sum(int(record[place] or 0) * int(record[place - 1] or 1) for place in range(72, 109, 4))
        return total

    def day_columns(self) -> Iterator[tuple[int, int]]:
        """For each line with days: their sum, and 回数."""
        first = {"SI": 13, "IY": 13, "TO": 17} if self.kind in ("medical", "dpc") else {"SI": 7, "IY": 8, "TO": 14}
        times = {"SI": 6, "IY": 6, "TO": 6} if self.kind in ("medical", "dpc") else {"SI": 6, "IY": 6, "TO": 13}
        first, times = first | {"SS": 78}, times | {"SS": 77}
        for record in self.records:
            if self.kind != "pharmacy" and record[0] in first:
                days = record[first[record[0]] : first[record[0]] + 31]
                yield sum(int(day or 0) for day in days), int(record[times[record[0]]])


@dataclass
class File:
    """Receipts of a file and what its GO records announce."""

    edition: str
    receipts: list[Receipt]
    announced: list[tuple[int, int]]
    unknown: int
    has_end_mark: bool
    has_cr: bool


def read_plain(path: Path) -> File:
    """The receipts of a whole file."""
    data = path.read_bytes()
    receipts: list[Receipt] = []
    announced, unknown, table, edition = [], 0, "", "provider"
    for text in data.rstrip(b"\x1a").decode("cp932").splitlines():
        record = text.split(",")
        if record[0].isdigit():
            edition, record = "insurer", record[3:]
        name = record[0]
        if name in ("IR", "YK"):
            table = record[3]
        elif name == "RE":
            receipts.append(Receipt(table, record))
        elif name == "GO":
            announced.append((int(record[1]), int(record[2])))
        elif name == "ZZ":
            unknown += 1
        elif receipts and name not in ("MN", "ON", "EX", "RC", "HR"):
            receipts[-1].records.append(record)
    return File(edition, receipts, announced, unknown, data.endswith(b"\x1a"), b"\r\n" in data)

"""The period that a form speaks of, as its head prints it, and the neighbours of a period."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ingest.formats.eras import ERAS
from ingest.reconcile.numbers import plain

MONTH, YEAR_TO_DATE, FISCAL_YEAR = "month", "year_to_date", "fiscal_year"
_ERA_NAMES = ("明治", "大正", "昭和", "平成", "令和")
_LETTERS = {"明治": 0, "大正": 1, "昭和": 2, "平成": 3, "令和": 4, "M": 0, "T": 1, "S": 2, "H": 3, "R": 4}
_YEAR = r"(?:(?P<era>明治|大正|昭和|平成|令和|[MTSHR])(?P<count>\d{1,2}|元)|(?P<western>\d{4}))"
_IN_MONTH = re.compile(_YEAR + r"(?:年|[./-])(?P<month>\d{1,2})")
_IN_YEAR = re.compile(_YEAR + "年度")
_DAY = re.compile(_YEAR + r"(?:年|[./-])(?P<month>\d{1,2})(?:月|[./-])(?P<day>\d{1,2})")
_COMPACT_DAY = re.compile(r"(?P<western>\d{4})(?P<month>\d{2})(?P<day>\d{2})")
_CUMULATED = "累計"


@dataclass(frozen=True)
class Period:
    """A kind of period and its first day as our statistics write it (of 累計 the last month)."""

    kind: str
    first: date

    def __str__(self) -> str:
        if self.kind == FISCAL_YEAR:
            return f"{self.first.year}年度"
        return f"{self.first:%Y-%m}" + ("まで" if self.kind == YEAR_TO_DATE else "")

    @property
    def name(self) -> str:
        """As it is told: 令和6年度(2024), 令和7年3月, 令和7年3月まで."""
        if self.kind == FISCAL_YEAR:
            # 令和元年度 is the name in use for 2019, although its April was still 平成31年.
            return f"{_era_year(date(self.first.year, 5, 1))}年度({self.first.year})"
        return f"{_era_year(self.first)}年{self.first.month}月" + ("まで" if self.kind == YEAR_TO_DATE else "")

    @property
    def months(self) -> int:
        """How many months it holds."""
        if self.kind == MONTH:
            return 1
        return 12 if self.kind == FISCAL_YEAR else (self.first.month - 4) % 12 + 1

    @property
    def month_list(self) -> list[date]:
        """The months themselves."""
        if self.kind == MONTH:
            return [self.first]
        last = shifted(self.first, 11) if self.kind == FISCAL_YEAR else self.first
        return [shifted(last, -back) for back in reversed(range(self.months))]

    def moved(self, steps: int) -> Period:
        """The period so many of its own kind later: months, or years."""
        return Period(self.kind, shifted(self.first, steps * 12 if self.kind == FISCAL_YEAR else steps))

    def same_as(self) -> list[Period]:
        """The same span by another kind: 累計 up to March is the fiscal year."""
        if self.kind == FISCAL_YEAR:
            return [Period(YEAR_TO_DATE, shifted(self.first, 11))]
        if self.kind == YEAR_TO_DATE and self.first.month == 3:
            return [Period(FISCAL_YEAR, date(self.first.year - 1, 4, 1))]
        return []


def shifted(month: date, by: int) -> date:
    """The first day of the month so many months later."""
    count = month.year * 12 + month.month - 1 + by
    return date(count // 12, count % 12 + 1, 1)


def parse(text: str) -> Period | None:
    """The period in a head's words (令和6年度, 令和7年3月, 令和6年度累計 令和7年1月, 2024年度), None where none is."""
    words = plain(text)
    month = _IN_MONTH.search(words)
    year = _IN_YEAR.search(words)
    if month is not None and 1 <= int(month["month"]) <= 12:
        kind = YEAR_TO_DATE if _CUMULATED in words or year is not None else MONTH
        return Period(kind, date(_western(month), int(month["month"]), 1))
    if year is not None:
        return Period(FISCAL_YEAR, date(_western(year), 4, 1))
    return None


def parse_day(text: str) -> date | None:
    """A day such as 令和7年6月1日, 2025/06/01, R7.6.1 or 20250601; None where there is none."""
    words = plain(text)
    found = _COMPACT_DAY.search(words) if words.isdigit() else _DAY.search(words)
    if found is None:
        return None
    try:
        return date(_western(found), int(found["month"]), int(found["day"]))
    except ValueError:
        return None


def _era_year(day: date) -> str:
    code, base, _ = max((era for era in ERAS if era[2] <= day), key=lambda era: era[2])
    count = day.year - base
    return _ERA_NAMES[int(code) - 1] + ("元" if count == 1 else str(count))


def _western(found: re.Match[str]) -> int:
    if found["western"]:
        return int(found["western"])
    base = ERAS[_LETTERS[found["era"]]][1]
    return base + (1 if found["count"] == "元" else int(found["count"]))

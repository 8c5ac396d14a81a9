"""Which periods of the statistics are exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

MONTH, YEAR_TO_DATE, FISCAL_YEAR = "month", "year_to_date", "fiscal_year"
_WORDS = {MONTH: "月", YEAR_TO_DATE: "累計", FISCAL_YEAR: "年度"}
_SHOWN = 12


class NothingToExport(Exception):
    """The statistics hold nothing for what was chosen; the message says what they hold."""


@dataclass(frozen=True, order=True)
class Period:
    """One period: its kind, and its first day as the statistics write it (of 累計 the last month)."""

    kind: str
    first: date

    def __str__(self) -> str:
        year = f"{self.first.year}年度" if self.kind == FISCAL_YEAR else f"{self.first:%Y-%m}"
        return f"{_WORDS[self.kind]} {year}"

    @property
    def months(self) -> list[date]:
        """The months that the period speaks of."""
        if self.kind == MONTH:
            return [self.first]
        start = self.first.year if self.kind == FISCAL_YEAR or self.first.month >= 4 else self.first.year - 1
        whole = [date(start + (number > 12), (number - 1) % 12 + 1, 1) for number in range(4, 16)]
        return whole if self.kind == FISCAL_YEAR else [month for month in whole if month <= self.first]


def chosen(
    connection: duckdb.DuckDBPyConnection,
    fiscal_years: Sequence[int],
    months: Sequence[date],
    to_months: Sequence[date],
) -> list[Period]:
    """The chosen periods in order; without a choice the newest fiscal year.

    Raises NothingToExport where the statistics do not hold one of them.
    """
    held = {
        Period(kind, first)
        for kind, first in connection.execute(
            "SELECT DISTINCT period_kind, period FROM published.indicator_statistics"
        ).fetchall()
    }
    wanted = (
        {Period(FISCAL_YEAR, date(year, 4, 1)) for year in fiscal_years}
        | {Period(MONTH, month) for month in months}
        | {Period(YEAR_TO_DATE, month) for month in to_months}
    )
    if not wanted:
        years = [period for period in held if period.kind == FISCAL_YEAR]
        if not years:
            raise NothingToExport("統計がまだありません。`tsumugi run` の後に実行してください")
        return [max(years)]
    missing = sorted(wanted - held)
    if missing:
        told = "、".join(map(str, missing))
        raise NothingToExport(f"公表された統計に {told} がありません。{_holds(held, {one.kind for one in missing})}")
    return sorted(wanted)


def _holds(held: set[Period], kinds: set[str]) -> str:
    parts = []
    for kind in sorted(kinds):
        periods = sorted((one for one in held if one.kind == kind), reverse=True)
        more = f" ほか{len(periods) - _SHOWN}" if len(periods) > _SHOWN else ""
        told = f"あるのは {'、'.join(map(str, periods[:_SHOWN]))}{more}"
        parts.append(told if periods else f"{_WORDS[kind]}の値はありません")
    return "。".join(parts)

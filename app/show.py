"""How values, periods and ages are printed, in both languages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from app.text import Text

_ERAS = ((date(2019, 5, 1), 2018, "令和"), (date(1989, 1, 8), 1988, "平成"), (date(1926, 12, 25), 1925, "昭和"))
_ENDLESS_BAND = "95+"


def _era_year(day: date) -> str:
    for start, offset, name in _ERAS:
        if day >= start:
            year = day.year - offset
            return f"{name}{'元' if year == 1 else year}"
    return str(day.year)


def fiscal_year(day: date) -> int:
    """年度: April to March."""
    return day.year if day.month >= 4 else day.year - 1


def period_name(text: Text, period_kind: str, period: date) -> str:
    """「令和6年度(2024)」「令和7年3月」「令和6年度 3月まで」, or English."""
    if period_kind == "month":
        return month_name(text, period)
    year = fiscal_year(period)
    # 令和元年度 is the name in use for 2019, although its April was still 平成31年
    name = f"{_era_year(date(year, 5, 1))}年度({year})" if text.is_japanese else f"FY{year}"
    if period_kind == "fiscal_year":
        return name
    return text("period.to_month", year=name, month=period.month)


def month_name(text: Text, month: date) -> str:
    """「令和7年3月」 or 2025-03."""
    return f"{_era_year(month)}年{month.month}月" if text.is_japanese else f"{month:%Y-%m}"


def day_name(text: Text, day: date) -> str:
    """「令和7年3月5日」 or 2025-03-05."""
    return f"{_era_year(day)}年{day.month}月{day.day}日" if text.is_japanese else f"{day:%Y-%m-%d}"


def short_period(text: Text, period_kind: str, period: date) -> str:
    """The label under an axis: R6, R7.3."""
    mark = {"令和": "R", "平成": "H", "昭和": "S"}
    day = date(fiscal_year(period), 5, 1) if period_kind == "fiscal_year" else period
    if not text.is_japanese:
        return f"{day:%Y}" if period_kind == "fiscal_year" else f"{day:%Y-%m}"
    era = _era_year(day)
    year = mark.get(era[:2], "") + era[2:]
    return year if period_kind == "fiscal_year" else f"{year}.{day.month}"


def age_name(text: Text, band: str) -> str:
    """「40～44歳」 or 40–44."""
    if band == _ENDLESS_BAND:
        return text("age.and_over", age=band[:-1])
    low, high = band.split("-")
    return text("age.between", low=int(low), high=int(high))


@dataclass(frozen=True)
class Shape:
    """How one indicator's value is made and printed."""

    scale: float
    unit: str  # as the catalogue writes it
    has_denominator: bool
    translated_unit: str | None = None

    @property
    def shown_unit(self) -> str:
        """The unit in the language of the screen."""
        return self.translated_unit or self.unit

    def value(self, numerator: float | None, denominator: float | None) -> float | None:
        """Σnumerator ÷ Σdenominator × scale; the numerator alone for a count; None when not known."""
        if numerator is None:
            return None
        if not self.has_denominator:
            return numerator * self.scale
        return numerator / denominator * self.scale if denominator else None

    @property
    def decimals(self) -> int:
        """Digits after the point: rates and years one, days per claim and facilities two, counts and yen none."""
        if self.unit.startswith(("%", "件", "年", "全国", "人/1万人年")):
            return 1
        return 2 if self.unit.startswith("日") or self.unit.endswith("/千人") else 0

    @property
    def is_proportion(self) -> bool:
        """Whether numerator and denominator count persons, so that chance can be reckoned."""
        return self.unit == "%"

    def printed(self, value: float | None) -> str:
        """The value as it stands in a cell."""
        return "－" if value is None else f"{value:,.{self.decimals}f}"


def count(value: float | None) -> str:
    """A whole number with separators."""
    return "－" if value is None else f"{value:,.0f}"


def differs(own: tuple[float, float], other: tuple[float, float]) -> int:
    """Whether two proportions differ at 95 %: 1 own is higher, -1 lower, 0 no clear difference.

    Two-sample z test with pooled variance; not asked where fewer than five are expected in a cell
    (the rule of thumb of the χ² test), which counts as no clear difference.
    """
    (n1, d1), (n2, d2) = own, other
    if d1 <= 0 or d2 <= 0:
        return 0
    pooled = (n1 + n2) / (d1 + d2)
    if min(pooled, 1 - pooled) * min(d1, d2) < 5:
        return 0
    spread = math.sqrt(pooled * (1 - pooled) * (1 / d1 + 1 / d2))
    z = (n1 / d1 - n2 / d2) / spread
    return (z > 1.959964) - (z < -1.959964)

"""The row of choices above a table: period, scheme, sex, age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import data, state
from app.show import age_name, fiscal_year, period_name
from app.views.screen import Indicator, Screen

PERIOD_KINDS = ("fiscal_year", "year_to_date", "month")
SCHEMES = ("kokuho", "koki", "kokuho_koki", "care", "kumiai")
RESIDENTS = "residents"  # 住民 of any insurer: what rests on public tables alone
YEARS_SHOWN = 5
MONTHS_SHOWN = 13
BANDS = tuple(f"{low:02d}-{low + 4:02d}" for low in range(0, 95, 5)) + ("95+",)
# Wider ages are sums of published 5-year bands; every indicator is additive over age.
AGE_SPANS = {
    "40_64": BANDS[8:13],
    "40_74": BANDS[8:15],
    "65_74": BANDS[13:15],
    "75_up": BANDS[15:],
}


@dataclass(frozen=True)
class Choice:
    """What was chosen."""

    period_kind: str
    period: date
    trend: tuple[date, ...]  # oldest first, the chosen period last
    scheme: str
    sex_code: str
    age: str

    @property
    def age_bands(self) -> tuple[str, ...]:
        """The published age bands that make up the age."""
        return AGE_SPANS.get(self.age, (self.age,))

    @property
    def question(self) -> data.Question:
        """The numbers asked for."""
        return data.Question(self.period_kind, self.trend, self.sex_code, self.age_bands)


def row() -> DeltaGenerator:
    """A line of narrow choices that wraps where the window is narrow."""
    return st.container(key="ts_filters", horizontal=True, vertical_alignment="center", gap="small")


def choose(screen: Screen, kinds: Sequence[str] = PERIOD_KINDS) -> Choice | None:
    """Draw the choices of every page, in a ``row``; None where nothing is published.

    ``kinds``  the kinds of periods that the page's figures come in; of one there is nothing to choose
    """
    text = screen.text
    kind = kinds[0]
    if len(kinds) > 1:
        kind = state.choose(
            "kind", text("period.kind"), kinds, lambda name: text(f"period.{name}"), is_inline=True, is_labelled=False
        )
    published = [day for day in data.periods(screen.files.statistics, kind) if day <= screen.reference_month]
    if not published:
        return None
    names = {day.isoformat(): printed_period(screen, kind, day) for day in published}
    period = date.fromisoformat(
        state.choose("period", text("period.label"), list(names), names.__getitem__, is_inline=True)
    )
    scheme = state.choose(
        "scheme", text("scheme.label"), SCHEMES, lambda name: text(f"scheme.{name}"), default=screen.home_scheme,
        is_inline=True,
    )  # fmt: skip
    sex = state.choose("sex", text("sex.label"), ("all", "1", "2"), lambda name: text(f"sex.{name}"), is_inline=True)
    age = state.choose(
        "age", text("age.label"), ("all", *AGE_SPANS, *BANDS), lambda name: printed_age(screen, name), is_inline=True
    )
    return Choice(kind, period, _trend(kind, period, published), scheme, sex, age)


def printed_age(screen: Screen, age: str) -> str:
    """The name of an age choice."""
    known = screen.text.get(f"age.{age}", "")
    return known or age_name(screen.text, age)


def printed_period(screen: Screen, kind: str, period: date) -> str:
    """The name of a period; a fiscal year that the month of reference does not complete says so."""
    name = period_name(screen.text, kind, period)
    last = date(fiscal_year(period) + 1, 3, 1)
    if kind == "fiscal_year" and screen.reference_month < last:
        return screen.text("period.in_progress", name=name)
    return name


def printed_conditions(screen: Screen, choice: Choice) -> list[tuple[str, str]]:
    """Period, conditions and edition, as they stand on an export."""
    text = screen.text
    conditions = "・".join(
        (text(f"scheme.{choice.scheme}"), text(f"sex.{choice.sex_code}"), printed_age(screen, choice.age))
    )
    return [
        (text("csv.period"), printed_period(screen, choice.period_kind, choice.period)),
        (text("csv.conditions"), conditions),
        (text("csv.reference"), period_name(text, "month", screen.reference_month)),
        (text("csv.edition"), f"{screen.edition}（{text('csv.provisional')}）"),
    ]


def _trend(kind: str, period: date, published: list[date]) -> tuple[date, ...]:
    earlier = sorted(day for day in published if day <= period)
    if kind == "month":
        return tuple(earlier[-MONTHS_SHOWN:])
    if kind == "year_to_date":
        earlier = [day for day in earlier if day.month == period.month]
    return tuple(earlier[-YEARS_SHOWN:])


def offered(screen: Screen, choice: Choice) -> list[tuple[Indicator, str]]:
    """Indicators with the scheme each is shown in: the chosen one, and care and all residents beside 国保 and 後期.

    Of all residents figures are there for both sexes and all ages together only.
    """
    is_whole = choice.sex_code == "all" and choice.age == "all"
    found = []
    for indicator in screen.indicators:
        if choice.period_kind not in indicator.period_kinds:
            continue
        if choice.scheme in indicator.schemes:
            found.append((indicator, choice.scheme))
        elif "care" in indicator.schemes and choice.scheme != "kumiai":
            found.append((indicator, "care"))
        elif RESIDENTS in indicator.schemes and choice.scheme != "kumiai" and is_whole:
            found.append((indicator, RESIDENTS))
    return found

"""What a nurse wants to know of a person in five seconds: insured since, last checkup, treatment, certification."""

from __future__ import annotations

import html
from datetime import date, timedelta
from typing import Any

from app import persons
from app.persons import History, Step, Year
from app.show import day_name
from app.text import Text
from app.views.screen import Screen

_DISEASES_SHOWN = 5


def cards(screen: Screen, history: History, year: Year, sex_code: str | None) -> str:
    """One card for each kind of record that the tenant sees."""
    text, last_day = screen.text, persons.last_day(screen.reference_month)
    found = [("person.care", _care(text, history, last_day))] if screen.sees_care else []
    if screen.sees_medical:
        found = [
            ("person.enrolment", _enrolment(text, history, last_day)),
            ("person.last_checkup", _checkup(text, history, persons.thresholds(last_day, sex_code))),
            ("person.year", _treatment(text, year)),
            *found,
        ]
    inner = "".join(
        f"<div><h2>{text(title)}</h2>{''.join(f'<p>{line}</p>' for line in lines)}</div>" for title, lines in found
    )
    return f'<div class="ts-cards" data-testid="summary">{inner}</div>'


def _enrolment(text: Text, history: History, last_day: date) -> list[str]:
    rows = list(history.enrolment.iter_rows(named=True))
    current = [row for row in rows if row["start_date"] <= last_day and (row["end_date"] or date.max) > last_day]
    if current:
        return [
            _strong(text(f"scheme.{row['scheme_code']}"))
            + html.escape(text("person.since", day=day_name(text, _since(rows, row))))
            for row in current
        ]
    ended = [row for row in rows if row["end_date"] is not None]
    if not ended:
        return [html.escape(text("person.not_enrolled"))]
    last = max(ended, key=lambda row: row["end_date"])
    day = day_name(text, last["end_date"] - timedelta(days=1))
    return [
        _strong(text("person.not_enrolled")),
        html.escape(text("person.until", name=text(f"scheme.{last['scheme_code']}"), day=day)),
    ]


def _since(rows: list[dict[str, Any]], current: dict[str, Any]) -> date:
    """The start of unbroken enrolment in the scheme: a move within it is no new start."""
    start: date = current["start_date"]
    same = [row for row in rows if row["scheme_code"] == current["scheme_code"]]
    for row in sorted(same, key=lambda row: row["start_date"], reverse=True):
        if row["start_date"] < start <= (row["end_date"] or date.min):
            start = row["start_date"]
    return start


def _checkup(text: Text, history: History, limits: dict[str, list[Step]]) -> list[str]:
    if history.checkups.is_empty():
        return [html.escape(text("person.no_checkups"))]
    last = history.checkups.sort("exam_date").row(-1, named=True)
    lines = [_strong(day_name(text, last["exam_date"]))]
    over = []
    for item, steps in limits.items():
        reached = [step for step in steps if step.is_reached(last.get(item))]
        if reached:
            value, furthest = f"{last[item]:.{persons.digits(item)}f}", reached[-1]
            is_under = furthest.operator.startswith("<")
            key = "person.under" if is_under else "person.over"
            words = text(key, item=text(f"item.{item}"), value=value, meaning=_meaning(text, furthest.meaning))
            arrow = "↓" if is_under else "↑"
            over.append(f'<span class="ts-mark bad" aria-hidden="true">{arrow}</span>{html.escape(words)}')
    judged = "・".join(text(f"item.{item}") for item in limits if last.get(item) is not None)
    lines += over or [html.escape(text("person.none_over", items=judged))]
    lines.append(html.escape(f"{text('item.metabolic')} {text.get('metabolic.' + str(last['metabolic_code']), '－')}"))
    taken = [text(f"person.{name}") for name in persons.DRUGS if last[name]]
    lines.append(html.escape(text("person.drugs", names="・".join(taken) or text("person.drugs_none"))))
    return lines


def _meaning(text: Text, meaning: str) -> str:
    return text.get(f"threshold.{meaning}", meaning)


def _treatment(text: Text, year: Year) -> list[str]:
    if not year:
        return [html.escape(text("person.no_claims_year"))]
    if year.medical.months:
        words = _strong(text("person.claims_year", months=year.medical.months))
        lines = [words + html.escape(text("person.sum", points=f"{year.medical.points:,}"))]
    else:
        lines = [_strong(text("person.no_visit_year"))]
    if year.inpatient_months:
        lines.append(html.escape(text("person.inpatient_year", months=year.inpatient_months)))
    for kind, found in (("dental", year.dental), ("pharmacy", year.pharmacy)):
        if found.months:
            words = text("person.kind_year", kind=text(f"person.{kind}"), months=found.months)
            lines.append(html.escape(words + text("person.sum", points=f"{found.points:,}")))
    names = persons.disease_names()
    for code, months in year.diseases.head(_DISEASES_SHOWN).iter_rows():
        name = names.get(code, text("person.disease_unnamed"))
        lines.append(html.escape(text("person.disease", name=name, months=months)))
    more = year.diseases.height - _DISEASES_SHOWN
    return [*lines, html.escape(text("person.diseases_more", count=more))] if more > 0 else lines


def _care(text: Text, history: History, last_day: date) -> list[str]:
    if history.care.is_empty():
        return [html.escape(text("person.care_none"))]
    last = history.care.sort("certified_start_date").row(-1, named=True)
    level, end = text.get(f"care.{last['care_level_code']}", "－"), last["certified_end_date"]
    if end is None:
        return [_strong(level)]
    day = day_name(text, end - timedelta(days=1))
    words = text("person.care_until" if end > last_day else "person.care_ended", day=day)
    return [_strong(level) + html.escape(words)]


def _strong(words: str) -> str:
    return f"<b>{html.escape(words)}</b>"

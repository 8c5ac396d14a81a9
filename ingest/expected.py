"""Insurer × stream × month: what arrived, what is missing, what is held, what is not due yet; one truth for all.

Expected is what ``seeds/expected_deliveries.csv`` says of the stream and the insurer's scheme (a row of
the insurer's own stands before it): from the first month in which the insurer delivered the stream; where
it never did, from its first delivery of anything, once another insurer of its scheme delivers the stream.
A month is due on ``due_day`` of the month after it, and missing when ``allowed_lag_months`` more have
passed and nothing came. The day on which that is read is a parameter, never a clock.

``streams.csv`` states for each stream which month a delivery is *for* and at which cadence it comes.
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ingest.formats.contracts import CONTRACTS
from ingest.settings import PROJECT_ROOT

STREAMS_FILE = Path(__file__).with_name("streams.csv")
EXPECTED = PROJECT_ROOT / "seeds" / "expected_deliveries.csv"
INSURERS = PROJECT_ROOT / "seeds" / "insurers.csv"
ARRIVED, HELD, SET_ASIDE, TAKEN_BACK = "arrived", "held", "set_aside", "retracted"
MISSING, NOT_DUE = "missing", "not_due"
CAME = (ARRIVED, HELD, SET_ASIDE, TAKEN_BACK)
"""States of what came, the one that stands first: a month of which something arrived has arrived."""

_CADENCES: dict[str, Literal["month", "year", "fiscal_year"]] = {
    "month": "month",
    "year": "year",
    "fiscal_year": "fiscal_year",
}


@dataclass(frozen=True)
class StreamRule:
    """How deliveries of one stream are counted: table, month column, months back, dated by row or file, cadence."""

    stream: str
    table_name: str
    month_column: str
    months_back: int
    dated_by: Literal["row", "file"]
    cadence: Literal["month", "year", "fiscal_year"]

    def period(self, month: date) -> date:
        """First day of the period of ``month`` in the cadence of the stream."""
        if self.cadence == "month":
            return month
        if self.cadence == "year":
            return date(month.year, 1, 1)
        return date(month.year if month.month >= 4 else month.year - 1, 4, 1)

    def next_period(self, period: date) -> date:
        """The period after ``period``."""
        if (period.year, period.month) >= (date.max.year, 12 if self.cadence == "month" else 1):
            return date.max  # after the last month that a date can hold nothing is expected
        if self.cadence == "month":
            return date(period.year + period.month // 12, period.month % 12 + 1, 1)
        return period.replace(year=period.year + 1)

    def has_insurer(self) -> bool:
        """Whether the deliveries are an insurer's; else a municipality stands in for it."""
        return "insurer_number" in CONTRACTS[self.table_name].names()


@cache
def stream_rules() -> dict[str, StreamRule]:
    """The rules of ``streams.csv`` by stream."""
    with STREAMS_FILE.open(encoding="utf-8", newline="") as handle:
        return {
            row["stream"]: StreamRule(
                stream=row["stream"],
                table_name=row["table_name"],
                month_column=row["month_column"],
                months_back=int(row["months_back"]),
                dated_by="file" if row["dated_by"] == "file" else "row",
                cadence=_CADENCES[row["cadence"]],
            )
            for row in csv.DictReader(handle)
        }


@dataclass(frozen=True)
class Expectation:
    """One row of the seed; ``insurer_number`` None: of every insurer of the scheme."""

    stream: str
    scheme_code: str
    insurer_number: str | None
    is_expected: bool
    due_day: int
    allowed_lag_months: int
    valid_from: date
    valid_to: date | None

    def holds(self, period: date) -> bool:
        """Whether the row is in force in the period."""
        return self.valid_from <= period and (self.valid_to is None or period < self.valid_to)

    def last_day(self, after: date) -> date:
        """The day after which a period that ``after`` follows is missing."""
        months = after.year * 12 + after.month - 1 + self.allowed_lag_months
        year, month = months // 12, months % 12 + 1
        if year > date.max.year:
            return date.max
        return date(year, month, min(self.due_day, monthrange(year, month)[1]))


def reading_day(reference_month: date) -> date:
    """The day on which the month of reference is read where nobody says another: the last of the month after it."""
    months = min(reference_month.year * 12 + reference_month.month, date.max.year * 12 + 11)
    year, month = months // 12, months % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def matrix(came: Mapping[tuple[str, str], Mapping[date, str]], reference_month: date, on: date) -> list[dict[str, str]]:
    """One entry an insurer, stream and period: insurer_number, stream, month (YYYY-MM), state, cadence.

    ``came`` gives by insurer and stream the state (of ``CAME``) of each first day of a period of which something
    came; the entries go on to the period of ``reference_month``, read on the day ``on``.
    """
    rules = stream_rules()
    entries: list[dict[str, str]] = []
    for (insurer, stream), first in sorted((_first_periods(came)).items()):
        rule, periods = rules[stream], came.get((insurer, stream), {})
        period, last = first, max([rule.period(reference_month), *periods])
        while period <= last:
            state = periods.get(period) or _absent(rule, insurer, period, on)
            if state is not None:
                entries.append(
                    {
                        "insurer_number": insurer,
                        "stream": stream,
                        "month": f"{period:%Y-%m}",
                        "state": state,
                        "cadence": rule.cadence,
                    }
                )
            period = rule.next_period(period)
    return entries


def missing(entries: list[dict[str, str]]) -> list[dict[str, str]]:
    """The entries of a matrix that did not come, without their state."""
    return [
        {name: value for name, value in entry.items() if name != "state"}
        for entry in entries
        if entry["state"] == MISSING
    ]


def _first_periods(came: Mapping[tuple[str, str], Mapping[date, str]]) -> dict[tuple[str, str], date]:
    """From which period on each insurer's stream is looked at."""
    rules = stream_rules()
    own = {key: min(periods) for key, periods in came.items() if periods}
    begun: dict[str, date] = {}  # by insurer its first period of anything
    of_scheme: dict[tuple[str, str], date] = {}  # by scheme and stream the first period of any insurer
    for (insurer, stream), first in own.items():
        scheme = _schemes().get(insurer)
        if scheme is not None and rules[stream].has_insurer():
            begun[insurer] = min(first, begun.get(insurer, first))
            of_scheme[scheme, stream] = min(first, of_scheme.get((scheme, stream), first))
    never = {
        (insurer, stream): max(rules[stream].period(first), since)
        for insurer, first in begun.items()
        for (scheme, stream), since in of_scheme.items()
        if scheme == _schemes()[insurer] and (insurer, stream) not in own
    }
    return own | never


def _absent(rule: StreamRule, insurer: str, period: date, on: date) -> str | None:
    """Missing or not due yet; None where nothing is expected."""
    expected = _expectation(rule.stream, insurer, period)
    if expected is None or not expected.is_expected:
        return None
    # A year is due only when it is over.
    return MISSING if expected.last_day(rule.next_period(period)) < on else NOT_DUE


def _expectation(stream: str, insurer: str, period: date) -> Expectation | None:
    scheme = _schemes().get(insurer) if stream_rules()[stream].has_insurer() else "care"
    of_stream = [row for row in _expectations() if row.stream == stream and row.holds(period)]
    own = [row for row in of_stream if row.insurer_number == insurer]
    common = [row for row in of_stream if row.insurer_number is None and row.scheme_code == scheme]
    return next(iter(own + common), None)


@cache
def _expectations() -> tuple[Expectation, ...]:
    def read(row: dict[str, Any]) -> Expectation:
        return Expectation(
            stream=row["stream"],
            scheme_code=row["scheme_code"],
            insurer_number=row["insurer_number"] or None,
            is_expected=row["is_expected"] == "true",
            due_day=int(row["due_day"]),
            allowed_lag_months=int(row["allowed_lag_months"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )

    with EXPECTED.open(encoding="utf-8", newline="") as handle:
        return tuple(read(row) for row in csv.DictReader(handle))


@cache
def _schemes() -> dict[str, str]:
    with INSURERS.open(encoding="utf-8", newline="") as handle:
        return {row["insurer_number"]: row["scheme_code"] for row in csv.DictReader(handle)}

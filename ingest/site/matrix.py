"""Insurer × stream × month: what arrived, what is missing, what was taken back, what is not due yet.

Expected is what ``seeds/expected_deliveries.csv`` says of the stream and the insurer's scheme (a row of
the insurer's own stands before it), from the first month in which the insurer delivered the stream
on. A month is due so many months later as the row allows (``allowed_lag_months``), held against the
month of reference, never against a clock.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from ingest.ledger import Ledger
from ingest.settings import PROJECT_ROOT
from ingest.site.arrivals import StreamRule, stream_rules
from ingest.site.outbox import RETRACTED

EXPECTED = PROJECT_ROOT / "seeds" / "expected_deliveries.csv"
INSURERS = PROJECT_ROOT / "seeds" / "insurers.csv"
ARRIVED, MISSING, TAKEN_BACK, NOT_DUE = "arrived", "missing", "retracted", "not_due"


@dataclass(frozen=True)
class Expectation:
    """One row of the seed; ``insurer_number`` None: of every insurer of the scheme."""

    stream: str
    scheme_code: str
    insurer_number: str | None
    is_expected: bool
    allowed_lag_months: int
    valid_from: date
    valid_to: date | None

    def holds(self, period: date) -> bool:
        """Whether the row is in force in the period."""
        return self.valid_from <= period and (self.valid_to is None or period < self.valid_to)


def matrix(ledger: Ledger, reference_month: date) -> list[dict[str, str]]:
    """One entry an insurer, stream and period: insurer_number, stream, month (YYYY-MM), state."""
    rules = stream_rules()
    came: dict[tuple[str, str], dict[date, str]] = {}
    for row in ledger.rows(
        "SELECT insurer_number, arrival.stream, month, state FROM arrival JOIN delivery USING (delivery_id) "
        "WHERE state IN ('taken', ?)",
        (RETRACTED,),
    ):
        periods = came.setdefault((row["insurer_number"], row["stream"]), {})
        period = rules[row["stream"]].period(date.fromisoformat(row["month"]))
        if row["state"] == "taken":
            periods[period] = ARRIVED
        else:
            periods.setdefault(period, TAKEN_BACK)
    entries: list[dict[str, str]] = []
    for (insurer, stream), periods in sorted(came.items()):
        period = min(periods)
        last = max(max(periods), rules[stream].period(reference_month))
        while period <= last:
            state = periods.get(period) or _absent(rules[stream], insurer, period, reference_month)
            if state is not None:
                entries.append(
                    {"insurer_number": insurer, "stream": stream, "month": f"{period:%Y-%m}", "state": state}
                )
            period = rules[stream].next_period(period)
    return entries


def _absent(rule: StreamRule, insurer: str, period: date, reference_month: date) -> str | None:
    """Missing or not due yet; None where nothing is expected."""
    expected = _expectation(rule.stream, insurer, period)
    if expected is None or not expected.is_expected:
        return None
    end = rule.next_period(period)  # a year is due only when it is over
    due = end.year * 12 + end.month - 1 + expected.allowed_lag_months
    return MISSING if due <= reference_month.year * 12 + reference_month.month else NOT_DUE


def _expectation(stream: str, insurer: str, period: date) -> Expectation | None:
    scheme = _schemes().get(insurer, "care" if stream == "population" else None)
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

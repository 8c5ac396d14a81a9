"""Months that cannot be yet are set aside, by rules that stand as data."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ingest.formats.contracts import CONTRACTS
from ingest.site.future import broken, rules
from tests.handmade import frame

JUNE = date(2024, 6, 1)


def told(service: date, adjudicated: date) -> str | None:
    row = {
        "scheme_code": "kokuho", "insurer_number": "160028", "number": "1", "birth_date": date(1950, 1, 1),
        "sex_code": "1", "search_number": "1", "points": 1, "service_month": service, "adjudication_month": adjudicated,
    }  # fmt: skip
    found: str | None = frame("claim", [row]).select(broken("claim", JUNE).alias("broken"))["broken"][0]
    return found


@pytest.mark.parametrize(
    ("service", "adjudicated", "column"),
    [
        (date(2024, 5, 1), JUNE, None),
        (JUNE, JUNE, None),
        (date(2024, 7, 1), JUNE, "service_month"),
        (date(9999, 12, 1), JUNE, "service_month"),
        (date(9999, 12, 1), date(9999, 12, 1), "adjudication_month"),
        (JUNE, date(2026, 6, 1), None),
        (JUNE, date(2026, 7, 1), "adjudication_month"),
    ],
)
def test_a_service_after_its_claim_and_a_claim_far_ahead_cannot_be(
    service: date, adjudicated: date, column: str | None
) -> None:
    assert told(service, adjudicated) == column


def test_the_rules_name_dates_of_their_own_table() -> None:
    for rule in rules():
        for name in filter(None, (rule.month_column, rule.not_after_column)):
            assert CONTRACTS[rule.table_name].column(name).dtype == "date"


def test_a_table_without_a_rule_lets_everything_through() -> None:
    assert pl.DataFrame({"a": [1]}).select(broken("population", JUNE).alias("b"))["b"].to_list() == [None]

"""How values, periods and ages are printed."""

from __future__ import annotations

from datetime import date

import pytest

from app.show import Shape, age_name, differs, month_name, period_name, short_period
from app.text import Text

JA, EN = Text("ja"), Text("en")


@pytest.mark.parametrize(
    ("kind", "period", "words"),
    [
        ("fiscal_year", date(2024, 4, 1), "令和6年度(2024)"),
        ("fiscal_year", date(2019, 4, 1), "令和元年度(2019)"),
        ("year_to_date", date(2025, 2, 1), "令和6年度(2024) 2月までの累計"),
        ("month", date(2025, 3, 1), "令和7年3月"),
        ("month", date(2019, 4, 1), "平成31年4月"),
    ],
)
def test_periods_are_printed_in_the_era(kind: str, period: date, words: str) -> None:
    assert period_name(JA, kind, period) == words


def test_english_periods_are_printed_in_the_common_era() -> None:
    assert period_name(EN, "fiscal_year", date(2024, 4, 1)) == "FY2024"
    assert month_name(EN, date(2025, 3, 1)) == "2025-03"
    assert short_period(JA, "fiscal_year", date(2024, 4, 1)) == "R6"


def test_age_bands_are_printed_as_the_field_writes_them() -> None:
    assert [age_name(JA, band) for band in ("40-44", "05-09", "95+")] == ["40～44歳", "5～9歳", "95歳以上"]


def test_a_value_is_the_ratio_of_the_sums() -> None:
    rate = Shape(100, "%", has_denominator=True)
    assert rate.value(1, 8) == 12.5
    assert rate.printed(rate.value(1, 8)) == "12.5"
    assert rate.value(None, 8) is None
    assert rate.value(0, 0) is None
    assert Shape(1, "人", has_denominator=False).value(7, 0) == 7
    assert Shape(1, "円/人月", has_denominator=True).printed(10538.4) == "10,538"


def test_two_proportions_differ_only_beyond_chance() -> None:
    assert differs((605, 936), (1492, 2751)) == 1
    assert differs((340, 936), (1060, 2751)) == 0
    assert differs((200, 936), (1060, 2751)) == -1
    assert differs((3, 10), (1, 900)) == 0, "too few to say"
    assert differs((0, 0), (1, 9)) == 0

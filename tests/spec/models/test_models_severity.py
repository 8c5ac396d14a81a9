"""高額, 長期入院 and 人工透析: who is counted, against figures typed from the definitions."""

from __future__ import annotations

from datetime import date

import pytest

from tests.dbt_fixture import person_id
from tests.spec.models import severe
from tests.spec.models.built import Built
from tests.spec.models.delivery import TATEYAMA, Person

pytestmark = pytest.mark.xdist_group("spec_models")
YEAR = ("fiscal_year", date(2024, 4, 1), "kokuho", f"municipality:{TATEYAMA.town}")


def _found(built: Built, indicator: str) -> set[tuple[bytes, date]]:
    rows = built.where("rollups.measure_severity", indicator_id=indicator, insurer_number=TATEYAMA.number)
    return {(row["person_id"], row["month"]) for row in rows if row["numerator"]}


def _of(month: date, *who: Person) -> set[tuple[bytes, date]]:
    return {(person_id(each.name), month) for each in who}


def test_a_receipt_is_of_high_cost_from_800_000_yen_on(built: Built) -> None:
    assert _found(built, "high_cost_claims") == _of(severe.MONTH, severe.costly)


def test_a_stay_is_long_from_the_sixth_month_after_the_month_of_admission(built: Built) -> None:
    assert _found(built, "long_stay_claims") == _of(severe.MONTH, severe.stayed)
    assert built.share("long_stay_claims", *YEAR) == (1, 2)


def test_dialysis_is_new_without_any_in_twelve_months_for_who_was_insured_for_three(built: Built) -> None:
    assert _found(built, "new_dialysis") == _of(severe.MONTH, severe.began, severe.returned, severe.settled)


def test_a_month_whose_year_before_nobody_sent_tells_of_no_new_dialysis(built: Built) -> None:
    of_july = date(2024, 7, 1)
    assert _found(built, "dialysis_members") >= _of(of_july, severe.unseen)
    rows = built.where("rollups.measure_severity", indicator_id="new_dialysis", insurer_number=TATEYAMA.number)
    assert of_july not in {row["month"] for row in rows}


def test_the_cost_of_what_is_severe_is_a_share_of_all_cost(built: Built) -> None:
    # May to July 2024: 80 000, 79 999 and twice 40 000 points, and seven receipts of dialysis of 35 000.
    whole = (80_000 + 79_999 + 2 * 40_000 + 7 * 35_000) * 10
    assert built.share("high_cost_share", *YEAR) == (800_000, whole)
    assert built.share("long_stay_share", *YEAR) == (400_000, whole)

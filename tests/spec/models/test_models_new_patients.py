"""新規患者: who is counted, against figures typed from the definition."""

from __future__ import annotations

from datetime import date

import pytest

from tests.dbt_fixture import person_id
from tests.spec.models import newly_ill
from tests.spec.models.built import Built
from tests.spec.models.delivery import TAKAOKA

pytestmark = pytest.mark.xdist_group("spec_models")
DIABETES = "lifestyle-diabetes"
YEAR = ("fiscal_year", date(2024, 4, 1), "kokuho", f"municipality:{TAKAOKA.town}")


def test_a_disease_is_new_that_was_not_there_for_twelve_months_of_membership(built: Built) -> None:
    rows = built.where(
        "rollups.measure_new_patients", insurer_number=TAKAOKA.number, class_code=DIABETES, fiscal_year=2024
    )
    assert sorted(row["person_id"] for row in rows) == sorted(person_id(who.name) for who in newly_ill.NEW)
    assert {row["month"] for row in rows} == {date(2024, 4, 1)}


def test_new_patients_are_a_share_of_those_whose_year_before_was_seen(built: Built) -> None:
    # In May 2024 nine are insured; of June and July 2023 no receipt came, and of April 2023 one did.
    assert built.share("disease_new_patients", *YEAR, of_class=DIABETES) == (5, 9)


def test_an_old_disease_is_not_new_in_the_month_after(built: Built) -> None:
    assert built.share("disease_new_patients", *YEAR, sex="1", of_class=DIABETES) == (3, 5)


def test_a_year_whose_year_before_nobody_sent_tells_of_no_new_patients(built: Built) -> None:
    year = ("fiscal_year", date(2023, 4, 1), *YEAR[2:])
    assert built.share("disease_patients", *year, of_class=DIABETES) is not None
    assert built.share("disease_new_patients", *year, of_class=DIABETES) is None

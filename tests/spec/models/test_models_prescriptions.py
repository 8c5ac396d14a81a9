"""重複・多剤・睡眠薬, 後発品 and 多受診: who is counted, against figures typed from the definitions."""

from __future__ import annotations

import pytest

from tests.dbt_fixture import person_id
from tests.spec.models import medicated
from tests.spec.models.built import Built
from tests.spec.models.delivery import NYUZEN, Person

pytestmark = pytest.mark.xdist_group("spec_models")
JUNE = ("month", medicated.MONTH, "kokuho", f"municipality:{NYUZEN.town}")


def _met(built: Built, relation: str, indicator: str) -> set[bytes]:
    rows = built.where(f"rollups.{relation}", indicator_id=indicator, insurer_number=NYUZEN.number)
    return {row["person_id"] for row in rows if row["numerator"]}


def _of(*who: Person) -> set[bytes]:
    return {person_id(each.name) for each in who}


@pytest.mark.parametrize(
    ("relation", "indicator", "who"),
    [
        (
            "measure_prescription",
            "duplicate_prescription",
            (medicated.two_and_two, medicated.three_and_one, medicated.handed_out),
        ),
        ("measure_prescription", "polypharmacy", (medicated.many,)),
        ("measure_prescription", "sleep_drug", (medicated.sleepless,)),
        ("measure_visit", "multiple_visits", (medicated.goes_around,)),
        ("measure_visit", "frequent_visits", (medicated.goes_often,)),
    ],
)
def test_each_rule_finds_whom_it_means_and_nobody_else(
    built: Built, relation: str, indicator: str, who: tuple[Person, ...]
) -> None:
    assert _met(built, relation, indicator) == _of(*who)


def test_generics_are_counted_by_quantity_over_what_could_be_generic(built: Built) -> None:
    (row,) = (
        row
        for row in built.where("rollups.measure_prescription", indicator_id="generic_drug_share")
        if row["person_id"] in _of(medicated.dear)
    )
    # 30 of アジルバ could have been generic; 0.5 x 21 of candesartan were; リナグリプチン has no generic.
    assert (row["numerator"], row["denominator"]) == (11, 41)


def test_all_members_at_the_end_of_the_month_stand_below_the_line(built: Built) -> None:
    for indicator, found in (("polypharmacy", 1), ("multiple_visits", 1), ("duplicate_prescription", 3)):
        assert built.share(indicator, *JUNE)[:2] == (found, 12)

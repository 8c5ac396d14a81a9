"""A row that stands twice under its grain is found, whatever columns are empty in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.dbt_fixture import World
from tests.spec.models.delivery import TOYAMA, Delivery, Person

GRAIN = "unique_grain_person_month_person_id__scheme_code__insurer_number__month"


def test_a_month_of_a_member_that_stands_twice_fails_the_build(tmp_path: Path) -> None:
    told = Delivery()
    told.enrol(Person("member"), TOYAMA, date(2023, 4, 1))
    world = World(tmp_path, date(2023, 6, 1))
    world.land(told.batch)
    assert world.build("+person_month", expect=False)[GRAIN] == "pass"
    world.run("INSERT INTO marts.person_month FROM marts.person_month LIMIT 1")
    assert world.build(GRAIN, expect=False)[GRAIN] == "fail"

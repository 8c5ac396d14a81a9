"""Reading persons from a tenant's own files."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from app import persons
from app.persons import Filter
from ingest import warehouse
from tests.app.published_fixture import REFERENCE_MONTH, World

pytestmark = pytest.mark.xdist_group("dashboard")  # one process: one world, one server


class OwnFile:
    """A tenant's file opened as the dashboard opens it."""

    def __init__(self, world: World, tenant: str, scheme_set: str) -> None:
        key = world.workspace / "app" / "keys" / f"tenant-{tenant}--{scheme_set}.key"
        path = world.workspace / "site-16" / "published" / "tenants" / tenant / f"{scheme_set}.duckdb"
        self._connection = warehouse.open_hardened(path, bytes.fromhex(key.read_text()))

    def rows(self, sql: str, parameters: Any = ()) -> pl.DataFrame:
        return self._connection.execute(sql, parameters).pl()


@pytest.fixture(scope="module")
def own(world: World) -> list[Any]:
    return [OwnFile(world, "kokuho-16208", "kokuho")]


@pytest.fixture(scope="module")
def nurse(world: World) -> list[Any]:
    return [OwnFile(world, "eisei-16208", "kokuho_koki_care")]


def test_the_list_holds_every_own_person_once(own: list[Any]) -> None:
    found = persons.listed(own, Filter(), REFERENCE_MONTH)
    assert found.height == found["person_id"].n_unique() == 60


@pytest.mark.parametrize("typed", ["架空 太郎", "架空太郎", "ｶｸｳ ﾀﾛｳ", "かくう　たろう", "カクウタロウ"])
def test_a_name_is_found_however_it_is_typed(own: list[Any], world: World, typed: str) -> None:
    assert persons.listed(own, Filter(search=typed), REFERENCE_MONTH)["person_id"].to_list() == [world.own_person]


def test_filters_narrow_and_order_by_what_they_ask_for(own: list[Any]) -> None:
    found = persons.listed(own, Filter(hba1c_from=6.0, age_from=50, age_to=70), REFERENCE_MONTH)
    values = found["hba1c"].to_list()
    assert values
    assert values == sorted(values, reverse=True)
    assert min(values) >= 6.0
    assert found["age"].min() >= 50
    assert found["age"].max() <= 70


def test_ages_are_those_of_the_last_day_of_the_month_of_reference(own: list[Any], world: World) -> None:
    [born] = own[0].rows("SELECT birth_date FROM person WHERE person_id = ?", [world.own_person])["birth_date"]
    [age] = persons.listed(own, Filter(search="架空太郎"), REFERENCE_MONTH)["age"]
    assert age == 2025 - born.year - ((born.month, born.day) > (3, 31))


def test_no_visit_after_the_checkup_means_no_claim_in_a_later_month(own: list[Any]) -> None:
    without = set(persons.listed(own, Filter(without_visit=True), date(2020, 12, 1))["person_id"])
    assert without, "claims begin in 2022, so all who had a checkup in 2020 are without"
    later = set(persons.listed(own, Filter(without_visit=True), REFERENCE_MONTH)["person_id"])
    assert later < without


def test_another_tenants_person_is_not_there_to_be_found(own: list[Any], nurse: list[Any], world: World) -> None:
    assert persons.find(own, world.own_person) is not None
    assert persons.find(own, world.other_person) is None
    assert persons.find(own, world.nurse_person) is None, "the same person has another number at another tenant"
    assert persons.find(nurse, world.nurse_person) is not None
    assert persons.find(own, "' OR 1=1 --") is None


def test_a_history_holds_only_the_schemes_of_the_tenant(own: list[Any], nurse: list[Any], world: World) -> None:
    assert set(persons.history(own, world.own_person).enrolment["scheme_code"]) == {"kokuho"}
    full = persons.history(nurse, world.nurse_person)
    assert full.enrolment["scheme_code"].to_list() == ["kokuho", "koki"]
    assert full.care["care_level_code"].to_list() == ["12", "22"]
    assert full.checkups.height == 5


def test_only_a_record_number_may_be_written_into_the_log() -> None:
    assert persons.is_id("0" * 32)
    assert not any(persons.is_id(text) for text in ("架空 太郎", "0" * 31, "G" * 32, ""))


def test_the_last_year_of_care_counts_months_and_names_what_was_treated_longest(own: list[Any], world: World) -> None:
    found = persons.year(own, world.own_person, REFERENCE_MONTH)
    [[months, points]] = (
        own[0]
        .rows(
            "SELECT count(DISTINCT service_month), sum(points)::BIGINT FROM claim"
            " WHERE person_id = ? AND service_month BETWEEN '2024-04-01' AND '2025-03-01'"
            " AND claim_kind_code IN ('medical', 'dpc')",
            [world.own_person],
        )
        .rows()
    )
    assert (found.medical.months, found.medical.points) == (months, points)
    assert found.diseases["disease_code"].to_list() == ["8830052"], "not the dentist's"
    assert not persons.year(own, world.other_person, REFERENCE_MONTH)


def test_a_pharmacy_or_dental_receipt_is_no_month_of_medical_care(own: list[Any], world: World) -> None:
    found = persons.year(own, world.own_person, REFERENCE_MONTH)
    assert found.pharmacy.months and found.dental.months
    in_years = persons.history(own, world.own_person).claims
    last = in_years.filter(pl.col("month").is_between(date(2024, 4, 1), REFERENCE_MONTH))
    of_kinds = dict(last.group_by("kind").agg(pl.col("points").sum()).iter_rows())
    assert found.pharmacy.points == of_kinds["pharmacy"] and found.dental.points == of_kinds["dental"]
    assert found.medical.points == of_kinds["outpatient"] + of_kinds.get("inpatient", 0)


def test_diseases_are_named_by_the_ministrys_code() -> None:
    assert persons.disease_names()["8833421"]


def test_a_step_is_reached_on_its_own_side_and_by_the_limit_of_the_sex() -> None:
    day = date(2025, 3, 31)
    (waist,) = persons.thresholds(day, "2")["waist"]
    (hdl,) = persons.thresholds(day, None)["hdl"]
    (uric_acid,) = persons.thresholds(day, None)["uric_acid"]
    assert [waist.is_reached(value) for value in (89.9, 90.0, None)] == [False, True, False]
    assert [hdl.is_reached(value) for value in (39.0, 40.0)] == [True, False]
    assert [uric_acid.is_reached(value) for value in (7.0, 7.1)] == [False, True]
    assert "waist" not in persons.thresholds(day, None), "whose sex is unknown has no limit of the waist"


def test_steps_stand_with_the_one_that_is_reached_first_before() -> None:
    steps = persons.thresholds(date(2025, 3, 31), None)
    assert [step.value for step in steps["hba1c"]] == [5.6, 6.5, 8.0]
    assert persons.thresholds(date(2018, 3, 31), None) == {}, "no step is in force before its first day"

"""Versions: what stands is told by the content, and every earlier state stays in history."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.formats.contracts import CONTRACTS
from tests.dbt_fixture import Row
from tests.spec.models import stories
from tests.spec.models.built import Built

pytestmark = pytest.mark.xdist_group("spec_models")

WITHDRAWN = {
    "enrolment": ("is_deleted", True),
    "claim": ("is_withdrawn", True),
    "checkup": ("is_deleted", True),
    "guidance": ("is_deleted", True),
    "care_claim": ("creation_code", "3"),
    "care_high_cost": ("creation_code", "3"),
    "care_certification": ("correction_code", "3"),
}


def landed(built: Built, table: str) -> list[Row]:
    """Every row of a contract table that was sent, whatever became of it."""
    return [row for site in built.landed.values() for delivery in site for row in delivery.batch[table]]


@pytest.mark.parametrize("table", WITHDRAWN)
def test_no_version_is_lost_whatever_came_after_it(built: Built, table: str) -> None:
    column, code = WITHDRAWN[table]
    kept = built.table(f"raw.{table}")
    assert len(kept) == len(landed(built, table)) > 0
    taken_back = [row for row in kept if row[column] == code]
    assert len(taken_back) == sum(row.get(column) == code for row in landed(built, table)) > 0
    assert len({row["record_key_tag"] for row in kept}) < len(kept), "some record has versions"


@pytest.mark.parametrize("table", WITHDRAWN)
def test_every_version_is_current_superseded_or_withdrawn_and_each_record_has_one_last_word(
    built: Built, table: str
) -> None:
    states: dict[str, int] = {}
    for row in built.where("intermediate.int_record__count_status", table_name=table, measure="rows"):
        states[row["record_status"]] = states.get(row["record_status"], 0) + row["total"]
    records = {(row["linkage_domain"], row["record_key_tag"]) for row in built.table(f"raw.{table}")}
    assert sum(states.values()) == len(landed(built, table))
    given_way = len(built.table("intermediate.int_care_claim__find_replaced")) if table == "care_claim" else 0
    assert states["current"] + states.get("withdrawn", 0) == len(records) - given_way
    assert CONTRACTS[table].version_key


def test_a_receipt_returned_and_sent_again_stands_as_it_was_sent_again(built: Built) -> None:
    (stands,) = built.lived("marts.claim", stories.named_twice)
    assert (stands["points"], stands["service_month"]) == (650, date(2024, 3, 1))
    history = [row for row in built.table("raw.claim") if row["insurer_number"] == stories.NANTO_75.number]
    assert sorted((row["points"], row["is_withdrawn"]) for row in history) == [(650, False), (700, False), (700, True)]


def test_a_checkup_that_comes_long_after_its_year_is_of_its_year(built: Built) -> None:
    (exam,) = built.lived("marts.checkup", stories.named_twice)
    assert (exam["exam_date"], exam["is_first_of_year"]) == (date(2024, 3, 20), True)

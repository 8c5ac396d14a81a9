"""published.person_*: a row belongs to the site, the insurer and the scheme that were liable in its month."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pytest

from tests.dbt_fixture import Row, World, person_id
from tests.spec.models import stories
from tests.spec.models.built import Built
from tests.spec.models.delivery import next_month

pytestmark = pytest.mark.xdist_group("spec_models")

OF_RECORDS = {
    "published.person_claim": ("claim", "service_month"),
    "published.person_checkup": ("checkup", "exam_date"),
    "published.person_care_month": ("care_claim", "service_month"),
}
PERSON_TABLES = [
    *("published.person_month", "published.person_enrolment", "published.person_claim", "published.person_checkup"),
    *("published.person_checkup_result", "published.person_care_month", "published.person_care_certification"),
]


def _landed(built: Built, table: str) -> list[tuple[str, Row]]:
    return [(domain, row) for domain, deliveries in built.landed.items()
            for delivery in deliveries for row in delivery.batch[table]]  # fmt: skip


@pytest.mark.parametrize("name", sorted(OF_RECORDS))
def test_a_record_stays_with_the_insurer_that_it_was_landed_for(built: Built, name: str) -> None:
    table, month = OF_RECORDS[name]
    liable = {(domain, row["scheme_code"], row["insurer_number"], person_id(row["who"]), row[month])
              for domain, row in _landed(built, table)}  # fmt: skip
    rows = built.table(name)
    owners = {(row["linkage_domain"], row["scheme_code"], row["insurer_number"], row["person_id"], row[month])
              for row in rows}  # fmt: skip
    assert rows and owners <= liable


def test_a_month_of_membership_lies_within_an_enrolment_at_its_own_insurer(built: Built) -> None:
    spans: dict[tuple[Any, ...], list[tuple[date, date]]] = defaultdict(list)
    for row in built.table("published.person_enrolment"):
        owner = (row["linkage_domain"], row["scheme_code"], row["insurer_number"], row["person_id"])
        spans[owner].append((row["start_date"], row["end_date"] or date(9999, 12, 31)))
    landed = {(domain, row["scheme_code"], row["insurer_number"], person_id(row["who"]))
              for domain, row in _landed(built, "enrolment")}  # fmt: skip
    assert spans.keys() <= landed
    for row in built.table("published.person_month"):
        owner = (row["linkage_domain"], row["scheme_code"], row["insurer_number"], row["person_id"])
        assert any(start < next_month(row["month"]) and end > row["month"] for start, end in spans[owner]), row


@pytest.mark.parametrize("name", PERSON_TABLES)
def test_the_name_that_the_site_finds_is_the_one_this_insurer_knows_the_person_by(built: Built, name: str) -> None:
    known = defaultdict(set)
    for table in ("enrolment", "claim", "checkup", "care_claim", "care_certification"):
        for _, row in _landed(built, table):
            owner = (person_id(row["who"]), row["scheme_code"], row["insurer_number"])
            known[owner].add(World._identity(table, row))
    rows = built.table(name)
    assert rows
    for row in rows:
        assert row["identity_tag"] in known[row["person_id"], row["scheme_code"], row["insurer_number"]]


def test_a_town_does_not_get_what_the_town_before_it_paid(built: Built) -> None:
    claims = built.lived("published.person_claim", stories.mover)
    assert {row["insurer_number"] for row in claims if row["service_month"] < date(2023, 10, 1)} == {"160077"}
    assert {row["insurer_number"] for row in claims if row["service_month"] > date(2023, 10, 1)} == {"160085"}
    assert {(row["insurer_number"], row["municipality_code"]) for row in claims} == {
        ("160077", "16208"),
        ("160085", "16209"),
    }


def test_a_record_of_the_month_of_turning_75_goes_to_the_scheme_that_paid_it(built: Built) -> None:
    june = [row for row in built.lived("published.person_claim", stories.turns_75)
            if row["service_month"] == date(2024, 6, 1)]  # fmt: skip
    assert {(row["scheme_code"], row["insurer_number"], row["points"]) for row in june} == {
        ("kokuho", "160010", 1100),
        ("koki", "39160015", 1300),
    }


def test_a_site_has_only_rows_of_its_own_linkage_domain(built: Built) -> None:
    for name in PERSON_TABLES:
        for row in built.table(name):
            digits = row["insurer_number"][2:4] if row["scheme_code"] == "koki" else row["insurer_number"][:2]
            assert row["linkage_domain"] == digits


def test_the_lines_of_an_examination_go_where_the_examination_goes(built: Built) -> None:
    exams = {(row["linkage_domain"], row["checkup_id"]): row for row in built.table("published.person_checkup")}
    for line in built.table("published.person_checkup_result"):
        exam = exams[line["linkage_domain"], line["checkup_id"]]
        for column in ("person_id", "identity_tag", "scheme_code", "insurer_number", "municipality_code"):
            assert line[column] == exam[column]

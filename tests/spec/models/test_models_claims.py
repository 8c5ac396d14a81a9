"""レセプト: which version counts, in which month, for whom."""

from __future__ import annotations

from datetime import date

import pytest

from tests.spec.models import stories
from tests.spec.models.built import Built

pytestmark = pytest.mark.xdist_group("spec_models")

MARCH = date(2024, 3, 1)


def test_the_receipt_adjudicated_last_stands_though_the_earlier_one_landed_after_it(built: Built) -> None:
    (claim,) = built.lived("marts.claim", stories.leaver, service_month=date(2024, 2, 1))
    assert (claim["points"], claim["adjudication_month"]) == (1500, date(2024, 5, 1))


def test_the_points_of_a_receipt_are_those_adjudicated_and_not_those_submitted(built: Built) -> None:
    (landed,) = [row for row in built.landed["16"][0].batch["claim"] if row.get("original_points")]
    assert (landed["points"], landed["original_points"]) == (1500, 1800)
    assert built.share("points_per_claim", "month", date(2024, 2, 1), "kokuho", "insurer:160036") == (1500, 1)


def test_a_receipt_taken_back_counts_nowhere(built: Built) -> None:
    february = "month", date(2024, 2, 1), "kokuho", "insurer:160036"
    assert 800 not in {row["points"] for row in built.lived("published.person_claim", stories.leaver)}
    assert built.share("points_per_claim", *february) == (1500, 1)


def test_a_receipt_without_a_member_counts_at_its_insurer_with_sex_and_age_unknown(built: Built) -> None:
    (claim,) = built.lived("marts.claim", stories.stranger, scheme_code="kokuho")
    assert (claim["sex_code"], claim["age_band_code"], claim["is_member_matched"]) == ("U", "unknown", False)
    july = "month", date(2023, 7, 1), "kokuho"
    for area in ("insurer:160036", "municipality:16204", "medical_area:1601", "prefecture:16"):
        assert built.share("claims_per_1000", *july, area, "U", "unknown") == (1, 0)
        assert built.share("points_per_claim", *july, area, "U", "all") == (700, 1)


def test_a_receipt_of_a_society_without_a_member_has_no_town(built: Built) -> None:
    (claim,) = built.lived("marts.claim", stories.stranger, scheme_code="kumiai")
    assert claim["municipality_code"] is None
    assert built.share("points_per_claim", "month", date(2024, 7, 1), "kumiai", "insurer:163014", "U") == (900, 1)


def test_a_receipt_of_the_month_of_leaving_has_its_member_and_one_of_the_month_after_has_none(built: Built) -> None:
    (june,) = built.lived("marts.claim", stories.leaver, service_month=date(2024, 6, 1))
    (july,) = built.lived("marts.claim", stories.leaver, service_month=date(2024, 7, 1))
    assert (june["sex_code"], june["is_member_matched"]) == ("2", True)
    assert (july["sex_code"], july["is_member_matched"]) == ("U", False)


def test_the_month_of_the_75th_birthday_costs_the_old_scheme_without_a_member(built: Built) -> None:
    june = {row["scheme_code"]: row for row in built.lived("marts.claim", stories.turns_75)
            if row["service_month"] == date(2024, 6, 1)}  # fmt: skip
    assert {scheme: row["cost_yen"] for scheme, row in june.items()} == {"kokuho": 11_000, "koki": 13_000}
    assert all(row["is_member_matched"] for row in june.values())
    months = built.lived("marts.person_month", stories.turns_75, month=date(2024, 6, 1))
    assert {row["scheme_code"] for row in months if row["is_member"]} == {"koki"}


def test_a_summary_receipt_is_not_counted_beside_its_parts(built: Built) -> None:
    oyabe = "month", MARCH, "kokuho", "insurer:160085"
    assert built.share("claims_per_1000", *oyabe) == (2, 1)
    assert built.share("points_per_claim", *oyabe) == (5000, 2)
    assert built.share("days_per_claim", *oyabe) == (20, 2)


def test_meals_are_not_in_the_cost(built: Built) -> None:
    assert built.share("inpatient_cost_per_member_month", "month", MARCH, "kokuho", "insurer:160085") == (50_000, 1)
    (meals,) = [row for row in built.lived("published.person_claim", stories.mover) if row["meal_yen"]]
    assert (meals["cost_yen"], meals["meal_yen"]) == (30_000, 12_000)


def test_a_receipt_counts_in_the_month_of_service_and_not_of_adjudication(built: Built) -> None:
    april = "month", date(2024, 4, 1), "kokuho", "insurer:160085"
    assert built.share("points_per_claim", *april) is None
    assert built.share("points_per_claim", "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160085") == (5000, 2)


def test_inpatient_and_outpatient_cost_are_apart(built: Built) -> None:
    oyabe = "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160085"
    assert built.share("outpatient_cost_per_member_month", *oyabe) == (0, 1)
    tonami = "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160077"
    assert built.share("outpatient_cost_per_member_month", *tonami) == (6000, 1)
    assert built.share("inpatient_cost_per_member_month", *tonami) == (0, 1)


def test_a_month_that_the_insurers_receipts_did_not_come_for_is_missing_and_not_zero(built: Built) -> None:
    himi = "month", date(2023, 5, 1), "kokuho", "insurer:160044"
    assert built.share("members", *himi) == (2, 0)
    assert built.share("claims_per_1000", *himi) is None


def test_a_receipt_of_no_points_is_a_receipt(built: Built) -> None:
    august = ("month", date(2024, 8, 1), "koki", "municipality:16201", "1", "75-79")
    crowd = [row for row in built.where("marts.claim", service_month=date(2024, 8, 1), insurer_number="39160015")
             if row["points"] and (row["sex_code"], row["age_band_code"]) == ("1", "75-79")]  # fmt: skip
    points = sum(row["points"] for row in crowd)
    assert built.share("points_per_claim", *august) == (points, len(crowd) + 1)
    assert built.facts["points_per_claim", *august[:3], "municipality", "16201", "1", "75-79", ""][2] == len(crowd)


JUNE, JULY, AUGUST = date(2023, 6, 1), date(2023, 7, 1), date(2023, 8, 1)
TOYAMA_2023 = "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160010"


def _members(built: Built, *months: date) -> int:
    """Members of 富山 at the ends of the months."""
    return sum(built.share("members", "month", month, "kokuho", "insurer:160010")[0] for month in months)  # type: ignore[index]


def test_dental_and_pharmacy_receipts_are_in_no_figure_of_medical_ones(built: Built) -> None:
    toyama = "month", JUNE, "kokuho", "insurer:160010"
    assert built.share("claims_per_1000", *toyama) == (1, built.share("members", *toyama)[0])  # type: ignore[index]
    assert built.share("points_per_claim", *toyama) == (1000, 1)
    assert built.share("outpatient_cost_per_member_month", *toyama)[0] == 10_000  # type: ignore[index]
    assert built.share("dental_days_per_claim", *TOYAMA_2023) == (3 + 1, 2)


def test_a_pharmacy_receipt_has_no_days_and_adds_none(built: Built) -> None:
    assert {row["days_count"] for row in built.where("marts.claim", claim_kind_code="pharmacy")} == {None}
    assert built.share("days_per_claim", "month", JUNE, "kokuho", "insurer:160010") == (2, 1)


def test_the_total_is_of_medical_dental_and_pharmacy_receipts(built: Built) -> None:
    toyama = "month", JUNE, "kokuho", "insurer:160010"
    total = (1000 + 400 + 700 + 90) * 10
    assert built.share("total_cost_per_member_month", *toyama) == (total, _members(built, JUNE))


def test_members_of_a_month_count_for_the_kinds_that_came_and_for_the_total_where_all_did(built: Built) -> None:
    dental, pharmacy = _members(built, JUNE, JULY), _members(built, JUNE, AUGUST)
    assert built.share("dental_cost_per_member_month", *TOYAMA_2023) == ((400 + 450) * 10, dental)
    assert built.share("dental_claims_per_1000", *TOYAMA_2023) == (2, dental)
    assert built.share("pharmacy_cost_per_member_month", *TOYAMA_2023) == ((700 + 750 + 90) * 10, pharmacy)
    assert built.share("pharmacy_claims_per_1000", *TOYAMA_2023) == (3, pharmacy)
    assert built.share("total_cost_per_member_month", *TOYAMA_2023) == (21_900, _members(built, JUNE))
    for month in (JULY, AUGUST):
        toyama = "month", month, "kokuho", "insurer:160010"
        assert built.share("total_cost_per_member_month", *toyama) is None
        assert built.share("claims_per_1000", *toyama)[0] == 1  # type: ignore[index]


def test_a_pharmacy_receipt_without_a_member_counts_at_its_insurer(built: Built) -> None:
    uozu = "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160036", "U", "unknown"
    assert built.share("pharmacy_cost_per_member_month", *uozu) == (3300, 0)


def test_a_pharmacy_receipt_is_tied_to_the_receipts_of_the_institution_that_prescribed(built: Built) -> None:
    tags = {row["record_key_tag"]: row for row in built.table("marts.claim")}
    tied = [
        (tags[row["pharmacy_claim_id"]], tags[row["prescribing_claim_id"]])
        for row in built.table("intermediate.int_pharmacy__find_prescribing_claim")
    ]
    of_stayer = built.lived("marts.claim", stories.stayer, claim_kind_code="pharmacy")
    found = {(p["service_month"], p["points"], q["points"], q["claim_kind_code"])
             for p, q in tied if p in of_stayer}  # fmt: skip
    assert found == {(JUNE, 700, 1000, "medical"), (AUGUST, 750, 1000, "medical")}
    assert all(p["prescribing_institution_code"] == q["institution_code"] for p, q in tied)
    assert not [p for p, _ in tied if p["points"] == 90], "the dentist treated somebody else"


def test_what_share_of_receipts_could_not_be_classified_is_told_without_a_master(built: Built) -> None:
    kamiichi = "fiscal_year", date(2023, 4, 1), "kokuho", "insurer:160127"
    assert built.share("unclassified_claims", *kamiichi) == (3, 6)

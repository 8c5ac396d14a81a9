"""What diseases cost: the one disease that a receipt comes to, and how, against figures typed from the definition."""

from __future__ import annotations

from datetime import date

import pytest

from tests.dbt_fixture import Row
from tests.spec.models import sick
from tests.spec.models.built import Built
from tests.spec.models.delivery import ASAHI, HIMI_CARE, Person

pytestmark = pytest.mark.xdist_group("spec_models")
YEAR = date(2023, 4, 1)
HERE = ("fiscal_year", YEAR, "kokuho", f"municipality:{ASAHI.town}")


@pytest.mark.parametrize(
    ("who", "icd10", "method"),
    [
        (sick.drugs_decide, "I10", "allocated"),  # 30 x 28 points of amlodipine against 10 x 28 of metformin
        (sick.one_group, "E785", "allocated"),  # a third of 270 points each, and one point more of rosuvastatin
        (sick.named, "C169", "dpc"),
        (sick.tied, "E119", "main"),
        (sick.fallen_back, "K295", "main"),
        (sick.newest, "K295", "order"),
        (sick.suspected, "C349", "order"),
        (sick.doubted, "J449", "order"),
        (sick.dialysed, "N185", "allocated"),
        (sick.spared, "N185", "main"),
        (sick.uncoded, None, "none"),
    ],
)
def test_the_cost_of_a_receipt_goes_to_one_disease(built: Built, who: Person, icd10: str | None, method: str) -> None:
    (row,) = built.lived("marts.claim_attribution", who)
    assert (row["icd10_code"], row["attribution_method_code"]) == (icd10, method)


def test_drugs_of_a_pharmacy_stand_with_the_outpatient_receipt_that_prescribed_them(built: Built) -> None:
    rows = built.lived("marts.claim_attribution", sick.prescribed)
    assert {(row["is_inpatient"], row["points"], row["pharmacy_points"]) for row in rows} == {
        (False, 600, 1500), (True, 9000, 0),
    }  # fmt: skip


def test_drugs_that_nobody_here_prescribed_are_not_lost_but_belong_to_no_disease(built: Built) -> None:
    (row,) = built.lived("marts.claim_attribution", sick.lost)
    assert (row["attribution_method_code"], row["icd10_code"], row["points"], row["pharmacy_points"]) == (
        "unmatched", None, 0, 640,
    )  # fmt: skip


def test_no_point_of_a_receipt_is_lost_or_counted_twice(built: Built) -> None:
    counted = [row for row in built.table("marts.claim") if not row["is_summary"]]
    medical = sum(row["points"] for row in counted if row["claim_kind_code"] in ("medical", "dpc"))
    pharmacy = sum(row["points"] for row in counted if row["claim_kind_code"] == "pharmacy")
    rows = built.table("marts.claim_attribution")
    assert sum(row["points"] for row in rows) == medical > 0
    assert sum(row["pharmacy_points"] for row in rows) == pharmacy > 0


def test_chronic_kidney_disease_is_told_apart_by_dialysis(built: Built) -> None:
    on, off = (f"lifestyle-{name}" for name in ("dialysis", "kidney"))
    assert built.share("disease_cost_per_member_month", *HERE, of_class=on)[0] == 350_000
    assert built.share("disease_cost_per_member_month", *HERE, of_class=off)[0] == 7_000


def test_retinopathy_is_not_counted_as_diabetes_again_in_the_detailed_classes(built: Built) -> None:
    assert built.share("disease_claims_per_1000", *HERE, of_class="detail-0403")[0] == 2  # both months of `both`
    assert built.share("disease_claims_per_1000", *HERE, of_class="minor-0402")[0] == 4  # of `tied`, `prescribed` too


def test_a_person_is_ill_of_several_diseases_but_once_of_each(built: Built) -> None:
    # E11 of drugs_decide, one_group, tied, prescribed, both; suspected ones are nobody's.
    assert built.share("disease_patients", *HERE, of_class="minor-0402")[0] == 5
    assert built.share("disease_patients", *HERE, of_class="minor-0205") is None
    assert built.share("disease_patients", *HERE, of_class="lifestyle-hypertension")[0] == 5


def test_a_disease_of_the_month_of_death_counts_among_those_insured_before(built: Built) -> None:
    assert not built.lived("marts.person_month", sick.died, month=date(2023, 9, 1))[0]["is_member"]
    share = built.share("disease_patients", *HERE, of_class="lifestyle-myocardial_infarction")
    assert share is not None and share[0] == 1


def test_who_was_insured_at_no_months_end_is_in_no_share_of_patients(built: Built) -> None:
    assert built.lived("marts.claim", sick.passing)[0]["is_member_matched"]
    assert built.share("disease_patients", *HERE, of_class="detail-1004") is None
    rows = built.where("rollups.indicator_fact", indicator_id="disease_patients")
    assert [row for row in rows if row["numerator"] > row["denominator"]] == []


def test_a_rate_over_members_has_the_denominator_of_all_claims(built: Built) -> None:
    of_all = built.share("claims_per_1000", *HERE)
    assert of_all is not None and built.share("disease_claims_per_1000", *HERE, of_class="major-04")[1] == of_all[1]


def _of_town(built: Built, indicator: str) -> list[Row]:
    return built.where(
        "rollups.indicator_fact", indicator_id=indicator, period=YEAR, scheme_code="kokuho",
        area_level="municipality", area_id=ASAHI.town, sex_code="all", age_band_code="all",
    )  # fmt: skip


def test_shares_of_lifestyle_diseases_add_up_to_the_whole(built: Built) -> None:
    rows = _of_town(built, "lifestyle_cost_share")
    assert sum(row["numerator"] for row in rows) == rows[0]["denominator"] > 0
    assert "" not in {row["class_code"] for row in rows}


def test_major_classes_of_cost_add_up_to_all_receipts_with_a_disease(built: Built) -> None:
    rows = [row for row in _of_town(built, "disease_cost_share") if row["class_code"].startswith("major-")]
    unclassified = 800 * 10
    assert sum(row["numerator"] for row in rows) + unclassified == rows[0]["denominator"]


def test_the_certified_are_counted_ill_of_what_their_receipts_of_the_month_say(built: Built) -> None:
    found = {
        row["class_code"].partition("-")[2]: (row["numerator"], row["denominator"])
        for row in built.where(
            "rollups.indicator_fact", indicator_id="certified_patients", period=date(2022, 4, 1),
            area_level="insurer", area_id=HIMI_CARE.number, sex_code="all", age_band_code="all",
        )
    }  # fmt: skip
    # Seven are certified in June and only then receipts of their insurer came; a suspected cancer is none.
    assert found == {
        "diabetes": (1, 7), "diabetes_complications": (1, 7), "heart": (1, 7), "hypertension": (1, 7),
        "mental": (1, 7), "dementia": (1, 7), "alzheimer": (1, 7),
    }  # fmt: skip


def test_a_care_receipt_with_two_kinds_of_services_counts_in_both(built: Built) -> None:
    here = ("fiscal_year", date(2022, 4, 1), "care", f"insurer:{HIMI_CARE.number}")
    assert built.share("care_cost_per_home_claim", *here) == (9_000 + 25_000 + 70_000 + 40_000, 4)
    assert built.share("care_cost_per_community_claim", *here) == (30_000 + 250_000 + 270_000, 3)
    assert built.share("care_cost_per_facility_claim", *here) == (490_000, 2)
    assert built.share("care_cost_per_claim_level_25", *here) == (310_000, 2)

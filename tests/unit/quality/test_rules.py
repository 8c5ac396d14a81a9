"""Plausibility: each rule of ``rules.csv`` is broken once on purpose, and told with its severity."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import reasons
from ingest.quality import suites
from ingest.quality.rules import SEVERITIES, Rule, rules, rules_of
from tests.handmade import frame, month

CLAIM = {
    "scheme_code": "kokuho", "insurer_number": "160028", "number": "1234567", "birth_date": date(1950, 5, 6),
    "sex_code": "1", "search_number": "1", "service_month": month(2024, 5), "adjudication_month": month(2024, 6),
    "points": 100, "institution_code": "1610123455",
}  # fmt: skip
CHECKUP = {
    "scheme_code": "kokuho", "insurer_number": "160028", "number": "1234567", "birth_date": date(1950, 5, 6),
    "sex_code": "1", "exam_date": date(2024, 5, 7), "exam_month": month(2024, 5), "created_date": date(2024, 6, 1),
}  # fmt: skip
ENROLMENT = {
    "scheme_code": "kokuho", "insurer_number": "160028", "number": "1", "birth_date": date(1950, 5, 6),
    "sex_code": "1", "acquired_date": date(2020, 4, 1), "applied_start_date": date(2020, 4, 1),
    "processed_date": date(2020, 4, 2),
}  # fmt: skip
CARE = {
    "insurer_number": "169508", "number": "1", "birth_date": date(1938, 2, 3), "sex_code": "1",
    "service_month": month(2024, 5), "adjudication_month": month(2024, 6), "reference_number": "1",
    "units": 1, "benefit_yen": 9, "user_yen": 1,
}  # fmt: skip
CERTIFICATION = {
    "insurer_number": "169508", "number": "1", "birth_date": date(1938, 2, 3), "sex_code": "1",
    "event_date": date(2024, 4, 1), "corrected_date": date(2024, 4, 1),
}  # fmt: skip
GUIDANCE = {
    "scheme_code": "kokuho", "insurer_number": "160028", "number": "1", "birth_date": date(1960, 5, 6),
    "sex_code": "1", "guidance_fiscal_year": 2024, "guidance_month": month(2024, 9), "report_code": "22",
    "support_level_code": "2", "data_number": 1,
    "first_interview_date": date(2024, 9, 3), "created_date": date(2025, 1, 5),
}  # fmt: skip
SERVICE = {
    "insurer_number": "169508", "parent_source_row": 1, "service_month": month(2024, 2), "service_type_code": "15",
    "days_count": 29, "units": 1234, "unit_price": 1068, "benefit_rate": 90, "benefit_yen": 11861,
}  # fmt: skip
HIGH_COST = {
    "insurer_number": "169508", "number": "1", "birth_date": date(1938, 2, 3), "sex_code": "1",
    "service_month": month(2024, 5), "adjudication_month": month(2024, 6), "benefit_yen": 9, "line_kind_code": "D8",
    "creation_code": "1", "decided_date": date(2024, 6, 1), "reference_number": "1", "user_yen": 100,
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "claim": CLAIM, "checkup": CHECKUP, "enrolment": ENROLMENT, "care_claim": CARE, "care_certification": CERTIFICATION,
    "guidance": GUIDANCE, "care_service": SERVICE, "care_high_cost": HIGH_COST,
}  # fmt: skip
BROKEN: dict[str, dict[str, Any]] = {
    "checkup_born_before": {"birth_date": date(2024, 5, 8)},
    "checkup_age": {"birth_date": date(1903, 5, 7)},
    "checkup_since": {"exam_date": date(2008, 3, 31), "exam_month": month(2008, 3)},
    "checkup_made_after": {"created_date": date(2024, 5, 6)},
    "claim_born_before": {"birth_date": date(2024, 6, 1)},
    "claim_age": {"birth_date": date(1903, 5, 1)},
    "claim_month_order": {"service_month": month(2024, 7)},
    "claim_since": {"service_month": month(2008, 3)},
    "claim_admission_order": {"admission_date": date(2024, 6, 1)},
    "claim_points_sum": {"line_points": 99, "original_points": 100},
    "claim_insurer_digit": {"insurer_number": "160029"},
    "claim_institution_digit": {"institution_code": "1610123459"},
    "enrolment_born_before": {"birth_date": date(2020, 4, 2)},
    "enrolment_period": {"applied_end_date": date(2020, 3, 31)},
    "enrolment_insurer_digit": {"insurer_number": "39160020"},
    "care_born_before": {"birth_date": date(2024, 6, 1)},
    "care_age": {"birth_date": date(1903, 5, 1)},
    "care_month_order": {"service_month": month(2024, 7)},
    "care_since": {"service_month": month(2000, 3)},
    "certified_period": {"certified_start_date": date(2024, 4, 1), "certified_end_date": date(2024, 3, 31)},
    "certification_born_before": {"birth_date": date(2024, 4, 2)},
    "checkup_insurer_digit": {"insurer_number": "160029"},
    "checkup_institution_digit": {"institution_code": "1610123459"},
    "guidance_born_before": {"birth_date": date(2024, 9, 4)},
    "guidance_age": {"birth_date": date(1903, 9, 3)},
    "guidance_order": {"final_evaluation_date": date(2024, 9, 2)},
    "guidance_insurer_digit": {"insurer_number": "160029"},
    "claim_prescriber_digit": {"prescribing_institution_code": "1610123459"},
    "claim_days": {"service_month": month(2023, 2), "days_count": 29},
    "enrolment_age": {"birth_date": date(1899, 4, 1)},
    "enrolment_lost": {"lost_date": date(2020, 3, 31)},
    "care_days": {"service_month": month(2023, 2)},
    "care_amount": {"benefit_yen": 11859},
    "high_cost_born_before": {"birth_date": date(2024, 6, 1)},
    "high_cost_month_order": {"service_month": month(2024, 7)},
    "high_cost_since": {"service_month": month(2000, 3)},
    "certification_age": {"birth_date": date(1903, 4, 1)},
    "certification_since": {"certified_start_date": date(1999, 9, 30)},
    "insured_period": {"insured_start_date": date(2024, 4, 1), "insured_end_date": date(2024, 3, 31)},
    "exception_period": {"exception_start_date": date(2024, 4, 1), "exception_end_date": date(2024, 3, 31)},
}
LAST_THAT_HOLDS: dict[str, dict[str, Any]] = {
    "checkup_age": {"birth_date": date(1903, 5, 8)},
    "checkup_born_before": {"birth_date": date(2024, 5, 7)},
    "claim_born_before": {"birth_date": date(2024, 5, 31)},
    "claim_admission_order": {"admission_date": date(2024, 5, 31)},
    "claim_points_sum": {"line_points": 99, "original_points": 100, "is_summary": True},
    "enrolment_period": {"applied_end_date": date(2020, 3, 31), "is_deleted": True},
    "claim_days": {"service_month": month(2024, 2), "days_count": 29},
    "care_amount": {"benefit_yen": 11860},
    "enrolment_lost": {"lost_date": date(2020, 4, 1)},
    "guidance_order": {"final_evaluation_date": date(2024, 9, 3)},
}


def results(*values: tuple[int, str, float | None], method: str | None = None) -> pl.DataFrame:
    """Results of examinations: number of the examination, item, value; ``method`` of every LDL."""
    return frame(
        "checkup_result",
        [
            {"scheme_code": "kokuho", "insurer_number": "160028", "parent_source_row": examination,
             "exam_month": month(2024, 5), "item_id": item, "numeric_value": value,
             "method_code": method if item == "ldl" else None}
            for examination, item, value in values
        ],
    )  # fmt: skip


def told(table: str, rows: pl.DataFrame) -> list[tuple[int, str]]:
    return suites.check(table, rows).select("row_number", "rule_id").rows()


@pytest.mark.parametrize("rule_id", BROKEN)
def test_a_broken_rule_is_told_at_its_row_with_its_severity(rule_id: str) -> None:
    rule = next(rule for rule in rules() if rule.rule_id == rule_id)
    good = GOOD[rule.table_name]
    found = suites.check(rule.table_name, frame(rule.table_name, [good, good | BROKEN[rule_id], good]))
    assert (1, rule_id, rule.severity) in found.select("row_number", "rule_id", "severity").rows()
    assert set(found["row_number"]) == {1}


@pytest.mark.parametrize("rule_id", LAST_THAT_HOLDS)
def test_the_last_value_that_holds_is_not_told(rule_id: str) -> None:
    table = next(rule.table_name for rule in rules() if rule.rule_id == rule_id)
    assert rule_id not in suites.check(table, frame(table, [GOOD[table] | LAST_THAT_HOLDS[rule_id]]))["rule_id"]


@pytest.mark.parametrize("rule", [r for r in rules() if r.kind == "item_between"], ids=lambda rule: rule.rule_id)
def test_a_measured_value_outside_its_range_is_set_aside_and_the_bounds_are_inside(rule: Rule) -> None:
    low, high = float(rule.parameters["min"]), float(rule.parameters["max"])
    item = rule.fields[0]
    rows = results((1, item, low), (2, item, low - 0.1), (3, item, high), (4, item, high + 0.1), (5, item, None))
    assert told("checkup_result", rows) == [(1, rule.rule_id), (3, rule.rule_id)]


def test_the_upper_pressure_must_lie_above_the_lower_of_the_same_examination() -> None:
    rows = results((1, "systolic", 130), (2, "diastolic", 90), (1, "diastolic", 80), (2, "systolic", 85))
    assert told("checkup_result", rows) == [(3, "pressure_order")]


def test_a_bmi_is_computed_again_from_height_and_weight() -> None:
    rows = results(
        (1, "height", 160), (1, "weight", 64), (1, "bmi", 25.0), (2, "height", 160), (2, "weight", 64),
        (2, "bmi", 25.4), (3, "bmi", 40.0),
    )  # fmt: skip
    assert told("checkup_result", rows) == [(5, "bmi_recomputed")]


CALCULATED, MEASURED = "3F077000002391901", "3F077000002327101"


def test_an_ldl_is_not_calculated_where_the_fat_is_too_high_for_it() -> None:
    rows = results(
        (1, "ldl", 120), (1, "triglyceride_fasting", 400), (2, "ldl", 120), (2, "triglyceride_fasting", 399),
        (3, "ldl", 120), (3, "triglyceride_casual", 512), (4, "ldl", 120), method=CALCULATED,
    )  # fmt: skip
    assert told("checkup_result", rows) == [(0, "ldl_calculable"), (4, "ldl_calculable")]
    measured = rows.with_columns(method_code=pl.lit(MEASURED))
    assert told("checkup_result", measured) == []


def test_a_calculated_ldl_is_the_non_hdl_less_a_fifth_of_the_fat() -> None:
    rows = results(
        (1, "ldl", 120), (1, "non_hdl", 150), (1, "triglyceride_fasting", 151),
        (2, "ldl", 123), (2, "non_hdl", 150), (2, "triglyceride_fasting", 151),
        (3, "ldl", 90), (3, "non_hdl", 150), (3, "triglyceride_fasting", 401), (4, "ldl", 90), (4, "non_hdl", 150),
        method=CALCULATED,
    )  # fmt: skip
    found = [(row, rule) for row, rule in told("checkup_result", rows) if rule == "ldl_calculated"]
    assert found == [(3, "ldl_calculated")]
    assert told("checkup_result", rows.with_columns(method_code=pl.lit(None, dtype=pl.String))) == []


@pytest.mark.parametrize(("service", "benefit", "is_told"), [("43", 13_179, False), ("15", 13_179, True)])
def test_a_care_plan_is_paid_in_full_whatever_the_rate_of_the_insured(
    service: str, benefit: int, is_told: bool
) -> None:
    rows = frame("care_service", [SERVICE | {"service_type_code": service, "benefit_yen": benefit}])
    assert bool(told("care_service", rows)) is is_told


def test_every_rule_about_rows_is_broken_by_some_test() -> None:
    items = {rule.rule_id for rule in rules() if rule.kind.startswith("item")}
    assert {rule.rule_id for rule in rules() if rule.kind != "share"} == set(BROKEN) | items


def test_the_file_of_rules_is_sound() -> None:
    assert len({rule.rule_id for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule.severity in SEVERITIES
        assert rule.reason_code in reasons()
        assert rule.message_ja and rule.remedy_ja and rule.source and rule.mark, rule.rule_id
        if rule.kind not in ("share",) and not rule.kind.startswith("item"):
            assert set(rule.fields) <= set(CONTRACTS[rule.table_name].names()), rule.rule_id


def test_a_rule_applies_within_its_dates_only() -> None:
    rule = next(rule for rule in rules_of("claim") if rule.rule_id == "claim_points_sum")
    dated = Rule(
        **{**vars(rule), "dated_by": "service_month", "valid_from": month(2024, 5), "valid_to": month(2024, 6)}
    )
    wrong = [CLAIM | BROKEN["claim_points_sum"] | {"service_month": month(2024, m)} for m in (4, 5, 6, 7)]
    assert frame("claim", wrong).select(dated.broken()).to_series().to_list() == [False, True, True, False]

"""特定健診: whose examination counts, who should have come, which steps are reached."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.spec.models import asked, stories
from tests.spec.models.built import Built
from tests.spec.models.contributions import seed
from tests.spec.models.delivery import Person

pytestmark = pytest.mark.xdist_group("spec_models")


STEPS = ("hba1c_56", "hba1c_65", "hba1c_80", "systolic_130", "systolic_140", "systolic_160")


def findings(built: Built, who: Person, measure: str = "checkup") -> dict[str, int]:
    """Numerator by indicator of a measure where the person is in the denominator."""
    return {row["indicator_id"]: row["numerator"] for row in built.lived(f"rollups.measure_{measure}", who)}


def reached(built: Built, who: Person, measure: str) -> list[str]:
    """The indicators of a measure that count the person above the line."""
    return sorted(name for name, numerator in findings(built, who, measure).items() if numerator)


def attended(built: Built, indicator: str, who: Person, fiscal_year: int) -> tuple[int, int] | None:
    """Whether the person is above and below the line of a year; None where not counted."""
    rows = built.lived("rollups.measure_attendance", who, indicator_id=indicator, fiscal_year=fiscal_year)
    return (max(r["numerator"] for r in rows), max(r["denominator"] for r in rows)) if rows else None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("just under every step", []),
        ("first step", ["hba1c_56", "systolic_130"]),
        ("under the second", ["hba1c_56", "systolic_130"]),
        ("second step", ["hba1c_56", "hba1c_65", "systolic_130", "systolic_140"]),
        ("under the third", ["hba1c_56", "hba1c_65", "systolic_130", "systolic_140"]),
        ("third step", ["hba1c_56", "hba1c_65", "hba1c_80", "systolic_130", "systolic_140", "systolic_160"]),
        ("not measured", []),
    ],
)
def test_a_step_is_reached_at_its_value_and_who_was_not_measured_stays_below_the_line(
    built: Built, name: str, expected: list[str]
) -> None:
    found = findings(built, Person(name))
    assert sorted(step for step in STEPS if found[step]) == expected


def test_metabolic_syndrome_is_told_only_of_those_whose_waist_is_known(built: Built) -> None:
    found = {who.name: findings(built, who) for who in stories.MEASURED}
    judged = {name: (steps["metabolic"], steps["premetabolic"]) for name, steps in found.items()
              if "metabolic" in steps or "premetabolic" in steps}  # fmt: skip
    assert judged == {
        "just under every step": (0, 0),
        "first step": (1, 0),
        "under the second": (0, 1),
        "second step": (0, 0),
        "third step": (0, 0),
    }


def test_smoking_is_told_only_of_those_who_answered(built: Built) -> None:
    answers = {who.name: findings(built, who, "questionnaire").get("smoking") for who in stories.MEASURED}
    assert {name: answer for name, answer in answers.items() if answer is not None} == {
        "just under every step": 1,
        "third step": 0,
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("at every limit", [
            "alt_31", "bmi_25", "creatinine_13", "diastolic_85", "egfr_60", "glucose_100", "hdl_40", "ldl_120",
            "non_hdl_150", "pressure_130_85", "triglyceride_150", "uric_acid_70", "waist_over",
        ]),
        ("just within every limit", []),
        ("casual values over", ["glucose_100", "triglyceride_150"]),
        ("casual triglyceride at the fasting limit", []),
    ],
)  # fmt: skip
def test_a_finding_is_at_its_limit_whichever_of_its_items_reaches_it(
    built: Built, name: str, expected: list[str]
) -> None:
    sex = next(who.sex for who in asked.FINDINGS if who.name == name)
    assert reached(built, Person(name, sex=sex), "checkup") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no risk, no waist", []),
        ("BMI only", ["metabolic_bmi_only"]),
        ("a woman's waist under 90", []),
        ("glucose only", ["metabolic_glucose_only"]),
        ("fasting glucose stands before HbA1c", []),
        ("HbA1c where no glucose was taken", ["metabolic_glucose_only"]),
        ("pressure only", ["metabolic_pressure_only"]),
        ("lipid only, by a drug", ["metabolic_lipid_only"]),
        ("glucose and pressure", ["metabolic_glucose_pressure"]),
        ("glucose and lipid", ["metabolic_glucose_lipid"]),
        ("pressure and lipid", ["metabolic_pressure_lipid"]),
        ("all three", ["metabolic_all_three"]),
        ("lean with high glucose", ["lean_high_glucose"]),
        ("lean, HbA1c high, fasting glucose not", []),
    ],
)
def test_metabolic_levels_follow_from_waist_values_and_drugs(built: Built, name: str, expected: list[str]) -> None:
    (who,) = [who for who in asked.LEVELS if who.name == name]
    assert len(findings(built, who, "metabolic")) == 9
    assert reached(built, who, "metabolic") == expected


def test_who_was_not_measured_at_the_waist_has_no_metabolic_level(built: Built) -> None:
    assert findings(built, asked.adverse)
    assert not findings(built, asked.adverse, "metabolic")


def test_an_answer_counts_over_those_who_answered_the_question(built: Built) -> None:
    every = findings(built, asked.adverse, "questionnaire")
    assert len(every) == 27
    assert sorted(name for name, told in every.items() if not told) == [
        "drinks_1_2", "drinks_3_more", "drinks_under_1", "exercise_habit", "restful_sleep", "sometimes_drinking",
    ]  # fmt: skip
    assert reached(built, asked.sound, "questionnaire") == ["drinks_under_1", "exercise_habit", "restful_sleep"]
    assert not findings(built, asked.silent, "questionnaire")


def test_of_65_to_74_alone_a_thin_body_and_good_chewing_are_counted(built: Built) -> None:
    for measure, indicator in (("checkup", "bmi_20_65_74"), ("questionnaire", "good_chewing_65_74")):
        assert findings(built, asked.lean_at_70, measure)[indicator] == 1
        assert findings(built, asked.stout_at_70, measure)[indicator] == 0
        assert indicator not in findings(built, asked.sound, measure)


def test_answers_on_drinking_are_read_by_the_choices_of_their_year(built: Built) -> None:
    assert reached(built, asked.drinks_before, "questionnaire") == ["drinks_3_more", "sometimes_drinking"]
    assert reached(built, asked.drinks_since, "questionnaire") == ["drinks_1_2", "sometimes_drinking"]
    assert reached(built, asked.drinks_rarely, "questionnaire") == ["drinks_3_more", "sometimes_drinking"]


def test_the_late_elderly_have_a_questionnaire_of_their_own(built: Built) -> None:
    assert len(reached(built, asked.frail, "questionnaire")) == 15
    assert len(findings(built, asked.hale, "questionnaire")) == 15
    assert reached(built, asked.hale, "questionnaire") == []


def test_the_first_examination_of_the_fiscal_year_counts(built: Built) -> None:
    flags = {row["exam_date"]: row["is_first_of_year"] for row in built.lived("marts.checkup", stories.twice_examined)}
    assert flags == {date(2024, 6, 3): True, date(2024, 10, 20): False}
    found = findings(built, stories.twice_examined)
    assert (found["hba1c_56"], findings(built, stories.twice_examined, "questionnaire")["smoking"]) == (0, 0)
    june = built.lived("rollups.measure_checkup", stories.twice_examined, indicator_id="hba1c_56")
    assert [row["month"] for row in june] == [date(2024, 6, 1)]


def test_a_withdrawn_examination_counts_nowhere(built: Built) -> None:
    assert not built.lived("marts.checkup", stories.exam_withdrawn)
    assert not built.lived("marts.checkup_result", stories.exam_withdrawn)
    assert not findings(built, stories.exam_withdrawn)
    assert attended(built, "attendance_legal", stories.exam_withdrawn, 2024) == (0, 1)


def test_the_examination_written_last_stands_with_its_own_results(built: Built) -> None:
    (exam,) = built.lived("marts.checkup", stories.exam_corrected)
    assert (exam["hba1c"], exam["waist"]) == (Decimal(5), Decimal(80))
    assert len(built.lived("marts.checkup_result", stories.exam_corrected)) == 2


def test_findings_are_of_those_aged_40_to_74_at_the_years_end(built: Built) -> None:
    assert not findings(built, stories.too_young)
    assert not findings(built, stories.turns_75)
    assert not findings(built, stories.first_of_april_75)
    assert findings(built, stories.second_of_april_75)
    assert findings(built, stories.first_of_april_40)
    assert not findings(built, stories.second_of_april_40)


def test_examinations_of_the_late_elderly_are_in_no_figure_of_the_checkups(built: Built) -> None:
    assert built.where("marts.checkup", scheme_code="koki")
    of_checkups = {row["indicator_id"] for row in seed("indicators") if row["block_code"] == "checkup"}
    figures = [row for row in built.table("rollups.indicator_fact") if row["indicator_id"] in of_checkups]
    assert {row["scheme_code"] for row in figures} == {"kokuho", "kumiai"}


def test_an_examinee_who_is_no_member_has_findings_and_does_not_attend(built: Built) -> None:
    assert findings(built, stories.stranger)["hba1c_80"] == 1
    assert attended(built, "attendance_asof", stories.stranger, 2023) is None


@pytest.mark.parametrize(
    ("who", "year", "expected"),
    [
        (stories.stayer, 2023, (1, 1)),
        (stories.stayer, 2024, (0, 1)),
        (stories.mover, 2023, None),
        (stories.mover, 2024, (1, 1)),
        (stories.arrived, 2024, None),
        (stories.leaver, 2023, (0, 1)),
        (stories.leaver, 2024, None),
        (stories.late_notice, 2023, None),
        (stories.rejoined, 2023, (0, 1)),
        (stories.changes_district, 2024, (0, 1)),
        (stories.dies_31_march, 2023, (1, 1)),
        (stories.dies_30_march, 2023, None),
        (stories.turns_75, 2023, (0, 1)),
        (stories.turns_75, 2024, None),
        (stories.first_of_april_75, 2024, None),
        (stories.second_of_april_75, 2024, (1, 1)),
        (stories.first_of_april_40, 2024, (1, 1)),
        (stories.second_of_april_40, 2024, None),
        (stories.doctor, 2023, (1, 1)),
        (stories.doctor, 2024, (0, 1)),
    ],
    ids=lambda value: value.name if isinstance(value, Person) else str(value),
)
def test_the_legal_rate_is_over_those_insured_all_year_by_one_insurer(
    built: Built, who: Person, year: int, expected: tuple[int, int] | None
) -> None:
    assert attended(built, "attendance_legal", who, year) == expected


@pytest.mark.parametrize(
    ("who", "year", "expected"),
    [
        (stories.mover, 2023, (1, 1)),
        (stories.leaver, 2024, (1, 1)),
        (stories.dies_30_march, 2023, (1, 1)),
        (stories.turns_75, 2024, (1, 1)),
        (stories.first_of_april_75, 2024, (1, 1)),
        (stories.both_schemes, 2024, None),
        (stories.second_of_april_40, 2024, None),
        (stories.zero_days, 2023, None),
        (stories.leap_day, 2025, (0, 1)),
    ],
    ids=lambda value: value.name if isinstance(value, Person) else str(value),
)
def test_the_rate_as_of_the_month_is_over_members_so_far_until_they_turn_75(
    built: Built, who: Person, year: int, expected: tuple[int, int] | None
) -> None:
    assert attended(built, "attendance_asof", who, year) == expected


def test_a_mover_is_in_neither_towns_legal_rate_and_once_in_the_prefectures_rate_so_far(built: Built) -> None:
    for town in ("16208", "16209"):
        assert (
            built.share("attendance_legal", "fiscal_year", date(2023, 4, 1), "kokuho", f"municipality:{town}") is None
        )
        so_far = built.share("attendance_asof", "fiscal_year", date(2023, 4, 1), "kokuho", f"municipality:{town}")
        assert so_far == ((1, 1) if town == "16208" else (0, 1))
    both = built.share("attendance_asof", "fiscal_year", date(2023, 4, 1), "kokuho", "medical_area:1604")
    assert both == (1, 1)


def test_no_legal_rate_is_told_of_a_year_that_has_not_ended(built: Built) -> None:
    rows = built.where("rollups.indicator_fact", indicator_id="attendance_legal")
    assert {row["period"] for row in rows if row["period_kind"] == "fiscal_year"} == {
        date(2023, 4, 1),
        date(2024, 4, 1),
    }
    assert {row["period"] for row in rows if row["period_kind"] == "year_to_date"} == {
        date(2024, 3, 1),
        date(2025, 3, 1),
    }


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (stories.guided, {"guidance_target": 1, "guidance_completion": 1}),
        (stories.guidance_withdrawn, {"guidance_target": 1, "guidance_completion": 0}),
        (asked.not_guided, {"guidance_target": 1, "guidance_completion": 0}),
        (asked.no_level, {"guidance_target": 0}),
        (asked.guided_late, {"guidance_target": 1, "guidance_completion": 1}),
        (asked.level_elsewhere, {"guidance_target": 1}),
        (asked.silent, {}),
    ],
    ids=lambda value: value.name if isinstance(value, Person) else "",
)
def test_guidance_is_completed_by_the_evaluation_of_that_years_guidance(
    built: Built, who: Person, expected: dict[str, int]
) -> None:
    assert findings(built, who, "guidance") == expected


def test_the_evaluation_of_a_guidance_stands_whatever_came_last_and_counts_its_contacts(built: Built) -> None:
    (told,) = built.lived("marts.guidance", stories.guided)
    assert (told["report_code"], told["first_interview_date"], told["final_evaluation_date"]) == (
        "22", date(2024, 9, 12), date(2025, 1, 20),
    )  # fmt: skip
    assert (told["is_evaluated"], told["session_count"], told["points"]) == (True, 2, 200)
    assert told["waist"] == Decimal(84)
    contacts = built.lived("marts.guidance_session", stories.guided)
    assert sorted((row["sequence_number"], row["session_kind_code"], row["points"]) for row in contacts) == [
        (1, "first", None), (2, "support", 60), (3, "support", 140), (4, "final", None),
    ]  # fmt: skip


def test_a_withdrawn_guidance_is_in_no_mart(built: Built) -> None:
    assert not built.lived("marts.guidance", stories.guidance_withdrawn)
    assert not built.lived("marts.guidance_session", stories.guidance_withdrawn)

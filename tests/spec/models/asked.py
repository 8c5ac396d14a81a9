"""Who was asked and measured in full: answers of the questionnaires, findings, and every mixture of metabolic risks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.spec.models import stories
from tests.spec.models.delivery import KUROBE, TOYAMA_75, UOZU, UOZU_75, Delivery, Person, Results

JOINED = date(2024, 4, 1)
BEFORE_R6, SINCE_R6 = date(2024, 3, 31), date(2024, 4, 1)

adverse = Person("adverse in every answer")
sound = Person("sound in every answer", sex="2")
silent = Person("answered nothing")
drinks_before = Person("drinks sometimes, asked before R6")
drinks_since = Person("drinks on five days a week, asked since R6")
drinks_rarely = Person("drinks 5 gō at a time, less than monthly, asked since R6", sex="2")

ADVERSE: Results = {
    "drug_pressure": "1", "drug_glucose": "1", "drug_lipid": "1", "history_stroke": "1", "history_heart": "1",
    "history_kidney": "1", "anaemia_history": "1", "smoking": "1", "weight_gain": "1", "exercise": "2",
    "activity": "2", "walking_speed": "2", "chewing": "3", "eating_speed": "1", "late_dinner": "1", "snacking": "1",
    "skip_breakfast": "1", "drinking": "1", "drinking_amount": "3", "sleep": "2", "improvement_will": "1",
}  # fmt: skip
SOUND: Results = {
    "drug_pressure": "2", "drug_glucose": "2", "drug_lipid": "2", "history_stroke": "2", "history_heart": "2",
    "history_kidney": "2", "anaemia_history": "2", "smoking": "3", "weight_gain": "2", "exercise": "1",
    "activity": "1", "walking_speed": "1", "chewing": "1", "eating_speed": "2", "late_dinner": "2", "snacking": "3",
    "skip_breakfast": "2", "drinking": "8", "drinking_amount": "1", "sleep": "1", "improvement_will": "4",
}  # fmt: skip

frail = Person("frail in every answer", date(1940, 2, 2))
hale = Person("hale in every answer", date(1941, 3, 3), "2")
FRAIL: Results = {
    "koki_health": "4", "koki_satisfaction": "3", "koki_three_meals": "2", "koki_hard_food": "1",
    "koki_choking": "1", "koki_weight_loss": "1", "koki_slow_walk": "1", "koki_fall": "1", "koki_exercise": "2",
    "koki_forgetful": "1", "koki_date_unknown": "1", "koki_smoking": "1", "koki_goes_out": "2",
    "koki_contact": "2", "koki_consults": "2",
}  # fmt: skip
HALE: Results = {
    "koki_health": "3", "koki_satisfaction": "2", "koki_three_meals": "1", "koki_hard_food": "2",
    "koki_choking": "2", "koki_weight_loss": "2", "koki_slow_walk": "2", "koki_fall": "2", "koki_exercise": "1",
    "koki_forgetful": "2", "koki_date_unknown": "2", "koki_smoking": "2", "koki_goes_out": "1",
    "koki_contact": "1", "koki_consults": "1",
}  # fmt: skip

# Waist, BMI, 空腹時血糖, HbA1c, 収縮期, HDL and drugs; the level that each should come to stands in the test.
LEVELS: dict[Person, Results] = {
    Person("no risk, no waist"): {"waist": 84, "bmi": Decimal("24.9"), "glucose_fasting": 109, "systolic": 129},
    Person("BMI only"): {"waist": 84, "bmi": 25, "glucose_fasting": 120},
    Person("a woman's waist under 90", sex="2"): {"waist": 89, "bmi": 24, "systolic": 180},
    Person("glucose only"): {"waist": 85, "glucose_fasting": 110, "hba1c": Decimal("5.0"), "systolic": 129},
    Person("fasting glucose stands before HbA1c"): {"waist": 85, "glucose_fasting": 109, "hba1c": Decimal("7.0")},
    Person("HbA1c where no glucose was taken"): {"waist": 85, "hba1c": Decimal("6.0")},
    Person("pressure only"): {"waist": 85, "systolic": 129, "diastolic": 85},
    Person("lipid only, by a drug"): {"waist": 85, "hdl": 60, "drug_lipid": "1", "drug_pressure": "2"},
    Person("glucose and pressure", sex="2"): {"waist": 90, "glucose_fasting": 126, "systolic": 130},
    Person("glucose and lipid"): {"waist": 99, "drug_glucose": "1", "triglyceride_casual": 175},
    Person("pressure and lipid"): {"waist": 99, "drug_pressure": "1", "triglyceride_fasting": 150},
    Person("all three"): {"waist": 99, "hba1c": Decimal("6.5"), "systolic": 140, "hdl": 39},
    Person("lean with high glucose"): {"waist": 70, "bmi": 20, "glucose_fasting": 110},
    Person("lean, HbA1c high, fasting glucose not"): {"waist": 70, "bmi": 20, "glucose_fasting": 99, "hba1c": 8},
}

FINDINGS: dict[Person, Results] = {
    Person("at every limit"): {
        "bmi": 25, "waist": 85, "triglyceride_fasting": 150, "alt": 31, "hdl": 39, "glucose_fasting": 100,
        "uric_acid": Decimal("7.1"), "diastolic": 85, "ldl": 120, "creatinine": Decimal("1.3"), "egfr": Decimal("59.9"),
        "non_hdl": 150,
    },
    Person("just within every limit"): {
        "bmi": Decimal("24.9"), "waist": Decimal("84.9"), "triglyceride_fasting": 149, "alt": 30, "hdl": 40,
        "glucose_fasting": 99, "uric_acid": Decimal("7.0"), "diastolic": 84, "ldl": 119,
        "creatinine": Decimal("1.29"), "egfr": 60, "non_hdl": 149,
    },
    Person("casual values over", sex="2"): {"triglyceride_casual": 175, "glucose_casual": 100, "waist": 89},
    Person("casual triglyceride at the fasting limit"): {"triglyceride_casual": 150, "triglyceride_fasting": None},
}  # fmt: skip

not_guided = Person("came to a level, not guided")
no_level = Person("came to no level", sex="2")
guided_late = Person("guided when the year was over")
level_elsewhere = Person("came to a level where no guidance was told of")


relieved = Person("guided last year, no target now")
still_target = Person("guided last year, a target still", sex="2")
never_began = Person("invited to guidance last year, did not come")
lean_at_70 = Person("BMI 20 at 70, chews anything", date(1954, 6, 6))
stout_at_70 = Person("BMI just over 20 at 70, chews with difficulty", date(1954, 7, 7), "2")


def guide(first: Delivery) -> None:
    """特定保健指導: who came to a level, whose guidance was evaluated in the year or after it, last year's users."""
    levels = {stories.guided: "1", stories.guidance_withdrawn: "2", not_guided: "2", no_level: "3", guided_late: "2"}
    for who, level in levels.items():
        if who not in (stories.guided, stories.guidance_withdrawn):
            first.enrol(who, UOZU, JOINED)
        first.exam(who, UOZU, date(2024, 8, 1), {"guidance_level": level})
    first.enrol(level_elsewhere, KUROBE, JOINED)
    first.exam(level_elsewhere, KUROBE, date(2024, 8, 1), {"guidance_level": "1"})
    first.guide(guided_late, UOZU, date(2025, 4, 10), [], final_evaluation_date=date(2025, 5, 20))
    last_year = {"guidance_fiscal_year": 2023}
    for who, level in ((relieved, "3"), (still_target, "2"), (never_began, "3")):
        first.enrol(who, KUROBE, date(2023, 4, 1))
        first.exam(who, KUROBE, date(2024, 8, 2), {"guidance_level": level})
        began = {} if who is not never_began else {"first_interview_date": None}
        first.guide(who, KUROBE, date(2023, 9, 9), [], **last_year, **began)


def ask(first: Delivery) -> None:
    """Enrol and examine them all; the late elderly at 後期."""
    guide(first)
    examined: list[tuple[Person, date, Results]] = [
        (adverse, date(2024, 6, 1), ADVERSE),
        (sound, date(2024, 6, 2), SOUND),
        (silent, date(2024, 6, 3), {"hba1c": Decimal("5.0")}),
        (drinks_before, BEFORE_R6, {"drinking": "2", "drinking_amount": "4"}),
        (drinks_since, SINCE_R6, {"drinking": "2", "drinking_amount": "2"}),
        (drinks_rarely, SINCE_R6, {"drinking": "6", "drinking_amount": "5"}),
        (lean_at_70, date(2024, 6, 4), {"bmi": 20, "chewing": "1"}),
        (stout_at_70, date(2024, 6, 5), {"bmi": Decimal("20.1"), "chewing": "2"}),
        *((who, date(2024, 7, 1), results) for who, results in (LEVELS | FINDINGS).items()),
    ]
    for who, day, results in examined:
        first.enrol(who, KUROBE, min(JOINED, day))
        first.exam(who, KUROBE, day, results)
    for who, at, results in ((frail, TOYAMA_75, FRAIL), (hale, UOZU_75, HALE)):
        first.enrol(who, at, JOINED)
        first.exam(who, at, date(2024, 8, 1), results)

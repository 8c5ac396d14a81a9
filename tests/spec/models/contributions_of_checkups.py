"""What each examinee adds to findings, metabolic levels and answers, in plain Python.

The rules are typed here from their words (``seeds/indicators.csv``), not read from the tables that the models read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
R6 = date(2024, 4, 1)


@dataclass(frozen=True)
class Examinee:
    """The first examination of a year: the row of the mart, and what each item holds (a value or a code)."""

    row: Row
    values: dict[str, Decimal]
    codes: dict[str, str]

    def over(self, item: str, limit: str) -> bool:
        return item in self.values and self.values[item] >= Decimal(limit)

    def under(self, item: str, limit: str) -> bool:
        return item in self.values and self.values[item] < Decimal(limit)

    @property
    def waist_limit(self) -> str:
        return "85" if self.row["sex_code"] == "1" else "90"


def examinees(table: Table, firsts: list[Row]) -> Iterator[Examinee]:
    """The examinees behind the first examinations, with their results."""
    of_record: dict[Any, list[Row]] = defaultdict(list)
    for line in table("marts.checkup_result"):
        of_record[line["linkage_domain"], line["record_key_tag"]].append(line)
    for row in firsts:
        lines = of_record[row["linkage_domain"], row["record_key_tag"]]
        yield Examinee(
            row,
            {line["item_id"]: line["numeric_value"] for line in lines if line["numeric_value"] is not None},
            {line["item_id"]: line["code_value"] for line in lines if line["code_value"] is not None},
        )


def findings(who: Examinee) -> dict[str, bool]:
    """様式5-2: over every examinee."""
    return {
        "hba1c_56": who.over("hba1c", "5.6"),
        "hba1c_65": who.over("hba1c", "6.5"),
        "hba1c_80": who.over("hba1c", "8.0"),
        "systolic_130": who.over("systolic", "130"),
        "systolic_140": who.over("systolic", "140"),
        "systolic_160": who.over("systolic", "160"),
        "bmi_25": who.over("bmi", "25"),
        "waist_over": who.over("waist", who.waist_limit),
        "triglyceride_150": who.over("triglyceride_fasting", "150") or who.over("triglyceride_casual", "175"),
        "alt_31": who.over("alt", "31"),
        "hdl_40": who.under("hdl", "40"),
        "glucose_100": who.over("glucose_fasting", "100") or who.over("glucose_casual", "100"),
        "uric_acid_70": "uric_acid" in who.values and who.values["uric_acid"] > Decimal("7.0"),
        "diastolic_85": who.over("diastolic", "85"),
        "ldl_120": who.over("ldl", "120"),
        "non_hdl_150": who.over("non_hdl", "150"),
        "creatinine_13": who.over("creatinine", "1.3"),
        "egfr_60": who.under("egfr", "60"),
        "bmi_20": "bmi" in who.values and not who.values["bmi"] > Decimal("20"),
    }


def common(who: Examinee) -> dict[str, bool]:
    """共通評価指標: over those measured, and those who answered; some of 65 to 74 at the year's end alone."""
    found = {}
    is_late = 65 <= who.row["age_at_fiscal_year_end"] <= 74
    if "hba1c" in who.values:
        found["hba1c_80_measured"] = who.over("hba1c", "8.0")
    if "systolic" in who.values or "diastolic" in who.values:
        found["pressure_130_85"] = who.over("systolic", "130") or who.over("diastolic", "85")
    if "bmi" in who.values and is_late:
        found["bmi_20_65_74"] = not who.values["bmi"] > Decimal("20")
    if "exercise" in who.codes:
        found["exercise_habit"] = who.codes["exercise"] == "1"
    if "sleep" in who.codes:
        found["restful_sleep"] = who.codes["sleep"] == "1"
    if "chewing" in who.codes and is_late:
        found["good_chewing_65_74"] = who.codes["chewing"] == "1"
    return found


def metabolic(who: Examinee) -> dict[str, bool]:
    """メタボ判定 as the file says, and the levels by our own judgement; over those whose waist was measured."""
    if "waist" not in who.values:
        return {}
    has_waist, is_heavy = who.over("waist", who.waist_limit), who.over("bmi", "25")
    glucose = who.over("glucose_fasting", "110") if "glucose_fasting" in who.values else who.over("hba1c", "6.0")
    glucose = glucose or who.codes.get("drug_glucose") == "1"
    lipid = who.over("triglyceride_fasting", "150") or who.over("triglyceride_casual", "175")
    lipid = lipid or who.under("hdl", "40") or who.codes.get("drug_lipid") == "1"
    pressure = who.over("systolic", "130") or who.over("diastolic", "85") or who.codes.get("drug_pressure") == "1"
    mixture = (glucose, pressure, lipid) if has_waist else None
    return {
        "metabolic": who.row["metabolic_code"] == "1",
        "premetabolic": who.row["metabolic_code"] == "2",
        "metabolic_bmi_only": not has_waist and is_heavy,
        "metabolic_glucose_only": mixture == (True, False, False),
        "metabolic_pressure_only": mixture == (False, True, False),
        "metabolic_lipid_only": mixture == (False, False, True),
        "metabolic_glucose_pressure": mixture == (True, True, False),
        "metabolic_glucose_lipid": mixture == (True, False, True),
        "metabolic_pressure_lipid": mixture == (False, True, True),
        "metabolic_all_three": mixture == (True, True, True),
        "lean_high_glucose": not has_waist and not is_heavy and glucose,
    }


ANSWERS: dict[str, tuple[str, str]] = {
    "drug_pressure": ("drug_pressure", "1"),
    "drug_glucose": ("drug_glucose", "1"),
    "drug_lipid": ("drug_lipid", "1"),
    "history_stroke": ("history_stroke", "1"),
    "history_heart": ("history_heart", "1"),
    "history_kidney": ("history_kidney", "1"),
    "history_anaemia": ("anaemia_history", "1"),
    "smoking": ("smoking", "1"),
    "weight_gain": ("weight_gain", "1"),
    "no_exercise": ("exercise", "2"),
    "no_activity": ("activity", "2"),
    "slow_walking": ("walking_speed", "2"),
    "poor_chewing": ("chewing", "23"),
    "fast_eating": ("eating_speed", "1"),
    "late_dinner": ("late_dinner", "1"),
    "daily_snacking": ("snacking", "1"),
    "no_breakfast": ("skip_breakfast", "1"),
    "daily_drinking": ("drinking", "1"),
    "drinks_under_1": ("drinking_amount", "1"),
    "drinks_1_2": ("drinking_amount", "2"),
    "drinks_2_3": ("drinking_amount", "3"),
    "poor_sleep": ("sleep", "2"),
    "no_will": ("improvement_will", "1"),
}
ANSWERS_OF_THE_LATE_ELDERLY: dict[str, str] = {
    "koki_health": "45",
    "koki_satisfaction": "34",
    "koki_three_meals": "2",
    "koki_hard_food": "1",
    "koki_choking": "1",
    "koki_weight_loss": "1",
    "koki_slow_walk": "1",
    "koki_fall": "1",
    "koki_exercise": "2",
    "koki_forgetful": "1",
    "koki_date_unknown": "1",
    "koki_smoking": "1",
    "koki_goes_out": "2",
    "koki_contact": "2",
    "koki_consults": "2",
}


def answers(who: Examinee) -> dict[str, bool]:
    """標準的な質問票: over those who answered the question; the choices on drinking changed on 1 April 2024."""
    found = {name: who.codes[item] in codes for name, (item, codes) in ANSWERS.items() if item in who.codes}
    is_new = who.row["exam_date"] >= R6
    if "drinking" in who.codes:
        found["sometimes_drinking"] = who.codes["drinking"] in ("23456" if is_new else "2")
    if "drinking_amount" in who.codes:
        found["drinks_3_more"] = who.codes["drinking_amount"] in ("45" if is_new else "4")
    return found


def answers_of_the_late_elderly(who: Examinee) -> dict[str, bool]:
    """後期高齢者の質問票: over those who answered the question."""
    return {item: who.codes[item] in codes for item, codes in ANSWERS_OF_THE_LATE_ELDERLY.items() if item in who.codes}

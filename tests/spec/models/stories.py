"""The people whose lives the spec tests follow. What each is for stands in the test that names them.

Two deliveries of 富山 and one of 鳥取 land in that order; where a correction is told, an older version may come later.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.dbt_fixture import Row
from tests.spec.models.delivery import (
    ASAHI,
    DOCTORS,
    HIMI,
    HIMI_CARE,
    KAMIICHI,
    KURAYOSHI,
    KURAYOSHI_75,
    KURAYOSHI_CARE,
    NAMERIKAWA,
    NANTO_75,
    OYABE,
    TONAMI,
    TONAMI_UNION,
    TOTTORI,
    TOYAMA,
    TOYAMA_75,
    TOYAMA_CARE,
    UOZU,
    UOZU_75,
    Delivery,
    Person,
    months_from,
)

START = date(2023, 4, 1)

stayer = Person("stayer")
leaver = Person("leaver", sex="2")
leaver_on_first = Person("leaver on the first")
mover = Person("mover within the prefecture", date(1965, 9, 9), "2")
turns_75 = Person("turns 75", date(1949, 6, 15))
turns_75_on_first = Person("turns 75 on the first", date(1949, 7, 1), "2")
first_of_april_75 = Person("75 on 1 April", date(1950, 4, 1))
second_of_april_75 = Person("75 on 2 April", date(1950, 4, 2), "2")
first_of_april_40 = Person("40 on 1 April", date(1985, 4, 1))
second_of_april_40 = Person("40 on 2 April", date(1985, 4, 2))
leap_day = Person("born on a leap day", date(1964, 2, 29))
dies_31_march = Person("dies on 31 March", date(1956, 1, 1), "2")
dies_30_march = Person("dies on 30 March", date(1956, 1, 2))
cancelled = Person("enrolment cancelled")
corrected = Person("enrolment corrected")
late_notice = Person("late notice of leaving")
both_schemes = Person("in both ledgers", date(1949, 3, 10))
rejoined = Person("joined again under a new number")
zero_days = Person("left on the day of joining")
lost = Person("lost the insurance")
doctor = Person("member of a society", date(1970, 1, 1), "2")
long_gone = Person("left long ago", date(1950, 12, 31))
changes_district = Person("moved to another district")
changes_sex = Person("another sex in another ledger", date(1980, 5, 5))
newborn = Person("newborn", date(2024, 2, 29), "2")
stranger = Person("nobody's member", date(1955, 8, 20), "2")
unknown_patient = Person("of no member, with diseases")
arrived = Person("arrived in Tottori", date(1962, 3, 3))
tottori_late = Person("of Tottori and 75", date(1948, 2, 2), "2")

named_twice = Person("in both full deliveries")
named_once = Person("in the first full delivery only", sex="2")
never_named = Person("in no full delivery")
named_again = Person("absent in the first full delivery, in the second one", sex="2")
told_between = Person("told of between the full deliveries")
told_after = Person("told of after the full deliveries")
joins_after = Person("to join after the full deliveries")
gone_before = Person("left before the full deliveries")

MEASURED: dict[Person, dict[str, Decimal | int | str | None]] = {
    Person("just under every step"): {"hba1c": Decimal("5.59"), "systolic": 129, "waist": 80, "smoking": "1"},
    Person("first step"): {"hba1c": Decimal("5.6"), "systolic": 130, "waist": 90, "metabolic_judgement": "1"},
    Person("under the second"): {"hba1c": Decimal("6.49"), "systolic": 139, "waist": 91, "metabolic_judgement": "2"},
    Person("second step"): {"hba1c": Decimal("6.5"), "systolic": 140, "waist": 70, "metabolic_judgement": "3"},
    Person("under the third"): {"hba1c": Decimal("7.99"), "systolic": 159, "metabolic_judgement": "1"},
    Person("third step"): {"hba1c": Decimal("8.0"), "systolic": 160, "waist": 99, "smoking": "3"},
    Person("not measured"): {"hba1c": None, "systolic": None, "waist": None, "metabolic_judgement": "2"},
}
twice_examined = Person("examined twice", date(1958, 10, 10))
exam_withdrawn = Person("examination withdrawn")
exam_corrected = Person("examination corrected")
guided = Person("guided to the end")
guidance_withdrawn = Person("guidance withdrawn")
too_young = Person("39 at the year's end", date(1985, 8, 1))

certified = Person("certified", date(1940, 5, 20), "2")
second_insured = Person("certified at 60", date(1964, 1, 15))
turns_65 = Person("turns 65", date(1959, 5, 1))
ended_care = Person("certification ended", date(1938, 8, 8))
withdrawn_care = Person("certification withdrawn", date(1937, 7, 7))
moved_certified = Person("certified elsewhere before moving in", date(1938, 8, 8), "2")
no_table = Person("no table of insured", date(1939, 9, 9))
union_named = Person("of the union, town named", date(1936, 6, 6), "2")
union_unnamed = Person("of the union, no town named", date(1935, 5, 5))
tottori_certified = Person("certified in Tottori", date(1941, 1, 1))


def divisions(first: Delivery, second: Delivery) -> None:
    """地区割: one corrected, one that leaves out a 行政区, one corrected on the same day, one given up."""
    first.divide("16201", "小学校区", {"001": "総曲輪小", "002": "愛宕小"})
    second.divide(
        "16201", "小学校区", {"001": "中央小", "002": "中央小", "009": "山の小"}, created_date=date(2024, 6, 1)
    )
    first.divide("16201", "日常生活圏域", {"001": "東圏域"})
    first.divide("16204", "中学校区", {"010": "北中"}, version_number=2)
    second.divide("16204", "中学校区", {"010": "南中"}, version_number=1)
    first.divide("16204", "日常生活圏域", {"010": "海圏域", "011": "山圏域"})
    second.divide("16204", "日常生活圏域", {None: None}, version_number=2, is_deleted=True)


def census(first: Delivery) -> None:
    """人口 of 富山市: of two years, of ages below 75 too."""
    for year, people in ((2024, 40), (2025, 30)):
        bands = ("70-74", "75-79", "80-84")
        first.people_of("16201", year, {(sex, band): people + int(sex) for sex in "12" for band in bands})


def ledger(first: Delivery, second: Delivery, tottori: Delivery) -> None:
    """資格."""
    first.enrol(stayer, TOYAMA, START, district_code="001", district_name="総曲輪")
    first.enrol(leaver, UOZU, START, date(2024, 6, 20))
    first.enrol(leaver_on_first, UOZU, START, date(2024, 7, 1))
    first.enrol(mover, TONAMI, START, date(2023, 10, 10), lost_date=date(2023, 10, 10), lost_reason_code="01")
    first.enrol(mover, OYABE, date(2023, 10, 10), acquired_date=START)
    for who, birthday in ((turns_75, date(2024, 6, 15)), (turns_75_on_first, date(2024, 7, 1))):
        first.enrol(who, TOYAMA, START, birthday, lost_date=birthday, lost_reason_code="04")
        first.enrol(who, TOYAMA_75, birthday, acquired_reason_code="001")
    for who, birthday in ((first_of_april_75, date(2025, 4, 1)), (second_of_april_75, date(2025, 4, 2))):
        first.enrol(who, TOYAMA, START, birthday, lost_date=birthday)
        first.enrol(who, TOYAMA_75, birthday)
    for who in (first_of_april_40, second_of_april_40, leap_day):
        first.enrol(who, TOYAMA, START)
    first.enrol(dies_31_march, NAMERIKAWA, START, date(2024, 4, 1), lost_date=date(2024, 4, 1), lost_reason_code="05")
    first.enrol(dies_30_march, NAMERIKAWA, START, date(2024, 3, 31), lost_date=date(2024, 3, 31))
    first.enrol(cancelled, UOZU, START)
    second.enrol(cancelled, UOZU, START, is_deleted=True, processed_date=date(2023, 9, 1))
    first.enrol(corrected, UOZU, START, date(2024, 2, 1), processed_date=date(2024, 8, 1))
    second.enrol(corrected, UOZU, START, processed_date=date(2023, 5, 1))
    first.enrol(late_notice, TOYAMA, START, processed_date=date(2023, 4, 3))
    second.enrol(late_notice, TOYAMA, START, date(2024, 1, 15), processed_date=date(2024, 5, 2))
    first.enrol(both_schemes, TOYAMA, START)
    first.enrol(both_schemes, TOYAMA_75, date(2024, 3, 10))
    first.enrol(rejoined, HIMI, START, date(2024, 3, 15))
    first.enrol(rejoined, HIMI, date(2024, 3, 10), identity="new number")
    first.enrol(zero_days, HIMI, date(2023, 8, 8), date(2023, 8, 8))
    first.enrol(lost, HIMI, START, lost_date=date(2024, 2, 10), lost_reason_code="04")
    first.enrol(doctor, DOCTORS, START)
    first.enrol(long_gone, ASAHI, date(2015, 4, 1), date(2020, 6, 10))
    first.enrol(changes_district, TOYAMA, START, date(2024, 9, 1), district_code="001", district_name="総曲輪")
    first.enrol(changes_district, TOYAMA, date(2024, 9, 1), district_code="002", district_name="愛宕")
    first.enrol(changes_sex, NAMERIKAWA, START, date(2024, 5, 1))
    first.enrol(changes_sex, UOZU, date(2024, 5, 1), sex_code="2")
    first.enrol(newborn, TOYAMA, newborn.born, district_code="002", district_name="愛宕")
    # 全件 of 20 June and of the end of September; the later one lands first.
    for who in (named_twice, named_once, never_named, named_again):
        first.enrol(who, NANTO_75, START)
    first.enrol(told_between, NANTO_75, START, processed_date=date(2024, 7, 5))
    first.enrol(told_after, NANTO_75, START, processed_date=date(2024, 10, 10))
    first.enrol(joins_after, NANTO_75, date(2024, 12, 1), processed_date=date(2024, 9, 1))
    first.enrol(gone_before, NANTO_75, START, date(2024, 2, 1), lost_date=date(2024, 2, 1), lost_reason_code="002")
    first.name_all(date(2024, 9, 30), NANTO_75, START, named_twice, named_again)
    second.name_all(date(2024, 6, 20), NANTO_75, START, named_twice, named_once)
    tottori.enrol(arrived, TOTTORI, START, date(2024, 11, 20))
    tottori.enrol(arrived, KURAYOSHI, date(2024, 11, 20))
    tottori.enrol(tottori_late, KURAYOSHI_75, START)


def receipts(first: Delivery, second: Delivery, tottori: Delivery) -> None:
    """レセプト."""
    for month in months_from(date(2023, 4, 1), date(2025, 5, 1)):
        first.claim(stayer, TOYAMA, month, 1000, days_count=2)
    first.claim(dies_31_march, NAMERIKAWA, date(2024, 6, 1), 400, key="after death")
    spring = date(2024, 2, 1)
    first.claim(leaver, UOZU, spring, 1500, original_points=1800, key="corrected", adjudication_month=date(2024, 5, 1))
    second.claim(leaver, UOZU, spring, 1200, key="corrected", adjudication_month=date(2024, 3, 1))
    first.claim(leaver, UOZU, spring, 800, key="withdrawn")
    second.claim(leaver, UOZU, spring, 800, key="withdrawn", version_number=2, is_withdrawn=True)
    first.claim(leaver, UOZU, date(2024, 6, 1), 300)
    first.claim(leaver, UOZU, date(2024, 7, 1), 400)
    first.claim(stranger, UOZU, date(2023, 7, 1), 700)
    first.claim(stranger, DOCTORS, date(2024, 7, 1), 900)
    inpatient = {"is_inpatient": True, "claim_type_code": "1111", "days_count": 10}
    dpc = inpatient | {"claim_kind_code": "dpc"}
    summary = dpc | {"days_count": 20, "is_summary": True, "summary_code": "1"}
    first.claim(mover, OYABE, date(2024, 3, 1), 5000, key="whole", **summary)
    first.claim(
        mover, OYABE, date(2024, 3, 1), 3000, key="part 1", meal_count=30, meal_yen=12000, summary_code="2", **dpc
    )
    first.claim(mover, OYABE, date(2024, 3, 1), 2000, key="part 2", summary_code="3", **inpatient)
    first.claim(mover, TONAMI, date(2023, 6, 1), 600)
    first.claim(turns_75, TOYAMA, date(2024, 6, 1), 1100)
    first.claim(turns_75, TOYAMA_75, date(2024, 6, 1), 1300)
    first.claim(turns_75, TOYAMA_75, date(2024, 8, 1), 0, days_count=0)
    first.claim(both_schemes, TOYAMA, date(2024, 4, 1), 100)
    first.claim(both_schemes, TOYAMA_75, date(2024, 4, 1), 200)
    first.claim(changes_district, TOYAMA, date(2024, 8, 1), 310)
    first.claim(changes_district, TOYAMA, date(2024, 9, 1), 320)
    first.claim(doctor, DOCTORS, date(2023, 12, 1), 450)
    first.claim(stayer, TOYAMA, date(2025, 6, 1), 9999)
    first.claim(stayer, TOYAMA, date(2020, 3, 1), 9999)
    # 返戻 of May, sent again in July; the last word lands first.
    returned = {"key": "returned and sent again"}
    month = date(2024, 3, 1)
    first.claim(named_twice, NANTO_75, month, 650, **returned, version_number=3, adjudication_month=date(2024, 7, 1))
    first.claim(named_twice, NANTO_75, month, 700, **returned)
    withdrawn = {"version_number": 2, "adjudication_month": date(2024, 5, 1), "is_withdrawn": True}
    second.claim(named_twice, NANTO_75, month, 700, **returned, **withdrawn)
    tottori.claim(arrived, TOTTORI, date(2024, 11, 1), 530, institution_code="3110123459")
    tottori.claim(arrived, KURAYOSHI, date(2024, 11, 1), 540, institution_code="3110123459")
    tottori.claim(tottori_late, KURAYOSHI_75, date(2024, 2, 1), 2500, **inpatient)


DENTAL: Row = {"claim_kind_code": "dental", "claim_type_code": "3112", "institution_code": "1630123459"}
PHARMACY: Row = {
    "claim_kind_code": "pharmacy",
    "claim_type_code": "4112",
    "institution_code": "1640123459",
    "prescribing_institution_code": "1610123459",
    "days_count": None,
    "prescription_count": 2,
}


def other_receipts(first: Delivery, second: Delivery) -> None:
    """歯科 and 調剤: June 2023 of 富山 has all kinds, July no 調剤, August no 歯科."""
    june, july, august = date(2023, 6, 1), date(2023, 7, 1), date(2023, 8, 1)
    first.claim(stayer, TOYAMA, june, 400, key="teeth", **DENTAL | {"days_count": 3})
    first.claim(stayer, TOYAMA, july, 450, key="teeth in July", **DENTAL)
    first.claim(stayer, TOYAMA, june, 700, key="medicine", **PHARMACY)
    first.claim(stayer, TOYAMA, august, 750, key="medicine in August", **PHARMACY)
    first.claim(late_notice, TOYAMA, june, 90, key="medicine of the dentist",
                **PHARMACY | {"prescribing_institution_code": "1630123459"})  # fmt: skip
    first.claim(leap_day, TOYAMA, june, 5555, key="taken back", **DENTAL)
    second.claim(leap_day, TOYAMA, june, 5555, key="taken back", version_number=2, is_withdrawn=True, **DENTAL)
    first.claim(unknown_patient, UOZU, july, 330, key="medicine", **PHARMACY)


CODED: Row = {"disease_code": "8833421"}
UNCODED: Row = {"disease_code": "0000999"}
UNKNOWN: Row = {"disease_code": "9999999"}


def diagnoses(first: Delivery) -> None:
    """傷病名 of 上市町 in February 2024: three of six receipts can be classified."""
    month = date(2024, 2, 1)
    first.claim(unknown_patient, KAMIICHI, month, 10, [CODED], key="coded")
    first.claim(unknown_patient, KAMIICHI, month, 10, [CODED, UNCODED], key="one of two has no code")
    first.claim(unknown_patient, KAMIICHI, month, 10, [UNKNOWN | {"is_suspected": True}], key="not in the master")
    first.claim(unknown_patient, KAMIICHI, month, 10, [UNCODED], key="teeth", **DENTAL)
    first.claim(unknown_patient, KAMIICHI, month, 10, key="no disease")
    own_icd10 = UNCODED | {"icd10_code": "I10", "disease_class_code": "01"}
    first.claim(unknown_patient, KAMIICHI, month, 10, [own_icd10], key="DPC", claim_kind_code="dpc", is_inpatient=True)
    first.claim(unknown_patient, KAMIICHI, month, 10, key="medicine", **PHARMACY)


def examinations(first: Delivery, second: Delivery, tottori: Delivery) -> None:
    """健診."""
    for who, results in MEASURED.items():
        first.enrol(who, NAMERIKAWA, date(2024, 4, 1))
        first.exam(who, NAMERIKAWA, date(2024, 6, 10), results)
    high, low = {"hba1c": Decimal("8.5"), "waist": 95}, {"hba1c": Decimal("5.0"), "waist": 80}
    began, ended = date(2024, 9, 12), date(2025, 1, 20)
    contacts: list[Row] = [
        {"session_kind_code": "first", "session_date": began, "support_form_code": "1", "minute_count": 30},
        {"session_kind_code": "support", "session_date": date(2024, 10, 5), "support_form_code": "4", "points": 60},
        {"session_kind_code": "support", "session_date": date(2024, 11, 5), "support_form_code": "3", "points": 140},
        {"session_kind_code": "final", "session_date": ended, "waist": Decimal(84), "weight": Decimal(70)},
    ]
    whole = {"final_evaluation_date": ended, "points": 200, "waist": Decimal(84), "created_date": date(2025, 2, 1)}
    for who in (guided, guidance_withdrawn):
        first.enrol(who, UOZU, START, district_code="010", district_name="本町")
        first.guide(who, UOZU, began, contacts, **whole)
    early = {"report_code": "21", "created_date": date(2024, 10, 1)}
    second.guide(guided, UOZU, began, contacts[:1], **early)  # the report of the start comes last
    taken_back = {"is_deleted": True, "created_date": date(2025, 3, 1)}
    second.guide(guidance_withdrawn, UOZU, began, contacts, **taken_back)
    for who in (twice_examined, exam_withdrawn, exam_corrected, too_young):
        first.enrol(who, UOZU, START, district_code="010", district_name="本町")
    first.exam(twice_examined, UOZU, date(2024, 10, 20), high | {"smoking": "1"})
    first.exam(twice_examined, UOZU, date(2024, 6, 3), low | {"smoking": "2"})
    first.exam(exam_withdrawn, UOZU, date(2024, 7, 7), high)
    second.exam(exam_withdrawn, UOZU, date(2024, 7, 7), high, is_deleted=True, created_date=date(2024, 9, 1))
    first.exam(exam_corrected, UOZU, date(2024, 7, 8), low, created_date=date(2024, 12, 1))
    second.exam(exam_corrected, UOZU, date(2024, 7, 8), high, created_date=date(2024, 8, 1))
    second.exam(named_twice, NANTO_75, date(2024, 3, 20), low, created_date=date(2025, 1, 15))  # long after its year
    first.exam(too_young, UOZU, date(2024, 7, 9), high)
    first.exam(stayer, TOYAMA, date(2023, 9, 9), low)
    first.exam(mover, TONAMI, date(2023, 5, 5), low | {"metabolic_judgement": "2"})
    first.exam(mover, OYABE, date(2024, 5, 5), low)
    first.exam(turns_75, TOYAMA, date(2024, 6, 2), high | {"smoking": "1"})
    first.exam(turns_75, TOYAMA_75, date(2024, 9, 2), high | {"metabolic_judgement": "1", "smoking": "1"})
    first.exam(first_of_april_75, TOYAMA, date(2024, 5, 20), low)
    first.exam(second_of_april_75, TOYAMA, date(2024, 5, 21), low)
    first.exam(first_of_april_40, TOYAMA, date(2024, 5, 22), low)
    first.exam(second_of_april_40, TOYAMA, date(2024, 5, 23), low)
    first.exam(leaver, UOZU, date(2024, 6, 18), low)
    first.exam(dies_31_march, NAMERIKAWA, date(2023, 8, 8), low)
    first.exam(dies_30_march, NAMERIKAWA, date(2023, 8, 8), low)
    first.exam(stranger, UOZU, date(2023, 6, 6), high)
    first.exam(doctor, DOCTORS, date(2023, 11, 11), high | {"metabolic_judgement": "1", "smoking": "2"})
    tottori.exam(arrived, TOTTORI, date(2024, 5, 15), low)
    tottori.exam(arrived, KURAYOSHI, date(2025, 2, 15), high)
    tottori.exam(tottori_late, KURAYOSHI_75, date(2024, 5, 16), high)


def care(first: Delivery, second: Delivery, tottori: Delivery) -> None:
    """介護."""
    year = date(2024, 12, 31)
    first.certify(certified, TOYAMA_CARE, date(2024, 1, 10), "12", date(2024, 1, 10), year)
    raised = {"event_code": "2", "event_reason_code": "02"}
    first.certify(certified, TOYAMA_CARE, date(2024, 6, 15), "22", date(2024, 6, 15), year, **raised)
    first.certify(second_insured, TOYAMA_CARE, date(2024, 1, 10), "21", date(2024, 1, 10), year)
    first.certify(turns_65, TOYAMA_CARE, date(2024, 2, 1), "21", date(2024, 2, 1), date(2025, 1, 31))
    first.certify(ended_care, TOYAMA_CARE, date(2024, 1, 5), "13", date(2024, 1, 5), year)
    first.certify(ended_care, TOYAMA_CARE, date(2024, 8, 10), None, None, None, event_code="3")
    first.certify(withdrawn_care, TOYAMA_CARE, date(2024, 1, 5), "13", date(2024, 1, 5), year)
    taken_back = {"correction_code": "3", "corrected_date": date(2024, 3, 3)}
    second.certify(withdrawn_care, TOYAMA_CARE, date(2024, 1, 5), "13", date(2024, 1, 5), year, **taken_back)
    moved = date(2024, 5, 10)
    first.certify(moved_certified, HIMI_CARE, moved, "21", date(2023, 8, 1), year, insured_start_date=moved)
    first.certify(no_table, HIMI_CARE, date(2024, 1, 5), "21", date(2024, 1, 5), year)
    first.certify(union_named, TONAMI_UNION, date(2024, 4, 2), "23", date(2024, 4, 2), year, municipality_code="16208")
    first.certify(union_unnamed, TONAMI_UNION, date(2024, 4, 2), "24", date(2024, 4, 2), year)
    tottori.certify(tottori_certified, KURAYOSHI_CARE, date(2024, 4, 1), "21", date(2024, 4, 1), year)

    table = {("1", "60-64"): 70, ("1", "65-69"): 50, ("1", "85-89"): 30, ("2", "65-69"): 60, ("2", "80-84"): 40}
    for month in months_from(date(2024, 1, 1), date(2025, 5, 1)):
        if month != date(2024, 4, 1):
            first.insured(TOYAMA_CARE, month, table)
        tottori.insured(KURAYOSHI_CARE, month, {("1", "80-84"): 20})
        for town in ("16208", "16209"):
            first.insured(TONAMI_UNION, month, {("1", "85-89"): 12, ("2", "85-89"): 15}, municipality_code=town)
    first.insured(TOYAMA_CARE, date(2024, 1, 1), {("2", "90-94"): 999}, created_date=date(2024, 2, 1))

    for month, yen in ((date(2024, 2, 1), 90_000), (date(2024, 3, 1), 45_000), (date(2024, 7, 1), 180_000)):
        first.care(certified, TOYAMA_CARE, month, yen)
    first.care(certified, TOYAMA_CARE, date(2024, 3, 1), 9_000, key="another provider", provider_code="1670100029")
    first.care(second_insured, TOYAMA_CARE, date(2024, 3, 1), 27_000)
    first.care(
        ended_care, TOYAMA_CARE, date(2024, 3, 1), 36_000, adjudication_month=date(2024, 6, 1), creation_code="2"
    )
    second.care(ended_care, TOYAMA_CARE, date(2024, 3, 1), 99_000)
    first.care(ended_care, TOYAMA_CARE, date(2024, 4, 1), 72_000)
    second.care(ended_care, TOYAMA_CARE, date(2024, 4, 1), 72_000, creation_code="3")
    second.as_claimed(certified, TOYAMA_CARE, date(2024, 2, 1), 95_000)  # behind what was adjudicated
    first.as_claimed(ended_care, TOYAMA_CARE, date(2024, 4, 1), 72_000)  # adjudicated and taken back since
    second.as_claimed(second_insured, TOYAMA_CARE, date(2024, 11, 1), 27_000)  # never adjudicated
    november = date(2024, 11, 1)
    first.care(certified, TOYAMA_CARE, date(2024, 9, 1), 30_000)
    second.care(
        certified,
        TOYAMA_CARE,
        date(2024, 9, 1),
        20_000,
        adjudication_month=november,
        creation_code="1",
        adjustment_count=1,
    )
    second.care(certified, TOYAMA_CARE, date(2024, 9, 1), 30_000, adjudication_month=november, creation_code="3")
    first.care(certified, TOYAMA_CARE, date(2024, 10, 1), 140_000, is_purchase=True, benefit_kind_code="2")
    first.paid_back(certified, TOYAMA_CARE, date(2024, 3, 1), 8_000)
    first.paid_back(certified, TOYAMA_CARE, date(2024, 7, 1), 9_000)
    second.paid_back(certified, TOYAMA_CARE, date(2024, 7, 1), 0, creation_code="3")
    first.care(union_named, TONAMI_UNION, date(2024, 5, 1), 200_000)
    first.care(union_unnamed, TONAMI_UNION, date(2024, 5, 1), 100_000)
    tottori.care(tottori_certified, KURAYOSHI_CARE, date(2024, 5, 1), 50_000, provider_code="3170100011")


def tell(first: Delivery, second: Delivery, tottori: Delivery) -> None:
    """Every story."""
    ledger(first, second, tottori)
    divisions(first, second)
    census(first)
    receipts(first, second, tottori)
    other_receipts(first, second)
    diagnoses(first)
    examinations(first, second, tottori)
    care(first, second, tottori)
    first.enrol(Person("of 魚津, 80", date(1943, 3, 3), "2"), UOZU_75, START)

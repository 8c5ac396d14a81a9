"""Who is prescribed what, by whom, and who goes to how many doctors: members of 入善町 in June 2023."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.dbt_fixture import Row
from tests.spec.models.delivery import NYUZEN, Delivery, Person

JOINED, MONTH, LEFT = date(2023, 4, 1), date(2023, 6, 1), date(2023, 9, 1)
CLINICS = ("1611111119", "1622222229", "1633333339")
PHARMACY = "1640000004"

AMLODIPINE, NIFEDIPINE = "620007853", "620004015"  # 2171, 後発品
CANDESARTAN, OLMESARTAN, AZILSARTAN = "622358001", "622571301", "622143501"  # 2149; アジルバ is a 先発品 with a 後発品
LINAGLIPTIN = "622093501"  # 3969, a 先発品 without one
ZOLPIDEM = "622134101"  # 1129
INSULIN = "622411001"  # 2492, 注射薬, 後発品
FIFTEEN = (
    AMLODIPINE, NIFEDIPINE, CANDESARTAN, OLMESARTAN, AZILSARTAN, LINAGLIPTIN, "622535601", "621399302", "621470101",
    "620003560", "620004042", "622161502", "622417203", "621951001", "621980701",
)  # fmt: skip

two_and_one = Person("two doctors, one class twice")
two_and_two = Person("two doctors, two classes twice")
three_and_one = Person("three doctors, one class", sex="2")
same_doctor = Person("two drugs of a class from one doctor")
handed_out = Person("one doctor hands out what another prescribes", sex="2")
many = Person("fifteen drugs")
nearly = Person("fifteen drugs, one of them injected")
sleepless = Person("a drug to sleep", date(1955, 2, 2), "2")
in_hospital = Person("a drug to sleep, in hospital")
dear = Person("a drug with a generic, another without")
goes_around = Person("three doctors in a month")
goes_often = Person("fifteen days at one doctor, on two receipts", sex="2")
gone = Person("left before the month ended")


def _drug(code: str, quantity: str = "1", days: int | None = 28) -> Row:
    return {"item_kind_code": "IY", "item_code": code, "points": 1, "quantity": Decimal(quantity), "times_count": days}


def _fetch(told: Delivery, who: Person, doctor: str, *drugs: Row) -> None:
    told.claim(who, NYUZEN, MONTH, 300, (), drugs, key=f"drugs {doctor}", claim_kind_code="pharmacy", days_count=None,
               institution_code=PHARMACY, prescribing_institution_code=doctor)  # fmt: skip


def medicate(told: Delivery) -> None:
    """Everybody a member from April to August; 入善町's receipts of June come of both kinds."""
    for who in (two_and_one, two_and_two, three_and_one, same_doctor, handed_out, many, nearly, sleepless, in_hospital,
                dear, goes_around, goes_often):  # fmt: skip
        told.enrol(who, NYUZEN, JOINED, LEFT)
    told.enrol(gone, NYUZEN, JOINED, date(2023, 6, 20))
    one, two, three = CLINICS
    for who in (two_and_one, gone):
        _fetch(told, who, one, _drug(AMLODIPINE), _drug(LINAGLIPTIN))
        _fetch(told, who, two, _drug(NIFEDIPINE))
    _fetch(told, two_and_two, one, _drug(AMLODIPINE), _drug(CANDESARTAN))
    _fetch(told, two_and_two, two, _drug(NIFEDIPINE), _drug(CANDESARTAN, "0.5"))
    for doctor in CLINICS:
        _fetch(told, three_and_one, doctor, _drug(AMLODIPINE))
    _fetch(told, same_doctor, one, _drug(AMLODIPINE), _drug(NIFEDIPINE), _drug(CANDESARTAN), _drug(OLMESARTAN))
    told.claim(handed_out, NYUZEN, MONTH, 500, (), [_drug(AMLODIPINE), _drug(OLMESARTAN)], institution_code=one)
    _fetch(told, handed_out, two, _drug(AMLODIPINE), _drug(OLMESARTAN))
    _fetch(told, many, one, *(_drug(code) for code in FIFTEEN))
    _fetch(told, nearly, one, *(_drug(code) for code in (*FIFTEEN[:-1], INSULIN)))
    _fetch(told, sleepless, three, _drug(ZOLPIDEM, days=14))
    told.claim(in_hospital, NYUZEN, MONTH, 30000, (), [_drug(ZOLPIDEM, days=7)], is_inpatient=True, days_count=9,
               institution_code=two)  # fmt: skip
    _fetch(told, dear, one, _drug(AZILSARTAN, "1", 30), _drug(LINAGLIPTIN, "1", 30), _drug(CANDESARTAN, "0.5", 21))
    for doctor in CLINICS:
        told.claim(goes_around, NYUZEN, MONTH, 400, key=f"visit {doctor}", institution_code=doctor, days_count=2)
    for key, days in (("first", 9), ("second", 6)):
        told.claim(goes_often, NYUZEN, MONTH, 900, key=key, institution_code=two, days_count=days)

"""Who is ill of what: receipts on which the cost must go to one disease of several, one way of finding it each."""

from __future__ import annotations

from datetime import date

from tests.dbt_fixture import Row
from tests.spec.models.delivery import ASAHI, HIMI_CARE, Delivery, Person

JOINED, MONTH, LEFT = date(2023, 4, 1), date(2023, 6, 1), date(2023, 12, 1)
CLINIC, HOSPITAL = "1611111119", "1622222229"

HYPERTENSION, DIABETES, ANGINA, KIDNEY = "8833421", "2500014", "4139007", "5859001"


def ill(icd10: str, **more: object) -> Row:
    """A disease that the receipt writes as ICD-10 beside a code that no master knows."""
    return {"disease_code": "9999999", "icd10_code": icd10, "is_main": False, "is_suspected": False} | more


def drug(code: str, points: int | None, **more: object) -> Row:
    return {"item_kind_code": "IY", "item_code": code, "points": points} | more


def done(code: str, points: int | None, **more: object) -> Row:
    return {"item_kind_code": "SI", "item_code": code, "points": points} | more


AMLODIPINE, METFORMIN, ROSUVASTATIN = "620007853", "622417203", "622537301"
DIALYSIS, REVISIT = "140057910", "112007410"

drugs_decide = Person("drugs say hypertension, the main disease is another")
one_group = Person("three drugs of one group share its points")
named = Person("the DPC receipt names it", sex="2")
tied = Person("two diseases have as many points, the main one has it")
fallen_back = Person("nothing points anywhere, the main disease has it")
newest = Person("nothing points anywhere and none is the main one")
suspected = Person("only suspected of it", sex="2")
doubted = Person("suspected of one and ill of another")
dialysed = Person("on dialysis", date(1955, 1, 20))
spared = Person("the same disease without dialysis", date(1955, 1, 20))
uncoded = Person("of a disease that leads nowhere")
prescribed = Person("fetches drugs at a pharmacy", sex="2")
lost = Person("fetches drugs that nobody here prescribed")
both = Person("two months ill of one thing", date(1958, 5, 5), "2")
died = Person("ill in the month of death and insured before")
passing = Person("insured within one month, and ill")

CARED = date(2022, 6, 1)
# Certified at each level, with services of one kind, of two on one receipt, and of two providers.
frail = {
    level: Person(f"certified at {level}", date(1950, 3, 3), sex)
    for level, sex in zip(("12", "13", "21", "22", "23", "24", "25"), "1212121", strict=True)
}
SERVICES = {
    "12": {"67": 9_000}, "13": {"66": 20_000, "67": 5_000}, "21": {"15": 70_000, "78": 30_000}, "22": {"32": 250_000},
    "23": {"51": 230_000}, "24": {"52": 260_000}, "25": {"54": 270_000},
}  # fmt: skip


def sicken(told: Delivery) -> None:
    """Everybody a member of 朝日町 from April to November, each with a receipt of June 2023."""
    for who in (drugs_decide, one_group, named, tied, fallen_back, newest, suspected, doubted, dialysed, spared,
                uncoded, prescribed, lost, both):  # fmt: skip
        told.enrol(who, ASAHI, JOINED, LEFT)
    told.claim(drugs_decide, ASAHI, MONTH, 1000, [ill("E119", is_main=True), ill("I10")],
               [done(REVISIT, 75), drug(AMLODIPINE, 30, times_count=28),
                drug(METFORMIN, 10, times_count=28)])  # fmt: skip
    told.claim(one_group, ASAHI, MONTH, 500, [ill("I10"), ill("E119"), ill("E785")],
               [drug(AMLODIPINE, None), drug(METFORMIN, None), drug(ROSUVASTATIN, 9, times_count=30),
                drug(ROSUVASTATIN, 1)])  # fmt: skip
    told.claim(named, ASAHI, MONTH, 40000, [ill("I10", is_main=True, disease_class_code="11"),
                                            ill("C169", disease_class_code="01")],
               claim_kind_code="dpc", is_inpatient=True, days_count=9, institution_code=HOSPITAL)  # fmt: skip
    told.claim(tied, ASAHI, MONTH, 300, [ill("I10"), ill("E119", is_main=True)],
               [drug(AMLODIPINE, 5), drug(METFORMIN, 5)])  # fmt: skip
    told.claim(fallen_back, ASAHI, MONTH, 200, [ill("J00"), ill("K295", is_main=True)], [done(REVISIT, 75)])
    told.claim(newest, ASAHI, MONTH, 250,
               [ill("J00", start_date=date(2023, 6, 1)), ill("K295", start_date=date(2023, 6, 9)),
                ill("L309", start_date=date(2023, 6, 9))])  # fmt: skip
    told.claim(suspected, ASAHI, MONTH, 410, [ill("C349", is_suspected=True)])
    told.claim(doubted, ASAHI, MONTH, 420, [ill("C349", is_suspected=True, is_main=True), ill("J449")])
    told.claim(dialysed, ASAHI, MONTH, 35000, [ill("N185", is_main=True), ill("I10")],
               [done(DIALYSIS, 1876, times_count=13), drug(AMLODIPINE, 10, times_count=28)])  # fmt: skip
    told.claim(spared, ASAHI, MONTH, 700, [ill("N185", is_main=True)], [done(REVISIT, 75)])
    told.claim(uncoded, ASAHI, MONTH, 800, [{"disease_code": "0000999", "is_main": True, "is_suspected": False}])
    told.claim(prescribed, ASAHI, MONTH, 600, [ill("E119")], institution_code=CLINIC)
    told.claim(prescribed, ASAHI, MONTH, 9000, [ill("S720")], key="in", is_inpatient=True, days_count=4,
               institution_code=CLINIC)  # fmt: skip
    for who, points, by in ((prescribed, 1500, CLINIC), (lost, 640, HOSPITAL)):
        told.claim(who, ASAHI, MONTH, points, key="drugs", claim_kind_code="pharmacy", days_count=None,
                   institution_code="1640000004", prescribing_institution_code=by)  # fmt: skip
    for level, who in frail.items():
        told.enrol(who, ASAHI, date(2022, 4, 1), date(2022, 12, 1))
        told.certify(who, HIMI_CARE, date(2022, 5, 1), level, date(2022, 5, 1), date(2022, 8, 31))
        told.care(who, HIMI_CARE, CARED, sum(SERVICES[level].values()), SERVICES[level], care_level_code=level)
    told.care(frail["25"], HIMI_CARE, CARED, 40_000, {"13": 40_000}, care_level_code="25", key="nurse",
              provider_code="1670100037")  # fmt: skip
    told.claim(frail["12"], ASAHI, CARED, 900, [ill("E112"), ill("I10"), ill("C189", is_suspected=True)])
    told.claim(frail["21"], ASAHI, CARED, 800, [ill("F03", is_main=True), ill("G309")])
    told.enrol(died, ASAHI, JOINED, date(2023, 9, 20))
    told.claim(died, ASAHI, date(2023, 9, 1), 30000, [ill("I219", is_main=True)])
    told.enrol(passing, ASAHI, date(2023, 6, 5), date(2023, 6, 20))
    told.claim(passing, ASAHI, MONTH, 90, [ill("J459", is_main=True)])
    for month in (MONTH, date(2023, 9, 1)):
        told.claim(both, ASAHI, month, 120, [ill("E113"), ill("E112", is_suspected=True)])

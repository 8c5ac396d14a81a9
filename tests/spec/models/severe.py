"""Who costs much, stays long, or is on dialysis: members of 立山町 in May 2024, with receipts of a year ago."""

from __future__ import annotations

from datetime import date

from tests.spec.models.delivery import TATEYAMA, Delivery, Person
from tests.spec.models.sick import DIALYSIS, done, ill

BORN = date(1990, 6, 15)  # too young for the checkups that other tests count
JOINED, YEAR_AGO, MONTH = date(2022, 4, 1), date(2023, 5, 1), date(2024, 5, 1)

costly = Person("a receipt of 800 000 yen", BORN)
nearly_costly = Person("a receipt of 799 990 yen", BORN, "2")
stayed = Person("in hospital since a day in the sixth month before", BORN)
arrived = Person("in hospital since the first day of the fifth month before", BORN, "2")
began = Person("began dialysis and goes on", BORN)
always = Person("on dialysis twelve months ago already", BORN)
returned = Person("on dialysis thirteen months ago and not since", BORN, "2")
newcomer = Person("on dialysis, insured for two months", BORN)
settled = Person("on dialysis, insured for three months", BORN, "2")
unseen = Person("on dialysis in a month whose year before nobody sent", BORN)


def _dialysis(told: Delivery, who: Person, month: date) -> None:
    told.claim(who, TATEYAMA, month, 35000, [ill("N185", is_main=True)], [done(DIALYSIS, 1876, times_count=13)])


def grow_severe(told: Delivery) -> None:
    """Receipts of April and May 2023 and of May to July 2024; of June and July 2023 there are none."""
    for who in (costly, nearly_costly, stayed, arrived, began, always, returned, unseen):
        told.enrol(who, TATEYAMA, JOINED)
    told.enrol(newcomer, TATEYAMA, date(2024, 3, 1))
    told.enrol(settled, TATEYAMA, date(2024, 2, 1))
    told.claim(costly, TATEYAMA, MONTH, 80000, [ill("I10")], days_count=20)
    told.claim(nearly_costly, TATEYAMA, MONTH, 79999, [ill("I10")], days_count=20)
    for who, admitted in ((stayed, date(2023, 11, 30)), (arrived, date(2023, 12, 1))):
        told.claim(
            who, TATEYAMA, MONTH, 40000, [ill("F200")], is_inpatient=True, days_count=31, admission_date=admitted
        )
    told.claim(began, TATEYAMA, YEAR_AGO, 500, [ill("N184")])
    _dialysis(told, always, YEAR_AGO)
    _dialysis(told, returned, date(2023, 4, 1))
    for who in (began, always, returned, newcomer, settled):
        _dialysis(told, who, MONTH)
    _dialysis(told, began, date(2024, 6, 1))
    _dialysis(told, unseen, date(2024, 7, 1))

"""Who is newly ill: members of 高岡市 in May 2024, with receipts of a year ago and before."""

from __future__ import annotations

from datetime import date

from tests.spec.models.delivery import TAKAOKA, Delivery, Person
from tests.spec.models.sick import ill

BORN = date(1988, 2, 20)  # too young for the checkups that other tests count
JOINED, YEAR_AGO, MONTH = date(2022, 4, 1), date(2023, 5, 1), date(2024, 5, 1)

first_time = Person("ill for the first time, and again a month later", BORN)
again = Person("ill of it twelve months ago already", BORN, "2")
returned = Person("ill of it thirteen months ago and not since", BORN)
another = Person("ill of something else twelve months ago", BORN, "2")
suspect = Person("suspected of it twelve months ago and ill now", BORN)
doubted = Person("suspected of it now", BORN, "2")
joined_lately = Person("ill, insured for eleven months before", BORN)
joined_in_time = Person("ill, insured for twelve months before", BORN, "2")
too_early = Person("ill in a month whose year before nobody sent", BORN)

NEW = (first_time, returned, another, suspect, joined_in_time)


def fall_ill(told: Delivery) -> None:
    """Receipts of April and May 2023 and of May to July 2024; of June and July 2023 there are none."""
    for who in (first_time, again, returned, another, suspect, doubted, too_early):
        told.enrol(who, TAKAOKA, JOINED)
    told.enrol(joined_lately, TAKAOKA, date(2023, 6, 1))
    told.enrol(joined_in_time, TAKAOKA, date(2023, 5, 1))
    told.claim(again, TAKAOKA, YEAR_AGO, 500, [ill("E119")])
    told.claim(returned, TAKAOKA, date(2023, 4, 1), 500, [ill("E119")])
    told.claim(another, TAKAOKA, YEAR_AGO, 500, [ill("I10")])
    told.claim(suspect, TAKAOKA, YEAR_AGO, 500, [ill("E119", is_suspected=True)])
    for who in (*NEW, again, joined_lately):
        told.claim(who, TAKAOKA, MONTH, 600, [ill("E119")])
    told.claim(doubted, TAKAOKA, MONTH, 600, [ill("E119", is_suspected=True)])
    told.claim(first_time, TAKAOKA, date(2024, 6, 1), 600, [ill("E119")])
    told.claim(too_early, TAKAOKA, date(2024, 7, 1), 600, [ill("E119")])

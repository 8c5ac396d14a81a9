"""The many beside the stories: enough people per town, sex and age that some figures may be shown and some not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.spec.models.delivery import (
    HIMI,
    KURAYOSHI,
    KUROBE,
    NAMERIKAWA,
    TOYAMA_75,
    TOYAMA_CARE,
    UOZU,
    UOZU_75,
    Delivery,
    Insurer,
    Person,
    months_from,
)

JOINED = date(2024, 4, 1)

# How many of which sex and year of birth are insured where.
GROUPS: tuple[tuple[Insurer, str, int, int], ...] = (
    (UOZU, "1", 1962, 12),
    (UOZU, "2", 1962, 11),
    (UOZU, "1", 1981, 3),
    (UOZU, "2", 1981, 12),
    (HIMI, "1", 1962, 11),
    (HIMI, "2", 1962, 4),
    (NAMERIKAWA, "1", 1962, 5),
    (NAMERIKAWA, "2", 1962, 12),
    (KUROBE, "1", 1962, 13),
    (KUROBE, "2", 1962, 2),
    (KURAYOSHI, "1", 1962, 6),
    (KURAYOSHI, "2", 1962, 3),
    (TOYAMA_75, "1", 1945, 11),
    (TOYAMA_75, "2", 1945, 10),
    (UOZU_75, "2", 1945, 12),
)


def gather(first: Delivery, tottori: Delivery) -> None:
    """Enrol them all for 2024 and after; every one has two receipts, two of three an examination."""
    months = months_from(JOINED, date(2025, 4, 1))
    for insurer, sex, year, count in GROUPS:
        delivery = tottori if insurer is KURAYOSHI else first
        for number in range(count):
            who = Person(f"{insurer.number} {sex} {year} {number}", date(year, 1 + number % 12, 10), sex)
            delivery.enrol(who, insurer, JOINED)
            for step, points in ((0, 500 + 10 * number), (5, 2000 + number)):
                month = months[(number + step) % len(months)]
                delivery.claim(who, insurer, month, points, is_inpatient=points >= 2000, days_count=1 + step)
            if insurer.scheme == "kokuho" and number % 3 != 2:
                results = {
                    "hba1c": Decimal("5.4") + Decimal(number) / 10,
                    "systolic": 118 + 4 * number,
                    "waist": 80 + number,
                    "metabolic_judgement": str(1 + number % 3),
                    "smoking": str(1 + number % 2),
                }
                delivery.exam(who, insurer, date(2024, 6 + number % 5, 12), results)
    for number in range(12):
        who = Person(f"certified {number}", date(1942, 1 + number, 3), "2")
        first.certify(who, TOYAMA_CARE, date(2024, 5, 1), "21", date(2024, 5, 1), date(2026, 4, 30))
        first.care(who, TOYAMA_CARE, date(2024, 6 + number % 3, 1), 90_000 + 900 * number)

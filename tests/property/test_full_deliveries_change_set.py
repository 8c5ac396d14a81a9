"""Whatever a full delivery of 資格 ends, or lets live again, lies in months that the change set has opened."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest

from ingest.center import changes
from tests.property.link_world import REFERENCE, Center, Load, tag

Row = dict[str, Any]
Days = dict[tuple[str, date], set[tuple[bytes, int]]]
NEVER = date(9999, 12, 31)
FIRST = date(2024, 4, 1)
INSURERS = ("A", "B")


def covered(rows: list[Row]) -> Days:
    """By insurer and month which records cover how many of its days: the rule in plain Python."""
    versions: dict[bytes, list[Row]] = defaultdict(list)
    fulls: dict[str, set[date]] = defaultdict(set)
    for row in rows:
        versions[row["record_key_tag"]].append(row)
        if row["full_as_of_date"]:
            fulls[row["insurer_number"]].add(row["full_as_of_date"])
    found: Days = defaultdict(set)
    for record, told in versions.items():
        newest = max(told, key=lambda row: (row["processed_date"], row["source_row"]))
        absent = [day for day in fulls[newest["insurer_number"]] if day > max(row["processed_date"] for row in told)]
        if newest["is_deleted"]:
            continue
        days: dict[date, int] = defaultdict(int)
        day, last = newest["applied_start_date"], min([newest["applied_end_date"] or NEVER, *absent])
        while day < min(last, REFERENCE + timedelta(days=31)):
            days[day.replace(day=1)] += 1
            day += timedelta(days=1)
        for month, count in days.items():
            found[newest["insurer_number"], month].add((record, count))
    return found


def opened(center: Center) -> set[tuple[str, date]]:
    """The partitions of 資格 in the change set, which is emptied."""
    rows = center.connection.execute(
        "SELECT DISTINCT insurer_number, month FROM control.change_partition WHERE table_name = 'enrolment'"
    ).fetchall()
    changes.close(center.connection, 1)
    return set(rows)


def assert_opened(before: list[Row], after: list[Row], partitions: set[tuple[str, date]]) -> None:
    old, new = covered(before), covered(after)
    changed = {key for key in old.keys() | new.keys() if old[key] != new[key]}
    assert not changed - partitions


@pytest.mark.parametrize("seed", range(12))
def test_every_month_that_a_load_or_its_retraction_changes_is_opened(seed: int) -> None:
    dice = random.Random(seed)
    center = Center()
    people = [(member(n), INSURERS[n % 2], FIRST + timedelta(days=31 * (n % 5))) for n in range(8)]
    landed: dict[int, list[Row]] = {}
    number = 0
    for _ in range(8):
        before = [row for rows in landed.values() for row in rows]
        if landed and dice.random() < 0.25:
            sequence = dice.choice(sorted(landed))
            changes.add_landed(center.connection, ["enrolment"], "16", sequence, REFERENCE, reason="retracted")
            center.connection.execute("DELETE FROM raw.enrolment WHERE batch_sequence = ?", [sequence])
            del landed[sequence]
        else:
            load = Load()
            day = FIRST + timedelta(days=dice.randrange(330))
            full_of = dice.choice([None, *INSURERS])
            for identity, insurer, start in people:
                if dice.random() < 0.4 or full_of not in (None, insurer):
                    continue
                end = dice.choice([None, None, start + timedelta(days=dice.randrange(200))])
                load.enrol(identity, "kokuho", insurer, start, end, processed=day, is_deleted=dice.random() < 0.1)
                number += 1
                load.enrolment[-1] |= {"source_row": number, "full_as_of_date": day if full_of else None}
            if not load.enrolment:
                continue
            sequence = center.take(load)
            changes.add_landed(center.connection, ["enrolment"], load.domain, sequence, REFERENCE)
            landed[sequence] = [dict(row) for row in load.enrolment]
        assert_opened(before, [row for rows in landed.values() for row in rows], opened(center))


def member(number: int) -> bytes:
    """A member's identity tag."""
    return tag("member", number)


def test_the_next_full_delivery_costs_the_months_from_its_day_on() -> None:
    center = Center()
    for day in (date(2024, 5, 31), date(2024, 12, 31), date(2025, 1, 31)):
        opened(center)
        load = Load()
        for number in range(3):
            load.enrol(tag("member", number), "kokuho", "A", FIRST, processed=day)
            load.enrolment[-1]["full_as_of_date"] = day
        changes.add_landed(center.connection, ["enrolment"], load.domain, center.take(load), REFERENCE)
    assert {month for _, month in opened(center)} == {date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)}

"""What a full delivery is held against: the live members before it, counted anew in plain Python."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from ingest.site import holds, members
from ingest.site.hold_desk import Loss

DAY = date(2024, 6, 30)
Row = dict[str, Any]


def version(member: int, **more: Any) -> Row:
    """A version of one member's only record at one insurer."""
    row: Row = {
        "scheme_code": "kokuho", "insurer_number": "160028", "member_tag": b"member %d" % member,
        "record_key_tag": b"record %d" % member, "applied_start_date": date(2020, 4, 1), "end_date": None,
        "is_deleted": False, "processed_date": date(2024, 4, 1), "record_number": 1, "full_as_of_date": None,
    }  # fmt: skip
    return row | more


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=members.SCHEMA, orient="row")


def named(day: date, *who: int) -> list[Row]:
    return [version(member, processed_date=day, full_as_of_date=day) for member in who]


def lacking(delivery: list[Row], known: list[Row]) -> list[Loss]:
    return holds.losses(frame(delivery), frame(known), DAY)


def test_the_limit_is_one_in_twenty_and_says_so_in_a_file() -> None:
    assert holds.maximum_loss_rate() == 0.05


def test_a_first_delivery_has_nothing_to_be_compared_with() -> None:
    assert lacking(named(DAY, 1, 2), []) == []


def test_who_was_told_to_have_left_or_never_to_have_been_is_not_missing() -> None:
    known = [
        version(1),
        version(2, end_date=DAY),
        version(3), version(3, processed_date=date(2024, 5, 1), end_date=date(2024, 5, 1)),
        version(4), version(4, processed_date=date(2024, 5, 1), is_deleted=True),
        version(5, applied_start_date=date(2024, 7, 1)),
    ]  # fmt: skip
    assert lacking(named(DAY, 9), known) == [Loss("160028", live_before=1, missing=1)]


def test_what_was_told_after_the_day_of_the_delivery_does_not_count() -> None:
    later = date(2024, 7, 31)
    known = [version(1), version(2, processed_date=later), *named(later, 3)]
    assert lacking(named(DAY, 1), known) == [Loss("160028", 1, 0)]


def test_whom_the_full_delivery_before_did_not_name_was_no_longer_live() -> None:
    known = [version(1), version(2), *named(date(2024, 5, 31), 1), version(3, processed_date=date(2024, 6, 3))]
    assert lacking(named(DAY, 1), known) == [Loss("160028", live_before=2, missing=1)]


def test_what_came_of_the_same_day_before_is_part_of_the_delivery() -> None:
    assert lacking(named(DAY, 1), [version(1), version(2), *named(DAY, 2)]) == [Loss("160028", 2, 0)]


def test_an_insurer_that_the_delivery_does_not_name_loses_nobody() -> None:
    assert lacking(named(DAY, 1), [version(2, insurer_number="160010")]) == []


@pytest.mark.parametrize("seed", range(8))
def test_the_live_members_are_those_that_a_plain_count_finds(seed: int) -> None:
    dice = random.Random(seed)

    def some_day() -> date:
        return date(2024, 3, 1) + timedelta(days=dice.randrange(150))

    rows: dict[tuple[int, date], Row] = {}  # of versions equally new there is one
    for _ in range(60):
        member, day = dice.randrange(15), some_day()
        end, full = dice.choice([None, some_day()]), dice.choice([None, None, day])
        told = {"end_date": end, "full_as_of_date": full, "is_deleted": dice.random() < 0.1}
        rows[member, day] = version(member, processed_date=day, **told)
    known = [r for r in rows.values() if r["processed_date"] <= DAY and r["full_as_of_date"] != DAY]
    last_full = max((r["full_as_of_date"] for r in known if r["full_as_of_date"]), default=date.min)
    live = set()
    for member in range(15):
        own = [r for r in known if r["member_tag"] == b"member %d" % member]
        newest = max(own, key=lambda row: row["processed_date"], default=None)
        is_told = newest and not newest["is_deleted"] and newest["processed_date"] >= last_full
        if newest and is_told and (newest["end_date"] is None or newest["end_date"] > DAY):
            live.add(newest["member_tag"])
    found = members.live_before(frame(dice.sample(list(rows.values()), len(rows))), DAY)
    assert set(found["member_tag"].to_list()) == live

"""person_month: who was insured where in a month, day by day from the landed 資格."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest

from tests.dbt_fixture import Row, person_id
from tests.spec.models import stories
from tests.spec.models.built import Built
from tests.spec.models.contributions import fiscal_year, seed
from tests.spec.models.delivery import FIRST_MONTH, REFERENCE_MONTH, Person, next_month

pytestmark = pytest.mark.xdist_group("spec_models")

ONE_DAY = timedelta(days=1)
NEVER = date(9999, 12, 31)


def age_on(born: date, day: date) -> int:
    """Years attained by the end of a day: each on the day before the birthday."""
    age = 0
    while True:
        year = born.year + age + 1
        is_missing = (born.month, born.day) == (2, 29) and date(year, 3, 1) - ONE_DAY == date(year, 2, 28)
        birthday = date(year, 3, 1) if is_missing else date(year, born.month, born.day)
        if birthday - ONE_DAY > day:
            return age
        age += 1


def band_of(age: int) -> str:
    (band,) = [row["age_band_code"] for row in seed("age_bands") if int(row["age_from"]) <= age <= int(row["age_to"])]
    return band


def standing(built: Built) -> list[Row]:
    """Enrolments whose newest version is not withdrawn; what is newest is told by the row itself."""
    newest: dict[tuple[Any, ...], Row] = {}
    for delivery in built.landed["16"] + built.landed["31"]:
        for row in delivery.batch["enrolment"]:
            record = (row["who"], row["insurer_number"], row["applied_start_date"])
            known = newest.get(record)
            if known is None or _processed(row) > _processed(known):
                newest[record] = row
    return [row for row in newest.values() if not row.get("is_deleted")]


def _processed(row: Row) -> date:
    processed: date = row.get("processed_date", date(2020, 1, 1))
    return processed


def told(built: Built) -> dict[tuple[str, str, date], set[date]]:
    """By insurer, person and start of 適用 the days on which the record was told of."""
    days: dict[tuple[str, str, date], set[date]] = defaultdict(set)
    for delivery in built.landed["16"] + built.landed["31"]:
        for row in delivery.batch["enrolment"]:
            days[row["insurer_number"], row["who"], row["applied_start_date"]].add(_processed(row))
    return days


def absent_from(built: Built) -> dict[tuple[str, str, date], date]:
    """The day of the first full delivery of the insurer after a record was told of for the last time."""
    full: dict[str, set[date]] = defaultdict(set)
    for delivery in built.landed["16"] + built.landed["31"]:
        for row in delivery.batch["enrolment"]:
            if row.get("full_as_of_date"):
                full[row["insurer_number"]].add(row["full_as_of_date"])
    found = {record: [day for day in full[record[0]] if day > max(days)] for record, days in told(built).items()}
    return {record: min(days) for record, days in found.items() if days}


def recounted(built: Built) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Each row that person_month must have, from the days that every enrolment covers."""
    covering: dict[tuple[Any, ...], dict[date, Row]] = defaultdict(dict)
    after = next_month(REFERENCE_MONTH)
    absent = absent_from(built)
    for row in sorted(standing(built), key=lambda row: row["applied_start_date"]):
        day = max(row["applied_start_date"], FIRST_MONTH)
        end = min(row.get("applied_end_date") or NEVER, row.get("lost_date") or NEVER, after)
        end = min(end, absent.get((row["insurer_number"], row["who"], row["applied_start_date"]), NEVER))
        while day < end:
            person = (person_id(row["who"]), row["scheme_code"], row["insurer_number"])
            covering[*person, day.replace(day=1)][day] = row
            day += ONE_DAY
    found = {}
    for key, days in covering.items():
        month = key[-1]
        last_day = next_month(month) - ONE_DAY
        row = days[max(days)]
        age, year_age = age_on(row["birth"], last_day), age_on(row["birth"], date(fiscal_year(month) + 1, 3, 31))
        place = (row["municipality_code"], row.get("district_code"))
        ages = (age, year_age, band_of(age), band_of(year_age))
        found[key] = (len(days), last_day in days, *place, row["sex_code"], *ages)
    return found


def test_the_spine_has_every_insured_month_and_no_other(built: Built) -> None:
    columns = (
        *("covered_days", "is_member", "municipality_code", "district_code", "sex_code"),
        *("age_at_month_end", "age_at_fiscal_year_end", "age_band_code", "fiscal_year_age_band_code"),
    )
    key = ("person_id", "scheme_code", "insurer_number", "month")
    rows = built.table("marts.person_month")
    found = {tuple(row[name] for name in key): tuple(row[name] for name in columns) for row in rows}
    assert len(found) == len(rows)
    wanted = recounted(built)
    differing = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
    assert not differing, [(key[1:], "counted", wanted.get(key), "found", found.get(key)) for key in differing[:5]]


def _months(built: Built, who: Person, **values: Any) -> dict[str, tuple[int, bool]]:
    rows = built.lived("marts.person_month", who, **values)
    return {f"{row['month']:%Y-%m}": (row["covered_days"], row["is_member"]) for row in rows}


def test_a_member_counts_at_the_end_of_the_month_and_not_in_the_month_of_leaving(built: Built) -> None:
    months = _months(built, stories.leaver)
    assert months["2024-05"] == (31, True)
    assert months["2024-06"] == (19, False)
    assert max(months) == "2024-06"


def test_who_leaves_on_the_first_was_a_member_to_the_end_of_the_month_before(built: Built) -> None:
    months = _months(built, stories.leaver_on_first)
    assert months["2024-06"] == (30, True)
    assert "2024-07" not in months


def test_a_move_within_the_prefecture_ends_one_insurers_month_and_begins_the_others(built: Built) -> None:
    old = _months(built, stories.mover, insurer_number="160077")
    new = _months(built, stories.mover, insurer_number="160085")
    assert old["2023-10"] == (9, False)
    assert new["2023-10"] == (22, True)
    assert max(old) == min(new) == "2023-10"


def test_the_month_of_the_75th_birthday_is_a_members_month_of_the_late_elderly_only(built: Built) -> None:
    assert _months(built, stories.turns_75, scheme_code="kokuho")["2024-06"] == (14, False)
    assert _months(built, stories.turns_75, scheme_code="koki")["2024-06"] == (16, True)


def test_who_is_born_on_the_first_is_a_year_older_at_the_end_of_the_month_before(built: Built) -> None:
    (june,) = built.lived("marts.person_month", stories.turns_75_on_first, month=date(2024, 6, 1))
    assert (june["scheme_code"], june["is_member"], june["age_at_month_end"]) == ("kokuho", True, 75)
    ages = {
        who: built.lived("marts.person_month", who, month=date(2025, 3, 1))[0]["age_at_fiscal_year_end"]
        for who in (stories.first_of_april_75, stories.second_of_april_75, stories.first_of_april_40)
    }
    assert list(ages.values()) == [75, 74, 40]


def test_who_dies_on_31_march_was_insured_all_year_and_who_dies_the_day_before_was_not(built: Built) -> None:
    assert _months(built, stories.dies_31_march)["2024-03"] == (31, True)
    assert _months(built, stories.dies_30_march)["2024-03"] == (30, False)


def test_a_cancelled_enrolment_never_was(built: Built) -> None:
    assert not built.lived("marts.enrolment", stories.cancelled)
    assert not _months(built, stories.cancelled)


def test_the_later_version_by_its_own_date_stands_though_the_older_one_landed_after_it(built: Built) -> None:
    assert max(_months(built, stories.corrected)) == "2024-01"


def test_a_late_notice_of_leaving_takes_the_months_back(built: Built) -> None:
    months = _months(built, stories.late_notice)
    assert max(months) == "2024-01"
    assert months["2024-01"] == (14, False)


def test_days_under_two_numbers_of_one_insurer_are_covered_once(built: Built) -> None:
    assert _months(built, stories.rejoined)["2024-03"] == (31, True)


def test_who_leaves_on_the_day_of_joining_was_insured_on_no_day(built: Built) -> None:
    assert not _months(built, stories.zero_days)


def test_losing_the_insurance_ends_the_membership_where_the_ledger_names_no_other_end(built: Built) -> None:
    months = _months(built, stories.lost)
    assert (max(months), months["2024-02"]) == ("2024-02", (9, False))


def test_the_change_of_the_75th_birthday_is_told_by_its_reason_and_its_month(built: Built) -> None:
    def told(who: stories.Person) -> dict[str, bool]:
        return {row["scheme_code"]: row["is_turned_75"] for row in built.lived("marts.enrolment", who)}

    assert told(stories.turns_75) == told(stories.turns_75_on_first) == {"kokuho": True, "koki": True}
    assert told(stories.first_of_april_75) == {"kokuho": False, "koki": False}, "no reason is printed"
    assert told(stories.lost) == {"kokuho": False}, "to the late elderly, but not at that age (障害認定)"


def test_enrolment_before_the_first_month_is_known_and_not_spread(built: Built) -> None:
    assert sorted(_months(built, stories.long_gone)) == ["2020-04", "2020-05", "2020-06"]


def test_a_person_in_the_ledgers_of_both_schemes_is_one_person_of_both_together(built: Built) -> None:
    facts = [
        built.facts["members", "month", date(2024, 3, 1), scheme, "municipality", "16201", "1", "75-79", ""]
        for scheme in ("kokuho", "koki", "kokuho_koki")
    ]
    assert [figures[:3] for figures in facts] == [(1, 0, 1), (1, 0, 1), (2, 0, 1)]


def test_whom_a_full_delivery_no_longer_names_has_ended_on_its_day(built: Built) -> None:
    last = {
        who.name: max(_months(built, who)) for who in (stories.never_named, stories.named_once, stories.told_between)
    }
    assert list(last.values()) == ["2024-06", "2024-09", "2024-09"]
    assert _months(built, stories.never_named)["2024-06"] == (19, False)
    (ended,) = built.lived("marts.enrolment", stories.named_once)
    assert (ended["lost_date"], ended["lost_reason_code"]) == (date(2024, 9, 30), "absent")
    assert ended["applied_end_date"] == date(2024, 9, 30)


def test_who_is_named_again_was_a_member_all_the_time_and_who_is_told_of_later_still_is(built: Built) -> None:
    for who in (stories.named_twice, stories.named_again, stories.told_after):
        months = _months(built, who)
        assert (months["2024-07"], max(months)) == ((31, True), "2025-05"), who
        (row,) = built.lived("marts.enrolment", who)
        assert (row["lost_date"], row["lost_reason_code"]) == (None, None)


def test_who_had_left_before_keeps_the_reason_and_who_was_to_join_later_never_was(built: Built) -> None:
    (left,) = built.lived("marts.enrolment", stories.gone_before)
    assert (left["lost_date"], left["lost_reason_code"]) == (date(2024, 2, 1), "002")
    assert not _months(built, stories.joins_after)


def test_every_version_that_told_of_an_absent_member_stays_in_history(built: Built) -> None:
    (counted,) = [
        row["total"]
        for row in built.table("intermediate.int_record__count_status")
        if (row["table_name"], row["scheme_code"], row["record_status"]) == ("enrolment", "koki", "superseded")
    ]
    rows = [row for d in built.landed["16"] + built.landed["31"] for row in d.batch["enrolment"]]
    of_scheme = {(r["insurer_number"], r["who"], r["applied_start_date"]) for r in rows if r["scheme_code"] == "koki"}
    assert counted == sum(row["scheme_code"] == "koki" for row in rows) - len(of_scheme)

"""Who is one person: situations of Japanese health insurance, each as small as it can be."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.center.link.person_id import person_id
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, Load

TWIN = {"birth": date(1960, 3, 3), "sex": "2"}


def _linked(*loads: Load) -> Center:
    center = Center()
    for load in loads:
        center.take(load)
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)
    return center


def _reasons(center: Center) -> dict[str, int]:
    return dict(
        center.connection.execute(
            "SELECT reason_code, sum(edges)::BIGINT FROM link.refused_edge GROUP BY reason_code"
        ).fetchall()
    )


def test_a_claim_with_another_spelling_of_the_name_joins_by_its_number() -> None:
    load = Load()
    one = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    other = load.person("kokuho", "A", "1", branch="01", kana="サトー")
    persons = _linked(load).persons()
    assert persons[one] == persons[other]


def test_a_75th_birthday_in_the_middle_of_a_month_keeps_the_person() -> None:
    load = Load()
    before = load.person("kokuho", "A", "1", branch="01")
    after = load.person("koki", "K", "9", previous=("kokuho", "A", "1"))
    load.enrol(before, "kokuho", "A", date(2020, 4, 1), date(2025, 5, 20))
    load.enrol(after, "koki", "K", date(2025, 5, 20))
    persons = _linked(load).persons()
    assert persons[before] == persons[after]


def test_twins_of_the_same_sex_stay_two_though_number_and_birth_are_the_same() -> None:
    load = Load()
    first = load.person("kokuho", "A", "1", branch="01", kana="アイ", **TWIN)
    second = load.person("kokuho", "A", "1", branch="02", kana="マイ", **TWIN)
    for twin in (first, second):
        load.enrol(twin, "kokuho", "A", date(2020, 4, 1))
    center = _linked(load)
    persons = center.persons()
    assert persons[first] != persons[second]
    assert _reasons(center) == {"live_numbers": 1}


def test_a_claim_without_branch_goes_to_the_twin_of_its_name_and_to_neither_without_one() -> None:
    load = Load()
    first = load.person("kokuho", "A", "1", branch="01", kana="アイ", **TWIN)
    second = load.person("kokuho", "A", "1", branch="02", kana="マイ", **TWIN)
    for twin in (first, second):
        load.enrol(twin, "kokuho", "A", date(2020, 4, 1))
    named = load.person("kokuho", "A", "1", kana="マイ", **TWIN)
    nameless = load.person("kokuho", "A", "1", **TWIN)
    center = _linked(load)
    persons = center.persons()
    assert persons[named] == persons[second]
    assert persons[nameless] not in (persons[first], persons[second])
    assert _reasons(center)["ambiguous"] > 0


def test_twins_who_move_together_are_followed_by_name() -> None:
    load = Load()
    old = [load.person("kokuho", "A", "1", branch=b, kana=k, **TWIN) for b, k in (("01", "アイ"), ("02", "マイ"))]
    new = [
        load.person("kokuho", "B", "7", branch=b, kana=k, previous=("kokuho", "A", "1"), **TWIN)
        for b, k in (("01", "アイ"), ("02", "マイ"))
    ]
    for twin in old:
        load.enrol(twin, "kokuho", "A", date(2020, 4, 1), date(2023, 4, 1))
    for twin in new:
        load.enrol(twin, "kokuho", "B", date(2023, 4, 1))
    persons = _linked(load).persons()
    assert persons[old[0]] == persons[new[0]]
    assert persons[old[1]] == persons[new[1]]
    assert persons[old[0]] != persons[old[1]]


def test_a_wrong_digit_in_the_birth_of_a_row_with_number_and_name_splits_no_one() -> None:
    load = Load()
    right = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(1950, 5, 2))
    spelled = load.person("kokuho", "A", "1", branch="01", kana="サトー", birth=date(1950, 5, 2))
    wrong = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(1950, 6, 2))
    persons = _linked(load).persons()
    assert persons[right] == persons[spelled] == persons[wrong]


def test_a_number_given_to_another_person_ties_neither_to_the_other() -> None:
    load = Load()
    before = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(1950, 5, 2))
    after = load.person("kokuho", "A", "1", branch="01", kana="タナカ", birth=date(1950, 6, 2))
    center = _linked(load)
    persons = center.persons()
    assert persons[before] != persons[after]
    assert {"birth_month", "not_asked"} == set(_reasons(center))


def test_a_row_without_a_name_and_one_wrong_digit_goes_with_its_own_number() -> None:
    load = Load()
    right = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(1950, 5, 2))
    wrong = load.person("kokuho", "A", "1", branch="01", birth=date(1940, 5, 2))
    far = load.person("kokuho", "A", "1", branch="01", birth=date(1981, 7, 2))
    persons = _linked(load).persons()
    assert persons[right] == persons[wrong] != persons[far]


def test_a_claim_without_branch_and_with_a_wrong_year_goes_with_the_name_of_the_household() -> None:
    load = Load()
    right = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(2001, 5, 2))
    wrong = load.person("kokuho", "A", "1", kana="サトウ", birth=date(1991, 5, 2))
    persons = _linked(load).persons()
    assert persons[right] == persons[wrong]


def test_father_and_son_of_one_name_in_a_household_stay_two_and_a_row_that_fits_both_joins_neither() -> None:
    load = Load()
    father = load.person("kokuho", "A", "1", branch="01", kana="サトウ", birth=date(1950, 5, 2))
    son = load.person("kokuho", "A", "1", branch="02", kana="サトウ", birth=date(1980, 5, 2))
    for identity in (father, son):
        load.enrol(identity, "kokuho", "A", date(2020, 4, 1))
    either = load.person("kokuho", "A", "1", kana="サトウ", birth=date(1970, 5, 2))
    persons = _linked(load).persons()
    assert len({persons[father], persons[son], persons[either]}) == 3


def test_cousins_of_one_name_with_branches_of_their_own_stay_two_though_one_is_not_enrolled() -> None:
    load = Load()
    one = load.person("kokuho", "A", "1", branch="06", kana="サトウ", birth=date(2014, 5, 2))
    other = load.person("kokuho", "A", "1", branch="07", kana="サトウ", birth=date(2014, 1, 7))
    load.enrol(other, "kokuho", "A", date(2020, 4, 1))
    persons = _linked(load).persons()
    assert persons[one] != persons[other]


def test_who_marries_is_followed_by_the_given_name_and_the_day_on_which_one_number_ends_and_the_other_begins() -> None:
    load = Load()
    before = load.person("kokuho", "A", "1", branch="01", kana="サトウ　ハナコ", sex="2")
    after = load.person("kokuho", "B", "7", branch="02", kana="タナカ　ハナコ", sex="2")
    later = load.person("kokuho", "B", "8", branch="02", kana="スズキ　ハナコ", sex="2")
    load.enrol(before, "kokuho", "A", date(2018, 4, 1), date(2022, 6, 5))
    load.enrol(after, "kokuho", "B", date(2022, 6, 5), date(2024, 2, 1))
    load.enrol(later, "kokuho", "B", date(2024, 2, 2))
    persons = _linked(load).persons()
    assert persons[before] == persons[after] != persons[later]


def test_nobody_is_insured_after_death() -> None:
    load = Load()
    dead = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    alive = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    load.enrol(dead, "kokuho", "A", date(2018, 4, 1), date(2022, 4, 1), lost_reason="05")
    load.enrol(alive, "kokuho", "B", date(2022, 4, 8))
    center = _linked(load)
    assert center.persons()[dead] != center.persons()[alive]
    assert set(_reasons(center)) == {"life_after_death"}


def test_a_name_alone_ties_only_who_comes_within_a_year() -> None:
    load = Load()
    before = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    soon = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    late = load.person("kokuho", "C", "3", branch="01", kana="サトウ")
    load.enrol(before, "kokuho", "A", date(2015, 4, 1), date(2018, 4, 1))
    load.enrol(soon, "kokuho", "B", date(2019, 1, 1), date(2020, 1, 1))
    load.enrol(late, "kokuho", "C", date(2022, 4, 1))
    center = _linked(load)
    persons = center.persons()
    assert persons[before] == persons[soon] != persons[late]
    assert "long_gap" in _reasons(center)


def test_two_of_one_name_and_birth_insured_at_once_in_two_towns_are_two() -> None:
    load = Load()
    here = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    there = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    for identity, insurer in ((here, "A"), (there, "B")):
        load.enrol(identity, "kokuho", insurer, date(2020, 4, 1))
    persons = _linked(load).persons()
    assert persons[here] != persons[there]


def test_a_late_notice_of_leaving_joins_the_two_numbers_once_it_comes() -> None:
    first = Load()
    here = first.person("kokuho", "A", "1", branch="01", kana="サトウ")
    there = first.person("kokuho", "B", "2", branch="01", kana="サトウ")
    first.enrol(here, "kokuho", "A", date(2018, 4, 1))
    first.enrol(there, "kokuho", "B", date(2022, 4, 1))
    center = _linked(first)
    before = center.persons()
    assert before[here] != before[there]

    notice = Load()
    notice.enrol(here, "kokuho", "A", date(2018, 4, 1), date(2022, 4, 1), processed=date(2022, 9, 1))
    center.take(notice)
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 2)
    after = center.persons()
    assert after[here] == after[there] == before[here]
    assert center.connection.execute("SELECT * FROM link.alias").fetchall() == [
        (before[there], after[there], 2, REFERENCE, "merge")
    ]
    assert _reasons(center) == {}


def _namesakes(moved_on: date, load: Load, *, previous: tuple[str, str, str] | None = None) -> list[bytes]:
    """Two of one name in town A: one leaves, and on a day a third number of that name begins in town B."""
    stays = load.person("kokuho", "A", "1", branch="01", kana="サトウ　ハナコ")
    leaves = load.person("kokuho", "A", "2", branch="01", kana="サトウ　ハナコ")
    comes = load.person("kokuho", "B", "3", branch="01", kana="サトウ　ハナコ", previous=previous)
    load.enrol(stays, "kokuho", "A", date(2018, 4, 1))
    load.enrol(leaves, "kokuho", "A", date(2019, 4, 1), date(2022, 4, 1))
    load.enrol(comes, "kokuho", "B", moved_on)
    return [stays, leaves, comes]


@pytest.mark.parametrize("moved_on", [date(2022, 4, 1), date(2022, 9, 1)])
def test_who_may_be_a_namesake_whose_leaving_nobody_told_is_given_to_nobody(moved_on: date) -> None:
    load = Load()
    identities = _namesakes(moved_on, load)
    center = _linked(load)
    assert len({center.persons()[identity] for identity in identities}) == 3
    assert _reasons(center)["ambiguous"] > 0


def test_who_turns_75_beside_a_namesake_of_the_town_who_left_is_given_to_nobody() -> None:
    load = Load()
    stays = load.person("kokuho", "A", "1", branch="01", kana="サトウ　ハナコ")
    leaves = load.person("kokuho", "A", "2", branch="01", kana="サトウ　ハナコ")
    turns = load.person("koki", "A", "3", kana="サトウ　ハナコ")
    load.enrol(stays, "kokuho", "A", date(2018, 4, 1))
    load.enrol(leaves, "kokuho", "A", date(2019, 4, 1), date(2024, 7, 11))
    load.enrol(turns, "koki", "A", date(2025, 5, 20))
    persons = _linked(load).persons()
    assert len({persons[identity] for identity in (stays, leaves, turns)}) == 3


def test_a_receipt_without_number_goes_with_the_name_of_its_town_though_a_namesake_is_elsewhere() -> None:
    load = Load()
    elsewhere = load.person("kokuho", "B", "1", branch="01", kana="サトウ　ハナコ")
    here = load.person("kokuho", "A", "2", branch="01", kana="サトウ　ハナコ")
    receipt = load.person("kokuho", "A", "9", branch="01", kana="サトウ　ハナコ")
    load.enrol(elsewhere, "kokuho", "B", date(2018, 4, 1))
    load.enrol(here, "kokuho", "A", date(2019, 4, 1), date(2024, 7, 11))
    load.claims(receipt, "kokuho", "A", date(2023, 4, 1))
    persons = _linked(load).persons()
    assert persons[receipt] == persons[here] != persons[elsewhere]


def test_the_ledger_says_which_of_two_namesakes_has_moved() -> None:
    load = Load()
    stays, leaves, comes = _namesakes(date(2022, 4, 1), load, previous=("kokuho", "A", "1"))
    persons = _linked(load).persons()
    assert persons[stays] == persons[comes] != persons[leaves]


def test_a_namesake_who_is_decided_to_be_another_leaves_no_doubt() -> None:
    load = Load()
    stays, leaves, comes = _namesakes(date(2022, 4, 1), load)
    center = Center()
    center.take(load)
    center.decide("apart", *sorted((stays, comes)))
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)
    persons = center.persons()
    assert persons[leaves] == persons[comes] != persons[stays]


def test_a_namesake_who_came_later_is_nobodys_past() -> None:
    load = Load()
    leaves = load.person("kokuho", "A", "2", branch="01", kana="サトウ　ハナコ")
    comes = load.person("kokuho", "B", "3", branch="01", kana="サトウ　ハナコ")
    another = load.person("kokuho", "C", "4", branch="01", kana="サトウ　ハナコ")
    load.enrol(leaves, "kokuho", "A", date(2019, 4, 1), date(2022, 4, 1))
    load.enrol(comes, "kokuho", "B", date(2022, 4, 1))
    load.enrol(another, "kokuho", "C", date(2023, 4, 1))
    persons = _linked(load).persons()
    assert persons[leaves] == persons[comes] != persons[another]


def test_a_name_that_very_many_have_ties_nobody() -> None:
    load = Load()
    leaves, comes = (load.person("kokuho", insurer, "1", branch="01", kana="サトウ　ハナコ") for insurer in ("A", "B"))
    for number in range(1600):
        load.person("kokuho", "C", str(number), branch="01", kana="サトウ　ハナコ")
    load.enrol(leaves, "kokuho", "A", date(2019, 4, 1), date(2022, 4, 1))
    load.enrol(comes, "kokuho", "B", date(2022, 4, 1))
    persons = _linked(load).persons()
    assert persons[leaves] != persons[comes]


def test_where_the_ledger_names_the_number_before_a_late_notice_is_not_waited_for() -> None:
    load = Load()
    here = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    there = load.person("kokuho", "B", "2", branch="01", kana="サトウ", previous=("kokuho", "A", "1"))
    load.enrol(here, "kokuho", "A", date(2018, 4, 1))
    load.enrol(there, "kokuho", "B", date(2022, 4, 1))
    persons = _linked(load).persons()
    assert persons[here] == persons[there]


def test_what_holds_a_person_together_is_told_and_the_weakest_of_it() -> None:
    load = Load()
    here = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    load.person("kokuho", "A", "1", kana="サトウ")
    there = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    load.enrol(here, "kokuho", "A", date(2018, 4, 1), date(2022, 4, 1))
    load.enrol(there, "kokuho", "B", date(2022, 4, 1))
    connection = _linked(load).connection
    ties = connection.execute("SELECT pass_id, strength, tie_rank FROM link.person_tie ORDER BY tie_rank").fetchall()
    assert [tie[:2] for tie in ties] == [("ledger_name", "strong"), ("name_succession", "weak")]
    agreeing = dict(connection.execute("SELECT pass_id, edges FROM link.person_evidence").fetchall())
    assert agreeing == {
        "ledger_name": 2, "number_birth": 2, "household_month": 2, "household_name": 2, "name_town": 2,
        "name_succession": 2, "name": 3,
    }  # fmt: skip


def test_a_care_number_ties_to_the_medical_number_that_the_certification_names() -> None:
    load = Load()
    medical = load.person("koki", "K", "9")
    care = load.person("care", "C", "5", related=("koki", "K", "9"))
    load.enrol(medical, "koki", "K", date(2021, 4, 1))
    load.certify(care, "C", date(2023, 1, 1))
    persons = _linked(load).persons()
    assert persons[medical] == persons[care]


def test_two_care_numbers_at_a_time_are_two_and_one_after_the_other_are_one() -> None:
    load = Load()
    at_once = [load.person("care", insurer, "5", kana="サトウ") for insurer in ("C", "D")]
    for identity, insurer in zip(at_once, "CD", strict=True):
        load.certify(identity, insurer, date(2023, 1, 1))
    in_turn = [load.person("care", insurer, "6", kana="タナカ") for insurer in ("C", "D")]
    load.certify(in_turn[0], "C", date(2022, 1, 1), date(2023, 1, 1))
    load.certify(in_turn[1], "D", date(2023, 1, 1))
    center = _linked(load)
    persons = center.persons()
    assert persons[at_once[0]] != persons[at_once[1]]
    assert persons[in_turn[0]] == persons[in_turn[1]]
    assert set(_reasons(center)) == {"care_numbers"}


def test_a_number_that_half_the_town_shares_makes_no_person() -> None:
    load = Load()
    shared = [load.person("koki", "K", "0", kana=f"ナマエ{n}") for n in range(41)]
    center = _linked(load)
    persons = center.persons()
    assert len({persons[identity] for identity in shared}) == 41
    assert set(_reasons(center)) == {"group_size"}


def test_the_same_tags_in_two_linkage_domains_are_two_persons() -> None:
    toyama, tottori = Load("16"), Load("31")
    one, other = (load.person("kokuho", "A", "1", branch="01", kana="サトウ") for load in (toyama, tottori))
    persons = _linked(toyama, tottori).persons()
    assert persons[one] != persons[other]


def test_the_id_rests_on_the_first_record_and_outlives_its_withdrawal() -> None:
    load = Load()
    early = load.person("kokuho", "A", "1", branch="01")
    late = load.person("koki", "K", "9", previous=("kokuho", "A", "1"))
    load.enrol(early, "kokuho", "A", date(2019, 4, 1), date(2024, 4, 1))
    load.enrol(late, "koki", "K", date(2024, 4, 1))
    center = _linked(load)
    expected = person_id(KEY, "16", date(2019, 4, 1), early)
    assert set(center.persons().values()) == {expected}

    withdrawal = Load()
    withdrawal.enrol(
        early, "kokuho", "A", date(2019, 4, 1), date(2024, 4, 1), processed=date(2025, 1, 1), is_deleted=True
    )
    center.take(withdrawal)
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 2)
    assert set(center.persons().values()) == {expected}


@pytest.mark.parametrize("has_record", [True, False])
def test_a_group_without_enrolment_or_certification_is_provisional(has_record: bool) -> None:
    load = Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    if has_record:
        load.enrol(identity, "kokuho", "A", date(2020, 4, 1))
    found = _linked(load).connection.execute("SELECT is_provisional FROM link.identity_person").fetchall()
    assert found == [(not has_record,)]

"""What holds a person together, and why an id changed: small situations."""

from __future__ import annotations

from datetime import date

from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, Load


def _link(center: Center, *loads: Load, build: int = 1) -> Center:
    for load in loads:
        center.take(load)
    relink(center.connection, KEY, KEY, rules(), REFERENCE, build)
    return center


def _ties(center: Center) -> set[tuple[frozenset[bytes], str, str]]:
    found = center.connection.execute("SELECT one_tag, other_tag, pass_id, strength FROM link.person_tie").fetchall()
    return {(frozenset((one, other)), pass_id, strength) for one, other, pass_id, strength in found}


def _aliases(center: Center) -> list[tuple[bytes, bytes, str]]:
    return center.connection.execute("SELECT old_person_id, new_person_id, reason FROM link.alias").fetchall()


def test_each_identity_is_held_by_its_surest_tie_and_who_is_alone_by_none() -> None:
    load = Load()
    ledger = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    elsewhere = load.person("koki", "K", "9", kana="ベツメイ", previous=("kokuho", "A", "1"))
    load.person("kokuho", "A", "2", branch="01", kana="ベツ", birth=date(1960, 1, 1))
    load.enrol(ledger, "kokuho", "A", date(2020, 4, 1), date(2025, 5, 20))
    load.enrol(elsewhere, "koki", "K", date(2025, 5, 20))
    assert _ties(_link(Center(), load)) == {(frozenset((ledger, elsewhere)), "number_birth", "strong")}


def test_a_decision_holds_more_than_any_token() -> None:
    load = Load()
    one = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    other = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    load.enrol(one, "kokuho", "A", date(2020, 4, 1), date(2022, 4, 1))
    load.enrol(other, "kokuho", "B", date(2022, 4, 1))
    center = _link(Center(), load)
    (by_name,) = _ties(center)
    assert by_name[0] == {one, other} and by_name[2] == "weak"
    center.decide("together", one, other)
    _link(center)
    assert _ties(center) == {(frozenset((one, other)), "decision", "decision")}
    center.undecide(one, other)
    _link(center)
    assert _ties(center) == {by_name}


def test_an_earlier_enrolment_that_comes_late_renames_and_says_so() -> None:
    load, late = Load(), Load()
    one = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    load.enrol(one, "kokuho", "A", date(2022, 4, 1))
    center = _link(Center(), load)
    before = center.persons()[one]
    late.enrol(one, "kokuho", "A", date(2015, 4, 1), date(2020, 4, 1))
    _link(center, late, build=2)
    assert _aliases(center) == [(before, center.persons()[one], "late_record")]


def test_who_is_parted_by_a_record_and_who_by_a_word_is_told_apart() -> None:
    load, again = Load(), Load()
    here = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    there = load.person("kokuho", "B", "2", branch="01", kana="サトウ")
    load.enrol(here, "kokuho", "A", date(2018, 4, 1), date(2022, 4, 1))
    load.enrol(there, "kokuho", "B", date(2022, 4, 1))
    center = _link(Center(), load)
    both = center.persons()[here]
    center.decide("apart", here, there)
    _link(center, build=2)
    assert [reason for *_, reason in _aliases(center)] == ["manual"]
    center.undecide(here, there)
    _link(center, build=3)
    assert center.persons()[there] == both
    again.enrol(here, "kokuho", "A", date(2018, 4, 1), processed=date(2024, 1, 1))  # was never left
    _link(center, again, build=4)
    assert [reason for *_, reason in _aliases(center)] == ["manual", "manual", "split"]

"""What a named person decided about two identities holds whatever the rules say."""

from __future__ import annotations

from datetime import date

from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, Load


def _linked(load: Load, *decisions: tuple[str, bytes, bytes]) -> Center:
    center = Center()
    center.take(load)
    for kind, one, other in decisions:
        center.decide(kind, one, other)
    _relink(center)
    return center


def _relink(center: Center) -> None:
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)


def test_two_who_were_decided_to_be_one_are_one_past_every_guard() -> None:
    load = Load()
    one = load.person("kokuho", "A", "1", branch="01", kana="サトウ", sex="1", birth=date(1950, 5, 2))
    other = load.person("kokuho", "B", "2", branch="01", kana="タナカ", sex="2", birth=date(1961, 7, 3))
    for identity, insurer in ((one, "A"), (other, "B")):
        load.enrol(identity, "kokuho", insurer, date(2020, 4, 1))
    apart = _linked(load).persons()
    together = _linked(load, ("together", other, one)).persons()
    assert apart[one] != apart[other]
    assert together[one] == together[other]


def test_two_who_were_decided_to_be_two_are_two_though_all_tokens_are_the_same() -> None:
    load = Load()
    one = load.person("kokuho", "A", "1", branch="01", kana="サトウ")
    other = load.person("kokuho", "A", "1", branch="01", kana="サトウイ")
    persons = _linked(load, ("apart", one, other)).persons()
    assert persons[one] != persons[other]


def test_a_chain_of_joins_never_leads_past_a_decision_to_keep_apart() -> None:
    load = Load()
    a, b, c = (load.person("koki", "K", number) for number in "123")
    center = _linked(load, ("together", a, b), ("together", b, c), ("apart", a, c))
    persons = center.persons()
    assert persons[a] != persons[c]
    assert len({persons[a], persons[b], persons[c]}) == 2


def test_a_decision_waits_for_who_is_not_here_yet_and_a_withdrawn_one_leaves_nothing() -> None:
    first, second = Load(), Load()
    one = first.person("koki", "K", "1")
    other = second.person("koki", "K", "2")
    center = _linked(first, ("together", one, other))
    alone = center.persons()
    center.take(second)
    _relink(center)
    assert center.persons()[one] == center.persons()[other]
    center.undecide(one, other)
    _relink(center)
    assert center.persons()[one] == alone[one] != center.persons()[other]

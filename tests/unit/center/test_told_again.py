"""Tokens that a batch tells again of an identity are known; those that it tells anew are taken in."""

from __future__ import annotations

from copy import deepcopy

import pytest

from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, Load, random_loads


@pytest.fixture
def load() -> Load:
    """Twenty identities with their tokens and records."""
    return random_loads(seed=7, people=20, batches=1)[0]


def linked(center: Center) -> int:
    """Link what is new; how many identities were solved anew."""
    return int(relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)["solved_identities"])


def of(*loads: Load) -> Center:
    """A center that took the loads one by one."""
    center = Center()
    for one in loads:
        center.take(one)
        linked(center)
    return center


def only_told(load: Load) -> Load:
    """The same identities and tokens with no record beside them."""
    told = Load(domain=load.domain)
    told.identity, told.identity_pass = deepcopy(load.identity), deepcopy(load.identity_pass)
    return told


def retract(center: Center, domain: str, sequence: int) -> None:
    """Take a batch out of ``raw`` as a retraction does."""
    center.connection.execute(
        "INSERT INTO control.retracted_identity SELECT DISTINCT linkage_domain, identity_tag FROM raw.identity "
        "WHERE linkage_domain = ? AND batch_sequence = ?",
        [domain, sequence],
    )
    for table in ("identity", "identity_pass", "enrolment", "care_certification", "claim"):
        center.connection.execute(
            f"DELETE FROM raw.{table} WHERE linkage_domain = ? AND batch_sequence = ?", [domain, sequence]
        )


def test_nobody_is_solved_anew_when_a_batch_tells_what_is_known(load: Load) -> None:
    center = of(load)
    before = center.tables()
    for _ in range(2):
        center.take(only_told(load))
        assert linked(center) == 0
    assert center.tables() == before


def test_a_batch_that_tells_less_of_an_identity_takes_nothing_away(load: Load) -> None:
    center = of(load)
    before = center.tables()
    less = only_told(load)
    less.identity_pass = less.identity_pass[::2]
    center.take(less)
    assert linked(center) == 0
    assert center.tables() == before


def test_a_token_that_only_the_later_batch_tells_is_taken_in(load: Load) -> None:
    first = deepcopy(load)
    held_back = first.identity_pass.pop()
    center = of(first)
    assert held_back["pass_tag"] not in tokens(center, held_back["identity_tag"])
    center.take(only_told(load))
    assert linked(center) > 0
    assert held_back["pass_tag"] in tokens(center, held_back["identity_tag"])
    assert center.tables() == of(load).tables()


def test_a_batch_taken_back_and_sent_once_more_is_taken_in_again(load: Load) -> None:
    other = random_loads(seed=8, people=5, batches=1)[0]
    center = of(other, load)
    retract(center, load.domain, 2 if other.domain == load.domain else 1)
    linked(center)
    assert center.tables() == of(other).tables()
    center.take(load)
    linked(center)
    assert center.tables() == of(other, load).tables()


def tokens(center: Center, identity_tag: object) -> set[bytes]:
    """What linkage knows of an identity."""
    found = center.connection.execute("SELECT pass_tag FROM link.incidence WHERE identity_tag = ?", [identity_tag])
    return {tag for (tag,) in found.fetchall()}

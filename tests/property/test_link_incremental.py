"""Linkage is a pure function of the set of records, however they came."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.center.link.decisions import KINDS
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, Load, random_loads


def _relink(center: Center) -> None:
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)


def _decisions(loads: list[Load], dice: random.Random) -> list[tuple[str, bytes, bytes, str]]:
    """Decisions about any two identities of one domain, right or not; of a pair one only."""
    found: dict[frozenset[bytes], tuple[str, bytes, bytes, str]] = {}
    known = [(load.domain, row["identity_tag"]) for load in loads for row in load.identity]
    for _ in range(len(known) // 4):
        domain, one = dice.choice(known)
        other = dice.choice([tag for where, tag in known if where == domain])
        if one != other:
            found[frozenset((one, other))] = (dice.choice(KINDS), one, other, domain)  # type: ignore[arg-type, assignment]
    return list(found.values())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(1, 60), batches=st.integers(1, 5))
def test_linking_batch_by_batch_equals_linking_all_at_once(seed: int, people: int, batches: int) -> None:
    loads = random_loads(seed, people, batches)
    dice = random.Random(seed)
    decisions = _decisions(loads, dice)
    step_by_step, at_once, shuffled = Center(), Center(), Center()
    for decision in decisions:
        at_once.decide(*decision)
    for load in loads:
        step_by_step.take(load)
        _relink(step_by_step)
        at_once.take(load)
    _relink(at_once)
    for decision in decisions:
        step_by_step.decide(*decision)
        _relink(step_by_step)
    steps: list[Load | tuple[str, bytes, bytes, str]] = [*loads, *decisions]
    dice.shuffle(steps)
    for step in steps:
        if isinstance(step, Load):
            shuffled.take(step)
        else:
            shuffled.decide(*step)
        _relink(shuffled)
    assert step_by_step.tables() == at_once.tables()
    assert shuffled.tables() == at_once.tables()

    for _, one, other, _ in decisions:
        step_by_step.undecide(one, other)
    _relink(step_by_step)
    undecided = Center()
    for load in loads:
        undecided.take(load)
    _relink(undecided)
    assert step_by_step.tables() == undecided.tables()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(2, 60))
def test_every_fact_of_a_renamed_identity_is_in_the_change_set(seed: int, people: int) -> None:
    center = Center()
    loads = random_loads(seed, people, 3)
    for load in loads[:-1]:
        center.take(load)
    _relink(center)
    before = center.persons()
    for table in ("change_partition", "change_person"):
        center.connection.execute(f"DELETE FROM control.{table}")
    center.take(loads[-1])
    _relink(center)
    after = center.persons()

    moved = [identity for identity, person in after.items() if before.get(identity) != person]
    changed = {row[0] for row in center.connection.execute("SELECT person_id FROM control.change_person").fetchall()}
    expected_persons = {after[i] for i in moved} | {before[i] for i in moved if i in before}
    assert changed == expected_persons
    open_partitions = set(
        center.connection.execute(
            "SELECT scheme_code, insurer_number, month FROM control.change_partition WHERE table_name = 'claim'"
        ).fetchall()
    )
    needed = set(
        center.connection.execute(
            "SELECT DISTINCT scheme_code, insurer_number, service_month FROM raw.claim "
            "WHERE list_contains(?::BLOB[], identity_tag)",
            [moved],
        ).fetchall()
    )
    assert open_partitions == needed
    aliases = set(center.connection.execute("SELECT old_person_id, new_person_id FROM link.alias").fetchall())
    assert aliases == {(before[i], after[i]) for i in moved if i in before}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(2, 60))
def test_no_person_holds_what_a_guard_forbids(seed: int, people: int) -> None:
    center = Center()
    for load in random_loads(seed, people, 1):
        center.take(load)
    _relink(center)
    mixed = center.connection.execute(
        "SELECT count(*) FROM (SELECT person_id FROM link.identity_person JOIN link.node "
        "USING (linkage_domain, identity_tag) GROUP BY person_id "
        "HAVING count(DISTINCT sex_code) > 1 OR count(DISTINCT linkage_domain) > 1 "
        "OR count(*) > 40)"
    ).fetchone()
    assert mixed == (0,)
    clashes = center.connection.execute(
        """
        WITH live AS (
            SELECT person_id, scheme_code, pass_tag,
                   applied_start_date AS s, coalesce(applied_end_date, '9999-12-31') AS e
            FROM (SELECT *, row_number() OVER (PARTITION BY linkage_domain, record_key_tag
                                               ORDER BY processed_date DESC, source_row DESC) AS place
                  FROM raw.enrolment)
            JOIN link.identity_person USING (linkage_domain, identity_tag)
            JOIN link.incidence USING (linkage_domain, identity_tag)
            WHERE place = 1 AND NOT is_deleted AND pass_id = 'number')
        SELECT count(*) FROM live a JOIN live b USING (person_id, scheme_code)
        WHERE a.pass_tag < b.pass_tag AND a.s < b.e AND b.s < a.e AND a.s < a.e AND b.s < b.e
        -- where the ledger names the number before, one without an end may have ended where the next begins
        AND NOT (a.e = DATE '9999-12-31' AND a.s < b.s) AND NOT (b.e = DATE '9999-12-31' AND b.s < a.s)"""
    ).fetchone()
    assert clashes == (0,)

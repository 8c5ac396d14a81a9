"""Linkage of a load and linkage of everything end in the same tables; new rules mean everything."""

from __future__ import annotations

import random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.center.link import first_tags
from ingest.center.link.decisions import KINDS
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from ingest.center.schema import REKEY, columns_sql
from tests.property.link_world import KEY, REFERENCE, Center, Load, random_loads, tag

PASSES = ("identity", "identity_pass", "enrolment", "care_certification", "claim")


def _relink(center: Center) -> None:
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)


def _forget_rules(center: Center) -> None:
    """What a new version of Tsumugi finds: another table of rules than the persons were made by."""
    center.connection.execute("DELETE FROM control.link_rules")


def _change_set(center: Center) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    persons = center.connection.execute("FROM control.change_person").fetchall()
    return set(persons), set(center.connection.execute("FROM control.change_partition").fetchall())


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(1, 60), batches=st.integers(1, 4))
def test_a_load_into_an_empty_center_and_everything_at_once_give_the_same(seed: int, people: int, batches: int) -> None:
    loads, dice = random_loads(seed, people, batches), random.Random(seed)
    by_load, at_once = Center(), Center()
    _relink(by_load)  # the rules are known from now on: what comes is a load
    for load in loads:
        by_load.take(load)
        at_once.take(load)
    known = [row["identity_tag"] for load in loads if load.domain == "16" for row in load.identity]
    for _ in range(len(known) // 4):
        pair = (dice.choice(KINDS), *dice.sample(known, 2))
        by_load.decide(*pair)  # type: ignore[arg-type]
        at_once.decide(*pair)  # type: ignore[arg-type]
    _relink(by_load)
    _relink(at_once)
    assert by_load.tables() == at_once.tables()
    assert _change_set(by_load) == _change_set(at_once)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(2, 60))
def test_new_rules_that_join_nobody_anew_change_nothing(seed: int, people: int) -> None:
    center = Center()
    for load in random_loads(seed, people, 3):
        center.take(load)
        _relink(center)
    before = center.tables()
    for table in ("change_partition", "change_person"):
        center.connection.execute(f"DELETE FROM control.{table}")
    center.connection.execute("DELETE FROM link.alias")
    _forget_rules(center)
    _relink(center)
    assert center.tables() == before
    assert _change_set(center) == (set(), set())
    assert center.connection.execute("FROM link.alias").fetchall() == []


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(2, 60))
def test_new_rules_and_a_batch_taken_back_leave_what_is_there_without_it(seed: int, people: int) -> None:
    center, without = Center(), Center()
    loads = [*random_loads(seed, people, 2), _of_one_more()]
    for load in loads:
        sequence = center.take(load)
        _relink(center)
    for load in loads[:-1]:
        without.take(load)
    _relink(without)
    gone = set(center.persons().values()) - set(without.persons().values())
    taken_back = f"linkage_domain = '16' AND batch_sequence = {sequence}"
    center.connection.execute(
        "INSERT INTO control.retracted_identity "
        f"SELECT DISTINCT linkage_domain, identity_tag FROM raw.identity WHERE {taken_back}"
    )
    for table in PASSES:
        center.connection.execute(f"DELETE FROM raw.{table} WHERE {taken_back}")
    center.connection.execute("DELETE FROM control.change_person")
    _forget_rules(center)
    _relink(center)
    assert center.tables() == without.tables()
    left = center.connection.execute("SELECT person_id FROM control.change_person WHERE reason = 'left'").fetchall()
    assert gone and gone <= {row[0] for row in left}
    assert center.connection.execute("FROM control.retracted_identity").fetchall() == []


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(2, 60))
def test_new_rules_after_a_rotation_of_tags_leave_persons_their_ids(seed: int, people: int) -> None:
    center = Center()
    for load in random_loads(seed, people, 2):
        center.take(load)
    _relink(center)
    before = center.persons()
    _rotate(center)
    _forget_rules(center)
    _relink(center)
    assert center.persons() == {tag("new", "identity", one): person for one, person in before.items()}


def _of_one_more() -> Load:
    """A batch of the domain 16 with one whom no other batch knows."""
    load = Load()
    load.person("koki", "Z", "9999", kana="ヨソ　モノ")
    return load


def _rotate(center: Center) -> None:
    """Every tag under a new key, as a rekey of both domains leaves them."""
    connection = center.connection
    told = connection.execute(
        "SELECT DISTINCT linkage_domain, 'identity' AS purpose, identity_tag AS old_tag FROM raw.identity "
        "UNION SELECT DISTINCT linkage_domain, purpose, pass_tag FROM raw.identity_pass"
    ).pl()
    pairs = told.with_columns(
        pl.Series("new_tag", [tag("new", *row) for row in told.select("purpose", "old_tag").iter_rows()], pl.Binary)
    )
    connection.execute(f"CREATE TEMP TABLE told_pairs ({columns_sql(REKEY['rekey'])}, linkage_domain VARCHAR)")
    connection.register("pairs", pairs.to_arrow())
    connection.execute("INSERT INTO temp.told_pairs BY NAME SELECT * FROM pairs")
    for domain in ("16", "31"):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE told_rekey AS FROM temp.told_pairs WHERE linkage_domain = ?", [domain]
        )
        first_tags.keep(connection, domain, KEY)
    tagged = [(f"raw.{table}", "identity_tag", "'identity'") for table in PASSES]
    tagged += [("raw.identity_pass", "pass_tag", "purpose"), ("link.incidence", "pass_tag", "purpose")]
    tagged += [(f"link.{table}", "identity_tag", "'identity'") for table in ("node", "incidence", "identity_person")]
    for table, column, purpose in tagged:
        connection.execute(
            f"UPDATE {table} SET {column} = told.new_tag FROM temp.told_pairs AS told "
            f"WHERE told.old_tag = {column} AND told.purpose = {purpose.replace('purpose', table + '.purpose')} "
            f"AND told.linkage_domain = {table}.linkage_domain"
        )

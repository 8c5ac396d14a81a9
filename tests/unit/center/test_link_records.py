"""The way in without a warehouse gives the persons that the warehouse gives."""

from __future__ import annotations

import polars as pl
import pytest

from ingest.center.link.records import link_records, records_of
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from tests.property.link_world import KEY, REFERENCE, Center, random_loads


@pytest.mark.parametrize("seed", [1, 2])
def test_frames_and_warehouse_give_the_same_persons(seed: int) -> None:
    center = Center()
    for load in random_loads(seed, 60, 3):
        center.take(load)
    relink(center.connection, KEY, KEY, rules(), REFERENCE, 1)
    told = [
        center.connection.execute(f"SELECT * FROM raw.{name}").pl()
        for name in ("identity", "identity_pass", "enrolment", "care_certification")
    ]
    linked = link_records(records_of(*told), rules(), KEY)
    kept = center.connection.execute(
        "SELECT linkage_domain, identity_tag, person_id, is_provisional FROM link.identity_person"
    ).pl()
    order = pl.all()
    assert linked.persons.sort(order).equals(kept.cast(linked.persons.schema).sort(order))  # type: ignore[arg-type]

"""What a later delivery changes in figures of earlier months: built step by step as if built at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.dbt_fixture import World
from tests.spec.models.delivery import NANTO_75, UOZU_75, Delivery, Person

REFERENCE_MONTH = date(2024, 9, 1)
ARRIVALS = (
    "SELECT period, numerator FROM rollups.indicator_fact WHERE indicator_id = 'arrivals' AND scheme_code = 'koki' "
    "AND area_level = 'nation' AND period_kind = 'month' AND sex_code = 'all' AND age_band_code = 'all' "
    "AND numerator > 0"
)
moves = Person("moves within the prefecture, her 資格 goes on", date(1940, 3, 3))


def test_a_move_within_the_prefecture_is_no_arrival_at_the_date_of_the_qualification(tmp_path: Path) -> None:
    world = World(tmp_path, REFERENCE_MONTH)
    came, left = Delivery(), Delivery()
    since, moved = date(2021, 1, 9), date(2024, 6, 20)
    came.enrol(moves, UOZU_75, since, acquired_reason_code="003")
    left.enrol(moves, UOZU_75, since, moved, acquired_reason_code="003", lost_date=moved, lost_reason_code="002",
               processed_date=date(2024, 8, 1))  # fmt: skip
    left.enrol(moves, NANTO_75, moved, acquired_date=since, acquired_reason_code="003")
    world.land(came.batch)
    world.build()
    assert world.rows(ARRIVALS) == [(date(2021, 1, 1), 1)]

    world.land(left.batch)
    world.build()
    step_by_step = world.rows("FROM rollups.indicator_fact ORDER BY ALL")
    assert world.rows(ARRIVALS) == [(date(2021, 1, 1), 1)]

    world.build(full_refresh=True)
    assert world.rows("FROM rollups.indicator_fact ORDER BY ALL") == step_by_step

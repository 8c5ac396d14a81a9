"""What a delivery of one scheme changes in the figures of another: built month by month as if built at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.dbt_fixture import World
from tests.spec.models.delivery import TOYAMA, UOZU_75, Delivery, Person

REFERENCE_MONTH = date(2024, 9, 1)
ARRIVALS = (
    "SELECT numerator FROM rollups.indicator_fact WHERE indicator_id = 'arrivals' AND scheme_code = 'koki' "
    "AND area_level = 'nation' AND period_kind = 'month' AND period = '2024-06-01' AND sex_code = 'all' "
    "AND age_band_code = 'all'"
)
disabled = Person("disabled, leaves 国保 of one town for 後期 of another", date(1955, 3, 3))


def test_a_late_notice_of_leaving_one_scheme_makes_an_arrival_at_the_other_a_move_within(tmp_path: Path) -> None:
    world = World(tmp_path, REFERENCE_MONTH)
    came, left = Delivery(), Delivery()
    came.enrol(disabled, TOYAMA, date(2020, 4, 1))
    came.enrol(disabled, UOZU_75, date(2024, 6, 10), acquired_reason_code="003")
    left.enrol(disabled, TOYAMA, date(2020, 4, 1), date(2024, 6, 10), lost_date=date(2024, 6, 10),
               lost_reason_code="01", processed_date=date(2024, 8, 1))  # fmt: skip
    world.land(came.batch)
    world.build()
    assert world.rows(ARRIVALS) == [(1,)]

    world.land(left.batch)
    world.build()
    assert world.rows(ARRIVALS) == [(0,)] or world.rows(ARRIVALS) == []
    step_by_step = world.rows("FROM rollups.indicator_fact ORDER BY ALL")

    world.build(full_refresh=True)
    assert world.rows("FROM rollups.indicator_fact ORDER BY ALL") == step_by_step

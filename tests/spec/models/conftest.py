"""The world of these tests: landed by hand, built by dbt once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dbt_fixture import World
from tests.spec.models import asked, crowd, medicated, newly_ill, public_tables, severe, sick, stories
from tests.spec.models.built import Built
from tests.spec.models.delivery import REFERENCE_MONTH, Delivery


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Two deliveries of 富山, one of 鳥取, and one build."""
    first, second, tottori = Delivery(), Delivery(), Delivery()
    stories.tell(first, second, tottori)
    asked.ask(first)
    sick.sicken(first)
    medicated.medicate(first)
    severe.grow_severe(first)
    newly_ill.fall_ill(first)
    crowd.gather(first, tottori)
    world = World(tmp_path_factory.mktemp("spec_models"), REFERENCE_MONTH)
    for delivery, domain in ((first, "16"), (second, "16"), (tottori, "31")):
        world.land(delivery.batch, domain)
    for table, content in public_tables.files():
        world.load_table(table, content)
    world.build()
    found = Built(world, {"16": [first, second], "31": [tottori]})
    yield found
    found.close()

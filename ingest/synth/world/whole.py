"""A world before anything is sent or written: who lives there, what befalls them, under which numbers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ingest.synth.settings import SynthSettings
from ingest.synth.world.coverage import Coverage, make_coverage
from ingest.synth.world.health import Health, make_health
from ingest.synth.world.institutions import Institutions, make_institutions
from ingest.synth.world.lives import Lives, live
from ingest.synth.world.numbers import Records, make_records
from ingest.synth.world.people import People, make_people
from ingest.synth.world.planted import plant
from ingest.synth.world.towns import Towns, make_towns


@dataclass(frozen=True)
class World:
    """The parts that both roads share: that which writes files, and that without (``ingest.evaluation``)."""

    settings: SynthSettings
    towns: Towns
    people: People
    lives: Lives
    records: Records
    health: Health
    coverage: Coverage
    institutions: Institutions
    planted: pl.DataFrame  # ``planted.PAIRS``


def make_world(settings: SynthSettings) -> World:
    """The world of the settings."""
    towns = make_towns(settings)
    people = make_people(settings, towns)
    people, lives, planted = plant(settings, people, live(settings, towns, people))
    records = make_records(settings, towns, people, lives)
    return World(
        settings=settings,
        towns=towns,
        people=people,
        lives=lives,
        records=records,
        health=make_health(settings, towns, people),
        coverage=make_coverage(settings, records),
        institutions=make_institutions(towns),
        planted=planted,
    )

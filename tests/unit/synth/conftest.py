"""One invented world of some thousands, made once, without files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from ingest.synth.settings import SynthSettings, demo
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care import Certification, make_certification
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.checkups import make_checkups
from ingest.synth.world.clock import first_day, last_day, month_of
from ingest.synth.world.coverage import Coverage, make_coverage
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.health import Health, make_health
from ingest.synth.world.institutions import make_institutions
from ingest.synth.world.lives import Lives, live
from ingest.synth.world.numbers import Records, make_records
from ingest.synth.world.people import People, make_people
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.towns import Towns, make_towns


@dataclass(frozen=True)
class World:
    settings: SynthSettings
    towns: Towns
    people: People
    lives: Lives
    records: Records
    health: Health
    coverage: Coverage
    versions: pl.DataFrame
    exams: pl.DataFrame
    results: pl.DataFrame
    certification: Certification
    claims: pl.DataFrame
    items: pl.DataFrame
    diagnoses: pl.DataFrame
    claim_records: pl.DataFrame
    members: pl.DataFrame  # person, scheme_code, month: insured at the month's end


@pytest.fixture(scope="session")
def world() -> World:
    settings = demo(months=12)
    towns = make_towns(settings)
    people = make_people(settings, towns)
    lives = live(settings, towns, people)
    records = make_records(settings, towns, people, lives)
    health = make_health(settings, towns, people)
    coverage = make_coverage(settings, records)
    institutions = make_institutions(towns)
    exams, results = make_checkups(settings, towns, people, lives, health, coverage, institutions.medical)
    use = CareUse(settings, towns, people, lives, health, institutions)
    maker = AllKinds(ReceiptMaker(settings, people, coverage, institutions, catalogue()), institutions)
    claims, items, diagnoses, claim_records, members = [], [], [], [], []
    first, last = month_of(settings.first_claim_month), month_of(settings.reference_month)
    for month in range(first - 4, last + 1):
        who, town = coverage.in_month(first_day(month), first_day(month + 1))
        events = use.month(month, who, town)
        if month < first:
            continue
        receipts = maker.month(month, events, who, town)
        claims.append(receipts.claims)
        items.append(receipts.items)
        diagnoses.append(receipts.diagnoses)
        claim_records.append(receipts.records)
        row = coverage.at(who, np.full(len(who), last_day(month)))
        scheme = coverage.records["scheme_code"].gather(row[row >= 0])
        members.append(pl.DataFrame({"person": who[row >= 0], "scheme_code": scheme, "month": month}))
    return World(
        settings, towns, people, lives, records, health, coverage,
        make_enrolment(settings, towns, people, lives, records), exams, results,
        make_certification(settings, towns, people, lives, coverage),
        pl.concat(claims), pl.concat(items), pl.concat(diagnoses), pl.concat(claim_records),
        pl.concat(members),
    )  # fmt: skip

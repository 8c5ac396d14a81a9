"""Invent a population and write its files: the one entry to the generator.

Files go to ``site-XX/inbox/<stream>/`` of a workspace, one of counts of the rest of the country to
``site-national/inbox/statistics/`` where there is such a sender, and beside them ``truth/`` says which person is
behind every number and record. The same settings give the same bytes.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import polars as pl

from ingest.progress import ProgressCallback, silent
from ingest.synth import noise, truth
from ingest.synth.counts_elsewhere import write_counts_elsewhere
from ingest.synth.deliveries import Desk
from ingest.synth.sent import sent_certifications, sent_enrolment, sent_exams, sent_results
from ingest.synth.settings import SynthSettings
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care import CareClaims, make_certification
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.chance import Dice
from ingest.synth.world.checkups import make_checkups
from ingest.synth.world.clock import first_day, month_of
from ingest.synth.world.counts import care_insured, population
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.guidance import make_guidance
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.whole import make_world

WARM_UP_MONTHS = 4


def synthesise(
    workspace: Path, settings: SynthSettings, progress: ProgressCallback | None = None
) -> dict[str, int | float]:
    """Write a world of the settings into a workspace; returns counts of people, files and rows, and seconds.

    ``progress`` is called with a description, the months done and the months to do. The folder ``truth``
    appears last, in one move: where it stands, the world is whole.
    """
    tell = progress or silent
    began = time.monotonic()
    world = make_world(settings)
    towns, people, lives, records = world.towns, world.people, world.lives, world.records
    health, coverage, institutions = world.health, world.coverage, world.institutions
    desk = Desk(workspace, settings)
    hidden = workspace / "truth.tmp"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    months = range(month_of(settings.first_claim_month), month_of(settings.reference_month) + 1)
    steps = len(months) + 1
    tell("資格・健診・認定", 0, steps)

    versions = make_enrolment(settings, towns, people, lives, records)
    desk.write_enrolment(sent_enrolment(settings, versions))
    exams, results = make_checkups(settings, towns, people, lives, health, coverage, institutions.medical)
    guidance = make_guidance(settings, exams, results)
    sent = sent_exams(settings, exams)
    desk.write_checkups(sent, sent_results(results, exams, sent), *guidance)
    certification = make_certification(settings, towns, people, lives, coverage)
    desk.write_certifications(sent_certifications(settings, certification.events))
    desk.write_population(population(settings, towns, people, lives))
    desk.write_district_sets()

    use = CareUse(settings, towns, people, lives, health, institutions)
    maker = AllKinds(ReceiptMaker(settings, people, coverage, institutions, catalogue()), institutions)
    services = CareClaims(settings, towns, people, lives, certification.spells)
    waiting: dict[int, list[tuple[pl.DataFrame, pl.DataFrame]]] = {}
    first_count = month_of(settings.first_claim_month.replace(year=settings.first_fiscal_year, month=4))
    for month in range(months[0] - WARM_UP_MONTHS, months[0]):
        insured, town = coverage.in_month(first_day(month), first_day(month + 1))
        use.month(month, insured, town)  # who lies in hospital when the first month begins
    for step, month in enumerate(months, start=1):
        tell(f"診療月 {1970 + month // 12}-{month % 12 + 1:02d}", step, steps)
        insured, town = coverage.in_month(first_day(month), first_day(month + 1))
        events = use.month(month, insured, town)
        receipts = maker.month(month, events, insured, town)
        parcels = noise.noisy_claims(
            noise.Parcel(month + 1, "base", receipts.claims, receipts.diagnoses, receipts.items, receipts.records),
            settings.noise,
            Dice(settings.seed, "noise claims", receipts.claims["source_row"]),
        )
        truth.write_claims(hidden, month, parcels)
        desk.send_claims(parcels)
        desk.write_claims(month + 1)
        claims, lines = services.month(month, use.hospital.away)
        for delivery, pair in noise.noisy_care(
            month + 1, claims, lines, settings.noise, Dice(settings.seed, "noise care", claims["source_row"])
        ):
            waiting.setdefault(delivery, []).append(pair)
        due = waiting.pop(month + 1)
        desk.write_care(pl.concat([c for c, _ in due]), pl.concat([s for _, s in due]), month + 1)
        counted = range(min(first_count, month), month + 1) if step == 1 else range(month, month + 1)
        desk.write_counts(pl.concat([care_insured(towns, people, lives, m) for m in counted]), month + 1)
    spoiled = desk.spoil()
    elsewhere = write_counts_elsewhere(workspace, settings)
    truth.write_world(hidden, settings, towns, people, lives, records, sent, certification.spells, health)
    shutil.rmtree(workspace / "truth", ignore_errors=True)
    hidden.rename(workspace / "truth")
    tell("書き出しました", steps, steps)
    return {
        "people": len(people),
        "insured": settings.people,
        "months": settings.months,
        "files": desk.files + sum(spoiled.values()),
        **desk.rows,
        **spoiled,
        **({"counts_elsewhere": elsewhere} if elsewhere else {}),
        "seconds": round(time.monotonic() - began, 1),
    }

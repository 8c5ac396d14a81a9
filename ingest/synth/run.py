"""Invent a population and write its files: the one entry to the generator.

Files go to ``site-XX/inbox/<stream>/`` of a workspace, and beside them ``truth/`` says which person is
behind every number and record. The same settings give the same bytes.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import polars as pl

from ingest.progress import ProgressCallback, silent
from ingest.synth import noise, truth
from ingest.synth.deliveries import Desk, delivery_of_days, late_by
from ingest.synth.settings import SynthSettings
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care import CareClaims, make_certification
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.chance import stream
from ingest.synth.world.checkups import make_checkups
from ingest.synth.world.clock import first_day, month_of
from ingest.synth.world.counts import care_insured, population
from ingest.synth.world.coverage import make_coverage
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.guidance import make_guidance
from ingest.synth.world.health import make_health
from ingest.synth.world.institutions import make_institutions
from ingest.synth.world.lives import live
from ingest.synth.world.numbers import make_records
from ingest.synth.world.people import make_people
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.towns import make_towns

WARM_UP_MONTHS = 4
CHECKUP_LATE = np.array([0.04, 0.02, 0.01])


def synthesise(
    workspace: Path, settings: SynthSettings, progress: ProgressCallback | None = None
) -> dict[str, int | float]:
    """Write a world of the settings into a workspace; returns counts of people, files and rows, and seconds.

    ``progress`` is called with a description, the months done and the months to do. The folder ``truth``
    appears last, in one move: where it stands, the world is whole.
    """
    tell = progress or silent
    began = time.monotonic()
    towns = make_towns(settings)
    people = make_people(settings, towns)
    lives = live(settings, towns, people)
    records = make_records(settings, towns, people, lives)
    health = make_health(settings, towns, people)
    coverage = make_coverage(settings, records)
    institutions = make_institutions(towns)
    desk = Desk(workspace, settings)
    hidden = workspace / "truth.tmp"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    months = range(month_of(settings.first_claim_month), month_of(settings.reference_month) + 1)
    steps = len(months) + 1
    tell("資格・健診・認定", 0, steps)

    versions = make_enrolment(settings, towns, people, lives, records)
    random = stream(settings.seed, "noise enrolment")
    versions = noise.noisy_names(versions, settings.noise, random)
    desk.write_enrolment(noise.impossible_sex(versions, settings.noise, random))
    exams, results = make_checkups(settings, towns, people, lives, health, coverage, institutions.medical)
    guidance = make_guidance(settings, exams, results)
    exams, results = _sent_checkups(settings, desk, exams, results)
    desk.write_checkups(exams, results, *guidance)
    certification = make_certification(settings, towns, people, lives, coverage)
    desk.write_certifications(_sent_certifications(settings, desk, certification.events))
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
        random = stream(settings.seed, "noise claims", month)
        parcels = noise.noisy_claims(
            noise.Parcel(month + 1, "base", receipts.claims, receipts.diagnoses, receipts.items, receipts.records),
            settings.noise,
            random,
        )
        truth.write_claims(hidden, month, parcels)
        desk.send_claims(parcels)
        desk.write_claims(month + 1)
        claims, lines = services.month(month, use.hospital.away)
        for delivery, pair in noise.noisy_care(
            month + 1, claims, lines, settings.noise, stream(settings.seed, "noise care", month)
        ):
            waiting.setdefault(delivery, []).append(pair)
        due = waiting.pop(month + 1)
        desk.write_care(pl.concat([c for c, _ in due]), pl.concat([s for _, s in due]), month + 1)
        counted = range(min(first_count, month), month + 1) if step == 1 else range(month, month + 1)
        desk.write_counts(pl.concat([care_insured(towns, people, lives, m) for m in counted]), month + 1)
    spoiled = desk.spoil()
    truth.write_world(hidden, settings, towns, people, lives, records, exams, certification.spells, health)
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
        "seconds": round(time.monotonic() - began, 1),
    }


def _sent_checkups(
    settings: SynthSettings, desk: Desk, exams: pl.DataFrame, results: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Examinations with ``delivery``; some come late, some again with other values or to be deleted."""
    random = stream(settings.seed, "noise checkups")
    rates = settings.noise
    days = pl.col("exam_date").cast(pl.Int32)
    late = pl.Series(late_by(CHECKUP_LATE, exams.height, random))
    exams = exams.with_columns(delivery=pl.min_horizontal(delivery_of_days(days, desk.first) + late, pl.lit(desk.last)))
    again = exams.filter(pl.Series(noise.shares(exams.height, rates.checkup_corrected, random)))
    again = again.filter(pl.col("delivery") + 2 <= desk.last)
    key = exams.height + 1
    again = again.with_columns(
        source_row=pl.col("source_row") + key,
        data_number=pl.col("data_number") + key,
        delivery=pl.col("delivery") + 2,
        is_deleted=pl.Series(random.random(again.height) < 0.2),
    )
    repeated = results.with_columns(parent_source_row=pl.col("parent_source_row") + key).join(
        again.select(parent_source_row="source_row"), on="parent_source_row", how="semi", maintain_order="left"
    )
    repeated = repeated.with_columns(
        numeric_value=pl.when(pl.col("item_id").is_in(["weight", "systolic"])).then(pl.col("numeric_value") + 2)
        .otherwise("numeric_value")
    )  # fmt: skip
    exams = noise.wrong_births(pl.concat([exams, again]), rates, random)
    wide = pl.Series(noise.shares(exams.height, rates.full_width_number, random))
    exams = exams.with_columns(
        number=pl.when(wide)
        .then(pl.col("number").str.replace_many(list("0123456789"), list("０１２３４５６７８９")))
        .otherwise("number")
    )
    exams = noise.strangers(noise.impossible_sex(exams, rates, random), rates, random)
    return exams, pl.concat([results, repeated])


def _sent_certifications(settings: SynthSettings, desk: Desk, events: pl.DataFrame) -> pl.DataFrame:
    """Notices with ``delivery``; a few are corrected (修正) or struck out (削除) later."""
    random = stream(settings.seed, "noise certification")
    events = noise.noisy_names(events, settings.noise, random).with_columns(
        delivery=delivery_of_days(pl.col("notified"), desk.first)
    )
    wrong = events.filter(
        pl.Series(noise.shares(events.height, settings.noise.certification_corrected, random))
        & (pl.col("event_code") == "2")
    )
    corrected = wrong.with_columns(
        corrected_date=pl.col("event_date").dt.offset_by("75d"),
        correction_code=pl.when(pl.Series(random.random(wrong.height) < 0.3)).then(pl.lit("3")).otherwise(pl.lit("2")),
        care_level_code=pl.lit("22"),
        delivery=pl.max_horizontal(pl.col("delivery") + 3, pl.lit(desk.first + 1)),
    )
    sent = pl.concat([events, corrected]).filter(pl.col("delivery") <= desk.last)
    return noise.impossible_sex(sent, settings.noise, random)

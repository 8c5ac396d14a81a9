"""Who has a record in which table, and how each is written there: the generator's rows without any file.

The same functions of ``ingest.synth`` that write the files say whose the rows are and with which slips; here rows
become *forms*, the distinct ways in which a person is written in a table, counted. No receipt has a line, no
examination a value.
"""

from __future__ import annotations

import polars as pl

from ingest.evaluation.claims import claim_forms
from ingest.formats.contracts import CONTRACTS
from ingest.progress import ProgressCallback
from ingest.site.area import area_of
from ingest.synth.identity_noise import IMPOSSIBLE_SEX
from ingest.synth.sent import sent_certifications, sent_enrolment, sent_exams, sent_guidance
from ingest.synth.world.care import CareClaims, make_certification
from ingest.synth.world.checkups import attended_years, graded
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.guidance import FROM, make_guidance
from ingest.synth.world.whole import World

TRUTH = {"person": pl.Int64(), "site": pl.String(), "rows": pl.Int64()}
"""What a form has beside the plain columns of its table: person, site, and how many rows it stands for."""

_UNASKED = ("name_kanji", "address", "district_code", "district_name", "doctor_name", "doctor_opinion")
"""In no token and asked for by no rule of linkage."""


def forms(world: World, tell: ProgressCallback) -> dict[str, pl.DataFrame]:
    """By contract table, the columns of ``TRUTH`` and those plain columns that tokens and linkage ask for; of 資格 and
    認定 every row is there.

    Left out is what a site sets aside: rows of other areas' insurers, of a sex that does not exist, of 公費 alone.
    """
    found = {"enrolment": _enrolment(world)}
    found |= _checkups(world)
    settings = world.settings
    certification = make_certification(settings, world.towns, world.people, world.lives, world.coverage)
    found["care_certification"] = sent_certifications(settings, certification.events)
    care = CareClaims(settings, world.towns, world.people, world.lives, certification.spells)
    found |= claim_forms(world, care, tell)
    return {table: _let_through(table, frame) for table, frame in found.items()}


def _enrolment(world: World) -> pl.DataFrame:
    versions = make_enrolment(world.settings, world.towns, world.people, world.lives, world.records)
    return sent_enrolment(world.settings, versions)


def _checkups(world: World) -> dict[str, pl.DataFrame]:
    settings, people = world.settings, world.people
    years = attended_years(
        settings, world.towns, people, world.lives, world.health, world.coverage, world.institutions.medical
    )
    exams = pl.concat(year.exams for year in years)
    guided = [year for year in years if year.year >= FROM.year]
    found = {"checkup": sent_exams(settings, exams)}
    if guided:
        results = pl.concat(graded(settings, world.towns, people, world.health, year) for year in guided)
        guidance, _ = make_guidance(settings, exams, results)
        found["guidance"] = sent_guidance(settings, guidance)
    return found


def _let_through(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that their site would send, with ``TRUTH`` and of the plain columns those that are there and asked for."""
    schema = {n: t for n, t in CONTRACTS[table].plain_schema().items() if n in frame.columns and n not in _UNASKED}
    if "rows" not in frame.columns:
        frame = frame.with_columns(rows=pl.lit(1, pl.Int64))
    frame = frame.filter(pl.col("sex_code").is_null() | (pl.col("sex_code") != IMPOSSIBLE_SEX))
    frame = frame.select(pl.col(n).cast(t) for n, t in (TRUTH | schema).items())
    by_site = frame.partition_by("site", as_dict=True, maintain_order=True)
    return pl.concat(
        [frame.clear(), *(rows.filter(~area_of(str(site)).is_foreign(rows)) for (site,), rows in by_site.items())]
    )

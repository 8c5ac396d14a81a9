"""Full deliveries (全件) that lose too many members are held in the inbox until a named person decides.

A full 資格 file ends whom it does not name. So before anything is sealed, the live members of each
insurer, as the site's own loads have told them (``members.py``), are held against the file; where more than
the limit of ``hold_limits.csv`` is missing, the file waits. `tsumugi site confirm` lets it go with the next
run, `tsumugi site refuse` has it refused and kept like any refused file. Of an insurer of whom nothing
was told before there is nothing to compare: its first delivery passes.

Files of one insurer and day are one delivery, whichever run they come in. Every run judges anew what
waits, so that what was missing may still come.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from ingest.formats import recognise
from ingest.formats.contracts import CONTRACTS
from ingest.formats.enrolment_profile import is_full
from ingest.identity.tokens import Tokeniser
from ingest.ledger import Ledger
from ingest.quality import suites
from ingest.settings import SiteSettings
from ingest.site import hold_desk, members
from ingest.site.area import Area
from ingest.site.databases import open_directory
from ingest.site.hold_desk import CONFIRMED, REFUSED, STREAM, Held, Loss
from ingest.site.inbox import InboxFile
from ingest.site.members import INSURER, Members
from ingest.site.triage import FILE, triage

LIMITS_FILE = Path(__file__).with_name("hold_limits.csv")


@dataclass(frozen=True)
class _Full:
    """A full file as it would load: its day, its rows by scheme, the versions it would seal."""

    file: InboxFile
    day: date
    row_counts: dict[str, int]
    versions: pl.DataFrame
    losses: tuple[Loss, ...] = ()

    def insurers(self) -> list[str]:
        return sorted(self.versions.get_column("insurer_number").unique().to_list())


@cache
def maximum_loss_rate() -> float:
    """The share of live members that a full 資格 delivery may lack (``hold_limits.csv``)."""
    with LIMITS_FILE.open(encoding="utf-8", newline="") as handle:
        (rate,) = (float(row["maximum_loss_rate"]) for row in csv.DictReader(handle) if row["stream"] == STREAM)
    return rate


@dataclass(frozen=True)
class Judging:
    """What judging needs of the site: its settings, ledger, keys, and the number of the batch to come."""

    site: SiteSettings
    ledger: Ledger
    tokeniser: Tokeniser
    at_rest: bytes
    area: Area
    sequence: int
    reference_month: date


def parted(of: Judging, files: list[InboxFile]) -> tuple[list[InboxFile], int]:
    """The files that can be taken, and how many full ones are held; the ledger learns of those."""
    decided = hold_desk.decisions(of.ledger)
    fulls = [
        full
        for file in files
        if is_full(file.path)
        and not of.ledger.seen_file(file.file_id)
        and decided.get(file.file_id) != REFUSED
        and (full := _read(of, file)) is not None
    ]
    stopped: list[_Full] = []
    if fulls:
        with open_directory(of.site, of.at_rest) as connection:
            known = Members(connection)
            known.forget(of.sequence)  # what a run that died before its ledger transaction remembered
            state = known.of(pl.concat([full.versions for full in fulls]).select(INSURER).unique())
        stopped = _judge(fulls, state, {file_id for file_id, state in decided.items() if state == CONFIRMED})
    held = [Held(full.file.file_id, full.file.name, full.day, full.row_counts, full.losses) for full in stopped]
    hold_desk.note(of.ledger, held, {file.file_id for file in files})
    gone = {one.file_id for one in held}
    return [file for file in files if file.file_id not in gone], len(gone)


def losses(versions: pl.DataFrame, known: pl.DataFrame, day: date) -> list[Loss]:
    """What a full delivery of ``day`` (its ``versions``) lacks of each insurer that it names, in their order.

    ``known`` holds what was told otherwise; rows of the same day in it belong to the delivery.
    """
    named = versions.select(INSURER).unique()
    told = pl.concat([versions, known.filter(pl.col("full_as_of_date") == day)]).select(*INSURER, "member_tag")
    before = members.live_before(known, day).join(named, on=INSURER, how="semi")
    missing = before.join(told, on=[*INSURER, "member_tag"], how="anti").group_by(INSURER).len("missing")
    counted = before.group_by(INSURER).len("live").join(missing, on=INSURER, how="left").sort(INSURER)
    return [Loss(insurer, live, gone or 0) for _, insurer, live, gone in counted.iter_rows()]


def _judge(fulls: list[_Full], state: pl.DataFrame, confirmed: set[str]) -> list[_Full]:
    """The full files that are held, each with what it lacks; earlier days first, files of one day together.

    A file that is held tells nothing of its other insurers either, so the others of its day are judged without it.
    """
    held: list[_Full] = []
    known = state
    for day in sorted({full.day for full in fulls}):
        waiting = [full for full in fulls if full.day == day]
        while waiting:
            together = pl.concat([full.versions for full in waiting])
            lost = {
                loss.insurer_number: loss
                for loss in losses(together, known, day)
                if loss.missing > maximum_loss_rate() * loss.live_before
            }
            stopped = [
                replace(full, losses=tuple(lost[number] for number in full.insurers() if number in lost))
                for full in waiting
                if full.file.file_id not in confirmed and not lost.keys().isdisjoint(full.insurers())
            ]
            if not stopped:
                known = pl.concat([known, together])
                break
            held += stopped
            gone = {full.file.file_id for full in stopped}
            waiting = [full for full in waiting if full.file.file_id not in gone]
    return held


def _read(of: Judging, file: InboxFile) -> _Full | None:
    """The file as it would load; None where it is refused for another reason or holds no row that loads."""
    try:
        reader, _ = recognise(file.path)
        reading = reader.read(file.path)
    except (OSError, MemoryError):
        raise
    except Exception:  # FileRefused, or a reader that fails: the load refuses the file and says why
        return None
    table = reading.tables[STREAM].with_columns(pl.lit(0, dtype=pl.Int64).alias(FILE))
    aside = {(0, STREAM): reading.set_aside.height} if reading.set_aside.height else {}
    judged = triage({STREAM: table}, of.area, suites.Gate(), aside, reference_month=of.reference_month)
    kept = judged.kept(STREAM)
    if judged.refused or kept.is_empty():
        return None
    rows = pl.concat([table.select("scheme_code"), reading.set_aside.select("scheme_code")])
    counted = rows.select(pl.col("scheme_code").fill_null("")).to_series().value_counts().sort("scheme_code")
    plain = kept.select(*CONTRACTS[STREAM].plain_schema())
    record_key_tags = of.tokeniser.seal_tables({STREAM: plain}, of.area.prefecture_code).tables[STREAM]
    told = members.versions(plain, record_key_tags["record_key_tag"], of.tokeniser.member_tags(plain))
    (day,) = kept.get_column("full_as_of_date").unique().to_list()
    return _Full(file, day, dict(counted.iter_rows()), told)

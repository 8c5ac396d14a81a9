"""Site extract: the files of the inbox become one sealed batch for the center.

Read, check, tokenise, seal; then, in one ledger transaction, what became of every file and row; then
the batch is handed over and the files leave the inbox, encrypted copies of them being in the archive.

Where a kill may fall and what the next run finds:

* before the ledger transaction: the inbox as it was, and a batch that nobody knows, which is thrown
  away. Quarantine and directory may hold rows of the run; both are written so that a repeat changes
  nothing.
* after it: the ledger knows the batch and the files. The batch is handed over again, the files noted
  in the same transaction are taken out of the inbox, nothing is read twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from ingest import faults, stopwatch, warehouse
from ingest.formats.enrolment_profile import is_full, with_profiles
from ingest.formats.layout_files import with_layouts
from ingest.formats.uke_layout import with_subtraction_codes
from ingest.identity.directory import Directory
from ingest.identity.passes import most_sharers
from ingest.ledger import Ledger
from ingest.masters import lookups as masters
from ingest.progress import ProgressCallback
from ingest.quality import report, suites
from ingest.quality.coverage import Coverage
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import (
    archive,
    decisions,
    epoch,
    held,
    hold_desk,
    holds,
    inbox,
    layouts,
    profiles,
    rekey,
    retract,
    statistics,
    steps,
)
from ingest.site.area import area_of
from ingest.site.batch_tables import BatchTables
from ingest.site.beside import Beside
from ingest.site.databases import open_directory, open_quarantine
from ingest.site.delivery import Delivery, next_delivery_id, plan
from ingest.site.keeping import Keeping
from ingest.site.load import Load
from ingest.site.lock import locked
from ingest.site.members import Members
from ingest.site.outbox import Outbox
from ingest.statistics.columns import KIND as STATISTICS

FACTS = "facts"  # kind of the batch
CHUNK_FILES = 192
CHUNK_BYTES = 32 << 20  # source bytes read at a time; as typed columns they take about ten times that


def extract(settings: Settings, site_name: str, progress: ProgressCallback) -> dict[str, Any]:
    """Take everything that waits in the inbox of a site; returns figures of what became of it.

    Does nothing when nothing waits. Raises SiteError where another step of the site is running or a
    file changes while it is read, and the errors of keys and databases.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        inbox.remove_noted(ledger)
        outbox = Outbox.of(settings, site_name, ledger, ring)
        receipts = outbox.settle()
        retract.finish(site, site_name, ledger, ring, outbox)
        rekey.finish(settings, site_name, ledger, ring, outbox, progress)
        decisions.finish(site, ledger, ring, outbox)
        outbox.hand_over()
        _report(ledger, settings, site_name)
        corrected, codes = layouts.corrected_layouts(site), masters.subtraction_codes(settings.workspace)
        with with_layouts(corrected), with_subtraction_codes(codes):
            known = profiles.confirmed_profiles(site)
            with with_profiles(known):
                with stopwatch.lap("hash"):
                    records, counted = statistics.parted(inbox.scan(site.inbox))
                    files, unconfirmed = profiles.parted(records, known)
                of_counts: dict[str, Any] = {}
                if counted:
                    of_counts = statistics.take(settings, site_name, ledger, ring, outbox, counted, progress)
                with stopwatch.lap("hold"):
                    files, fulls_held = _without_held(site, ledger, ring, outbox, files, settings.reference_month)
                due = _due(site, ledger, ring)
                figures: dict[str, Any] = {"files": len(files)}
                if of_counts:
                    figures |= {f"statistics_{name}": value for name, value in of_counts.items()}
                if unconfirmed:
                    figures |= {"held": len(unconfirmed), "held_note": profiles.HELD}
                if fulls_held:
                    figures |= {"full_held": fulls_held, "full_held_note": hold_desk.WHAT_TO_DO}
                if files or due:
                    figures |= _take(settings, site_name, ledger, ring, outbox, files, due, progress)
        if files or due or counted:
            with stopwatch.lap("report"):
                _report(ledger, settings, site_name)
        elif not unconfirmed and not fulls_held:
            figures["note"] = "nothing waits in the inbox"
        return figures | {name: count for name, count in receipts.items() if count}


def _take(
    settings: Settings,
    site_name: str,
    ledger: Ledger,
    ring: KeyRing,
    outbox: Outbox,
    files: list[inbox.InboxFile],
    due: list[dict[str, Any]],
    progress: ProgressCallback,
) -> dict[str, Any]:
    site = settings.site(site_name)
    sequence, _ = outbox.next_batch()
    deliveries = plan(ledger, files, hold_desk.refusals(ledger))
    step = _step_name(sequence, files, due)
    ledger.begin_step("extract", step)
    at_rest = ring.secret("at-rest")
    try:
        with (
            BatchTables(site) as tables,
            # One thread: the directory is told beside the rest.
            warehouse.connect(spill=site.spill, memory_limit=site.memory_limit, threads=1) as shared,
            open_quarantine(site, at_rest, beside=shared) as quarantine,
            open_directory(site, at_rest, beside=shared) as known,
            Beside() as telling,
        ):
            tokeniser = epoch.tokeniser(ring, epoch.current(ledger))
            area = area_of(site.prefecture_code)
            directory = Directory(known, sequence)
            members = Members(known, sequence)
            for memory in (directory, members):
                memory.forget(sequence)  # what a run that died before its ledger transaction remembered
            waiting = held.Waiting(ledger, quarantine)
            keeping = Keeping(tables, tokeniser, directory, members, site.prefecture_code, telling)
            load = Load(
                list(deliveries), area, tables, keeping, quarantine, waiting,
                Coverage(settings.workspace), settings.reference_month,
            )  # fmt: skip
            _read_all(load, f"site {site_name}: read, check, tokenise", progress)
            load.take_released(due, next_delivery_id(ledger) + len(deliveries))
            faults.point("extract.read")
            with ThreadPoolExecutor(max_workers=1) as aside:
                # Once all is read: the archive holds that the files are still those that were planned with.
                archived = aside.submit(
                    _archive, deliveries, site.archive, at_rest, f"site {site_name}: archive", progress
                )
                load.close(ledger)
                with stopwatch.lap("seal"):
                    withheld = tables.withhold_shared(most_sharers(directory.identities()))
                    sealed = outbox.seal(None, tables.to_seal(), FACTS)
                faults.point("extract.sealed")
                with stopwatch.lap("archive"):
                    archived.result()
        faults.point("extract.archived")
        figures = load.figures() | {"sequence": sequence, "tokens_withheld": sum(withheld.values())}
        with ledger.transaction() as connection:
            load.record(ledger, connection, sequence)
            outbox.note(connection, sealed, FACTS)
            inbox.note_removal(ledger, connection, files)
            faults.point("extract.recording")
            steps.end(ledger, connection, "extract", step, figures)
    except BaseException as error:
        ledger.end_step("extract", step, error=type(error).__name__)
        raise
    faults.point("extract.recorded")
    outbox.hand_over()
    faults.point("extract.handed_over")
    inbox.remove_noted(ledger)
    return figures


def _without_held(
    site: SiteSettings,
    ledger: Ledger,
    ring: KeyRing,
    outbox: Outbox,
    files: list[inbox.InboxFile],
    reference_month: date,
) -> tuple[list[inbox.InboxFile], int]:
    """The files but the full deliveries that wait for a word, and how many those are; no key without any."""
    if not any(is_full(file.path) for file in files):
        hold_desk.note(ledger, [], {file.file_id for file in files})
        return files, 0
    tokeniser = epoch.tokeniser(ring, epoch.current(ledger))
    area = area_of(site.prefecture_code)
    sequence, _ = outbox.next_batch()
    judging = holds.Judging(site, ledger, tokeniser, ring.secret("at-rest"), area, sequence, reference_month)
    return holds.parted(judging, files)


def _due(site: SiteSettings, ledger: Ledger, ring: KeyRing) -> list[dict[str, Any]]:
    """The releases to be sent; the quarantine is opened only where one was noted."""
    if not held.has_noted(ledger):
        return []
    with open_quarantine(site, ring.secret("at-rest"), read_only=True) as quarantine:
        return held.due(ledger, quarantine)


def _report(ledger: Ledger, settings: Settings, site_name: str) -> None:
    """Write the reports that are not there yet, also the one of a run that was killed before it."""
    folder = settings.site(site_name).home / "reports"
    for row in ledger.rows(
        "SELECT DISTINCT sequence FROM batch WHERE way = 'sent' AND kind IN (?, ?) AND state <> 'refused'",
        (FACTS, STATISTICS),
    ):
        if not report.is_written(row["sequence"], folder):
            report.write(ledger, row["sequence"], folder, site_name, is_invented=settings.is_synthetic)


def _read_all(load: Load, description: str, progress: ProgressCallback) -> None:
    """Read and take chunk by chunk, one after the other.

    Reading is not done ahead beside the checks: they hold the interpreter while they wait for Polars' threads, and
    those may wait for the interpreter where a reader calls back into Python.
    """
    total = len(load.deliveries)
    done = 0
    progress(description, 0, total)
    with ThreadPoolExecutor(max_workers=1) as aside:
        prepared = aside.submit(suites.prepare)  # imports for seconds while the first files are read
        for deliveries in _chunks(load.deliveries):
            chunk = load.read(deliveries)
            prepared.result()
            load.take(chunk)
            done += len(deliveries)
            progress(description, done, total)


def _chunks(deliveries: list[Delivery]) -> Iterator[list[Delivery]]:
    """Deliveries in their order, a chunk at most ``CHUNK_FILES`` and about ``CHUNK_BYTES``."""
    chunk: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        chunk.append(delivery)
        size += 0 if delivery.original is not None else delivery.file.size
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _archive(
    deliveries: list[Delivery], folder: Path, key: bytes, description: str, progress: ProgressCallback
) -> None:
    for done, delivery in enumerate(deliveries, start=1):
        archive.store(delivery.file.path, folder, delivery.file.file_id, key)
        progress(description, done, len(deliveries))


def _step_name(sequence: int, files: list[inbox.InboxFile], due: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256(str(sequence).encode())
    for file in files:
        digest.update(f"\n{file.file_id} {file.name}".encode())
    for original in due:
        digest.update("\n".join(["", *original["entry_ids"]]).encode())
    return digest.hexdigest()

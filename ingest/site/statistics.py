"""Tables of counts on their way to the center: files of a sender that has no records of these persons to send.

They lie in the inbox like any file and are known by their heading. A run seals them in a batch of their own kind,
which holds nothing else: no identity, and no row of a person. A file is taken whole or not at all, is kept in the
archive, and comes back into the inbox where the center refuses its batch; `tsumugi site retract` takes the batch back.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from ingest import faults, warehouse
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.reference.errors import Fault
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import archive, inbox, steps
from ingest.site.delivery import Delivery, plan
from ingest.site.outbox import Outbox
from ingest.statistics.columns import FORMAT, KIND, STATISTIC, STATISTIC_SOURCE, STREAM, SUMMED
from ingest.statistics.reading import HEAD_BYTES, StatisticsFile, StatisticsRefused, is_statistics, read

TABLE = "statistic"
TABLES = (TABLE, "statistic_source", "control_total")
TOTAL: dict[str, pl.DataType] = {
    "delivery_id": pl.Int64(),
    "source_file_id": pl.String(),
    "stream": pl.String(),
    "table_name": pl.String(),
    "scheme_code": pl.String(),
    "measure": pl.String(),
    "outcome": pl.String(),
    "value": pl.Int64(),
}
"""A control total, as in a batch of facts."""
_NAMED_LINES = 5


def parted(files: Iterable[inbox.InboxFile]) -> tuple[list[inbox.InboxFile], list[inbox.InboxFile]]:
    """Files of records, and tables of counts."""
    others: list[inbox.InboxFile] = []
    counted: list[inbox.InboxFile] = []
    for file in files:
        with file.path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
        (counted if is_statistics(head) else others).append(file)
    return others, counted


def take(
    settings: Settings, site_name: str, ledger: Ledger, ring: KeyRing, outbox: Outbox,
    files: list[inbox.InboxFile], progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    """Check the files, seal those that hold as one batch and take all of them out of the inbox.

    Inside a step of the site. Returns counts of files by state, of rows read, refused and sealed, and the number of
    the batch. What a kill leaves is done again, or finished, by the next run, as of an extract of records.
    """
    site = settings.site(site_name)
    sequence, _ = outbox.next_batch()
    deliveries = plan(ledger, files, {})
    step = hashlib.sha256("\n".join([str(sequence), *(file.file_id for file in files)]).encode()).hexdigest()
    ledger.begin_step("statistics", step)
    try:
        found: dict[int, StatisticsFile] = {}
        refused: dict[int, StatisticsRefused] = {}
        for done, delivery in enumerate(deliveries):
            progress(f"site {site_name}: statistics", done, len(deliveries))
            delivery.stream, delivery.format = STREAM, FORMAT
            if delivery.original is not None:
                continue
            archive.store(delivery.file.path, site.archive, delivery.file.file_id, ring.secret("at-rest"))
            try:
                found[delivery.delivery_id] = _read(settings, site_name, delivery)
            except StatisticsRefused as refusal:
                refused[delivery.delivery_id] = refusal
                delivery.refuse(refusal.reason_code, _told(refusal))
        totals = _totals(deliveries, found, refused)
        with warehouse.connect(threads=1) as connection:
            for name, frame in _tables(deliveries, found, totals).items():
                connection.register(name, frame.to_arrow())
            sealed = outbox.seal(connection, {name: name for name in TABLES}, KIND)
        faults.point("statistics.sealed")
        states = [delivery.state for delivery in deliveries]
        figures: dict[str, Any] = {state: states.count(state) for state in ("taken", "refused", "duplicate")}
        figures |= {f"rows_{outcome}": _rows(totals, outcome) for outcome in ("read", "refused", "sealed")}
        figures["sequence"] = sequence
        with ledger.transaction() as noting:
            _record(ledger, noting, deliveries, found, refused, totals, sequence)
            outbox.note(noting, sealed, KIND)
            inbox.note_removal(ledger, noting, files)
            faults.point("statistics.recording")
            steps.end(ledger, noting, "statistics", step, figures)
    except BaseException as error:
        ledger.end_step("statistics", step, error=type(error).__name__)
        raise
    faults.point("statistics.recorded")
    outbox.hand_over()
    inbox.remove_noted(ledger)
    return figures


def put_into_inbox(site_inbox: Path, file: Path) -> Path:
    """Copy a checked file into the inbox, whole or not at all; the next extract takes it."""
    data = file.read_bytes()
    folder = site_inbox / STREAM
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:12]}-{file.name}"
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
    return path


def _read(settings: Settings, site_name: str, delivery: Delivery) -> StatisticsFile:
    return read(
        delivery.file.path.read_bytes(), Path(delivery.file.name).name,
        prefecture_code=settings.site(site_name).prefecture_code, reference_month=settings.reference_month,
    )  # fmt: skip


def _told(refusal: StatisticsRefused) -> str:
    """What the ledger keeps of a refusal: the first fault, and how many there are."""
    first = refusal.faults[0]
    more = f"（誤りは全部で{len(refusal.faults):,}件）" if len(refusal.faults) > 1 else ""
    place = " ".join(part for part in (f"{first.line}行目" if first.line else "", first.field) if part)
    return f"{f'{place}: ' if place else ''}{first.message}{more}"


def _tables(
    deliveries: list[Delivery], found: dict[int, StatisticsFile], totals: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The tables of the batch, in the order of files and lines."""
    rows, sources = [pl.DataFrame(schema=STATISTIC)], [pl.DataFrame(schema=STATISTIC_SOURCE)]
    for delivery in deliveries:
        if delivery.delivery_id in found:
            file, file_id = found[delivery.delivery_id], pl.lit(delivery.file.file_id).alias("source_file_id")
            rows.append(file.rows.with_columns(file_id).select(*STATISTIC))
            sources.append(file.source.with_columns(file_id).select(*STATISTIC_SOURCE))
    return {TABLE: pl.concat(rows), "statistic_source": pl.concat(sources), "control_total": totals}


def _totals(
    deliveries: list[Delivery], found: dict[int, StatisticsFile], refused: dict[int, StatisticsRefused]
) -> pl.DataFrame:
    """Rows and sums by file and scheme: read, and sealed; of a refused file how many rows it had."""
    told: list[tuple[object, ...]] = []
    for delivery in deliveries:
        about = (delivery.delivery_id, delivery.file.file_id, STREAM, TABLE)
        if delivery.delivery_id in found:
            sums = (
                found[delivery.delivery_id]
                .rows.group_by("scheme_code")
                .agg(pl.len().cast(pl.Int64).alias("rows"), *(pl.col(name).sum() for name in SUMMED))
            )
            for row in sums.sort("scheme_code").to_dicts():
                scheme = row.pop("scheme_code")
                told += [
                    (*about, scheme, measure, outcome, value)
                    for measure, value in row.items()
                    for outcome in ("read", "sealed")
                ]
        elif delivery.delivery_id in refused:
            rows = refused[delivery.delivery_id].records[TABLE]
            told += [(*about, "", "rows", outcome, rows) for outcome in ("read", "refused")]
    return pl.DataFrame(told, schema=TOTAL, orient="row")


def _rows(totals: pl.DataFrame, outcome: str) -> int:
    return int(totals.filter((pl.col("measure") == "rows") & (pl.col("outcome") == outcome))["value"].sum())


def _record(
    ledger: Ledger, noting: Any, deliveries: list[Delivery], found: dict[int, StatisticsFile],
    refused: dict[int, StatisticsRefused], totals: pl.DataFrame, sequence: int,
) -> None:  # fmt: skip
    """Deliveries, control totals and faults, inside the ledger transaction."""
    for delivery in deliveries:
        ledger.add_delivery(
            noting, delivery_id=delivery.delivery_id, file_id=delivery.file.file_id, file_name=delivery.file.name,
            stream=delivery.stream, format=delivery.format,
            months=found[delivery.delivery_id].months if delivery.delivery_id in found else [],
            state=delivery.state, reason_code=delivery.reason_code, message=delivery.message, sequence=sequence,
        )  # fmt: skip
    noting.executemany(
        "INSERT INTO control_total (delivery_id, table_name, scheme_code, measure, outcome, value) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        totals.select("delivery_id", "table_name", "scheme_code", "measure", "outcome", "value").rows(),
    )
    for delivery_id, refusal in refused.items():
        noting.executemany(
            "INSERT INTO problem (delivery_id, table_name, field, reason_code, message, rows, first_line) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(delivery_id, TABLE, *entry) for entry in _problems(refusal.faults)],
        )


def _problems(found: Iterable[Fault]) -> list[tuple[str, str, str, int, int | None]]:
    """Faults by column and reason: what is told, how many, the first line."""
    grouped: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in found:
        grouped[fault.field, fault.reason_code].append(fault)
    entries = []
    for (field, reason), same in sorted(grouped.items()):
        lines = sorted({fault.line for fault in same if fault.line is not None})
        named = "、".join(str(line) for line in lines[:_NAMED_LINES]) + (" ほか" if len(lines) > _NAMED_LINES else "")
        told = f"{same[0].message}（{named}行目）" if lines else same[0].message
        entries.append((field, reason, told, len(same), lines[0] if lines else None))
    return entries


def listed(site: SiteSettings) -> list[dict[str, Any]]:
    """The tables of counts that came to a site: file_name, state, reason_code, message, sequence, rows read."""
    if not site.ledger.is_file():
        return []
    with Ledger(site.ledger) as ledger:
        return ledger.rows(
            "SELECT file_name, state, reason_code, message, sequence, coalesce((SELECT sum(value) FROM control_total "
            "WHERE control_total.delivery_id = delivery.delivery_id AND measure = 'rows' AND outcome = 'read'), 0) "
            "AS rows FROM delivery WHERE stream = ? ORDER BY delivery_id",
            (STREAM,),
        )

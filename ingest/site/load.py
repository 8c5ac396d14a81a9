"""One extract's deliveries: read chunk by chunk, judged, kept or set aside, and accounted for."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from ingest import stopwatch
from ingest.formats import recognise
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import FileRefused, PartsReader, Reading, reasons
from ingest.ledger import Ledger
from ingest.quality import coverage, suites
from ingest.quality.quarantine import Quarantine
from ingest.site import aside_rows, held, release, totals
from ingest.site.account import Account
from ingest.site.area import Area
from ingest.site.batch_tables import BatchTables
from ingest.site.beside import Beside
from ingest.site.delivery import Delivery
from ingest.site.findings import Findings
from ingest.site.keeping import Keeping
from ingest.site.parts import gathered
from ingest.site.run_files import RunFiles, at
from ingest.site.triage import FILE, Tally, Triage, triage

LARGE_FILE = 64 << 20  # bytes from which a file is taken in parts, where its reader gives parts


@dataclass(frozen=True)
class Chunk:
    """Files read together; ``readings`` and ``refused`` (with what could be read) by position in the run."""

    fresh: list[Delivery]
    readings: dict[int, Reading] = field(default_factory=dict)
    refused: dict[int, FileRefused] = field(default_factory=dict)
    large: dict[int, PartsReader] = field(default_factory=dict)  # by position: files to be taken in parts


class Load:
    """The deliveries of one run and where their rows went; see ``read``, ``take``, ``close``, ``record``."""

    def __init__(
        self,
        deliveries: list[Delivery],
        area: Area,
        tables: BatchTables,
        keeping: Keeping,
        quarantine: Quarantine,
        waiting: held.Waiting,
        codes: coverage.Coverage,
        reference_month: date = date.max,
    ) -> None:
        self._files = RunFiles(deliveries)
        self._area = area
        self._tables = tables
        self._keeping = keeping
        self._quarantine = quarantine
        self._waiting = waiting
        self._codes = codes
        self._reference_month = reference_month
        self._gate = suites.Gate()
        self._account = Account(self._files, area)
        self._findings = Findings()
        self._again: list[pl.DataFrame] = []
        self._releases: list[tuple[int, pl.DataFrame, pl.DataFrame]] = []  # delivery, entries sent, entries left

    @property
    def deliveries(self) -> list[Delivery]:
        """All of them, by place; releases at the end."""
        return self._files.deliveries

    # -- chunk by chunk ----------------------------------------------------------------------------
    def read(self, deliveries: list[Delivery]) -> Chunk:
        """What the files hold; a duplicate is not read."""
        chunk = Chunk([delivery for delivery in deliveries if delivery.original is None])
        for delivery in chunk.fresh:
            place = self._place(delivery)
            try:
                reader, edition = recognise(delivery.file.path)
                delivery.recognised(reader, edition)
                if delivery.file.size > LARGE_FILE and isinstance(reader, PartsReader):
                    chunk.large[place] = reader
                    continue
                with stopwatch.lap("read"):
                    reading = reader.read(delivery.file.path)
                if delivery.refusal is not None:
                    tables, aside = reading.tables, reading.set_aside
                    raise FileRefused("members_lost", delivery.refusal, tables=tables, set_aside=aside)
            except FileRefused as refusal:
                delivery.refused_by(refusal)
                chunk.refused[place] = refusal
            except (OSError, MemoryError):
                raise
            except Exception as error:  # a reader that fails costs its file, not the load
                delivery.refuse("unrecognised", _failed(delivery, error))
            else:
                delivery.edition, delivery.months = reading.edition, reading.months
                chunk.readings[place] = reading
        return chunk

    def take(self, chunk: Chunk) -> None:
        """Judge, tokenise and keep what was read; duplicates are left for ``close``."""
        small = [delivery.file.file_id for delivery in chunk.fresh if self._place(delivery) not in chunk.large]
        for place, refusal in chunk.refused.items():
            self._account.refused(place, refusal)
        judged = self._take(chunk.readings)
        for place, (reason, message) in judged.refused.items():
            self.deliveries[place].refuse(reason, reasons()[reason].ja if reason == "wrong_site" else message)
        self._set_aside(small, judged, _aside(chunk.readings))
        for place, reader in chunk.large.items():
            self._take_large(place, reader)

    def take_released(self, due: list[dict[str, Any]], first_id: int) -> None:
        """Take rows that were set aside along after all, a delivery for each of their files (``held.due``), numbered
        from ``first_id``. What a file of this run brought again stays behind."""
        came = set(self._all_again()["entry_id"])
        for original in due:
            entry_ids = [entry_id for entry_id in original["entry_ids"] if entry_id not in came]
            if entry_ids:
                place = self._files.add(release.delivery(original, first_id))
                first_id += 1
                for rows in release.released(self._quarantine, entry_ids):
                    self._release(place, rows)

    def _take(self, readings: dict[int, Reading]) -> Triage:
        """Everything but the quarantine, of whole files."""
        judged = self._judge(readings)
        self._keep(judged)
        return judged

    def _judge(self, readings: dict[int, Reading], *, is_part: bool = False) -> Triage:
        """What becomes of each row, counted, of whole files or of one part of one file."""
        set_aside = _aside(readings)
        aside: dict[tuple[int, str], int] = {}
        if set_aside is not None:
            counted = set_aside.group_by(FILE, "table_name").len()
            aside = {(place, table): rows for place, table, rows in counted.iter_rows()}
        with stopwatch.lap("gate"):
            tables = _tables(readings)
            judged = triage(
                tables, self._area, self._gate, aside, reference_month=self._reference_month, is_part=is_part
            )
        with stopwatch.lap("count"):
            self._account.judged(judged, set_aside)
            self._findings.note(readings, judged, set_aside)
            for name, frame in judged.frames.items():
                if CONTRACTS[name].parent is None:
                    self._again.append(self._waiting.come_again(name, frame, self._files.file_ids))
        return judged

    def _keep(self, judged: Triage) -> None:
        kept = {name: judged.kept(name) for name in judged.frames}
        sealed = self._keeping.keep(kept, self._files.file_ids)
        with stopwatch.lap("sum"):
            self._account.kept(kept, sealed, self._codes)

    def _release(self, place: int, rows: release.Released) -> None:
        tables = {name: at(frame, place) for name, frame in rows.tables.items()}
        judged = triage(
            tables,
            self._area,
            self._gate,
            reference_month=self._reference_month,
            is_part=True,
            overruled=rows.overruled,
        )
        self._account.released(tables, judged)
        for name in judged.frames:
            self._quarantine.reason_again(aside_rows.of_rules(self._files, judged, name, judged.gone(name)))
            is_gone = pl.int_range(pl.len()).is_in(judged.verdicts[name]["_row"].implode())
            sent, left = (rows.entries[name].filter(keep) for keep in (~is_gone, is_gone))
            self._releases.append((self.deliveries[place].delivery_id, sent, left))
        self._findings.note({}, judged, None)
        self._keep(judged)

    def _take_large(self, place: int, reader: PartsReader) -> None:
        """A large file part by part; what concerns it as a whole is decided, and mended, at its end."""
        delivery = self.deliveries[place]
        file_id, tally = delivery.file.file_id, Tally()
        self._quarantine.replace([file_id], {})
        refusal: tuple[str, str] | None = None
        try:
            self._take_parts(place, reader, tally)
        except FileRefused as refused:
            delivery.refused_by(refused)
            self._account.refused(place, refused)
            return
        except (OSError, MemoryError):
            raise
        except Exception as error:  # as in ``read``: it costs the file, with what was taken of it before
            refusal = "unrecognised", _failed(delivery, error)
        refusal = refusal or tally.refusal()
        if refusal is not None:
            delivery.refuse(*refusal)
            self._quarantine.replace([file_id], {})
            self._account.take_back(place)
            self._findings.take_back(place)
            self._tables.refuse_file(file_id)

    def _take_parts(self, place: int, reader: PartsReader, tally: Tally) -> None:
        """The parts of a large file, each counted in ``tally``; one is kept while the next one is judged."""
        delivery = self.deliveries[place]
        parts = gathered(reader.parts(delivery.file.path))
        with Beside() as keeping:
            while True:
                if reader.calls_back:
                    keeping.settle()
                with stopwatch.lap("read"):
                    reading = next(parts, None)
                if reading is None:
                    return
                judged = self._judge({place: reading}, is_part=True)
                tally.add(judged.tallies.get(place, Tally()))
                self._set_aside([], judged, _aside({place: reading}))
                delivery.edition, delivery.months = reading.edition, reading.months
                keeping.do(self._keep, judged)

    def _set_aside(self, fresh: list[str], judged: Triage, set_aside: pl.DataFrame | None) -> None:
        """Rows that are not let through, into the quarantine, in place of what was there of the files ``fresh``."""
        rows = aside_rows.all_of(self._files, judged, set_aside)
        if fresh or rows:
            with stopwatch.lap("quarantine"):
                self._quarantine.replace(fresh, rows)

    # -- the whole run -----------------------------------------------------------------------------
    def close(self, ledger: Ledger) -> None:
        """Account for the run, and put control totals and arrivals into the tables of the batch.

        Raises SiteError when a row is unaccounted for.
        """
        control_total, arrival = self._account.close(ledger, self._keeping.finish)
        self._tables.add("control_total", control_total)
        self._tables.add("arrival", arrival)
        self._find_sent_again()

    def record(self, ledger: Ledger, connection: sqlite3.Connection, sequence: int) -> None:
        """Write deliveries, control totals, problems and arrivals inside the ledger transaction."""
        for delivery in self.deliveries:
            ledger.add_delivery(
                connection,
                delivery_id=delivery.delivery_id,
                file_id=delivery.file.file_id,
                file_name=delivery.file.name,
                stream=delivery.stream,
                format=delivery.format,
                edition=delivery.edition,
                months=delivery.months,
                state=delivery.state,
                reason_code=delivery.reason_code,
                message=delivery.message,
                sequence=sequence,
            )
        ids = [delivery.delivery_id for delivery in self.deliveries]
        self._account.record(connection, ids, self._codes)
        self._findings.record(connection, ids)
        connection.executemany(
            "INSERT INTO superseded (entry_id, file_id, delivery_id) VALUES (?, ?, ?)",
            [(entry_id, file_id, ids[place]) for entry_id, file_id, place in self._all_again().iter_rows()],
        )
        for delivery_id, sent, left in self._releases:
            release.finish(connection, delivery_id, sent, left)

    def figures(self) -> dict[str, int]:
        """Files by state and rows by outcome."""
        states = Counter(delivery.state for delivery in self.deliveries)
        rows = self._account.totals.filter(pl.col("measure") == "rows").group_by("outcome").agg(pl.col("value").sum())
        counted = dict(rows.iter_rows())
        figures = {state: states[state] for state in ("taken", "refused", "duplicate")} | {
            f"rows_{outcome}": int(counted.get(outcome, 0)) for outcome in ("read", *totals.OUTCOMES)
        }
        if self._releases:
            figures["rows_released"] = sum(sent.height for _, sent, _ in self._releases)
        return figures

    def _find_sent_again(self) -> None:
        """Whole files that are sent in place of earlier ones of which rows wait."""
        account = self._account.totals
        read = account.filter((pl.col("measure") == "rows") & (pl.col("outcome") == "read"))
        for place, delivery in enumerate(self.deliveries):
            if delivery.state != "taken" or delivery.is_release:
                continue
            its = self._account.arrived.filter(pl.col(FILE) == place)
            arrived = set(its.select("insurer_number", "stream", pl.col("month").cast(str)).iter_rows())
            rows = read.filter(pl.col(FILE) == place).group_by("table_name").agg(pl.col("value").sum())
            again = self._waiting.sent_again(delivery, arrived, dict(rows.iter_rows()))
            self._again.append(again.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE)))

    def _all_again(self) -> pl.DataFrame:
        """Entries whose record came again in a file of this run that was taken, with the file's place."""
        taken = [place for place, delivery in enumerate(self.deliveries) if delivery.state == "taken"]
        again = pl.concat([pl.DataFrame(schema=held.AGAIN), *self._again])
        return again.filter(pl.col(FILE).is_in(taken)).unique().sort("entry_id", FILE)

    def _place(self, delivery: Delivery) -> int:
        return self._files.places[delivery.delivery_id]


def _aside(readings: dict[int, Reading]) -> pl.DataFrame | None:
    """What the readers of these files set aside, with the file's position; None where nothing."""
    filled = [at(reading.set_aside, place) for place, reading in readings.items() if reading.set_aside.height]
    return pl.concat(filled) if filled else None


def _tables(readings: dict[int, Reading]) -> dict[str, pl.DataFrame]:
    """The tables of several files as one of each name, with the file's position."""
    found: dict[str, list[pl.DataFrame]] = {}
    for place, reading in readings.items():
        for name, frame in reading.tables.items():
            found.setdefault(name, []).append(at(frame, place))
    return {name: pl.concat(frames) for name, frames in found.items()}


def _failed(delivery: Delivery, error: Exception) -> str:
    return f"読み込みに失敗しました（{delivery.format}: {type(error).__name__}）"

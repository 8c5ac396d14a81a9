"""What one extract gathers: rows judged and tokenised chunk by chunk, and the account of them all."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from ingest import stopwatch
from ingest.expected import stream_rules
from ingest.formats import recognise
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import FileRefused, PartsReader, Reading, empty_tables, reasons
from ingest.identity.directory import Directory
from ingest.identity.tokens import Tokeniser
from ingest.ledger import Ledger
from ingest.quality import coverage, suites
from ingest.quality import quarantine as quarantine_module
from ingest.quality.quarantine import Quarantine
from ingest.site import arrivals, held, release, totals
from ingest.site.area import Area
from ingest.site.batch_tables import BatchTables
from ingest.site.delivery import Delivery
from ingest.site.errors import SiteError
from ingest.site.members import Members, versions
from ingest.site.parts import gathered
from ingest.site.triage import FILE, Tally, Triage, triage

_PROBLEM_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "table_name": pl.String(),
    "field": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "rows": pl.Int64(),
    "first_line": pl.Int64(),
}
_PROBLEM_KEY = (FILE, "table_name", "field", "reason_code")
_NAMED_INSURERS = 20  # at most so many foreign insurers are named in one message
PEOPLE_ROWS = 500_000  # forms of persons that the directory is told at a time
LARGE_FILE = 64 << 20  # bytes from which a file is taken in parts, where its reader gives parts
WARNED = "（警告: 行は取り込みました）"
_NAMED_LINES = 20  # at most so many line numbers are kept of one rule and file
_HIT_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "table_name": pl.String(),
    "field": pl.String(),
    "rule_id": pl.String(),
    "severity": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "remedy": pl.String(),
    "source_row": pl.Int64(),
}
_HIT_KEY = (FILE, "table_name", "field", "rule_id")


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
        tokeniser: Tokeniser,
        directory: Directory,
        quarantine: Quarantine,
        waiting: held.Waiting,
        codes: coverage.Coverage,
        reference_month: date = date.max,
        members: Members | None = None,
    ) -> None:
        self.deliveries = deliveries
        self._area = area
        self._tables = tables
        self._tokeniser = tokeniser
        self._directory = directory
        self._quarantine = quarantine
        self._waiting = waiting
        self._codes = codes
        self._reference_month = reference_month
        self._members = members
        self._gate = suites.Gate()
        self._people: list[pl.DataFrame] = []  # what the directory is to be told
        self._position = {delivery.delivery_id: place for place, delivery in enumerate(deliveries)}
        self._file_ids = pl.Series([d.file.file_id for d in deliveries], dtype=pl.String)
        self._file_names = pl.Series([d.file.name for d in deliveries], dtype=pl.String)
        self._totals: list[pl.DataFrame] = []
        self._arrivals: list[pl.DataFrame] = []
        self._arrivals_aside: list[pl.DataFrame] = []
        self._problems: list[pl.DataFrame] = []
        self._hits: list[pl.DataFrame] = []
        self._again: list[pl.DataFrame] = []
        self._coverage: list[pl.DataFrame] = []
        self._releases: list[tuple[int, pl.DataFrame, pl.DataFrame]] = []  # delivery, entries sent, entries left

    # -- chunk by chunk ----------------------------------------------------------------------------
    def read(self, deliveries: list[Delivery]) -> Chunk:
        """What the files hold; a duplicate is not read."""
        chunk = Chunk([delivery for delivery in deliveries if delivery.original is None])
        for delivery in chunk.fresh:
            place = self._position[delivery.delivery_id]
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
                delivery.refuse("unrecognised", f"読み込みに失敗しました（{delivery.format}: {type(error).__name__}）")
            else:
                delivery.edition, delivery.months = reading.edition, reading.months
                chunk.readings[place] = reading
        return chunk

    def take(self, chunk: Chunk) -> None:
        """Judge, tokenise and keep what was read; duplicates are left for ``close``."""
        small = [delivery for delivery in chunk.fresh if self._position[delivery.delivery_id] not in chunk.large]
        for place, refusal in chunk.refused.items():
            self._count_refused(place, refusal)
        judged = self._take(chunk.readings)
        for place, (reason, message) in judged.refused.items():
            self.deliveries[place].refuse(reason, reasons()[reason].ja if reason == "wrong_site" else message)
        self._set_aside([delivery.file.file_id for delivery in small], judged, _aside(chunk.readings))
        for place, reader in chunk.large.items():
            self._take_large(place, reader)

    def _take(self, readings: dict[int, Reading], *, is_part: bool = False) -> Triage:
        """Everything but the quarantine, of whole files or of one part of one file."""
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
            self._count(judged, set_aside)
            self._came_aside({name: judged.gone(name) for name in judged.frames})
            self._note_problems(readings, judged, set_aside)
            for name, frame in judged.frames.items():
                if CONTRACTS[name].parent is None:
                    self._again.append(self._waiting.come_again(name, frame, self._file_ids))
        self._keep(judged)
        return judged

    def take_released(self, due: list[dict[str, Any]], first_id: int) -> None:
        """Take rows that were set aside along after all, a delivery for each of their files (``held.due``), numbered
        from ``first_id``. What a file of this run brought again stays behind."""
        came = set(self._all_again()["entry_id"])
        for original in due:
            entry_ids = [entry_id for entry_id in original["entry_ids"] if entry_id not in came]
            if entry_ids:
                place = self._add(release.delivery(original, first_id))
                first_id += 1
                for rows in release.released(self._quarantine, entry_ids):
                    self._release(place, rows)

    def _release(self, place: int, rows: release.Released) -> None:
        tables = {name: _at(frame, place) for name, frame in rows.tables.items()}
        # The account moves: as many fewer are set aside, and are counted by what becomes of them now.
        moved = totals.of_tables(tables, pl.lit("set_aside"))
        self._totals.append(moved.with_columns(-pl.col("value")))
        judged = triage(
            tables,
            self._area,
            self._gate,
            reference_month=self._reference_month,
            is_part=True,
            overruled=rows.overruled,
        )
        for name in judged.frames:
            gone = judged.gone(name)
            self._totals.append(totals.of_tables({name: gone}, pl.col("_outcome")))
            self._quarantine.reason_again(self._quarantined(judged, name, gone))
            is_gone = pl.int_range(pl.len()).is_in(judged.verdicts[name]["_row"].implode())
            sent, left = (rows.entries[name].filter(keep) for keep in (~is_gone, is_gone))
            self._releases.append((self.deliveries[place].delivery_id, sent, left))
        self._note_problems({}, judged, None)
        self._keep(judged)

    def _add(self, delivery: Delivery) -> int:
        """A further delivery of this run; its place."""
        self.deliveries.append(delivery)
        self._position[delivery.delivery_id] = place = len(self.deliveries) - 1
        self._file_ids = self._file_ids.append(pl.Series([delivery.file.file_id]))
        self._file_names = self._file_names.append(pl.Series([delivery.file.name]))
        return place

    def _take_large(self, place: int, reader: PartsReader) -> None:
        """A large file part by part; what concerns it as a whole is decided, and mended, at its end."""
        delivery = self.deliveries[place]
        file_id, tally = delivery.file.file_id, Tally()
        self._quarantine.replace([file_id], {})
        refusal: tuple[str, str] | None = None
        parts = gathered(reader.parts(delivery.file.path))
        try:
            while True:
                with stopwatch.lap("read"):
                    reading = next(parts, None)
                if reading is None:
                    break
                judged = self._take({place: reading}, is_part=True)
                tally.add(judged.tallies.get(place, Tally()))
                self._set_aside([], judged, _aside({place: reading}))
                delivery.edition, delivery.months = reading.edition, reading.months
        except FileRefused as refused:
            delivery.refused_by(refused)
            self._count_refused(place, refused)
            return
        except (OSError, MemoryError):
            raise
        except Exception as error:  # as in ``read``: it costs the file, with what was taken of it before
            refusal = "unrecognised", f"読み込みに失敗しました（{delivery.format}: {type(error).__name__}）"
        refusal = refusal or tally.refusal()
        if refusal is not None:
            delivery.refuse(*refusal)
            self._take_back(place)

    def _take_back(self, place: int) -> None:
        """Of a file refused after its parts were taken, everything counts as refused and nothing is sealed."""
        file_id = self.deliveries[place].file.file_id
        self._quarantine.replace([file_id], {})
        known = totals.together(self._totals)
        its = pl.col(FILE) == place
        read = known.filter(its & (pl.col("outcome") == "read"))
        self._totals = [known.filter(~its), read, read.with_columns(pl.lit("refused").alias("outcome"))]
        self._arrivals_aside += [frame.filter(its) for frame in self._arrivals]
        self._arrivals = [frame.filter(~its) for frame in self._arrivals]
        self._hits = [frame.filter(~its) for frame in self._hits]
        self._coverage = [frame.filter(~its) for frame in self._coverage]
        self._tables.refuse_file(file_id)

    def _count_refused(self, place: int, refusal: FileRefused) -> None:
        placed = {name: _at(frame, place) for name, frame in refusal.tables.items()}
        for outcome in ("read", "refused"):
            self._totals.append(totals.of_tables(placed, pl.lit(outcome)))
            self._totals.append(totals.of_set_aside(_at(refusal.set_aside, place), pl.lit(outcome)))
        self._came_aside(placed)

    def _came_aside(self, gone: dict[str, pl.DataFrame]) -> None:
        """Note of which months rows of our own insurers came that were set aside or refused."""
        for name, frame in gone.items():
            stream = CONTRACTS[name].stream
            if stream_rules()[stream].table_name != name or frame.is_empty():
                continue
            own = ~self._area.is_foreign(frame)
            if "insurer_number" in frame.columns:
                own &= frame["insurer_number"].is_in(self._area.insurers["insurer_number"].implode())
            self._arrivals_aside.append(arrivals.arrivals(stream, frame.filter(own), FILE))

    def _count(self, judged: Triage, set_aside: pl.DataFrame | None) -> None:
        self._totals.append(totals.of_tables(judged.frames, pl.lit("read")))
        self._totals.append(totals.of_tables({name: judged.gone(name) for name in judged.frames}, pl.col("_outcome")))
        if set_aside is not None:
            refused = pl.col(FILE).is_in(sorted(judged.refused))
            outcome = pl.when(refused).then(pl.lit("refused")).otherwise(pl.lit("set_aside"))
            self._totals.append(totals.of_set_aside(set_aside, pl.lit("read")))
            self._totals.append(totals.of_set_aside(set_aside, outcome))

    def _note_problems(self, readings: dict[int, Reading], judged: Triage, set_aside: pl.DataFrame | None) -> None:
        for place, reading in readings.items():
            found = [(place, p.table, p.field, p.reason_code, p.message, 1, p.line) for p in reading.problems]
            self._problems.append(pl.DataFrame(found, schema=_PROBLEM_SCHEMA, orient="row"))
        for name, frame in judged.frames.items():
            rows = judged.gone(name)
            if rows.height:
                message = pl.col("_message")
                if CONTRACTS[name].parent is None:
                    rows = rows.join(_foreign_insurers(rows), on=FILE, how="left", maintain_order="left")
                    elsewhere = pl.col("_reason").is_in(["out_of_area", "wrong_site"])
                    message = pl.when(elsewhere).then(pl.concat_str("_message", "_insurers")).otherwise("_message")
                told = rows.select(
                    FILE,
                    pl.lit(name).alias("table_name"),
                    pl.col("_field").alias("field"),
                    pl.col("_rule").alias("rule_id"),
                    pl.lit("set_aside").alias("severity"),
                    pl.col("_reason").alias("reason_code"),
                    message.alias("message"),
                    pl.col("_remedy").alias("remedy"),
                    "source_row",
                )
                self._problems.append(_summarised(told))
                self._hit(told.filter(pl.col("rule_id").is_not_null()))
            warned = judged.warnings[name]
            if warned.height:
                at = frame[warned["row_number"]]
                told = warned.with_columns(at[FILE], at["source_row"], pl.lit(name).alias("table_name"))
                self._problems.append(_summarised(told.with_columns(pl.col("message") + WARNED)))
                self._hit(told)
        if set_aside is not None:
            self._problems.append(_summarised(set_aside))
            reason = pl.col("reason_code")
            self._hit(set_aside.with_columns(reason.alias("rule_id"), pl.lit("set_aside").alias("severity")))

    def _hit(self, rows: pl.DataFrame) -> None:
        """Keep of each rule and file how many rows broke it, and the first lines."""
        self._hits.append(
            rows.select(*_HIT_SCHEMA)
            .cast(_HIT_SCHEMA)  # type: ignore[arg-type]
            .group_by(_HIT_KEY)
            .agg(
                pl.col("severity", "reason_code", "message", "remedy").min(),
                pl.len().cast(pl.Int64).alias("rows"),
                pl.col("source_row").sort().head(_NAMED_LINES).alias("lines"),
            )
        )

    def _set_aside(self, fresh: list[str], judged: Triage, set_aside: pl.DataFrame | None) -> None:
        """Rows that are not let through, into the quarantine (a refused file lies in the archive).

        What was there of the files ``fresh`` (ids) is replaced.
        """
        parts: dict[str, list[pl.DataFrame]] = {table: [] for table in quarantine_module.TABLES}
        for name in judged.frames:
            gone = judged.gone(name)
            for table, found in parts.items():
                rows = gone.filter(pl.col("_outcome") == table)
                if rows.height:
                    found.append(self._quarantined(judged, name, rows))
        if set_aside is not None:
            rows = set_aside.filter(~pl.col(FILE).is_in(sorted(judged.refused)))
            parts["set_aside"].append(
                rows.select(
                    self._named("file_id", self._file_ids, rows),
                    self._named("file_name", self._file_names, rows),
                    *(name for name in quarantine_module.SCHEMA if name in rows.columns),
                    pl.col("raw").alias("row_text"),
                    pl.lit("reader").alias("set_aside_by"),
                    pl.lit(None, dtype=pl.String).alias("record_table"),
                    pl.lit(None, dtype=pl.Int64).alias("record_row"),
                    pl.lit(None, dtype=pl.String).alias("record_key"),
                ).select(*quarantine_module.SCHEMA)
            )
        rows_of = {table: pl.concat(found) for table, found in parts.items() if found}
        if fresh or rows_of:
            with stopwatch.lap("quarantine"):
                self._quarantine.replace(fresh, rows_of)

    def _quarantined(self, judged: Triage, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of a table that are not let through, as the quarantine keeps them."""
        plain = pl.struct(*CONTRACTS[name].plain_schema()).struct.json_encode()
        return rows.select(
            self._named("file_id", self._file_ids, rows),
            self._named("file_name", self._file_names, rows),
            pl.lit(name).alias("table_name"),
            "source_row",
            pl.col("_field").alias("field"),
            pl.col("_reason").alias("reason_code"),
            pl.col("_message").alias("message"),
            pl.col("_remedy").alias("remedy"),
            pl.col("scheme_code") if "scheme_code" in rows.columns else pl.lit(None).alias("scheme_code"),
            plain.alias("row_text"),
            pl.lit("rule").alias("set_aside_by"),
            *held.records_of(judged, name, rows).get_columns(),
        ).cast(quarantine_module.SCHEMA)  # type: ignore[arg-type]

    def _keep(self, judged: Triage) -> None:
        """Tokenise what is let through and put it into the tables of the batch."""
        kept = {name: judged.kept(name) for name in judged.frames}
        with stopwatch.lap("classify"):
            self._coverage.append(self._codes.of(kept))
        with stopwatch.lap("tokenise"):
            for name, frame in kept.items():
                contract = CONTRACTS[name]
                if stream_rules()[contract.stream].table_name == name:  # 高額 alone is no month of claims
                    self._arrivals.append(arrivals.arrivals(contract.stream, frame, FILE))
            plain = {name: frame.drop(FILE) for name, frame in kept.items()}
            sealed = self._tokeniser.seal_tables(plain, self._area.prefecture_code)
        with stopwatch.lap("directory"):
            self._people.append(sealed.people)
            if sum(people.height for people in self._people) >= PEOPLE_ROWS:
                self._remember_people()
            if self._members is not None and "enrolment" in plain:
                keys = sealed.tables["enrolment"]["record_key_tag"]
                tags = self._tokeniser.member_tags(plain["enrolment"])
                self._members.remember(versions(plain["enrolment"], keys, tags))
        with stopwatch.lap("workroom"):
            for name, frame in sealed.tables.items():
                placed = frame.with_columns(kept[name][FILE])
                self._totals.append(totals.of_tables({name: placed}, pl.lit("sealed")))
                self._tables.add_facts(name, frame, self._file_ids.gather(kept[name][FILE]))
            self._tables.add_identities(sealed.identity, sealed.identity_pass)

    def _remember_people(self) -> None:
        if self._people:
            with stopwatch.lap("directory"):
                self._directory.remember(pl.concat(self._people))
        self._people = []

    # -- the whole run -----------------------------------------------------------------------------
    def close(self, ledger: Ledger) -> None:
        """Account for the run: duplicates as their originals, read against everything else.

        Puts control totals and arrivals into the tables of the batch. Raises SiteError when a row is unaccounted for.
        """
        known = totals.together(self._totals)
        self._totals = [known, *self._of_duplicates(ledger, known)]
        account = totals.together(self._totals)
        totals.hold(account)
        self._remember_people()
        self._hold_tables(account)
        self._totals = [account]
        came = pl.DataFrame(self._facts(), schema=_FACT_SCHEMA, orient="row")
        self._tables.add(
            "control_total",
            account.join(came, on=FILE).select(
                "delivery_id", "source_file_id", "stream", "table_name", "scheme_code", "measure", "outcome", "value"
            ),
        )
        empty = pl.DataFrame(schema=arrivals.SCHEMA).select(pl.lit(None, dtype=pl.Int64).alias(FILE), *arrivals.SCHEMA)
        keys = [name for name in empty.columns if name != "rows"]
        # Parts of a file speak of the same months, so their rows are added up.
        arrived, aside = (
            pl.concat([empty, *came_]).group_by(keys).agg(pl.col("rows").sum()).sort(keys).select(empty.columns)
            for came_ in (self._arrivals, self._arrivals_aside)
        )
        arrived = self._dated_as_original(ledger, arrived)
        self._arrivals, self._arrivals_aside = [arrived], [aside]
        self._find_sent_again(account, arrived)
        self._tables.add("arrival", arrived.join(came.drop("stream"), on=FILE).select("delivery_id", *arrivals.SCHEMA))

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
        connection.executemany(
            "INSERT INTO control_total (delivery_id, table_name, scheme_code, measure, outcome, value) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:]) for row in self._totals[0].iter_rows()],
        )
        connection.executemany(
            "INSERT INTO problem (delivery_id, table_name, field, reason_code, message, rows, first_line) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:]) for row in self._all_problems().iter_rows()],
        )
        connection.executemany(
            "INSERT INTO rule_hit (delivery_id, table_name, field, rule_id, severity, reason_code, message, remedy, "
            "rows, lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:-1], json.dumps(row[-1])) for row in self._all_hits()],
        )
        for table, (came,) in (("arrival", self._arrivals), ("arrival_aside", self._arrivals_aside)):
            connection.executemany(
                f"INSERT INTO {table} (delivery_id, insurer_number, stream, month, rows) VALUES (?, ?, ?, ?, ?)",
                [
                    (ids[place], insurer, stream, month.isoformat(), rows)
                    for place, insurer, stream, month, rows in came.iter_rows()
                ],
            )

        connection.executemany(
            "INSERT INTO superseded (entry_id, file_id, delivery_id) VALUES (?, ?, ?)",
            [(entry_id, file_id, ids[place]) for entry_id, file_id, place in self._all_again().iter_rows()],
        )
        connection.executemany(
            "INSERT INTO coverage (delivery_id, kind, row_count, unclassified_count, has_master) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (ids[place], kind, rows, unclassified, self._codes.has_master(kind))
                for place, kind, rows, unclassified in self._all_coverage().iter_rows()
            ],
        )
        for delivery_id, sent, left in self._releases:
            release.finish(connection, delivery_id, sent, left)

    def figures(self) -> dict[str, int]:
        """Files by state and rows by outcome."""
        states = Counter(delivery.state for delivery in self.deliveries)
        rows = self._totals[0].filter(pl.col("measure") == "rows").group_by("outcome").agg(pl.col("value").sum())
        counted = dict(rows.iter_rows())
        figures = {state: states[state] for state in ("taken", "refused", "duplicate")} | {
            f"rows_{outcome}": int(counted.get(outcome, 0)) for outcome in ("read", *totals.OUTCOMES)
        }
        if self._releases:
            figures["rows_released"] = sum(sent.height for _, sent, _ in self._releases)
        return figures

    # -- what was set aside before --------------------------------------------------------------------
    def _find_sent_again(self, account: pl.DataFrame, arrived: pl.DataFrame) -> None:
        """Whole files that are sent in place of earlier ones of which rows wait."""
        read = account.filter((pl.col("measure") == "rows") & (pl.col("outcome") == "read"))
        for place, delivery in enumerate(self.deliveries):
            if delivery.state != "taken" or delivery.is_release:
                continue
            its = arrived.filter(pl.col(FILE) == place).select("insurer_number", "stream", pl.col("month").cast(str))
            rows = read.filter(pl.col(FILE) == place).group_by("table_name").agg(pl.col("value").sum())
            again = self._waiting.sent_again(delivery, set(its.iter_rows()), dict(rows.iter_rows()))
            self._again.append(again.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE)))

    def _all_again(self) -> pl.DataFrame:
        """Entries whose record came again in a file of this run that was taken, with the file's place."""
        taken = [place for place, delivery in enumerate(self.deliveries) if delivery.state == "taken"]
        again = pl.concat([pl.DataFrame(schema=held.AGAIN), *self._again])
        return again.filter(pl.col(FILE).is_in(taken)).unique().sort("entry_id", FILE)

    def _dated_as_original(self, ledger: Ledger, arrived: pl.DataFrame) -> pl.DataFrame:
        """Arrivals with those of releases in the months of their file, where the file as a whole tells the month."""
        for place, delivery in enumerate(self.deliveries):
            if not delivery.is_release or stream_rules()[str(delivery.stream)].dated_by != "file":
                continue
            months = dict(
                tuple(row.values())
                for row in ledger.rows(
                    "SELECT insurer_number, max(month) FROM arrival WHERE delivery_id = ? GROUP BY insurer_number",
                    (delivery.original,),
                )
            )
            known = pl.col("insurer_number").replace_strict(months, default=None, return_dtype=pl.String).cast(pl.Date)
            arrived = arrived.with_columns(
                pl.when(pl.col(FILE) == place).then(pl.coalesce(known, "month")).otherwise("month").alias("month")
            )
        return arrived

    # -- parts ---------------------------------------------------------------------------------------
    def _of_duplicates(self, ledger: Ledger, known: pl.DataFrame) -> list[pl.DataFrame]:
        """What a file counted when it came first, it counts again as read and refused."""
        parts = []
        for place, delivery in enumerate(self.deliveries):
            if delivery.original is None or delivery.is_release:
                continue
            if delivery.original in self._position:
                first = self.deliveries[self._position[delivery.original]]
                delivery.stream, delivery.format = first.stream, first.format
                delivery.edition, delivery.months = first.edition, first.months
                came = known.filter((pl.col(FILE) == self._position[delivery.original]) & (pl.col("outcome") == "read"))
            else:
                was = ledger.rows("SELECT * FROM delivery WHERE delivery_id = ?", (delivery.original,))[0]
                delivery.stream, delivery.format = was["stream"], was["format"]
                delivery.edition, delivery.months = was["edition"], json.loads(was["months"])
                came = pl.DataFrame(
                    ledger.rows(
                        "SELECT 0 AS _file, table_name, scheme_code, measure, outcome, value FROM control_total "
                        "WHERE delivery_id = ? AND outcome = 'read'",
                        (delivery.original,),
                    ),
                    schema=totals.SCHEMA,
                )
            came = came.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE))
            parts += [came, came.with_columns(pl.lit("refused").alias("outcome"))]
        return parts

    def _hold_tables(self, account: pl.DataFrame) -> None:
        sealed = account.filter((pl.col("measure") == "rows") & (pl.col("outcome") == "sealed"))
        counted = dict(sealed.group_by("table_name").agg(pl.col("value").sum()).iter_rows())
        for name, rows in self._tables.finish().items():
            if rows != counted.get(name, 0):
                raise SiteError(f"the rows of {name} to be sealed are not those accounted for; nothing was sealed")
        empty = self._tokeniser.seal_tables(empty_tables("claim"), self._area.prefecture_code)
        self._tables.add_identities(empty.identity, empty.identity_pass)  # the tables are there, whatever came

    def _facts(self) -> list[tuple[int, int, str, str | None]]:
        return [
            (place, delivery.delivery_id, delivery.file.file_id, delivery.stream)
            for place, delivery in enumerate(self.deliveries)
        ]

    def _all_problems(self) -> pl.DataFrame:
        return (
            pl.concat([pl.DataFrame(schema=_PROBLEM_SCHEMA), *self._problems])
            .group_by(_PROBLEM_KEY)
            .agg(pl.col("message").min(), pl.col("rows").sum(), pl.col("first_line").min())
            .select(*_PROBLEM_SCHEMA)
            .sort(_PROBLEM_KEY)
        )

    def _all_coverage(self) -> pl.DataFrame:
        """Rows and unclassified ones by file and kind; parts of a file are added up."""
        counted = pl.concat([pl.DataFrame(schema=coverage.SCHEMA), *self._coverage]).group_by(FILE, "kind")
        return counted.agg(pl.col("row_count", "unclassified_count").sum()).sort(FILE, "kind")

    def _all_hits(self) -> list[tuple[Any, ...]]:
        if not self._hits:
            return []
        return (
            pl.concat(self._hits)
            .group_by(_HIT_KEY)
            .agg(
                pl.col("severity", "reason_code", "message", "remedy").min(),
                pl.col("rows").sum(),
                pl.col("lines").explode().sort().head(_NAMED_LINES),
            )
            .sort(_HIT_KEY)
            .rows()
        )

    def _named(self, name: str, values: pl.Series, rows: pl.DataFrame) -> pl.Series:
        return values.gather(rows[FILE]).alias(name)


_FACT_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "delivery_id": pl.Int64(),
    "source_file_id": pl.String(),
    "stream": pl.String(),
}


def _aside(readings: dict[int, Reading]) -> pl.DataFrame | None:
    """What the readers of these files set aside, with the file's position; None where nothing."""
    return _together([_at(reading.set_aside, place) for place, reading in readings.items()])


def _tables(readings: dict[int, Reading]) -> dict[str, pl.DataFrame]:
    """The tables of several files as one of each name, with the file's position."""
    found: dict[str, list[pl.DataFrame]] = {}
    for place, reading in readings.items():
        for name, frame in reading.tables.items():
            found.setdefault(name, []).append(_at(frame, place))
    return {name: pl.concat(frames) for name, frames in found.items()}


def _at(frame: pl.DataFrame, place: int) -> pl.DataFrame:
    return frame.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE))


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame | None:
    filled = [frame for frame in frames if frame.height]
    return pl.concat(filled) if filled else None


def _summarised(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a reason as problems: how many, the first line, the first message."""
    return (
        rows.group_by(_PROBLEM_KEY)
        .agg(
            pl.col("message").min(),
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("source_row").min().alias("first_line"),
        )
        .select(*_PROBLEM_SCHEMA)
    )


def _foreign_insurers(rows: pl.DataFrame) -> pl.DataFrame:
    """By file: the insurers outside the area with their rows, as text, the most frequent first."""
    number = "insurer_number" if "insurer_number" in rows.columns else "municipality_code"
    counted = (
        rows.filter(pl.col("_reason").is_in(["out_of_area", "wrong_site"]))
        .group_by(FILE, pl.col(number).fill_null("-").alias("number"))
        .len("rows")
        .sort(FILE, "rows", "number", descending=[False, True, False])
    )
    named = pl.concat_str("number", pl.lit(" ("), pl.col("rows").cast(pl.String), pl.lit(")"))
    more = pl.when(pl.len() > _NAMED_INSURERS).then(pl.lit(" …")).otherwise(pl.lit(""))
    return counted.group_by(FILE).agg(
        pl.concat_str(pl.lit(": "), named.head(_NAMED_INSURERS).str.join(", "), more).first().alias("_insurers")
    )

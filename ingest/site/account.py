"""The account of a run: where every row and every point of every file went, and what arrived for which month."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import polars as pl

from ingest.expected import stream_rules
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import FileRefused
from ingest.ledger import Ledger
from ingest.quality import coverage
from ingest.site import arrivals, totals
from ingest.site.area import Area
from ingest.site.delivery import Delivery
from ingest.site.errors import SiteError
from ingest.site.run_files import RunFiles, at
from ingest.site.triage import FILE, Triage

_ARRIVAL_SCHEMA = {FILE: pl.Int64()} | arrivals.SCHEMA
_FACT_SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "delivery_id": pl.Int64(),
    "source_file_id": pl.String(),
    "stream": pl.String(),
}


class Account:
    """Adds up part by part; ``close`` holds the sums against each other, ``record`` writes them to the ledger."""

    def __init__(self, files: RunFiles, area: Area) -> None:
        self._files = files
        self._area = area
        self.totals = pl.DataFrame(schema=totals.SCHEMA)  # after ``close``
        self._totals: list[pl.DataFrame] = []
        self._arrivals: list[pl.DataFrame] = []
        self._arrivals_aside: list[pl.DataFrame] = []
        self._coverage: list[pl.DataFrame] = []

    # -- part by part ------------------------------------------------------------------------------
    def judged(self, judged: Triage, set_aside: pl.DataFrame | None) -> None:
        """Rows that were read, and those that do not go on; ``set_aside`` are those that the readers kept back."""
        self._totals.append(totals.of_tables(judged.frames, pl.lit("read")))
        gone = {name: judged.gone(name) for name in judged.frames}
        self._totals.append(totals.of_tables(gone, pl.col("_outcome")))
        if set_aside is not None:
            refused = pl.col(FILE).is_in(sorted(judged.refused))
            outcome = pl.when(refused).then(pl.lit("refused")).otherwise(pl.lit("set_aside"))
            self._totals.append(totals.of_set_aside(set_aside, pl.lit("read")))
            self._totals.append(totals.of_set_aside(set_aside, outcome))
        self._came_aside(gone)

    def refused(self, place: int, refusal: FileRefused) -> None:
        """What could be read of a file that its reader refused."""
        placed = {name: at(frame, place) for name, frame in refusal.tables.items()}
        for outcome in ("read", "refused"):
            self._totals.append(totals.of_tables(placed, pl.lit(outcome)))
            self._totals.append(totals.of_set_aside(at(refusal.set_aside, place), pl.lit(outcome)))
        self._came_aside(placed)

    def released(self, tables: dict[str, pl.DataFrame], judged: Triage) -> None:
        """Rows that were set aside and go on after all, but for those judged anew: the account moves, as many fewer
        are set aside and are counted by what becomes of them now."""
        moved = totals.of_tables(tables, pl.lit("set_aside"))
        self._totals.append(moved.with_columns(-pl.col("value")))
        gone = {name: judged.gone(name) for name in judged.frames}
        self._totals.append(totals.of_tables(gone, pl.col("_outcome")))

    def kept(self, kept: dict[str, pl.DataFrame], sealed: dict[str, pl.DataFrame], known: coverage.Coverage) -> None:
        """Rows that go on, plain and as they are sealed."""
        self._coverage.append(known.of(kept))
        for name, frame in kept.items():
            stream = CONTRACTS[name].stream
            if stream_rules()[stream].table_name == name:  # 高額 alone is no month of claims
                self._arrivals.append(arrivals.arrivals(stream, frame, FILE))
        self._totals.append(totals.of_tables(sealed, pl.lit("sealed")))

    def take_back(self, place: int) -> None:
        """Of a file refused after its parts were taken, everything counts as refused."""
        known = totals.together(self._totals)
        its = pl.col(FILE) == place
        read = known.filter(its & (pl.col("outcome") == "read"))
        self._totals = [known.filter(~its), read, read.with_columns(pl.lit("refused").alias("outcome"))]
        self._arrivals_aside += [frame.filter(its) for frame in self._arrivals]
        self._arrivals = [frame.filter(~its) for frame in self._arrivals]
        self._coverage = [frame.filter(~its) for frame in self._coverage]

    # -- the whole run -----------------------------------------------------------------------------
    def close(self, ledger: Ledger, count_sealed: Callable[[], dict[str, int]]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The tables ``control_total`` and ``arrival`` of the batch: duplicates as their originals.

        Raises SiteError where a row is unaccounted for, or the tables do not have the rows that they should.
        """
        known = totals.together(self._totals)
        self.totals = totals.together([known, *self._of_duplicates(ledger, known)])
        totals.hold(self.totals)
        self._hold_tables(count_sealed())
        self._arrivals, self._arrivals_aside = (
            [self._dated(ledger, _summed(self._arrivals))],
            [_summed(self._arrivals_aside)],
        )
        facts = [(n, d.delivery_id, d.file.file_id, d.stream) for n, d in enumerate(self._files.deliveries)]
        came = pl.DataFrame(facts, schema=_FACT_SCHEMA, orient="row")
        return (
            self.totals.join(came, on=FILE).select(
                "delivery_id", "source_file_id", "stream", "table_name", "scheme_code", "measure", "outcome", "value"
            ),
            self.arrived.join(came.drop("stream"), on=FILE).select("delivery_id", *arrivals.SCHEMA),
        )

    @property
    def arrived(self) -> pl.DataFrame:
        """What arrived, by the place of the file; after ``close``."""
        return self._arrivals[0]

    def record(self, connection: sqlite3.Connection, ids: list[int], known: coverage.Coverage) -> None:
        """Write it inside the ledger transaction; ``ids`` are the deliveries by place."""
        connection.executemany(
            "INSERT INTO control_total (delivery_id, table_name, scheme_code, measure, outcome, value) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(ids[row[0]], *row[1:]) for row in self.totals.iter_rows()],
        )
        for table, (came,) in (("arrival", self._arrivals), ("arrival_aside", self._arrivals_aside)):
            connection.executemany(
                f"INSERT INTO {table} (delivery_id, insurer_number, stream, month, rows) VALUES (?, ?, ?, ?, ?)",
                [
                    (ids[place], insurer, stream, month.isoformat(), rows)
                    for place, insurer, stream, month, rows in came.iter_rows()
                ],
            )
        counted = pl.concat([pl.DataFrame(schema=coverage.SCHEMA), *self._coverage]).group_by(FILE, "kind")
        connection.executemany(
            "INSERT INTO coverage (delivery_id, kind, row_count, unclassified_count, has_master) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (ids[place], kind, rows, unclassified, known.has_master(kind))
                for place, kind, rows, unclassified in counted.agg(pl.col("row_count", "unclassified_count").sum())
                .sort(FILE, "kind")
                .iter_rows()
            ],
        )

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

    def _hold_tables(self, rows: dict[str, int]) -> None:
        sealed = self.totals.filter((pl.col("measure") == "rows") & (pl.col("outcome") == "sealed"))
        counted = dict(sealed.group_by("table_name").agg(pl.col("value").sum()).iter_rows())
        for name, count in rows.items():
            if count != counted.get(name, 0):
                raise SiteError(f"the rows of {name} to be sealed are not those accounted for; nothing was sealed")

    def _of_duplicates(self, ledger: Ledger, known: pl.DataFrame) -> list[pl.DataFrame]:
        """What a file counted when it came first, it counts again as read and refused."""
        parts = []
        for place, delivery in enumerate(self._files.deliveries):
            if delivery.original is None or delivery.is_release:
                continue
            came = self._of_original(delivery, delivery.original, ledger, known)
            came = came.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE))
            parts += [came, came.with_columns(pl.lit("refused").alias("outcome"))]
        return parts

    def _of_original(self, delivery: Delivery, original: int, ledger: Ledger, known: pl.DataFrame) -> pl.DataFrame:
        """What the original of a duplicate was, noted in the duplicate, and the rows read of it."""
        first = self._files.places.get(original)
        if first is not None:
            it = self._files.deliveries[first]
            delivery.stream, delivery.format = it.stream, it.format
            delivery.edition, delivery.months = it.edition, it.months
            return known.filter((pl.col(FILE) == first) & (pl.col("outcome") == "read"))
        was = ledger.rows("SELECT * FROM delivery WHERE delivery_id = ?", (original,))[0]
        delivery.stream, delivery.format = was["stream"], was["format"]
        delivery.edition, delivery.months = was["edition"], json.loads(was["months"])
        return pl.DataFrame(
            ledger.rows(
                "SELECT 0 AS _file, table_name, scheme_code, measure, outcome, value FROM control_total "
                "WHERE delivery_id = ? AND outcome = 'read'",
                (original,),
            ),
            schema=totals.SCHEMA,
        )

    def _dated(self, ledger: Ledger, arrived: pl.DataFrame) -> pl.DataFrame:
        """Arrivals with those of releases in the months of their file, where the file as a whole tells the month."""
        for place, delivery in enumerate(self._files.deliveries):
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


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Arrivals of parts as one: parts of a file speak of the same months, so their rows are added up."""
    keys = [name for name in _ARRIVAL_SCHEMA if name != "rows"]
    every = pl.concat([pl.DataFrame(schema=_ARRIVAL_SCHEMA), *parts])
    return every.group_by(keys).agg(pl.col("rows").sum()).sort(keys).select(*_ARRIVAL_SCHEMA)

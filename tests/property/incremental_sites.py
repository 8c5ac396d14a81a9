"""Sites that seal what is given to them: tokens, control totals and envelopes are the real ones."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl

from ingest.center.schema import DECISION, RAW_TABLES
from ingest.formats.contracts import CONTRACTS, STREAMS
from ingest.identity.tokens import Tokeniser
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.seal import seal
from ingest.settings import Settings
from ingest.statistics.columns import STATISTIC, STATISTIC_SOURCE, SUMMED
from ingest.statistics.reading import read as read_counts
from ingest.warehouse import connect
from tests import counts_world
from tests.handmade import DEFAULTS
from tests.property.incremental_rows import Number, Row, Version, arrivals


class Site:
    """One site: rows wait until they are sent as one batch, one source file a stream."""

    def __init__(self, settings: Settings, domain: str) -> None:
        self._settings = settings
        self._site = settings.site(domain)
        self._ring = KeyRing(self._site)
        self._domain = domain
        self._sequence = 0
        self._previous: str | None = None
        self._waiting: dict[str, list[Row]] = {}
        self._others: set[int] = set()  # batches of no rows: retractions and decisions
        self._identities: set[bytes] = set()
        self._tags: dict[tuple[str, str], bytes] = {}  # of enrolments, by insurer and number
        self._decided: list[str] = []

    def copied(self, settings: Settings) -> Site:
        """The same site once more, sending into another workspace with the same keys."""
        other = Site(settings, self._domain)
        other._sequence, other._previous = self._sequence, self._previous
        other._others, other._identities = set(self._others), set(self._identities)
        other._decided, other._tags = list(self._decided), dict(self._tags)
        return other

    def put(self, table: str, version: Version) -> None:
        """Add a version of a record, with its lines, to the next batch."""
        rows = self._waiting.setdefault(table, [])
        number = self._next_row(CONTRACTS[table].stream)
        rows.append(version.row | {"source_row": number})
        for name, lines in version.lines.items():
            for line in lines:
                scheme = {"scheme_code": version.row["scheme_code"], "insurer_number": version.row["insurer_number"]}
                place = {"parent_source_row": number, "source_row": self._next_row(CONTRACTS[table].stream)}
                self._waiting.setdefault(name, []).append(scheme | line | place)

    def send(self) -> None:
        """Seal what waits into the exchange; nothing where nothing waits."""
        if not self._waiting:
            return
        self._sequence += 1
        plain = {name: _frame(name, rows) for name, rows in self._waiting.items()}
        sealed = Tokeniser(self._ring.secret("identity-1"), 1).seal_tables(plain, self._site.prefecture_code)
        tables = {
            name: frame.with_columns(pl.lit(self._file(CONTRACTS[name].stream)).alias("source_file_id"))
            for name, frame in sealed.tables.items()
        }
        tables |= {
            "identity": sealed.identity,
            "identity_pass": sealed.identity_pass,
            "control_total": self._frame_of("control_total", [t for n, f in plain.items() for t in self._totals(n, f)]),
            "arrival": self._frame_of("arrival", self._arrivals()),
        }
        with connect(threads=1) as connection:
            for name, frame in tables.items():
                connection.register(name, frame.select(list(RAW_TABLES[name])).to_arrow())
            self._seal(connection, {name: name for name in tables}, "facts")
        self._identities |= set(sealed.identity["identity_tag"])
        if "enrolment" in plain:
            known = plain["enrolment"].join(
                sealed.tables["enrolment"].select("source_row", "identity_tag"), "source_row"
            )
            self._tags |= {(row["insurer_number"], row["number"]): row["identity_tag"] for row in known.to_dicts()}
        self._waiting = {}

    def tell(self, *rows: Row, reference_month: date) -> None:
        """Send a table of counts (``counts_world.row``), in a batch of its own; what waits is sent first."""
        self.send()
        self._sequence += 1
        found = read_counts(
            counts_world.table(*rows), "x.csv", prefecture_code=self._domain, reference_month=reference_month
        )
        file_id = pl.lit(found.sha256).alias("source_file_id")
        totals = [
            {"delivery_id": 0, "source_file_id": found.sha256, "stream": "statistics", "table_name": "statistic",
             "scheme_code": scheme, "measure": measure, "outcome": "sealed",
             "value": of_scheme.height if measure == "rows" else int(of_scheme[measure].sum())}
            for (scheme,), of_scheme in found.rows.group_by("scheme_code", maintain_order=True)
            for measure in ("rows", *SUMMED)
        ]  # fmt: skip
        with connect(threads=1) as connection:
            for name, frame in (
                ("statistic", found.rows.with_columns(file_id).select(*STATISTIC)),
                ("statistic_source", found.source.with_columns(file_id).select(*STATISTIC_SOURCE)),
                ("control_total", self._frame_of("control_total", totals)),
            ):
                connection.register(name, frame.to_arrow())
            tables = {name: name for name in ("statistic", "statistic_source", "control_total")}
            self._seal(connection, tables, "statistics")

    def retract(self, which: int) -> None:
        """Take back one of the batches sent before; what waits is sent first, as one batch."""
        self.send()
        known = [number for number in range(1, self._sequence + 1) if number not in self._others]
        if not known:
            return
        self._sequence += 1
        self._others.add(self._sequence)
        with connect(threads=1) as connection:
            connection.execute("CREATE TABLE retraction (retracted_sequence BIGINT)")
            connection.execute("INSERT INTO retraction VALUES (?)", [known[which % len(known)]])
            self._seal(connection, {"retraction": "retraction"}, "retraction")

    def decide(self, which: int, how: int, size: int) -> None:
        """Somebody says of two identities that they are one person or not, or takes such a word back."""
        self.send()
        tags = sorted(self._identities)
        if len(tags) < 2:
            return
        if size % 4 == 3 and self._decided:
            self._say({"decision_code": "undo", "undone_id": self._decided[how % len(self._decided)]})
            return
        one, other = which % len(tags), (which + 1 + how % (len(tags) - 1)) % len(tags)
        self._say({"decision_code": ("merge", "split", "apart")[size % 3], "one_tag": tags[one],
                   "other_tag": tags[other], "undone_id": ""})  # fmt: skip

    def merge(self, one: Number, other: Number) -> None:
        """Somebody says of two members that they are one person."""
        self.send()
        tags = {
            name: self._tags[number.insurer, number.number] for name, number in (("one_tag", one), ("other_tag", other))
        }
        self._say({"decision_code": "merge", "undone_id": ""} | tags)

    def _say(self, decision: dict[str, Any]) -> None:
        self._sequence += 1
        self._others.add(self._sequence)
        name = f"{self._domain}-{len(self._decided)}"
        said = {"decision_id": name, "place": 1, "decided_by": "富山花子", "reason": "照会済み",
                "decided_on": date(2025, 4, 1)} | decision  # fmt: skip
        self._decided.append(name)
        with connect(threads=1) as connection:
            connection.register("decision", pl.DataFrame([said], schema=DECISION).to_arrow())
            self._seal(connection, {"decision": "decision"}, "decision")

    def _seal(self, connection: duckdb.DuckDBPyConnection, tables: dict[str, str], kind: str) -> None:
        self._previous = seal(
            connection,
            tables,
            self._settings.to_center(self._domain) / f"{self._sequence:06d}",
            sender=self._domain,
            recipient=CENTER,
            sequence=self._sequence,
            previous_hash=self._previous,
            kind=kind,
            signing_key=self._ring.secret("signing"),
            recipient_public=self._ring.peer(CENTER).envelope,
        ).manifest_hash

    def _next_row(self, stream: str) -> int:
        return 1 + sum(len(rows) for name, rows in self._waiting.items() if CONTRACTS[name].stream == stream)

    def _file(self, stream: str) -> str:
        return hashlib.sha256(f"{self._domain}|{self._sequence}|{stream}".encode()).hexdigest()

    def _delivery(self, stream: str) -> int:
        return self._sequence * len(STREAMS) + STREAMS.index(stream)

    def _frame_of(self, table: str, rows: list[Row]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=RAW_TABLES[table])

    def _totals(self, table: str, frame: pl.DataFrame) -> list[Row]:
        contract = CONTRACTS[table]
        schemes = frame["scheme_code"] if "scheme_code" in frame.columns else pl.Series([""] * len(frame))
        told = []
        for scheme in schemes.unique().sort():
            of_scheme = frame.filter(schemes == scheme)
            measures: dict[str, Any] = {name: of_scheme[name].sum() for name in contract.control_columns}
            for measure, value in ({"rows": len(of_scheme)} | measures).items():
                one = {"delivery_id": self._delivery(contract.stream), "source_file_id": self._file(contract.stream),
                       "stream": contract.stream, "table_name": table, "scheme_code": scheme}  # fmt: skip
                told += [one | {"measure": measure, "outcome": o, "value": value} for o in ("read", "sealed")]
        return told

    def _arrivals(self) -> list[Row]:
        arrived = {place for name, rows in self._waiting.items() for place in arrivals(name, rows)}
        return [
            {"delivery_id": self._delivery(stream), "insurer_number": insurer, "stream": stream, "month": m, "rows": 1}
            for insurer, stream, m in sorted(arrived)
        ]


def _frame(table: str, rows: list[Row]) -> pl.DataFrame:
    schema = CONTRACTS[table].plain_schema()
    whole = [dict.fromkeys(schema) | DEFAULTS[table] | row for row in rows]
    return pl.DataFrame(
        [{name: _typed(row[name], schema[name]) for name in schema} for row in whole], schema=schema, orient="row"
    )


def _typed(value: Any, dtype: pl.DataType) -> Any:
    return Decimal(value) if isinstance(dtype, pl.Decimal) and value is not None else value

"""A center's warehouse from a few rows by hand, and dbt run on it: what the tests of the models stand on.

Rows are dictionaries of contract columns; ``who`` names the person. Everything goes through the doors
that the center uses: ``open_warehouse``, the change set, the plugin of the profile.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest.center import changes, known_codes, reference_values
from ingest.center.home import open_warehouse
from ingest.center.schema import RAW_TABLES
from ingest.formats.contracts import CONTRACTS
from ingest.reference import store
from ingest.reference.reading import read
from ingest.reference.tables import tables
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.statistics.columns import SUMMED
from ingest.statistics.reading import StatisticsFile
from ingest.statistics.reading import read as read_counts
from tests import counts_world, dbt_here
from tests.handmade import DEFAULTS, demo_workspace

Row = dict[str, Any]
Batch = dict[str, list[Row]]

_SEALED_DEFAULTS: dict[str, Row] = {
    "enrolment": {"sex_code": "1", "scheme_code": "kokuho", "processed_date": date(2020, 1, 1)},
    "claim": {"sex_code": "1", "scheme_code": "kokuho", "points": 0, "meal_yen": 0},
    "checkup": {"sex_code": "1", "scheme_code": "kokuho", "created_date": date(2020, 1, 1)},
    "guidance": {"sex_code": "1", "scheme_code": "kokuho", "created_date": date(2020, 1, 1)},
    "care_claim": {"sex_code": "1", "units": 0, "benefit_yen": 0, "user_yen": 0},
    "care_service": {"units": 0, "benefit_yen": 0},
    "care_high_cost": {"sex_code": "1", "benefit_yen": 0},
    "care_certification": {"sex_code": "1"},
}


def tag(*parts: object) -> bytes:
    """16 bytes that stand for a token."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16]


def person_id(who: str) -> bytes:
    """The person that the fixture's linkage finds behind ``who``."""
    return tag("person", who)


class World:
    """One center; ``land`` brings a batch, ``build`` runs dbt on what changed."""

    def __init__(self, folder: Path, reference_month: date = date(2024, 3, 1)) -> None:
        self.settings: Settings = demo_workspace(folder)
        self.reference_month = reference_month
        self._center = self.settings.the_center()
        self._ring = KeyRing(self._center)
        self._sequence = 0
        self._builds = 0

    def land(self, batch: Batch, domain: str = "16") -> None:
        """Land rows as the center does: raw tables, identities, links, control totals, the change set."""
        self._sequence += 1
        source_file = hashlib.sha256(f"{domain}-{self._sequence}".encode()).hexdigest()
        with open_warehouse(self._center, self._ring) as connection:
            for table, rows in batch.items():
                self._insert(connection, table, [self._sealed(table, row, source_file, domain) for row in rows])
                self._insert(connection, "control_total", self._totals(table, rows, source_file, domain))
            for table, rows in batch.items():
                if CONTRACTS[table].has_identity():
                    self._identify(connection, table, rows, domain)
            arrivals = {(row["insurer_number"], CONTRACTS[table].stream) for table, rows in batch.items()
                        if not CONTRACTS[table].parent for row in rows if row.get("insurer_number")}  # fmt: skip
            batched = {"linkage_domain": domain, "batch_sequence": self._sequence, "delivery_id": self._sequence}
            self._insert(
                connection,
                "arrival",
                [
                    batched | {"insurer_number": insurer, "stream": stream, "month": self.reference_month, "rows": 1}
                    for insurer, stream in sorted(arrivals)
                ],
            )
            changes.add_landed(connection, list(batch), domain, self._sequence, self.reference_month)

    def land_counts(self, *rows: Row, domain: str = "31") -> int:
        """Land a table of counts (rows as ``counts_world.row`` makes them) of a sender; returns its batch."""
        self._sequence += 1
        data = counts_world.table(*rows)
        found = read_counts(data, "x.csv", prefecture_code=domain, reference_month=self.reference_month)
        told = [
            pl.lit(found.sha256).alias("source_file_id"),
            pl.lit(domain).alias("linkage_domain"),
            pl.lit(self._sequence, dtype=pl.Int64).alias("batch_sequence"),
        ]
        with open_warehouse(self._center, self._ring) as connection:
            for table, frame in (("statistic", found.rows), ("statistic_source", found.source)):
                connection.register("landing", frame.with_columns(told).to_arrow())
                connection.execute(f"INSERT INTO raw.{table} BY NAME SELECT * FROM landing")
                connection.unregister("landing")
            self._insert(connection, "control_total", self._totals_of_counts(found, domain))
            changes.add_statistics(connection, domain, self._sequence, self.reference_month)
        return self._sequence

    def _totals_of_counts(self, found: StatisticsFile, domain: str) -> list[Row]:
        batched = {"linkage_domain": domain, "batch_sequence": self._sequence, "delivery_id": self._sequence}
        about = batched | {"source_file_id": found.sha256, "stream": "statistics", "table_name": "statistic"}
        return [
            about | {"scheme_code": scheme, "measure": measure, "outcome": outcome,
                     "value": of_scheme.height if measure == "rows" else int(of_scheme[measure].sum())}
            for (scheme,), of_scheme in found.rows.group_by("scheme_code", maintain_order=True)
            for measure in ("rows", *SUMMED)
            for outcome in ("read", "sealed")
        ]  # fmt: skip

    def take_back_counts(self, batch: int, domain: str = "31") -> None:
        """A sender takes a table of counts back."""
        with open_warehouse(self._center, self._ring) as connection:
            changes.add_statistics(connection, domain, batch, self.reference_month, reason="retracted")
            for table in ("statistic", "statistic_source", "control_total"):
                connection.execute(
                    f"DELETE FROM raw.{table} WHERE linkage_domain = ? AND batch_sequence = ?", [domain, batch]
                )

    def load_table(self, table: str, content: str) -> None:
        """Import a public table, written as its CSV file."""
        store.put(self._center.home, read(tables()[table], content.encode(), f"{table}.csv"))

    def relink(self, merged: dict[str, str]) -> None:
        """Linkage finds that persons are one: every identity of a key belongs to the value from now on."""
        with open_warehouse(self._center, self._ring) as connection:
            for old, new in merged.items():
                connection.execute("CREATE OR REPLACE TEMP TABLE moved AS SELECT linkage_domain, identity_tag "
                                   "FROM link.identity_person WHERE person_id = ?", [person_id(old)])  # fmt: skip
                connection.execute("UPDATE link.identity_person SET person_id = ? WHERE person_id = ?",
                                   [person_id(new), person_id(old)])  # fmt: skip
                changes.add_relinked(connection, "moved", self.reference_month)

    def build(self, *selection: str, full_refresh: bool = False, expect: bool = True) -> dict[str, str]:
        """``dbt build`` (or what ``selection`` names); statuses by node name. The change set is closed after."""
        with open_warehouse(self._center, self._ring) as connection:
            known_codes.put(connection, known_codes.read(self.settings.workspace))
            reference_values.put(connection, reference_values.read(self._center.home))
            last = connection.execute("SELECT max(reference_month) FROM control.build").fetchone()
            if last and last[0] and last[0] < self.reference_month:
                changes.add_months(connection, last[0], self.reference_month)
        more = [*(["--full-refresh"] if full_refresh else []), *(["--select", *selection] if selection else [])]
        result = dbt_here.dbt(self.settings, self._center, self.reference_month.isoformat(), "build", more)
        if expect:
            assert result.success, dbt_here.reason(result)
            self._builds += 1
            with open_warehouse(self._center, self._ring) as connection:
                changes.close(connection, self._builds)
                connection.execute("INSERT INTO control.build VALUES (?, ?, 'test', ?, 'finished')",
                                   [self._builds, self.reference_month, full_refresh])  # fmt: skip
        return {one.node.unique_id.split(".")[2]: str(one.status) for one in result.result}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse."""
        with open_warehouse(self._center, self._ring) as connection:
            return connection.execute(sql).fetchall()

    def run(self, sql: str) -> None:
        """Change the warehouse behind dbt's back (what a test plants to be found)."""
        with open_warehouse(self._center, self._ring) as connection:
            connection.execute(sql)

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every relation that dbt made, in a fixed order."""
        with open_warehouse(self._center, self._ring) as connection:
            names = connection.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables "
                "WHERE table_catalog = 'warehouse'"
                " AND table_schema IN ('staging', 'intermediate', 'marts', 'rollups', 'published') ORDER BY 1"
            ).fetchall()
            return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in names}

    # -- rows --------------------------------------------------------------------------------------
    @staticmethod
    def _insert(connection: Any, table: str, rows: list[Row]) -> None:
        if rows:
            schema = RAW_TABLES[table] | {"linkage_domain": pl.String(), "batch_sequence": pl.Int64()}
            frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
            connection.register("landing", frame.to_arrow())
            connection.execute(f"INSERT INTO raw.{table} BY NAME SELECT * FROM landing")
            connection.unregister("landing")

    @staticmethod
    def _identity(table: str, row: Row) -> bytes:
        whole = _SEALED_DEFAULTS.get(table, {}) | DEFAULTS[table] | row
        return tag("identity", row["who"], row.get("identity", ""), whole.get("scheme_code"), row["insurer_number"])

    def _sealed(self, table: str, row: Row, source_file: str, domain: str) -> Row:
        whole: Row = DEFAULTS[table] | _SEALED_DEFAULTS.get(table, {}) | row
        whole |= {"source_file_id": source_file, "linkage_domain": domain, "batch_sequence": self._sequence}
        contract = CONTRACTS[table]
        if contract.has_identity():
            born = row.get("birth", date(1960, 6, 15))
            whole |= {
                "identity_tag": self._identity(table, row),
                "birth_month": born.replace(day=1),
                "is_born_on_first": born.day == 1,
            }
        if contract.business_key:
            known = [whole.get(name) for name in contract.business_key if name not in ("symbol", "number", "branch")]
            whole["record_key_tag"] = tag(table, row.get("who"), row.get("key"), *known)
        return whole

    def _identify(self, connection: Any, table: str, rows: list[Row], domain: str) -> None:
        for row in rows:
            sealed = self._sealed(table, row, "", domain)
            self._insert(connection, "identity", [sealed])
            connection.execute(
                "INSERT INTO link.identity_person SELECT ?, ?, ?, false WHERE NOT EXISTS "
                "(FROM link.identity_person WHERE identity_tag = ?)",
                [domain, sealed["identity_tag"], person_id(row["who"]), sealed["identity_tag"]],
            )

    def _totals(self, table: str, rows: list[Row], source_file: str, domain: str) -> list[Row]:
        contract = CONTRACTS[table]
        sealed = [self._sealed(table, row, source_file, domain) for row in rows]
        figures: dict[tuple[str, str], int] = {}
        for row in sealed:
            scheme = row.get("scheme_code") or ""
            for measure in ("rows", *contract.control_columns):
                value = 1 if measure == "rows" else int(row.get(measure) or 0)
                figures[scheme, measure] = figures.get((scheme, measure), 0) + value
        batched = {"linkage_domain": domain, "batch_sequence": self._sequence, "delivery_id": self._sequence}
        return [
            batched
            | {"source_file_id": source_file, "stream": contract.stream, "table_name": table, "scheme_code": scheme,
               "measure": measure, "outcome": outcome, "value": value}
            for (scheme, measure), value in figures.items()
            for outcome in ("read", "sealed")
        ]  # fmt: skip

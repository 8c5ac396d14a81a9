"""Split the center's results into the files that leave the site: one a tenant and scheme set, one a viewer class.

A row is in a tenant's file only where a grant of the access table names its scheme, its insurer, its
municipality (where the grant is limited to one) and a span that holds its month. Everything else is
not in the file, so no page can show it. A person's name comes from the site's directory, and only for
persons of whom the tenant has rows. Ids of persons and records are keyed anew for each tenant.

Content is written in a fixed order; a file is made beside and put in place whole.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from ingest import faults, warehouse
from ingest.at_rest import put_published
from ingest.site import figure_rows
from ingest.site.errors import SiteError

PREFIX = "person_"  # published tables of persons, as the center names them


@dataclass(frozen=True)
class PersonTable:
    """A published table of persons: its name in a tenant's file and the days that a row speaks of.

    ``first`` and ``end`` (exclusive) bound the row; without an end the row is of the month of ``first``.
    """

    source: str
    name: str
    first: str
    end: str | None = None


PERSON_TABLES: tuple[PersonTable, ...] = (
    PersonTable("person_enrolment", "enrolment", "start_date", "end_date"),
    PersonTable("person_month", "person_month", "month"),
    PersonTable("person_claim", "claim", "service_month"),
    PersonTable("person_claim_disease", "claim_disease", "service_month"),
    PersonTable("person_checkup", "checkup", "exam_month"),
    PersonTable("person_checkup_result", "checkup_result", "exam_month"),
    PersonTable("person_care_month", "care_month", "service_month"),
    PersonTable("person_care_certification", "care_certification", "certified_start_date", "certified_end_date"),
)
STATISTICS_TABLES = (
    "area", "indicator", "disease_class", "coverage", "lineage", "reference_table", "statistics_source", "edition",
)  # fmt: skip
_DROPPED = ("linkage_domain", "identity_tag")
_ID_BYTES = 16


@dataclass(frozen=True)
class TenantFile:
    """One file to write: whose, for which schemes, with which keys."""

    tenant_id: str
    scheme_set: str
    path: Path
    file_key: bytes
    id_key: bytes


@dataclass(frozen=True)
class Published:
    """One written file: where, the SHA-256 of its bytes, rows by table."""

    path: Path
    file_hash: str
    rows: dict[str, int]


def only_granted(table: PersonTable) -> str:
    """The join that leaves of rows ``f`` those which a grant in the table ``granted`` names."""
    end = f"coalesce(f.{table.end}, DATE '9999-12-31')" if table.end else f"f.{table.first} + 1"
    return f"""
        SEMI JOIN granted g
            ON g.scheme_code = f.scheme_code AND g.insurer_number = f.insurer_number
            AND (g.municipality_code IS NULL OR g.municipality_code = f.municipality_code)
            AND (g.valid_to IS NULL OR f.{table.first} < g.valid_to)
            AND {end} > g.valid_from"""


class Publisher:
    """Writes files from the results in ``connection`` (catalog ``results``), which preserves the order of rows.

    Figures are there as ``figure_rows.load`` leaves them.

    ``grants``       the person grants of this site's tenants (``policy.access.load_grants`` columns)
    ``people``       names by identity: identity_tag and what ``Directory.lookup`` gives
    ``own_areas``    by tenant and scheme set, the areas that are wholly its own: tenant_id, scheme_set,
                     scheme_code, area_level, area_id
    ``about``        key and value pairs for every file
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        grants: pl.DataFrame,
        people: pl.DataFrame,
        own_areas: pl.DataFrame,
        about: dict[str, str],
    ) -> None:
        self._connection = connection
        self._own_areas = own_areas
        self._about = pl.DataFrame({"key": sorted(about), "value": [about[key] for key in sorted(about)]})
        self._texts = {table: figure_rows.texts(connection, table) for table in figure_rows.ORDERS}
        self._columns = {table.name: _columns(connection, f"results.{table.source}") for table in PERSON_TABLES}
        connection.execute(
            "CREATE OR REPLACE TABLE results.own_place AS "
            "SELECT DISTINCT scheme_code, area_level, area_id FROM results.own_indicator"
        )
        self._put("people", people)
        self._grants = grants.join(self._insurers(), on=["scheme_code", "insurer_number"], how="semi")

    def tenant(self, file: TenantFile) -> Published:
        """Write the file of one tenant and scheme set."""
        mine = (pl.col("tenant_id") == file.tenant_id) & (pl.col("scheme_set") == file.scheme_set)
        self._put("granted", self._grants.filter(mine))
        self._put("own_area", self._own_areas.filter(mine))
        self._select_rows()
        self._pseudonyms(file.id_key)

        def fill(put: Callable[[str, str], None]) -> None:
            put("person", f"{_PERSON} ORDER BY ALL")
            for table in PERSON_TABLES:
                put(table.name, f"{self._rekeyed(table)} ORDER BY ALL")
            put("own_indicator", self._own_indicators())
            put("own_edition_change", _OWN_EDITION_CHANGES)
            put("about", "SELECT * FROM about")

        self._put("about", self._about)
        return self._write(file.path, file.file_key, fill)

    def statistics(self, viewer_class: str, path: Path, key: bytes) -> Published:
        """Write the protected statistics of one viewer class; there is no person in them."""
        self._put("about", self._about)
        rule = self._connection.execute(
            "SELECT threshold, min_peers FROM results.viewer_class WHERE viewer_class = ?", [viewer_class]
        ).fetchone()
        if rule is None:
            raise SiteError(f"the results name no rule of protection for the viewer class {viewer_class}")
        threshold, min_peers = rule

        def fill(put: Callable[[str, str], None]) -> None:
            put(
                "indicator_statistics",
                f"SELECT {self._texts['statistics_indicator']} FROM results.statistics_indicator "
                f"WHERE threshold = {threshold:d} AND min_peers = {min_peers:d}",
            )
            for table in STATISTICS_TABLES:
                put(table, f"SELECT * FROM results.{table} ORDER BY ALL")
            put("about", "SELECT * FROM about")

        return self._write(path, key, fill)

    # -- rows of one tenant ------------------------------------------------------------------------
    def _select_rows(self) -> None:
        """Copy the rows that a grant names into temporary tables ``mine_<name>``."""
        for table in PERSON_TABLES:
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE mine_{table.name} AS "
                f"SELECT f.* FROM results.{table.source} f {only_granted(table)}"
            )

    def _own_indicators(self) -> str:
        """The figures of the tenant's own areas, in their order."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE mine_place AS {_OWN_PLACES}")
        own = (
            "SELECT i.* FROM results.own_indicator i SEMI JOIN mine_place USING (scheme_code, area_level, area_id) "
            f"ORDER BY {figure_rows.GRAIN}"
        )
        return f"SELECT * EXCLUDE (linkage_domain) FROM (SELECT {self._texts['own_indicator']} FROM ({own}))"

    def _insurers(self) -> pl.DataFrame:
        """Whose rows came; a grant of others selects nothing, and most tenants of a prefecture have only such."""
        union = " UNION ".join(f"SELECT scheme_code, insurer_number FROM results.{t.source}" for t in PERSON_TABLES)
        return self._connection.execute(union).pl()

    def _pseudonyms(self, id_key: bytes) -> None:
        """Every id in the tenant's rows beside its id under the tenant's key."""
        columns = [(table.name, column) for table in PERSON_TABLES for column in self._ids(table)]
        union = " UNION ".join(f"SELECT {column} AS id FROM mine_{name}" for name, column in columns)
        ids = [row[0] for row in self._connection.execute(f"SELECT id FROM ({union}) WHERE id IS NOT NULL").fetchall()]
        keyed = [hmac.digest(id_key, value, "sha256")[:_ID_BYTES].hex() for value in ids]
        self._put("pseudonym", pl.DataFrame({"id": ids, "keyed": keyed}, schema={"id": pl.Binary, "keyed": pl.String}))

    def _ids(self, table: PersonTable) -> list[str]:
        return [name for name, dtype in self._columns[table.name].items() if dtype == "BLOB" and name not in _DROPPED]

    def _rekeyed(self, table: PersonTable) -> str:
        """The tenant's rows without what only site and center need, ids under the tenant's key."""
        ids = self._ids(table)
        replaced = ", ".join(f"p_{name}.keyed AS {name}" for name in ids)
        joins = " ".join(f"LEFT JOIN pseudonym p_{name} ON p_{name}.id = f.{name}" for name in ids)
        return f"SELECT f.* EXCLUDE ({', '.join(_DROPPED)}) REPLACE ({replaced}) FROM mine_{table.name} f {joins}"

    # -- writing -----------------------------------------------------------------------------------
    def _put(self, name: str, frame: pl.DataFrame) -> None:
        self._connection.register("frame", frame)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame")
        self._connection.unregister("frame")

    def _write(self, path: Path, key: bytes, fill: Callable[[Callable[[str, str], None]], None]) -> Published:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{path.name}.tmp")
        for left in _with_log(temporary):
            left.unlink(missing_ok=True)
        rows: dict[str, int] = {}
        warehouse.attach(self._connection, temporary, key, alias="published")

        def put(table: str, query: str) -> None:
            self._connection.execute(f"CREATE TABLE published.{table} AS {query}")
            found = self._connection.execute(f"SELECT count(*) FROM published.{table}").fetchone()
            rows[table] = int(found[0]) if found else 0

        try:
            self._connection.execute("BEGIN")
            fill(put)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        else:
            # Into the file itself: only that is put in place, and the workroom's connection does not tidy by itself.
            self._connection.execute("CHECKPOINT published")
        finally:
            self._connection.execute("DETACH published")
        digest = put_published(temporary, path)
        faults.point("publish.placed")
        return Published(path, digest, rows)


_OWN_EDITION_CHANGES = """
    SELECT c.* EXCLUDE (linkage_domain) FROM results.own_edition_change c
    SEMI JOIN mine_place p ON p.scheme_code = c.scheme_code AND p.area_level = c.area_level AND p.area_id = c.area_id
    ORDER BY ALL
"""

_OWN_PLACES = """
    SELECT p.* FROM results.own_place p
    SEMI JOIN own_area a ON a.scheme_code = p.scheme_code AND a.area_level = p.area_level
        AND a.area_id = CASE WHEN p.area_level = 'district' THEN split_part(p.area_id, '-', 1) ELSE p.area_id END
"""

_PERSON = """
    WITH seen AS (
        SELECT person_id, identity_tag, scheme_code, municipality_code, district_code,
            month AS last_day FROM mine_person_month
        UNION ALL SELECT person_id, identity_tag, scheme_code, municipality_code, district_code,
            start_date FROM mine_enrolment
        UNION ALL SELECT person_id, identity_tag, scheme_code, municipality_code, district_code,
            service_month FROM mine_claim
        UNION ALL SELECT person_id, identity_tag, scheme_code, municipality_code, district_code,
            exam_month FROM mine_checkup
        UNION ALL SELECT person_id, identity_tag, scheme_code, municipality_code, NULL,
            service_month FROM mine_care_month
        UNION ALL SELECT person_id, identity_tag, scheme_code, municipality_code, NULL,
            certified_start_date FROM mine_care_certification
    ), place AS (
        SELECT person_id,
            arg_max(municipality_code, row(municipality_code IS NOT NULL, last_day, municipality_code))
                AS municipality_code,
            arg_max(district_code, row(district_code IS NOT NULL, last_day, district_code)) AS district_code
        FROM seen GROUP BY person_id
    ), name AS (
        SELECT seen.person_id,
            arg_max(people, row(people.name_kanji IS NOT NULL, people.name_kana IS NOT NULL, seen.last_day,
                seen.scheme_code, seen.identity_tag)) AS shown
        FROM seen JOIN people ON people.identity_tag = seen.identity_tag GROUP BY seen.person_id
    )
    SELECT p.keyed AS person_id, shown.name_kanji, shown.name_kana, shown.birth_date, shown.sex_code, shown.address,
        place.municipality_code, place.district_code
    FROM place JOIN pseudonym p ON p.id = place.person_id LEFT JOIN name ON name.person_id = place.person_id
"""


def remove_ungranted(folder: Path, written: set[Path]) -> list[str]:
    """Delete published files that no grant asks for any more; returns their names."""
    removed = []
    notes = {warehouse.hash_note(path) for path in _files(folder)}
    for path in _files(folder):
        if path not in written and path not in notes:
            path.unlink()
            warehouse.hash_note(path).unlink(missing_ok=True)
            removed.append(str(path.relative_to(folder)))
    return removed


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _with_log(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(f"{path.name}.wal")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    try:
        return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
    except duckdb.CatalogException:
        raise SiteError(f"the results hold no table {table.removeprefix('results.')}") from None

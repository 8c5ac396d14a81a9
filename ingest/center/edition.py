"""``tsumugi center edition``: the figures of a fiscal year as they stood when a named person called them final.

A load that comes later goes on changing the figures of past years: a receipt comes late, a checkup is corrected. What
was written into a plan or told to a council is then to be found nowhere. An edition keeps the figures of one fiscal
year, of every area in full, as the sites have them. Nothing touches it again: neither a load nor a build, and a rebuild
takes it over. How the figures of now differ from it is a model (``published.own_edition_change``), so that every
site's files say it of its own areas.

Until its first edition a fiscal year is provisional (暫定). More than one edition of a year may be kept; the newest is
the one in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb

from ingest.center import changes
from ingest.center import release as let_go
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse, transaction
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

FIGURE = (
    "linkage_domain", "indicator_id", "definition_version", "period", "scheme_code", "class_code", "area_level",
    "area_id", "sex_code", "age_band_code", "numerator", "denominator",
)  # fmt: skip
"""The columns of ``published.own_indicator`` that an edition keeps, of the kind of period ``fiscal_year``."""
TABLES = ("edition.edition", "edition.figure")

_COLUMNS = ", ".join(FIGURE)
_OF_YEAR = f"SELECT {_COLUMNS} FROM published.own_indicator WHERE period_kind = 'fiscal_year' AND period = ?"
_OF_EDITION = f"SELECT {_COLUMNS} FROM edition.figure WHERE edition_id = ?"


def freeze(
    settings: Settings, fiscal_year: int, frozen_by: str, frozen_on: date, progress: ProgressCallback
) -> dict[str, Any]:
    """Keep the figures of a fiscal year as the edition in force; returns its id and the number of figures.

    Does nothing, and says so, where the figures are those of the edition in force. Raises CenterError where the last
    build is not finished, changes wait or its release does; where the year is not over in the month of reference, or
    has no figures; where nobody is named.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    if not frozen_by.strip():
        raise CenterError("an edition names who called it final: --by 氏名")
    with one_step(center), Ledger(center.ledger) as ledger, open_warehouse(center, ring) as connection:
        progress("center edition", 0, 1)
        build, reference_month = _finished(connection, ledger)
        if date(fiscal_year + 1, 3, 1) > reference_month:
            raise CenterError(
                f"fiscal year {fiscal_year} is not over in the month of reference ({reference_month:%Y-%m}): its "
                f"figures stay provisional until {fiscal_year + 1}-03 has been loaded"
            )
        year = date(fiscal_year, 4, 1)
        last = _newest(connection, fiscal_year)
        if last and _are_equal(connection, year, _id(fiscal_year, last)):
            progress("center edition", 1, 1)
            return {
                "note": f"nothing changed since edition {_id(fiscal_year, last)}",
                "edition": _id(fiscal_year, last),
            }
        edition_id = _id(fiscal_year, last + 1)
        with transaction(connection):
            connection.execute(f"INSERT INTO edition.figure SELECT ?, * FROM ({_OF_YEAR})", [edition_id, year])
            figures = _count(connection, "SELECT count(*) FROM edition.figure WHERE edition_id = ?", [edition_id])
            if not figures:
                raise CenterError(f"there are no figures of fiscal year {fiscal_year}")
            connection.execute(
                "INSERT INTO edition.edition VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [edition_id, fiscal_year, last + 1, frozen_by.strip(), frozen_on, reference_month, build, figures],
            )
        progress("center edition", 1, 1)
    return {"edition": edition_id, "figures": figures}


def editions(settings: Settings) -> list[dict[str, Any]]:
    """The editions that are kept, oldest year first: edition_id, fiscal_year, edition_number, frozen_by, frozen_date,
    reference_month, build_sequence, figures."""
    center = settings.the_center()
    with one_step(center), open_warehouse(center, KeyRing(center)) as connection:
        return connection.execute("FROM edition.edition ORDER BY fiscal_year, edition_number").pl().to_dicts()


def digest(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """What the published content depends on of the editions: each with the number of its figures."""
    return connection.execute("SELECT edition_id, figures FROM edition.edition ORDER BY ALL").fetchall()


def take_over(old: duckdb.DuckDBPyConnection, new: duckdb.DuckDBPyConnection) -> int:
    """Copy the editions of one warehouse into another, how many: no batch holds them, so no rebuild could make them."""
    made = old.execute("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'edition' LIMIT 1").fetchone()
    if made is None:  # a warehouse of before there were editions, opened to read only
        return 0
    for table in TABLES:
        new.register("kept_rows", old.execute(f"FROM {table}").to_arrow_table())
        new.execute(f"INSERT INTO {table} SELECT * FROM kept_rows")
        new.unregister("kept_rows")
    return _count(new, "SELECT count(*) FROM edition.edition", [])


def _finished(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> tuple[int, date]:
    """Sequence and month of reference of the last build, which must be whole and released."""
    last = connection.execute(
        "SELECT build_sequence, reference_month, state FROM control.build ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    if last is None or last[2] != "finished" or not changes.is_empty(connection):
        raise CenterError("there is no finished build or changes wait; `tsumugi center build` first")
    let_go.require(connection, ledger)
    return int(last[0]), last[1]


def _newest(connection: duckdb.DuckDBPyConnection, fiscal_year: int) -> int:
    """Number of the edition in force, 0 where there is none; numbers of builds begin anew after a rebuild."""
    query = "SELECT coalesce(max(edition_number), 0) FROM edition.edition WHERE fiscal_year = ?"
    return _count(connection, query, [fiscal_year])


def _id(fiscal_year: int, number: int) -> str:
    return f"{fiscal_year}-{number}"


def _are_equal(connection: duckdb.DuckDBPyConnection, year: date, edition_id: str) -> bool:
    now, kept = f"({_OF_YEAR})", f"({_OF_EDITION})"
    differing = _count(
        connection,
        f"SELECT count(*) FROM (({now} EXCEPT ALL {kept}) UNION ALL ({kept} EXCEPT ALL {now}))",
        [year, edition_id, edition_id, year],
    )
    return differing == 0


def _count(connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any]) -> int:
    found = connection.execute(query, list(values)).fetchone()
    assert found is not None
    return int(found[0])

"""``tsumugi analyst copy``: the center's warehouse as it stands, in a file and under a key of its own.

An analyst works on the copy with plain ``dbt build`` and never on the live file. What no model reads
stays behind: the ciphertext of identities, the tokens of the linkage passes.
"""

from __future__ import annotations

import secrets
from typing import Any

import duckdb

from ingest import at_rest, faults, warehouse
from ingest.center.errors import CenterError
from ingest.center.home import REMEDY
from ingest.sealing.keyfiles import write_private
from ingest.sealing.keys import KeyRing
from ingest.settings import PartySettings, Settings

KEY = "at-rest"
_STRUCTURE_ONLY = frozenset({("raw", "identity_pass"), ("link", "incidence"), ("link", "told")})
_BLANKED = {("raw", "identity"): "ciphertext"}


def home(settings: Settings) -> PartySettings:
    """The analyst as a party: a folder with the copy, its key and its spill."""
    limits = settings.center or PartySettings(home=settings.analyst)
    return PartySettings(home=settings.analyst, memory_limit=limits.memory_limit, threads=limits.threads)


def copy(settings: Settings) -> dict[str, Any]:
    """Copy the warehouse into ``<analyst>/warehouse.duckdb``, replacing the copy of before.

    The live file is held for reading, so the copy is of one moment. Raises CenterError where there is
    no warehouse yet or a build has not come to its end, WarehouseError while a step writes to it.
    """
    center, analyst = settings.the_center(), home(settings)
    if not center.warehouse.is_file():
        raise CenterError(f"{center.warehouse} does not exist; `tsumugi run` makes it")
    _make_key(analyst)
    target = analyst.home / "warehouse.duckdb"
    temporary = analyst.home / "warehouse.tmp.duckdb"
    at_rest.check(center.home, center.warehouse, REMEDY)
    for leftover in analyst.home.glob(f"{temporary.name}*"):
        leftover.unlink()
    connection = warehouse.connect(spill=analyst.spill, memory_limit=analyst.memory_limit, threads=analyst.threads)
    with connection:
        warehouse.attach(connection, center.warehouse, KeyRing(center).secret("at-rest"), alias="live", read_only=True)
        warehouse.attach(connection, temporary, KeyRing(analyst).secret(KEY), alias="warehouse")
        _require_finished(connection)
        figures = _copy_all(connection)
        connection.execute("CHECKPOINT warehouse")
    faults.point("analyst.copied")
    (analyst.home / "warehouse.duckdb.wal").unlink(missing_ok=True)  # of the copy before, never of this one
    temporary.replace(target)
    return figures


def _make_key(analyst: PartySettings) -> None:
    path = analyst.keys / f"{KEY}.key"
    if analyst.unlock_command is None and not path.exists():
        analyst.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, secrets.token_bytes(32).hex().encode())


def _require_finished(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'live' AND schema_name = 'control' "
        "AND table_name = 'build'"
    ).fetchone()
    if found == (1,):
        state = connection.execute(
            "SELECT state FROM live.control.build ORDER BY build_sequence DESC LIMIT 1"
        ).fetchone()
        if state == ("finished",):
            return
    raise CenterError("the warehouse has no finished build; `tsumugi center build` makes one, then copy")


def _copy_all(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Schemas, tables with their rows, then views; returns counts."""
    connection.execute("USE warehouse")
    tables = connection.execute(
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = 'live' "
        "ORDER BY schema_name, table_name"
    ).fetchall()
    for schema in sorted({row[0] for row in tables} | {row[0] for row in _views(connection)}):
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    rows = 0
    for schema, table, sql in tables:
        connection.execute(sql)
        if (schema, table) in _STRUCTURE_ONLY:
            continue
        blanked = _BLANKED.get((schema, table))
        chosen = f"* REPLACE (NULL AS {blanked})" if blanked else "*"
        found = connection.execute(
            f'INSERT INTO "{schema}"."{table}" SELECT {chosen} FROM live."{schema}"."{table}"'
        ).fetchone()
        rows += int(found[0]) if found else 0
    views = _make_views(connection)
    return {"tables": len(tables), "views": views, "rows": rows}


def _views(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = 'live' AND NOT internal "
        "ORDER BY schema_name, view_name"
    ).fetchall()


def _make_views(connection: duckdb.DuckDBPyConnection) -> int:
    """Make the views, each after those it reads: one that does not bind yet waits for the next round."""
    waiting = _views(connection)
    made = 0
    while waiting:
        left = []
        for schema, name, sql in waiting:
            try:
                connection.execute(sql)
                made += 1
            except duckdb.CatalogException:
                left.append((schema, name, sql))
        if len(left) == len(waiting):
            raise CenterError(f"the view {left[0][0]}.{left[0][1]} of the warehouse does not bind; build again")
        waiting = left
    return made

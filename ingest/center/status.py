"""The center's part of ``tsumugi status``: what came, what waits, what was refused, what is missing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import duckdb

from ingest import at_rest
from ingest.center.home import open_warehouse
from ingest.center.release import last_decision
from ingest.center.ties import TIES
from ingest.expected import ARRIVED, matrix, missing, reading_day, stream_rules
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.warehouse import WarehouseError


def status(settings: Settings, on: date | None = None) -> dict[str, Any]:
    """Figures of the center, counts only; what is due is read on the day ``on``.

    ``batches`` received and sent by site and state; ``refused`` and ``held`` with their reasons;
    ``left_open`` databases that a killed step had in use;
    ``steps_unfinished`` killed or failed, with the names of failed models and tests;
    ``ties`` records whose versions are equally new and differ, by table and delivery;
    ``rows`` in raw by table; ``linkage``; ``build`` with the open change set; ``missing``: insurer ×
    stream × period that is due and did not come, by the rules of the sites (``ingest.expected``).
    """
    center = settings.the_center()
    figures: dict[str, Any] = {"batches": [], "refused": [], "held": []}
    if center.ledger.is_file():
        with Ledger(center.ledger) as ledger:
            figures |= _of_ledger(ledger)
    if not center.warehouse.is_file():
        return figures | {"note": "no batch has been received"}
    try:
        with open_warehouse(center, KeyRing(center), read_only=True) as connection:
            return figures | _of_warehouse(connection, settings, on)
    except WarehouseError as error:
        return figures | {"note": str(error)}


def _of_ledger(ledger: Ledger) -> dict[str, Any]:
    told = "SELECT peer AS site, way, sequence, reason_code, message FROM batch WHERE state = ? ORDER BY peer, sequence"
    return {
        "batches": ledger.rows(
            "SELECT peer AS site, way, kind, state, count(*) AS batches, max(sequence) AS last_sequence FROM batch "
            "GROUP BY peer, way, kind, state ORDER BY peer, way, kind, state"
        ),
        "refused": ledger.rows(told, ("refused",)),
        "held": ledger.rows(told, ("held",)),
        "release": last_decision(ledger),
        "left_open": at_rest.left_open(ledger),
        "ties": json.loads(ledger.get_value(TIES) or "[]"),
        "steps_unfinished": ledger.rows(
            "SELECT name, state, message, started_at FROM step WHERE state <> 'done' ORDER BY started_at"
        ),
    }


def _of_warehouse(connection: duckdb.DuckDBPyConnection, settings: Settings, on: date | None) -> dict[str, Any]:
    tables = connection.execute(
        "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = 'warehouse' "
        "AND schema_name = 'raw' ORDER BY table_name"
    ).fetchall()
    persons = _row(
        connection,
        "SELECT count(*), count(DISTINCT person_id), count(DISTINCT person_id) FILTER (is_provisional) "
        "FROM link.identity_person",
    )
    unlinked = _row(connection, "SELECT count(*) FROM control.received_batch WHERE NOT is_linked")
    build = connection.execute(
        "SELECT build_sequence, reference_month, state, is_full_refresh FROM control.build "
        "ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    change = _row(
        connection,
        "SELECT (SELECT count(*) FROM control.change_partition), (SELECT count(*) FROM control.change_person)",
    )
    return {
        "rows": dict(tables),
        "linkage": {
            "identities": persons[0],
            "persons": persons[1],
            "provisional_persons": persons[2],
            "refused_edges": dict(
                connection.execute(
                    "SELECT reason_code, sum(edges)::BIGINT FROM link.refused_edge GROUP BY 1 ORDER BY 1"
                ).fetchall()
            ),
            "batches_not_linked": unlinked[0],
        },
        "build": dict(
            zip(("build_sequence", "reference_month", "state", "is_full_refresh"), build or (None,) * 4, strict=True)
        )
        | {"changed_partitions": change[0], "changed_persons": change[1]},
        "missing": _missing(connection, settings.reference_month, on or reading_day(settings.reference_month)),
    }


def _missing(connection: duckdb.DuckDBPyConnection, reference_month: date, on: date) -> list[dict[str, Any]]:
    """What did not come, by linkage domain; a site alone knows what it holds or has set aside."""
    came: dict[str, dict[tuple[str, str], dict[date, str]]] = {}
    arrived = connection.execute(
        "SELECT DISTINCT linkage_domain, insurer_number, stream, month FROM raw.arrival ORDER BY ALL"
    ).fetchall()
    for domain, insurer, stream, month in arrived:
        period = stream_rules()[stream].period(month)
        came.setdefault(domain, {}).setdefault((insurer, stream), {})[period] = ARRIVED
    return [
        {"linkage_domain": domain} | entry
        for domain, of_domain in came.items()
        for entry in missing(matrix(of_domain, reference_month, on))
    ]


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    found = connection.execute(sql).fetchone()
    assert found is not None
    return found

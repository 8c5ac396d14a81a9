"""A center whose sites are only batches: sealed tables made by hand, no file of a site's home needed."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest.center.home import open_warehouse
from ingest.center.schema import ACCOMPANYING, RAW_TABLES
from ingest.faults import FAULT_VARIABLE
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.receipts import Receipt, read_receipt
from ingest.sealing.seal import Sealed, seal
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings
from ingest.warehouse import connect
from tests.handmade import demo_workspace
from tests.property.link_world import Load

__all__ = ["demo_workspace", "load_of", "receipt", "rows", "run_killed", "seal_load", "seal_retraction"]


def load_of(domain: str, *numbers: str, month: date = date(2024, 5, 1)) -> Load:
    """Members of 国保 with an enrolment and a claim each."""
    load = Load(domain)
    for number in numbers:
        identity = load.person("kokuho", f"{domain}0010", number, branch="01", kana=f"ナマエ{number}")
        load.enrol(identity, "kokuho", f"{domain}0010", date(2024, 1, 1))
        load.claims(identity, "kokuho", f"{domain}0010", month)
    return load


def seal_load(
    settings: Settings,
    load: Load,
    sequence: int,
    previous: str | None = None,
    *,
    replaces: str | None = None,
    totals_off_by: int = 0,
    extra_columns: dict[str, str] | None = None,
    only_filled: bool = False,
) -> Sealed:
    """Seal a load as its site would, into the exchange; ``totals_off_by`` and ``extra_columns`` spoil it.

    ``only_filled`` leaves out the tables without a row, but those that every batch has.
    """
    site = load.domain
    ring = KeyRing(settings.site(site))
    with connect(threads=1) as connection:
        tables: dict[str, str] = {}
        totals = []
        for name, schema in RAW_TABLES.items():
            lines = getattr(load, name, [])
            if only_filled and not lines and name not in ACCOMPANYING:
                continue
            frame = pl.DataFrame([{c: row.get(c) for c in schema} for row in lines], schema=schema)
            if name in CONTRACTS and lines:
                totals.append(_total(name, "rows", len(lines) + totals_off_by))
                totals += [_total(name, m, frame[m].sum()) for m in CONTRACTS[name].control_columns]
            if name == "control_total":
                frame = pl.DataFrame(totals, schema=schema)
            connection.register(f"{name}_frame", frame.to_arrow())
            more = "".join(f", '{v}' AS {c}" for c, v in (extra_columns or {}).items()) if name == "claim" else ""
            connection.execute(f"CREATE TABLE {name} AS SELECT *{more} FROM {name}_frame")
            tables[name] = name
        return seal(
            connection,
            tables,
            settings.to_center(site) / f"{sequence:06d}",
            sender=site,
            recipient=CENTER,
            sequence=sequence,
            previous_hash=previous,
            kind="facts",
            signing_key=ring.secret("signing"),
            recipient_public=ring.peer(CENTER).envelope,
            replaces=replaces,
        )


def seal_retraction(settings: Settings, taken_back: int, sequence: int, previous: str) -> str:
    """Seal what takes back one batch of site 16; returns its manifest hash."""
    ring = KeyRing(settings.site("16"))
    with connect(threads=1) as connection:
        return seal(
            connection,
            {"retraction": f"SELECT {taken_back}::BIGINT AS retracted_sequence"},
            settings.to_center("16") / f"{sequence:06d}",
            sender="16",
            recipient=CENTER,
            sequence=sequence,
            previous_hash=previous,
            kind="retraction",
            signing_key=ring.secret("signing"),
            recipient_public=ring.peer(CENTER).envelope,
        ).manifest_hash


def _total(table: str, measure: str, value: int) -> dict[str, Any]:
    return {
        "delivery_id": 1,
        "source_file_id": "f",
        "stream": CONTRACTS[table].stream,
        "table_name": table,
        "scheme_code": "kokuho",
        "measure": measure,
        "outcome": "sealed",
        "value": value,
    }


def receipt(settings: Settings, site: str, sequence: int) -> Receipt:
    """The center's signed answer, checked with the key that the site has pinned."""
    public = KeyRing(settings.site(site)).peer(CENTER).signing
    path = settings.to_site(site) / f"{sequence:06d}.receipt.json"
    return read_receipt(path, sender=CENTER, recipient=site, pinned_public=public)


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """What a query on the center's warehouse gives."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def run_killed(settings: Settings, module: str, function: str, fault: str, more: str = "") -> int:
    """Run a step in a process of its own that dies at the named point; returns its exit code.

    ``more`` are further arguments of the step, as written in a call.
    """
    program = (
        f"from ingest.settings import load; from ingest.progress import silent; "
        f"from pathlib import Path; from {module} import {function}; {function}(load(), silent{more})"
    )
    environment = os.environ | {
        FAULT_VARIABLE: fault,
        WORKSPACE_VARIABLE: str(settings.workspace),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=Path.home(), capture_output=True)
    return done.returncode

"""Mutated files beside good ones in the inbox of a site: one bad file costs no other, and every row is told of."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ingest.formats import FileRefused, read
from ingest.formats.enrolment_profile import with_profiles
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.settings import Settings
from ingest.site import profiles
from ingest.site.extract import extract
from ingest.site.status import status
from tests import site_world as world
from tests.fuzz.corpus import confirmed_profiles, planted, vendors_profile
from tests.fuzz.mutations import HEAVY, mutant
from tests.handmade import demo_workspace

FIRST = 50_000
SHORT, LONG, BATCH = 28, 980, 140
_HEAVY = {mutation.__name__ for mutation in HEAVY}
Counts = dict[str, dict[str, int]]


def _put(inbox: Path, numbers: list[int], *, with_heavy: bool) -> tuple[dict[str, str], Counts]:
    """Writes the mutants; what each is, and the rows of each table that the one door finds in it."""
    told: dict[str, str] = {}
    found: Counts = {}
    for number in numbers:
        made = mutant(number)
        if not with_heavy and _HEAVY & set(made.mutations):
            continue
        name = f"mutants/{number}.csv"
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.data)
        told[name] = str(made)
        counts: Counter[str] = Counter()
        try:
            with with_profiles(confirmed_profiles()):
                reading = read(path)
            counts.update({table: frame.height for table, frame in reading.tables.items()})
            counts.update(reading.set_aside["table_name"])
        except FileRefused as refused:
            counts.update({table: frame.height for table, frame in refused.tables.items()})
            counts.update(refused.set_aside["table_name"])
        found[name] = {table: rows for table, rows in counts.items() if rows}
    return told, found


def _outcomes(ledger: Ledger, sequence: int) -> dict[str, dict[tuple[str, str], int]]:
    """Rows by file, and by table and outcome, of one load."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for row in ledger.rows(
        "SELECT file_name, table_name, outcome, sum(value) AS rows FROM control_total "
        "JOIN delivery USING (delivery_id) WHERE measure = 'rows' AND sequence = ? GROUP BY 1, 2, 3",
        (sequence,),
    ):
        found.setdefault(row["file_name"], {})[row["table_name"], row["outcome"]] = int(row["rows"])
    return found


def _load(settings: Settings, numbers: list[int], *, with_heavy: bool) -> list[str]:
    """One extract over good files and mutants; what did not hold."""
    site = settings.site("16")
    left = set(site.inbox.rglob("*"))  # held in an earlier load
    good = {
        str(p.relative_to(site.inbox)) for p in world.fill_inbox(settings).rglob("*") if p.is_file() and p not in left
    }
    profiles.confirm(site, vendors_profile())
    told, expected = _put(site.inbox, numbers, with_heavy=with_heavy)
    held = {name for name in told if profiles.is_held(site.inbox / name, confirmed_profiles())}
    sequence = extract(settings, "16", silent)["sequence"]
    failures = []
    with Ledger(site.ledger) as ledger:
        states = {
            row["file_name"]: row for row in ledger.rows("SELECT * FROM delivery WHERE sequence = ?", (sequence,))
        }
        outcomes = _outcomes(ledger, sequence)
        problems = [dict(row) for row in ledger.rows("SELECT * FROM problem")]
    if states.keys() != good | told.keys() - held:
        failures.append(f"no delivery: {sorted((good | told.keys() - held) ^ states.keys())}")
    # A 資格 file whose heading row nobody confirmed waits in the inbox, whole.
    failures += [f"{told[name]}: held and gone" for name in held if not (site.inbox / name).exists()]
    failures += [f"{told[name]}: held with rows that the door reads" for name in held if expected[name]]
    for name, state in sorted(states.items()):
        counted = outcomes.get(name, {})
        rows = {table: value for (table, outcome), value in counted.items() if outcome == "read" and value}
        went = {table: sum(v for (t, o), v in counted.items() if t == table and o != "read") for table in rows}
        what = f"{told.get(name, name)} ({state['state']}, {state['reason_code']})"
        if went != rows:
            failures.append(f"{what}: read {rows}, accounted for {went}")
        if name in good:
            sealed = {t: v for (t, o), v in counted.items() if o == "sealed"}
            if state["state"] not in ("taken", "duplicate") or (state["state"] == "taken" and sealed != rows):
                failures.append(f"{what}: a good file was not sealed whole")
        elif rows != expected[name] and state["state"] != "duplicate":
            failures.append(f"{what}: the ledger read {rows}, the door {expected[name]}")
        if "読み込みに失敗" in (state["message"] or ""):
            failures.append(f"{what}: {state['message']}")
    deliveries = [dict(state) for state in states.values()]
    said = json.dumps([problems, deliveries, status(settings, "16")], ensure_ascii=False, default=str)
    said += "".join(path.read_text(encoding="utf-8") for path in (site.home / "reports").rglob("*.html"))
    return failures + [f"the ledger or the report tells {value}" for value in planted() if value in said]


def test_good_files_among_mutants_are_sealed_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    assert _load(settings, list(range(FIRST, FIRST + SHORT)), with_heavy=False) == []


@pytest.mark.long
def test_delivery_after_delivery_of_mutants_is_accounted_for(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    for start in range(FIRST, FIRST + LONG, BATCH):
        assert _load(settings, list(range(start, start + BATCH)), with_heavy=True) == []

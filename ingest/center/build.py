"""``tsumugi center build``: dbt over what changed, then the change set is closed.

The set is closed only after every model and test is through; a build that was killed or that failed
leaves it open, and results are not taken from it. Where the project itself changed (models, macros,
seeds, tests), a master of diseases was imported, the month of reference went back or a site has a new
identity key, everything is built from its beginning, for then partitions that no load touched would be
those of other rules. A public table that was imported (``tsumugi reference``) makes a build due, not a full one.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ingest import faults
from ingest.center import changes, known_codes, reference_values
from ingest.center.dbt import STEP, run_dbt
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse, transaction
from ingest.center.schema import next_build
from ingest.center.ties import TIES, ties
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, CenterSettings, Settings

_PROJECT_FOLDERS = ("models", "macros", "seeds", "data_tests")


def build(
    settings: Settings, progress: ProgressCallback, full_refresh: bool = False, project: Path = PROJECT_ROOT
) -> dict[str, Any]:
    """Bring the models up to the change set and the month of reference.

    Returns counts of nodes by status; a note where nothing is due. Raises CenterError naming the
    models and tests that failed (never a row of theirs) or batches that are not linked yet.
    """
    center = settings.the_center()
    with one_step(center), Ledger(center.ledger) as ledger:
        return build_models(
            settings, center, KeyRing(center), ledger, progress, full_refresh=full_refresh, project=project
        )


def build_models(
    settings: Settings,
    center: CenterSettings,
    ring: KeyRing,
    ledger: Ledger,
    progress: ProgressCallback,
    *,
    full_refresh: bool,
    project: Path,
) -> dict[str, Any]:
    """``build`` of the warehouse of ``center`` inside a step of the center."""
    with open_warehouse(center, ring) as connection:
        _require_linked(connection)
        sequence = next_build(connection)
        codes = known_codes.read(settings.workspace)
        tables = reference_values.read(center.home)
        digest = _rules_hash(project_hash(project), known_codes.digest(codes))
        last = _last_finished(connection)
        unfinished = _unfinished(connection)
        is_stale = _is_stale(last, digest, settings.reference_month) or changes.is_rekeyed(connection)
        is_full = full_refresh or unfinished == "full" or is_stale
        with transaction(connection):
            if last is not None and not is_full:
                changes.add_months(connection, last[0], settings.reference_month)
            has_tables = reference_values.is_new(connection, tables)
            is_due = is_full or unfinished is not None or has_tables or not changes.is_empty(connection)
            if not is_due and last == (settings.reference_month, digest):
                _mend(ledger, _step(sequence - 1, *last))
                return {"note": "nothing to do"}
            known_codes.put(connection, codes)
            if has_tables:
                reference_values.put(connection, tables)
            connection.execute("DELETE FROM control.build WHERE state <> 'finished'")
            connection.execute(
                "INSERT INTO control.build VALUES (?, ?, ?, ?, 'running')",
                [sequence, settings.reference_month, digest, is_full],
            )
    faults.point("build.begun")
    step = _step(sequence, settings.reference_month, digest)
    ledger.begin_step(STEP, step)
    outcome = run_dbt(
        settings,
        center,
        {"reference_month": settings.reference_month.isoformat()},
        full_refresh=is_full,
        progress=progress,
        project=project,
    )
    faults.point("build.ran")
    if not outcome.is_successful:
        ledger.end_step(STEP, step, figures=outcome.counts, error=outcome.reason())
        raise CenterError(
            f"the build failed and the change set stays open: {outcome.reason()} (log: {center.logs / 'dbt.log'})"
        )
    with open_warehouse(center, ring) as connection:
        with transaction(connection):
            changes.close(connection, sequence)
            undecided = ties(connection)
            connection.execute("UPDATE control.build SET state = 'finished' WHERE build_sequence = ?", [sequence])
            faults.point("build.closing")
        faults.point("build.closed")
    figures = {"build": sequence, "full_refresh": is_full, "nodes": outcome.counts}
    ledger.end_step(STEP, step, figures=figures)
    with ledger.transaction() as noting:
        ledger.set_value(noting, TIES, json.dumps(undecided))
    return figures


def _step(sequence: int, reference_month: date, digest: str) -> str:
    return f"{sequence} {reference_month} {digest}"


def _mend(ledger: Ledger, step: str) -> None:
    """Note the end of a build that was killed after it had closed its change set."""
    if not ledger.is_done(STEP, step):
        ledger.end_step(STEP, step)


def project_hash(project: Path) -> str:
    """SHA-256 over the dbt project: what the models' content depends on besides the data."""
    files = [project / "dbt_project.yml"]
    for folder in _PROJECT_FOLDERS:
        files += sorted(path for path in (project / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(project).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _rules_hash(project: str, diseases: str) -> str:
    return hashlib.sha256(f"{project} {diseases}".encode()).hexdigest()


def _require_linked(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(
        "SELECT count(*), count(*) FILTER (NOT is_linked) FROM control.received_batch"
    ).fetchone()
    assert found is not None
    if not found[0]:
        raise CenterError("no batch has been received; `tsumugi center receive` takes those in the exchange")
    if found[1]:
        raise CenterError(f"{found[1]} batch(es) are not linked yet; `tsumugi center link` does it")


def _last_finished(connection: duckdb.DuckDBPyConnection) -> tuple[date, str] | None:
    found = connection.execute(
        "SELECT reference_month, project_hash FROM control.build WHERE state = 'finished' "
        "ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    return (found[0], found[1]) if found else None


def _unfinished(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Whether a build was killed or failed on its way, and of which kind: it may have written half."""
    found = connection.execute("SELECT is_full_refresh FROM control.build WHERE state = 'running'").fetchone()
    return None if found is None else "full" if found[0] else "incremental"


def _is_stale(last: tuple[date, str] | None, digest: str, reference_month: date) -> bool:
    return last is None or last[1] != digest or last[0] > reference_month

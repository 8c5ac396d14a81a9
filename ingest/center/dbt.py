"""Running dbt as a child process: progress from its log, outcome from its ``run_results.json``.

The child finds key and settings itself (``ingest/dbt_plugin.py``); nothing secret is handed to it.
What it says about a failure may quote values, so only names of nodes and counts are passed on.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ingest.progress import ProgressCallback
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, CenterSettings, Settings

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_SHOWN = 5
STEP = "center build"
WAREHOUSE_VARIABLE = "TSUMUGI_WAREHOUSE"  # name of the file in the center's home that the child builds


@dataclass(frozen=True)
class Outcome:
    """How a run of dbt ended: counts by status, names of what failed (tests with their rows counted)."""

    is_successful: bool
    counts: dict[str, int]
    failed: tuple[str, ...]
    start_error: str = ""  # what stopped dbt before it read a row: the project, the profile, the warehouse

    def reason(self) -> str:
        """One line for a person: which nodes failed, no row of theirs."""
        if not self.failed:
            return f"dbt ended before it ran a model: {self.start_error or 'killed'}"
        more = f" and {len(self.failed) - _SHOWN} more" if len(self.failed) > _SHOWN else ""
        return ", ".join(self.failed[:_SHOWN]) + more


def run_dbt(
    settings: Settings,
    center: CenterSettings,
    variables: Mapping[str, Any],
    *,
    full_refresh: bool,
    progress: ProgressCallback,
    project: Path = PROJECT_ROOT,
) -> Outcome:
    """``dbt build`` (seeds, models, tests) of ``project`` on the warehouse of ``center``."""
    target = center.home / "target"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    forget_other_folders(target, project)
    center.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats"),
        *("--log-format", "json", "--log-format-file", "text", "--no-use-colors"),
        "build",
        *("--project-dir", str(project), "--profiles-dir", str(project), "--target", "center"),
        *("--target-path", str(target), "--log-path", str(center.logs)),
        *("--vars", json.dumps(dict(variables))),
        *(["--full-refresh"] if full_refresh else []),
    ]
    environment = os.environ | {
        WORKSPACE_VARIABLE: str(settings.workspace),
        WAREHOUSE_VARIABLE: center.warehouse.name,
        "PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    with (center.logs / "dbt.stderr").open("wb") as errors:
        child = subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=errors, preexec_fn=_die_with_parent
        )
        assert child.stdout is not None
        start_error = ""
        total = 0
        try:
            for line in child.stdout:
                event = _event(line)
                start_error = event.error or start_error
                if event.total:
                    total = event.total
                    progress(STEP, event.done, total)
        except BaseException:
            child.kill()
            raise
        finally:
            child.stdout.close()
            code = child.wait()
    if code == 0 and total:
        progress(STEP, total, total)  # hooks count in the total and are not told of
    return _outcome(results, code, start_error)


def forget_other_folders(target: Path, project: Path) -> None:
    """Drop what dbt parsed of a project in another folder: with it dbt keeps where each seed lies, and reads that."""
    note = target / "project_folder"
    if not note.is_file() or note.read_text(encoding="utf-8") != str(project):
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        (target / "partial_parse.msgpack").unlink(missing_ok=True)
        note.write_text(str(project), encoding="utf-8")


def _die_with_parent() -> None:
    # A build that was killed must not go on writing behind the back of the next run.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


class _Event(NamedTuple):
    """What one line of dbt's log says: the node ended (of how many), or an error outside any node."""

    done: int = 0
    total: int = 0
    error: str = ""


def _event(line: bytes) -> _Event:
    try:
        event = json.loads(line)
        data, info = event["data"], event["info"]
        if "total" in data and "execution_time" in data:
            return _Event(done=int(data["index"]), total=int(data["total"]))
        if info["name"] == "MainEncounteredError":
            return _Event(error=" ".join(str(info["msg"]).split()))
    except (ValueError, KeyError, TypeError):
        pass  # a line that is no event
    return _Event()


def _outcome(results: Path, code: int, start_error: str) -> Outcome:
    if not results.is_file():
        return Outcome(False, {}, (), start_error)
    found = json.loads(results.read_text(encoding="utf-8"))["results"]
    counts = Counter(str(result["status"]) for result in found)
    failed = []
    for result in found:
        if result["status"] in ("error", "fail", "runtime error"):
            name = ".".join(result["unique_id"].split(".")[2:3])
            rows = result.get("failures")
            failed.append(f"{name} ({rows} rows)" if rows else name)
    return Outcome(code == 0, dict(counts), tuple(sorted(failed)))

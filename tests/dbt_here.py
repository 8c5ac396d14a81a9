"""dbt inside this process, for tests that look at what it made: a child imports for seconds before it starts.

The project is read once a process. Nothing is logged: whoever looks for what dbt writes runs it as the center does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, CenterSettings, Settings
from tests import parsed_project

_QUIET = (
    "--quiet",
    "--no-use-colors",
    "--no-send-anonymous-usage-stats",
    "--no-write-json",
    "--log-level-file",
    "none",
)
_PARSED: list[Any] = []


def dbt(
    settings: Settings, center: CenterSettings, reference_month: str, command: str, more: Sequence[str]
) -> dbtRunnerResult:
    """A ``command`` of dbt (``run``, ``build``) with ``more`` arguments on the warehouse of a center."""
    target = center.home / "target"
    place = [
        *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT), "--target", "center"),
        *("--target-path", str(target), "--vars", f"{{reference_month: '{reference_month}'}}"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WORKSPACE_VARIABLE, str(settings.workspace))
        patch.chdir(PROJECT_ROOT)
        if not _PARSED:
            with parsed_project.lent(target, reference_month):
                _PARSED.append(_invoked(dbtRunner(), ["parse", *place]).result)
        return _invoked(dbtRunner(manifest=_PARSED[0]), [command, *place, *more])


def reason(result: dbtRunnerResult) -> Any:
    """Why a command failed."""
    return result.exception or [node.message for node in result.result if node.message]


def _invoked(runner: dbtRunner, arguments: list[str]) -> dbtRunnerResult:
    try:
        return runner.invoke([*_QUIET, *arguments])
    finally:  # dbt-duckdb keeps its connection for the life of the process, and with it the warehouse
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()

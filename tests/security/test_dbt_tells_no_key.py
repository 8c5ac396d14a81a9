"""dbt run by hand and at its most talkative, and a crash of it, tell no key and leave no image of its memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

import pytest

from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, PartySettings, Settings
from tests.security.center_alone import center_alone, files_but_keys, keys_of
from tests.security.search import Search

DBT = "from dbt.cli.main import cli; cli()"
CRASH = """
import os
from ingest import warehouse
attach = warehouse.attach
def attach_and_crash(*given, **named):
    attach(*given, **named)
    os.abort()
warehouse.attach = attach_and_crash
"""


@pytest.fixture(scope="module")
def center(tiny_road: Settings, tmp_path_factory: pytest.TempPathFactory) -> PartySettings:
    return center_alone(tiny_road, tmp_path_factory.mktemp("center"), "1GB").the_center()


@pytest.fixture(scope="module")
def said(center: PartySettings) -> dict[str, subprocess.CompletedProcess[bytes]]:
    """What dbt says when it looks at its connection, when it builds, and when it dies with the warehouse open."""
    build = ["build", "--select", "stg_claim__claim", "--target-path", str(center.home / "target")]
    return {
        "debug": _dbt(center, DBT, "debug"),
        "build": _dbt(center, DBT, *build),
        "crash": _dbt(center, CRASH + DBT, *build),
    }


def _dbt(center: PartySettings, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """dbt in a process that is free to leave a dump in the home of the center."""
    project = ["--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT), "--target", "center"]
    own = {WORKSPACE_VARIABLE: str(center.home.parent), "PYTHONPATH": str(PROJECT_ROOT)}
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    return subprocess.run(
        [sys.executable, "-c", program, "--debug", *arguments, *project, "--log-path", str(center.logs)],
        cwd=center.home, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
    )  # fmt: skip


def test_dbt_did_what_it_was_asked_and_said_much(
    center: PartySettings, said: dict[str, subprocess.CompletedProcess[bytes]]
) -> None:
    assert b"All checks passed" in said["debug"].stdout
    assert said["build"].returncode == 0, said["build"].stdout[-2000:].decode()
    assert said["crash"].returncode == -signal.SIGABRT, said["crash"].stdout[-2000:].decode()
    assert b"On model.tsumugi.stg_claim__claim" in (center.logs / "dbt.log").read_bytes(), "its SQL is in the log"


def test_no_key_is_in_what_dbt_said_wrote_or_left_behind(
    center: PartySettings, said: dict[str, subprocess.CompletedProcess[bytes]]
) -> None:
    search = Search((), keys_of(center))
    key = keys_of(center)[0].hex().encode()
    assert search.in_bytes(said["debug"].stdout + key), "the search finds one where it is"
    assert [name for name, done in said.items() if search.in_bytes(done.stdout)] == []
    assert [str(path) for path in files_but_keys(center) if search.in_file(path)] == []
    assert list(center.home.glob("core*")) == []

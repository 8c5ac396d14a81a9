"""dbt run by hand and at its most talkative, and a crash of it, tell no key and leave no image of its memory."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.center.link import link
from ingest.center.receive import receive
from ingest.progress import silent
from ingest.settings import PROJECT_ROOT, SETTINGS_FILE, WORKSPACE_VARIABLE, PartySettings, load
from tests.integration.center_world import demo_workspace, load_of, seal_load
from tests.security.center_alone import files_but_keys, keys_of
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
def center(tmp_path_factory: pytest.TempPathFactory) -> PartySettings:
    """A center that has received and linked a few claims."""
    settings = demo_workspace(tmp_path_factory.mktemp("world"))
    seal_load(settings, load_of("16", "1", "2"), 1)
    receive(settings, silent)
    link(settings, silent)
    return settings.the_center()


@pytest.fixture(scope="module")
def said(center: PartySettings) -> dict[str, subprocess.CompletedProcess[bytes]]:
    """What dbt says when it looks at its connection, when it builds, and when it dies with the warehouse open."""
    more = ["--vars", "{reference_month: 2024-06-01}", "--target-path", str(center.home / "target")]
    build = ["build", "--select", "+stg_medical__claim", *more]
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
        cwd=center.home, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
    )  # fmt: skip


def test_dbt_did_what_it_was_asked_and_said_much(
    center: PartySettings, said: dict[str, subprocess.CompletedProcess[bytes]]
) -> None:
    assert b"All checks passed" in said["debug"].stdout
    assert said["build"].returncode == 0, said["build"].stdout[-2000:].decode()
    assert said["crash"].returncode == -signal.SIGABRT, said["crash"].stdout[-2000:].decode()
    assert b"On model.tsumugi.stg_medical__claim" in (center.logs / "dbt.log").read_bytes(), "its SQL is in the log"


def test_no_key_is_in_what_dbt_said_wrote_or_left_behind(
    center: PartySettings, said: dict[str, subprocess.CompletedProcess[bytes]]
) -> None:
    search = Search((), keys_of(center))
    key = keys_of(center)[0].hex().encode()
    assert search.in_bytes(said["debug"].stdout + key), "the search finds one where it is"
    assert [name for name, done in said.items() if search.in_bytes(done.stdout)] == []
    assert list(search.in_paths(files_but_keys(center))) == []
    assert list(center.home.glob("core*")) == []


def test_dbt_without_a_terminal_has_its_key_from_the_command_or_says_what_is_missing(
    center: PartySettings, tmp_path: Path
) -> None:
    other = tmp_path / "center"
    shutil.copytree(center.home, other)
    store = tmp_path / "store"
    (other / "keys").rename(store)
    toml = tmp_path / SETTINGS_FILE
    toml.write_text('reference_month = 2024-06-01\nexchange = "exchange"\n[center]\nhome = "center"\n')
    party = load(tmp_path).the_center()
    without = _dbt(party, DBT, "debug").stdout.decode()
    assert "no key 'at-rest'" in without and "unlock_command" in without and "Traceback" not in without
    script = f"import pathlib, sys; print(pathlib.Path({str(store)!r}, sys.argv[1] + '.key').read_text())"
    command = json.dumps(f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}")
    toml.write_text(toml.read_text() + f"unlock_command = {command}\n")
    assert b"All checks passed" in _dbt(party, DBT, "debug").stdout

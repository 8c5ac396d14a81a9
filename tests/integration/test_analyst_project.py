"""An analyst in the repository: plain dbt over a copy of the warehouse, with no key anywhere near it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import analyst, warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings

VERBS = (["build"], ["test", "--select", "marts"], ["docs", "generate"])


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project of the repository as an analyst has it checked out."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("models", "macros", "seeds", "data_tests"):
        shutil.copytree(PROJECT_ROOT / name, folder / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT_ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def outputs(tiny_road: Settings, clone: Path) -> Iterator[list[str]]:
    """What ``dbt build``, ``dbt test`` and ``dbt docs generate`` say, one after the other, typed as they stand."""
    analyst.copy(tiny_road)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TSUMUGI_")}
    environment |= {WORKSPACE_VARIABLE: str(tiny_road.workspace), "PYTHONPATH": str(PROJECT_ROOT)}
    said = []
    for verb in VERBS:
        command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *verb]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=400)
        said.append(f"{done.stdout}\n{done.stderr}\nexit code {done.returncode}")
    yield said
    shutil.rmtree(tiny_road.analyst)


def test_plain_build_test_and_docs_pass_on_the_copy(outputs: list[str]) -> None:
    for verb, said in zip(VERBS, outputs, strict=True):
        assert said.endswith("exit code 0"), f"dbt {' '.join(verb)}:\n{said[-3000:]}"


def test_the_copy_is_built_to_the_month_of_the_last_finished_build(outputs: list[str], tiny_road: Settings) -> None:
    home = analyst.home(tiny_road)
    key = KeyRing(home).secret("at-rest")
    with warehouse.open_database(home.home / "warehouse.duckdb", key, read_only=True) as connection:
        last = connection.execute("SELECT max(month) FROM marts.person_month").fetchone()
    assert last == (tiny_road.reference_month,)


def test_neither_logs_nor_target_hold_the_key(outputs: list[str], clone: Path, tiny_road: Settings) -> None:
    key = KeyRing(analyst.home(tiny_road)).secret("at-rest").hex()
    written = [path for folder in ("logs", "target") for path in (clone / folder).rglob("*") if path.is_file()]
    assert {"manifest.json", "catalog.json", "dbt.log"} <= {path.name for path in written}
    assert not [path for path in written if key.encode() in path.read_bytes()]
    assert not [said for said in outputs if key in said]

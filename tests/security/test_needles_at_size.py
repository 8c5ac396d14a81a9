"""A gigabyte of what the center writes, its spill while it works included: nobody's name, number or birth date in it.

Run by `make needles`, which makes the demo first and names its workspace in $TSUMUGI_NEEDLES_IN. The center of the
demo is copied, given little memory, and made to build everything anew with dbt's most talkative logs; what it spills
is held fast by a second name before DuckDB takes the first away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest import settings as settings_module
from ingest import warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings
from tests.security.needles import Search, fifty_people

WORKSPACE = os.environ.get("TSUMUGI_NEEDLES_IN")
GIGABYTE = 1_000_000_000
LITTLE_MEMORY = "350MB"

pytestmark = [pytest.mark.long, pytest.mark.skipif(WORKSPACE is None, reason="make needles says where the demo is")]


@pytest.fixture(scope="module")
def search() -> Search:
    return fifty_people(Path(str(WORKSPACE)) / "truth")


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The demo's center by itself, with little memory: a workspace in which nothing of a site lies."""
    demo = settings_module.load(Path(str(WORKSPACE)))
    folder = tmp_path_factory.mktemp("center")
    home = folder / "center"
    shutil.copytree(demo.the_center().home, home)
    (folder / settings_module.SETTINGS_FILE).write_text(
        f'reference_month = {demo.reference_month}\nexchange = "{demo.exchange}"\n'
        f'[center]\nhome = "{home}"\nmemory_limit = "{LITTLE_MEMORY}"\n'
    )
    return settings_module.load(folder)


@pytest.fixture(scope="module")
def spilled(center: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the center spilled and said while it built everything anew."""
    kept = tmp_path_factory.mktemp("spill")
    party = center.the_center()
    with _held_fast(party.spill, kept):
        for verb in (["debug"], ["build", "--full-refresh"]):
            done = _dbt(center, *verb)
            (kept / f"{verb[0]}.said").write_bytes(done)
    return kept


@contextmanager
def _held_fast(spill: Path, kept: Path) -> Iterator[None]:
    """Gives every file that appears in ``spill`` a second name in ``kept``."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            for path in spill.glob("*") if spill.is_dir() else ():
                try:
                    os.link(path, kept / f"{path.stat().st_ino}.spill")
                except (FileExistsError, FileNotFoundError):
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _dbt(settings: Settings, *verb: str) -> bytes:
    home = settings.the_center().home
    places = ["--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT), "--target", "center"]
    written = ["--target-path", str(home / "target"), "--log-path", str(home / "logs")]
    command = [sys.executable, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats", "--debug", *verb]
    environment = os.environ | {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(
        [*command, *places, *(written if verb[0] == "build" else ["--log-path", str(home / "logs")])],
        cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.stdout


def _written(center: Settings, spilled: Path) -> list[Path]:
    """Every file of the center but its keys, and what it spilled and said."""
    party = center.the_center()
    return [
        path
        for folder in (party.home, center.exchange, spilled)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_relative_to(party.keys)
    ]


def test_the_center_spilled_and_wrote_a_gigabyte(center: Settings, spilled: Path) -> None:
    spill = sum(path.stat().st_size for path in spilled.glob("*.spill"))
    assert spill > 10_000_000
    assert sum(path.stat().st_size for path in _written(center, spilled)) + spill > GIGABYTE


def test_a_needle_in_a_spill_file_is_found(spilled: Path, search: Search, tmp_path: Path) -> None:
    largest = max(spilled.glob("*.spill"), key=lambda path: path.stat().st_size)
    planted = tmp_path / "planted.spill"
    planted.write_bytes(largest.read_bytes() + search.forms[-1].encode("utf-8"))
    assert search.in_file(planted)


def test_no_byte_that_the_center_wrote_holds_a_person(center: Settings, spilled: Path, search: Search) -> None:
    assert [str(path) for path in _written(center, spilled) if search.in_file(path)] == []


def test_no_table_of_the_center_holds_a_person(center: Settings, spilled: Path, search: Search) -> None:
    party = center.the_center()
    key = KeyRing(party).secret("at-rest")
    with warehouse.open_database(party.warehouse, key, read_only=True) as connection:
        assert list(search.in_database(connection, "warehouse")) == []


def test_no_key_stands_in_a_file_of_the_center(center: Settings, spilled: Path) -> None:
    party = center.the_center()
    keys = [bytes.fromhex(path.read_text().strip()) for path in party.keys.glob("*.key")]
    assert len(keys) > 3
    forms = [form for key in keys for form in (key, key.hex().encode(), key.hex().upper().encode())]
    for path in _written(center, spilled):
        content = path.read_bytes()
        assert not any(form in content for form in forms), path

"""A gigabyte of what the center writes, its spill while it works included: nobody's name, number or birth date in it.

Run by `make needles`, which makes the demo first and names its workspace in $TSUMUGI_NEEDLES_IN. The center of the
demo is copied, given little memory, and made to sort its claims and to build everything anew with dbt's most
talkative logs; what it spills is copied while it is there.
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

import duckdb
import pytest

from ingest import settings as settings_module
from ingest import warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings
from tests.security.needles import Search, fifty_people

WORKSPACE = os.environ.get("TSUMUGI_NEEDLES_IN")
GIGABYTE = 1_000_000_000
LITTLE_MEMORY = "800MB"  # enough for the build to end
SORTING_MEMORY = "200MB"  # not enough to sort the claims

pytestmark = [pytest.mark.long, pytest.mark.skipif(WORKSPACE is None, reason="make needles says where the demo is")]


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
    home = str(PROJECT_ROOT)
    project = ["--project-dir", home, "--profiles-dir", home, "--target", "center", "--log-path", str(party.logs)]
    with _copied(party.spill, kept):
        debug = _said(center, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats", "debug", *project)
        _sort_the_claims(center)
        build = _said(center, "-c", "from ingest.cli import main; main()", "center", "build", "--full-refresh")
    (kept / "debug.said").write_bytes(debug.stdout)
    (kept / "build.said").write_bytes(build.stdout)
    assert build.returncode == 0, build.stdout[-2000:].decode()
    return kept


@pytest.fixture(scope="module")
def search(center: Settings) -> Search:
    """Fifty people on whose birthday nobody else fell ill: in a gigabyte of claims that is most days of a century."""
    with _opened(center) as connection:
        others = connection.execute(
            "SELECT DISTINCT start_date FROM raw.claim_diagnosis AS told "
            "JOIN raw.claim AS claim ON claim.source_file_id = told.source_file_id "
            "AND claim.source_row = told.parent_source_row WHERE date_trunc('month', start_date) <> birth_month"
        ).fetchall()
    return fifty_people(Path(str(WORKSPACE)) / "truth", (day for (day,) in others))


def _opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    center = settings.the_center()
    return warehouse.open_database(center.warehouse, KeyRing(center).secret("at-rest"), read_only=True)


@contextmanager
def _copied(spill: Path, kept: Path) -> Iterator[None]:
    """Copies every file of ``spill`` into ``kept``, again whenever it has grown: DuckDB empties them at the end."""
    is_over = threading.Event()

    def watch() -> None:
        sizes: dict[str, int] = {}
        while not is_over.wait(0.05):
            for path in spill.glob("*") if spill.is_dir() else ():
                try:
                    name = f"{path.stat().st_ino}.spill"
                    if path.stat().st_size > sizes.get(name, 0):
                        sizes[name] = path.stat().st_size
                        shutil.copyfile(path, kept / name)
                except FileNotFoundError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _sort_the_claims(settings: Settings) -> None:
    """What a model of the largest table does, in so little memory that nearly all of it goes through the spill."""
    center = settings.the_center()
    key = KeyRing(center).secret("at-rest")
    with warehouse.open_database(
        center.warehouse, key, read_only=True, spill=center.spill, memory_limit=SORTING_MEMORY, threads=1
    ) as connection:
        connection.execute("CREATE TEMP TABLE sorted AS SELECT * FROM raw.claim ORDER BY identity_tag, record_key_tag")


def _said(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A process of the center with dbt at its most talkative, and all it says."""
    own = {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT), "DBT_DEBUG": "true"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_ROOT, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


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
    with _opened(center) as connection:
        assert list(search.in_database(connection, "warehouse")) == []


def test_no_key_stands_in_a_file_of_the_center(center: Settings, spilled: Path) -> None:
    party = center.the_center()
    keys = [bytes.fromhex(path.read_text().strip()) for path in party.keys.glob("*.key")]
    assert len(keys) > 3
    forms = [form for key in keys for form in (key, key.hex().encode(), key.hex().upper().encode())]
    for path in _written(center, spilled):
        content = path.read_bytes()
        assert not any(form in content for form in forms), path

"""A gigabyte of what the center writes, its spill while it works included: nobody's name, number or birth date in it.

Run by `make needles`, which makes the demo first and names its workspace in $TSUMUGI_NEEDLES_IN. The center of the
demo is copied and made to sort its claims in next to no memory, to crash over them, and to build everything anew with
dbt's most talkative logs; what it spills is copied while it is there.
"""

from __future__ import annotations

import base64
import os
import re
import resource
import shutil
import signal
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
from tests.security import opened
from tests.security.center_alone import center_alone, files_but_keys, keys_of
from tests.security.needles import fifty_people
from tests.security.search import Search

WORKSPACE = os.environ.get("TSUMUGI_NEEDLES_IN")
GIGABYTE = 1_000_000_000
SORTING_MEMORY = "300MB"  # not enough to sort what the claims hold: nearly all of it is spilled

# A step of the center that ends as a fault of memory ends it, while it holds keys and rows.
CRASH = """
import os
from ingest import settings, warehouse
from ingest.sealing.keys import KeyRing
center = settings.load().the_center()
connection = warehouse.open_database(center.warehouse, KeyRing(center).secret("at-rest"), read_only=True)
rows = connection.execute("SELECT * FROM raw.claim ORDER BY identity_tag LIMIT 100000").to_arrow_table()
os.abort()
"""

pytestmark = [pytest.mark.long, pytest.mark.skipif(WORKSPACE is None, reason="make needles says where the demo is")]


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The demo's center by itself."""
    return center_alone(settings_module.load(Path(str(WORKSPACE))), tmp_path_factory.mktemp("center"))


@pytest.fixture(scope="module")
def spilled(center: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the center spilled and said while it sorted, crashed and built everything anew."""
    kept = tmp_path_factory.mktemp("spill")
    party = center.the_center()
    home = str(PROJECT_ROOT)
    project = ["--project-dir", home, "--profiles-dir", home, "--target", "center", "--log-path", str(party.logs)]
    with _copied(party.spill, kept):
        debug = _said(center, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats", "debug", *project)
        _sort_the_claims(center)
        crash = _said(center, "-c", CRASH, folder=kept)
        build = _said(center, "-c", "from ingest.cli import main; main()", "center", "build", "--full-refresh")
    for name, said in (("debug", debug), ("crash", crash), ("build", build)):
        (kept / f"{name}.said").write_bytes(said.stdout)
    assert debug.returncode == 0, debug.stdout[-2000:].decode()
    assert crash.returncode == -signal.SIGABRT, crash.stdout.decode()
    assert build.returncode == 0, build.stdout[-2000:].decode()
    return kept


@pytest.fixture(scope="module")
def search(center: Settings) -> Search:
    """The center's keys, and fifty people on whose birthday nobody else fell ill: in a gigabyte of claims somebody does
    on most days of a century."""
    with _opened(center) as connection:
        others = connection.execute(
            "SELECT DISTINCT start_date FROM raw.claim_diagnosis AS told "
            "JOIN raw.claim AS claim ON claim.source_file_id = told.source_file_id "
            "AND claim.source_row = told.parent_source_row WHERE date_trunc('month', start_date) <> birth_month "
            # The 65th birthday of those born in the 1920s is a birthday of younger people.
            "UNION SELECT insured_start_date FROM raw.care_certification "
            "WHERE date_trunc('month', insured_start_date) <> birth_month"
        ).fetchall()
    people = fifty_people(Path(str(WORKSPACE)) / "truth", (day for (day,) in others))
    return Search(people, keys_of(center.the_center()))


def _opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    center = settings.the_center()
    return warehouse.open_database(center.warehouse, KeyRing(center).secret("at-rest"), read_only=True)


@contextmanager
def _copied(spill: Path, kept: Path) -> Iterator[None]:
    """Copies what is added to any file of ``spill`` into ``kept``, as it comes: DuckDB empties them at the end."""
    is_over = threading.Event()

    def watch() -> None:
        copied: dict[int, int] = {}
        while not is_over.wait(0.05):
            for path in spill.glob("*") if spill.is_dir() else ():
                try:
                    with path.open("rb") as source:
                        number, size = os.fstat(source.fileno()).st_ino, os.fstat(source.fileno()).st_size
                        is_new = size < copied.get(number, 0)  # under the number of one that is gone
                        source.seek(0 if is_new else copied.get(number, 0))
                        with (kept / f"{number}.spill").open("ab") as target:
                            shutil.copyfileobj(source, target, 1 << 20)
                        copied[number] = source.tell()
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
    """What a model of the largest tables does, in so little memory that nearly all of it goes through the spill."""
    center = settings.the_center()
    key = KeyRing(center).secret("at-rest")
    with warehouse.open_database(
        center.warehouse, key, read_only=True, spill=center.spill, memory_limit=SORTING_MEMORY, threads=1
    ) as connection:
        for table, order in (("claim", "identity_tag"), ("claim_item", "item_code, parent_source_row")):
            rows = f"SELECT * FROM raw.{table} ORDER BY {order}"
            connection.execute(f"CREATE TEMP TABLE sorted_{table} AS {rows}")


def _said(settings: Settings, *arguments: str, folder: Path = PROJECT_ROOT) -> subprocess.CompletedProcess[bytes]:
    """A process of the center with dbt at its most talkative, free to leave a dump in ``folder``, and all it says."""
    own = {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT), "DBT_DEBUG": "true"}
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
    )  # fmt: skip


def _written(center: Settings, spilled: Path) -> list[Path]:
    """Every file of the center but its keys, and what it spilled and said."""
    exchanged = [path for path in sorted(center.exchange.rglob("*")) if path.is_file()]
    return [*files_but_keys(center.the_center()), *exchanged, *sorted(spilled.iterdir())]


def test_the_center_spilled_and_wrote_a_gigabyte(center: Settings, spilled: Path) -> None:
    assert sum(path.stat().st_size for path in spilled.glob("*.spill")) > GIGABYTE // 2
    assert sum(path.stat().st_size for path in _written(center, spilled)) > GIGABYTE


def test_a_needle_in_a_spill_file_and_a_key_in_a_log_are_found(
    center: Settings, spilled: Path, search: Search, tmp_path: Path
) -> None:
    largest = max(spilled.glob("*.spill"), key=lambda path: path.stat().st_size)
    spill, log = tmp_path / "planted.spill", tmp_path / "planted.log"
    shutil.copyfile(largest, spill)
    with spill.open("r+b") as handle:
        handle.seek(spill.stat().st_size // 2)
        handle.write(search.forms[-1].encode("utf-8"))
    assert search.in_file(spill)
    log.write_bytes((spilled / "build.said").read_bytes() + base64.b64encode(keys_of(center.the_center())[0]))
    assert search.in_file(log)


def test_no_byte_that_the_center_wrote_holds_a_person_or_a_key(center: Settings, spilled: Path, search: Search) -> None:
    assert list(search.in_paths(_written(center, spilled))) == []


def test_no_table_that_the_center_can_open_holds_a_person_or_a_key(
    center: Settings, spilled: Path, search: Search, tmp_path: Path
) -> None:
    found = [
        f"{name}: {column}"
        for name, connection, catalog in opened.by_the_center(center, tmp_path)
        for column in search.in_database(connection, catalog)
    ]
    assert found == []


def test_a_needle_in_a_table_of_the_size_is_found(center: Settings, search: Search) -> None:
    birthday = next(form for form in search.forms if re.fullmatch(r"\d{4}-\d\d-\d\d", form))
    with _opened(center) as connection:
        rows = connection.execute(
            "SELECT * REPLACE (CASE WHEN row_number() OVER () = 400000 THEN ? ELSE institution_code END "
            "AS institution_code) FROM raw.claim",
            [birthday],
        )
        assert list(search.in_arrow("claim", rows.to_arrow_reader())) == ["claim.institution_code"]

"""What lies still is encrypted, and a database that is not as the last step left it is not opened."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import duckdb
import pytest

from ingest import at_rest, warehouse
from ingest.center.receive import receive
from ingest.center.status import status
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, Settings
from ingest.site.databases import open_directory, open_quarantine
from ingest.site.lock import locked
from ingest.warehouse import WarehouseError
from tests.handmade import demo_workspace
from tests.integration.center_world import load_of, rows, run_killed, seal_load

KEY = bytes(range(32))
BLOCK, FIRST_BLOCK = 256 << 10, 3 * 4096  # of a DuckDB file
# Files of an installation that hold no person and are not encrypted, by the end of their names.
PLAIN = (
    ".sqlite", ".sqlite-wal", ".sqlite-shm", ".lock", ".key", "public.json", "peers/center.json", "peers/16.json",
    "peers/31.json", "manifest.json", "manifest.sig", ".receipt.json", "statement.json", "audit.jsonl", "dbt.log",
    "dbt.stderr", ".sha256", ".html", "tsumugi.toml", "audit/keys.jsonl", "audit/linkage.jsonl",
    "audit/quarantine.jsonl", ".head.json",
)  # fmt: skip
FOLDERS_IN_PLAIN = ("target/", "inbox/", "reports/", "layouts/", "profiles/")


def is_encrypted(path: Path) -> bool:
    """Whether a file says itself that it is encrypted: DuckDB's flag, Parquet's magic, our label."""
    content = path.read_bytes()
    if path.suffix == ".duckdb":
        return content[8:12] == b"DUCK" and bool(content[20] & 1)
    if path.suffix == ".parquet":
        return content[:4] == content[-4:] == b"PARE"
    return content.startswith(b"tsumugi-archive-1\n")


def in_the_open(*homes: Path) -> list[str]:
    """Files under the homes that are neither encrypted nor of the closed list of those that need not be."""
    found = []
    for home in homes:
        for path in sorted(home.rglob("*")):
            name = path.relative_to(home).as_posix()
            if path.is_file() and not name.endswith(PLAIN) and not name.startswith(FOLDERS_IN_PLAIN):
                found += [] if is_encrypted(path) else [name]
    return found


def test_every_file_that_an_installation_writes_is_encrypted_or_holds_no_person(tiny_road: Settings) -> None:
    homes = [tiny_road.the_center().home, *(site.home for site in tiny_road.sites.values()), tiny_road.exchange]
    assert in_the_open(*homes) == []
    kinds = {path.suffix for home in homes for path in home.rglob("*") if path.is_file()}
    assert {".duckdb", ".parquet"} <= kinds
    assert any(site.archive.rglob("*") for site in tiny_road.sites.values())


def test_the_look_finds_what_is_not_encrypted(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "plain.duckdb")) as connection:
        connection.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path / 'plain.parquet'}' (FORMAT parquet)")
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    (tmp_path / "notes.txt").write_text("x")
    warehouse.open_database(tmp_path / "guarded.duckdb", KEY).close()
    assert in_the_open(tmp_path) == ["notes.txt", "plain.duckdb", "plain.parquet"]


def test_two_exchanged_blocks_are_read_by_duckdb_and_refused_by_us(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"

    def read(file: Path) -> str:
        """What a process of its own reads of the file: an exchange may end it (an error, even a crash)."""
        program = (
            "import sys; from pathlib import Path; from ingest import warehouse; "
            f"connection = warehouse.open_database(Path(sys.argv[1]), bytes.fromhex('{KEY.hex()}'), read_only=True); "
            "print(connection.execute('SELECT count(x), sum(hash(rowid, x)) FROM t').fetchone())"
        )
        command = [sys.executable, "-c", program, str(file)]
        return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT).stdout

    at_rest.opening(tmp_path, path, "")
    with warehouse.open_database(path, KEY) as connection:
        connection.execute("CREATE TABLE t AS SELECT hash(range) AS x FROM range(400000)")
    at_rest.settle(tmp_path)
    whole, content = read(path), path.read_bytes()
    middle = (len(content) - FIRST_BLOCK) // BLOCK // 2
    changed = ""
    for one, two in combinations(range(middle - 1, middle + 3), 2):
        first, second = (slice(FIRST_BLOCK + n * BLOCK, FIRST_BLOCK + (n + 1) * BLOCK) for n in (one, two))
        swapped = bytearray(content)
        swapped[first], swapped[second] = content[second], content[first]
        path.write_bytes(swapped)
        changed = read(path)
        if changed not in ("", whole):
            break
    assert changed not in ("", whole), "DuckDB noticed every exchange: then the hash would not be needed"
    with pytest.raises(WarehouseError, match="SHA-256 の不一致.*何をするか"):
        at_rest.opening(tmp_path, path, "何をするか")
    path.write_bytes(content)
    at_rest.opening(tmp_path, path, "")


def test_a_changed_warehouse_is_not_opened_and_the_line_says_what_to_do(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    first = seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    center = settings.the_center()
    earlier = center.warehouse.read_bytes()
    seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    receive(settings, silent)
    now = center.warehouse.read_bytes()
    center.warehouse.write_bytes(earlier)  # whole and under the right key, but of last month
    with pytest.raises(WarehouseError, match="tsumugi center rebuild"):
        receive(settings, silent)
    assert "center rebuild" in status(settings)["note"]
    center.warehouse.write_bytes(now)
    assert receive(settings, silent)["received"] == 0


def test_what_a_killed_step_left_open_is_taken_with_its_log_and_told(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1"), 1)
    assert run_killed(settings, "ingest.center.receive", "receive", "receive.committed") == 137
    center = settings.the_center()
    assert center.warehouse.with_name("warehouse.duckdb.wal").is_file(), "nothing was left in the log"
    assert [row["path"] for row in status(settings)["left_open"]] == ["warehouse.duckdb"]
    assert receive(settings, silent)["received"] == 0
    assert rows(settings, "SELECT count(*) FROM raw.claim") == [(1,)]
    assert status(settings)["left_open"] == []
    with Ledger(center.ledger) as ledger:
        assert ledger.database_file("warehouse.duckdb") == {
            "path": "warehouse.duckdb",
            "state": "closed",
            "file_hash": at_rest.file_hash(center.warehouse),
            "opened_by": None,
            "recorded_at": ledger.rows("SELECT recorded_at FROM database_file")[0]["recorded_at"],
        }


def test_a_changed_directory_and_quarantine_are_not_opened(tmp_path: Path) -> None:
    site = demo_workspace(tmp_path).site("16")
    key = KeyRing(site).secret("at-rest")
    with locked(site.home):
        open_directory(site, key).close()
        open_quarantine(site, key).close()
    for path, again in ((site.directory, open_directory), (site.quarantine, open_quarantine)):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(WarehouseError, match="バックアップ"):
            again(site, key)
        path.unlink()
        again(site, key).close()  # taken away on purpose, it begins anew


def test_a_published_file_that_changed_is_not_opened_and_either_opens_while_it_is_replaced(tmp_path: Path) -> None:
    path, temporary = tmp_path / "published.duckdb", tmp_path / "new.duckdb"

    def made(number: int) -> bytes:
        with warehouse.open_database(temporary, KEY) as connection:
            connection.execute(f"CREATE TABLE t AS SELECT {number} AS x")
        return temporary.read_bytes()

    def opened() -> list[tuple[int]]:
        with warehouse.open_hardened(path, KEY) as connection:
            return connection.execute("SELECT x FROM published.t").fetchall()

    first = made(1)
    at_rest.put_published(temporary, path)
    assert opened() == [(1,)]
    made(2)
    digest = at_rest.put_published(temporary, path)
    assert opened() == [(2,)]
    assert warehouse.hash_note(path).read_text() == f"{digest}\n"
    warehouse.hash_note(path).write_text(f"{hashlib.sha256(first).hexdigest()}\n{digest}\n")
    assert opened() == [(2,)]
    whole = path.read_bytes()
    path.write_bytes(first)
    assert opened() == [(1,)], "a kill before the new file was in place"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WarehouseError, match="tsumugi run"):
        opened()

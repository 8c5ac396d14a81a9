"""The one door to DuckDB: encrypted files, encrypted spill, no key in an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ingest import warehouse
from ingest.settings import PROJECT_ROOT

KEY = bytes(range(32))
NEEDLE = "ハリノミミズ-20240229-NEEDLE"


def test_a_database_opens_only_with_its_key_and_the_error_holds_none(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    warehouse.open_database(path, KEY).close()
    wrong = bytes(32)
    with pytest.raises(warehouse.WarehouseError) as caught:
        warehouse.open_database(path, wrong)
    assert KEY.hex() not in str(caught.value)
    assert wrong.hex() not in str(caught.value)


def test_a_plaintext_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(warehouse.WarehouseError):
        warehouse.open_database(path, KEY)


def test_a_database_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    warehouse.open_database(path, KEY).close()
    assert path.stat().st_mode & 0o077 == 0


def _spill(connection: duckdb.DuckDBPyConnection, folder: Path) -> bytes:
    """Sort more than fits into memory and catch what lies on disk in the middle of it."""
    connection.execute("SET memory_limit = '120MB'")
    connection.execute("SET threads = 1")
    seen = bytearray()
    reader = connection.execute(
        "SELECT i, repeat($needle, 20) || i AS filler FROM range(600000) t(i) ORDER BY hash(i), i", {"needle": NEEDLE}
    ).to_arrow_reader(1000)
    reader.read_next_batch()
    for path in folder.rglob("*"):
        if path.is_file():
            seen += path.read_bytes()
    return bytes(seen)


def test_spill_is_encrypted_and_the_search_finds_a_needle_in_plain_spill(tmp_path: Path) -> None:
    plain_folder = tmp_path / "plain"
    plain_folder.mkdir()
    plain = duckdb.connect(":memory:", config={"temp_directory": str(plain_folder)})
    assert NEEDLE.encode() in _spill(plain, plain_folder), "the search must be able to find what is there"
    plain.close()

    folder = tmp_path / "spill"
    guarded = warehouse.connect(spill=folder)
    bytes_on_disk = _spill(guarded, folder)
    assert len(bytes_on_disk) > 1_000_000, "nothing was spilled, the test would prove nothing"
    assert NEEDLE.encode() not in bytes_on_disk


def test_the_reader_of_the_dashboard_can_do_nothing_but_read(tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    writer = warehouse.open_database(path, KEY)
    writer.execute("CREATE TABLE t AS SELECT 1 AS x")
    writer.close()
    reader = warehouse.open_hardened(path, KEY)
    assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
    for statement in (
        "CREATE TABLE u AS SELECT 1",
        "INSERT INTO t VALUES (2)",
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other",
        f"COPY t TO '{tmp_path / 'out.csv'}'",
        f"SELECT * FROM read_csv('{path}')",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            reader.execute(statement)


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.duckdb"
    for key, alias, read_only, said in (
        (KEY[:16], "a", False, "32 bytes"),
        (KEY, "a b", False, "not an identifier"),
        (KEY, "a", True, "does not exist"),
    ):
        with pytest.raises(warehouse.WarehouseError, match=said), warehouse.connect() as connection:
            warehouse.attach(connection, path, key, alias=alias, read_only=read_only)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(warehouse.WarehouseError):
        warehouse.open_database(path, KEY)
    monkeypatch.setattr("duckdb.__version__", "0.0.0")
    with pytest.raises(warehouse.WarehouseError, match="install the same version"):
        warehouse.connect()


class _IgnoresKeys:
    """A DuckDB of some later day that attaches a database and pays no heed to the key; today's does not do so."""

    def execute(self, *_: object) -> _IgnoresKeys:
        return self

    def fetchone(self) -> tuple[bool]:
        return (False,)


def test_a_database_that_was_attached_without_encryption_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(warehouse.WarehouseError, match="not encrypted"):
        warehouse.attach(_IgnoresKeys(), tmp_path / "a.duckdb", KEY, alias="a")  # type: ignore[arg-type]


def test_a_database_that_another_process_writes_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    program = (
        "import sys; from pathlib import Path; from ingest import warehouse; "
        f"c = warehouse.open_database(Path(sys.argv[1]), bytes.fromhex('{KEY.hex()}')); "
        "print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT_ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(warehouse.WarehouseError, match="another process"):
            warehouse.open_database(path, KEY)
        other.communicate(b"\n")


def test_of_two_files_in_one_place_the_one_that_stands_there_is_read(tmp_path: Path) -> None:
    """DuckDB's cache of external files knows them by size and second, and served the first for the second."""
    path = tmp_path / "a.parquet"
    with warehouse.connect(threads=1) as connection:
        for key in (bytes(32), KEY):
            path.unlink(missing_ok=True)
            options = "(FORMAT parquet, ENCRYPTION_CONFIG {footer_key_value: ?})"
            connection.execute(f"COPY (SELECT ?::INTEGER AS x) TO '{path}' {options}", [key[1], key])
            os.utime(path, (1, 1))
            reading = "SELECT x FROM read_parquet(?, encryption_config = {footer_key_value: ?})"
            assert connection.execute(reading, [str(path), key]).fetchall() == [(key[1],)]


def test_a_connection_keeps_to_the_memory_and_threads_of_its_party_and_spills_where_nobody_else_reads(
    tmp_path: Path,
) -> None:
    spill = tmp_path / "home" / "spill"
    with warehouse.connect(spill=spill, memory_limit="300MB", threads=1) as connection:
        settings = "current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
        assert connection.execute(f"SELECT {settings}").fetchone() == ("286.1 MiB", 1, str(spill))
    assert spill.stat().st_mode & 0o077 == 0

"""A database that lies still is known by its hash: what the last step left is opened, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest import at_rest, warehouse
from ingest.ledger import Ledger
from ingest.settings import PartySettings
from ingest.warehouse import WarehouseError

KEY = bytes(range(32))


@pytest.fixture()
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(PartySettings(home=tmp_path).ledger)


@pytest.fixture()
def database(tmp_path: Path, ledger: Ledger) -> Path:
    """A file that a step used and left."""
    path = tmp_path / "warehouse.duckdb"
    at_rest.opening(tmp_path, path, "")
    path.write_bytes(b"as the step left it")
    at_rest.settle(tmp_path)
    return path


def test_a_file_as_the_last_step_left_it_is_opened(tmp_path: Path, database: Path) -> None:
    assert at_rest.is_closed(tmp_path, database) and at_rest.is_as_left(tmp_path, database)
    at_rest.opening(tmp_path, database, "")
    assert not at_rest.is_closed(tmp_path, database), "in use it is whatever the step makes of it"
    database.write_bytes(b"as the next step has it")
    assert at_rest.is_as_left(tmp_path, database)


def test_a_changed_file_is_not_opened_and_the_line_says_what_to_do(tmp_path: Path, database: Path) -> None:
    database.write_bytes(b"as somebody else left it")
    assert not at_rest.is_as_left(tmp_path, database)
    with pytest.raises(WarehouseError, match="SHA-256 の不一致.*何をするか"):
        at_rest.opening(tmp_path, database, "何をするか")
    assert at_rest.is_closed(tmp_path, database), "refused, it is not in use"


def test_the_log_behind_a_file_is_part_of_it(tmp_path: Path, database: Path) -> None:
    database.with_name(f"{database.name}.wal").write_bytes(b"rows that nobody left there")
    with pytest.raises(WarehouseError, match="SHA-256"):
        at_rest.check(tmp_path, database, "")


def test_a_file_that_was_taken_away_begins_anew(tmp_path: Path, database: Path, ledger: Ledger) -> None:
    database.unlink()
    at_rest.opening(tmp_path, database, "")
    at_rest.settle(tmp_path)
    assert ledger.database_file(database.name) is None, "the step that opened it made none"


def test_a_home_without_a_ledger_knows_no_file(tmp_path: Path) -> None:
    path = tmp_path / "directory.duckdb"
    path.write_bytes(b"x")
    at_rest.settle(tmp_path)
    assert at_rest.is_as_left(tmp_path, path) and not at_rest.is_closed(tmp_path, path)
    assert not PartySettings(home=tmp_path).ledger.exists(), "asking makes none"


def test_a_step_hashes_the_files_that_it_opened_itself_and_no_others(
    tmp_path: Path, database: Path, ledger: Ledger
) -> None:
    ledger.mark_open("of-another-process.duckdb", 1)
    at_rest.opening(tmp_path, database, "")
    at_rest.settle(tmp_path)
    assert [known["path"] for known in ledger.open_files()] == ["of-another-process.duckdb"]


def test_a_file_in_place_of_another_is_in_use_until_it_is_hashed(tmp_path: Path, ledger: Ledger) -> None:
    old, new = tmp_path / "warehouse.duckdb", tmp_path / "warehouse.rebuilt.duckdb"
    new.write_bytes(b"made anew")
    at_rest.opening(tmp_path, new, "")
    at_rest.take_place(ledger, new.name, old.name)
    new.replace(old)
    assert [known["path"] for known in ledger.open_files()] == [old.name]
    at_rest.settle(tmp_path)
    assert at_rest.is_closed(tmp_path, old) and at_rest.is_as_left(tmp_path, old)


def test_what_a_process_that_is_gone_left_open_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    ledger.mark_open("left.duckdb", gone.pid)
    ledger.mark_open("ours.duckdb", os.getpid())
    assert [left["path"] for left in at_rest.left_open(ledger)] == ["left.duckdb"]

    def forbidden(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert at_rest.left_open(ledger) == [], "somebody else's process is a running one"


def test_a_published_file_has_its_hash_beside_it_before_and_after_it_is_replaced(tmp_path: Path) -> None:
    path, temporary = tmp_path / "published.duckdb", tmp_path / "new.duckdb"
    told = []
    for content in (b"first", b"second"):
        temporary.write_bytes(content)
        told.append(at_rest.put_published(temporary, path))
        assert warehouse.hash_note(path).read_text() == f"{told[-1]}\n" and warehouse.is_as_published(path)
    warehouse.hash_note(path).write_text("\n".join(told))
    path.write_bytes(b"first")
    assert warehouse.is_as_published(path), "while it is replaced the note names both"
    path.write_bytes(b"third")
    with pytest.raises(WarehouseError, match="tsumugi run"):
        warehouse.open_hardened(path, KEY)

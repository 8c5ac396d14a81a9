"""`tsumugi doctor`: a sound installation is well, and each thing that is made wrong is found with its remedy."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from ingest import cli, warehouse
from ingest.doctor import encryption, examine, machine, parties
from ingest.doctor.finding import Finding
from ingest.formats import uke_words
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from tests.handmade import demo_workspace


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace with keys, databases, ledgers and one published file."""
    settings = demo_workspace(tmp_path)
    site = settings.site("16")
    with warehouse.open_database(site.directory, KeyRing(site).secret("at-rest"), alias="directory") as connection:
        connection.execute("CREATE TABLE people (number VARCHAR)")
    published = site.published / "statistics" / "insurer.duckdb"
    published.parent.mkdir(parents=True, mode=0o700)
    published.write_bytes(b"as written")
    published.chmod(0o600)
    with Ledger(site.ledger) as ledger, ledger.transaction() as connection:
        content = {"file_hash": hashlib.sha256(b"as written").hexdigest(), "rows": {}}
        ledger.set_value(connection, "published/statistics/insurer.duckdb", json.dumps(content))
        ledger.add_batch(
            connection, way="sent", peer="center", sequence=1, kind="facts", manifest_hash="0", state="sealed"
        )
    return settings


def wrong(settings: Settings, name: str = "16") -> list[Finding]:
    return [one for one in parties.examine(name, settings.site(name), settings) if one.state == "wrong"]


def test_a_sound_installation_is_well(settings: Settings) -> None:
    findings = examine(settings, silent)
    assert [one for one in findings if one.state == "wrong"] == []
    checks = {"extension", "loops", "time_zone", "memory", "disk", "spill_encryption", "database_encryption",
              "permissions", "keys", "key_age", "database", "clock", "published"}  # fmt: skip
    assert {one.check for one in findings} == checks
    assert [one.state for one in findings if one.check == "spill_encryption"] == ["ok"]
    assert not list(settings.workspace.rglob("doctor-*")), "the scratch folder is gone"


def test_the_command_tells_by_table_json_and_exit_code(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_ROWS", 900_000)
    runner, where = CliRunner(), ["-w", str(settings.workspace)]
    done = runner.invoke(cli.app, ["doctor", *where])
    assert done.exit_code == 0 and "○ 16: " in done.stdout
    (settings.site("16").keys / "audit.key").chmod(0o644)
    done = runner.invoke(cli.app, ["doctor", "--json", *where])
    assert done.exit_code == 1
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["wrong"] == 2 and {one["check"] for one in figures["findings"]} > {"keys", "permissions"}
    secret = (settings.site("16").keys / "at-rest.key").read_text()
    assert secret not in done.stdout


# -- encryption -------------------------------------------------------------------------------------
def test_plaintext_that_is_written_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = encryption._spill

    def unprotected(folder: Path, marker: str, *, is_encrypted: bool) -> int:
        return real(folder, marker, is_encrypted=False)

    monkeypatch.setattr(encryption, "_spill", unprotected)
    findings = {one.check: one for one in encryption.examine(tmp_path)}
    assert findings["spill_encryption"].state == "wrong" and "平文" in findings["spill_encryption"].what
    assert findings["spill_encryption"].remedy
    assert findings["database_encryption"].state == "ok"


def test_a_database_that_is_written_in_plain_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(path: Path, _: bytes, *, alias: str) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{path}' AS {alias}; USE {alias}")
        return connection

    monkeypatch.setattr(warehouse, "open_database", plain)
    findings = {one.check: one for one in encryption.examine(tmp_path)}
    assert findings["spill_encryption"].state == "ok"
    assert findings["database_encryption"].state == "wrong" and "平文" in findings["database_encryption"].what
    assert findings["database_encryption"].remedy


def test_a_search_that_finds_nothing_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_count", lambda *_: 0)
    (finding,) = encryption.examine(tmp_path)
    assert finding.state == "wrong" and "見つからず" in finding.what


def test_an_encryption_that_cannot_be_tried_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_ROWS", 10)  # fits into memory: nothing is spilled
    (finding,) = encryption.examine(tmp_path)
    assert finding.state == "wrong" and finding.remedy
    assert list(tmp_path.iterdir()) == []


# -- machine ----------------------------------------------------------------------------------------
def test_an_extension_of_another_version_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.0.1")
    assert machine.extension().state == "wrong" and "0.0.1" in machine.extension().what
    assert {one.check for one in examine(settings, silent)} >= {"keys"}, "the other checks go on"


def test_a_missing_extension_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise warehouse.WarehouseError("no wheel")

    monkeypatch.setattr(warehouse, "_httpfs_path", missing)
    assert machine.extension().state == "wrong" and "pip install" in machine.extension().remedy


def test_a_numba_that_does_not_compile_the_readers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise KeyError("Unrecognized options: {'_nrt'}")

    assert machine.loops().state == "ok"
    monkeypatch.setattr(uke_words, "line_end", unknown)
    assert machine.loops().state == "wrong" and "KeyError" in machine.loops().what and machine.loops().remedy
    monkeypatch.setattr(uke_words, "line_end", lambda *_: (0, True))
    assert machine.loops().state == "wrong" and "結果が違います" in machine.loops().what


def test_another_time_zone_is_noted() -> None:
    japan, utc = timezone(timedelta(hours=9)), UTC
    assert machine.time_zone(datetime(2026, 4, 1, tzinfo=japan)).state == "ok"
    assert machine.time_zone(datetime(2026, 4, 1, tzinfo=utc)).state == "note"
    assert machine.time_zone().check == "time_zone"


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    assert machine.disk("16", tmp_path).state == "wrong" and "1.0 GB" in machine.disk("16", tmp_path).what


@pytest.mark.parametrize(("limit", "place"), [("9999GB", "この機械"), ("plenty", "16")])
def test_a_memory_limit_that_does_not_fit_is_found(settings: Settings, limit: str, place: str) -> None:
    site = settings.site("16").model_copy(update={"memory_limit": limit})
    found = machine.memory({"16": site, "center": settings.the_center()})
    assert [one.place for one in found if one.state == "wrong"] == [place]
    assert machine.memory({})[0].state == "ok"


def test_the_sites_share_the_memory_and_the_center_has_it_alone(settings: Settings) -> None:
    most = f"{int(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') * 0.8 / 1e6)}MB"
    parties_here = {name: site.model_copy(update={"memory_limit": most}) for name, site in settings.sites.items()}
    assert machine.memory(dict(parties_here))[-1].state == "wrong"
    center = settings.the_center().model_copy(update={"memory_limit": most})
    assert machine.memory({"16": parties_here["16"], "center": center})[-1].state == "ok"


# -- parties ----------------------------------------------------------------------------------------
def _others_read(path: Callable[[Settings], Path]) -> Callable[[Settings], None]:
    return lambda settings: path(settings).chmod(path(settings).stat().st_mode | 0o044)


def _later(settings: Settings) -> None:
    with Ledger(settings.site("16").ledger) as ledger:
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
        ledger.connection.execute("UPDATE batch SET recorded_at = ?", (later,))


def _put_a_plain_database(settings: Settings) -> None:
    path = settings.site("16").directory
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE people (number VARCHAR)")
    path.chmod(0o600)


def _swap_database(settings: Settings) -> None:
    site = settings.site("16")
    site.directory.unlink()
    with warehouse.open_database(site.directory, b"k" * 32, alias="other") as connection:
        connection.execute("CREATE TABLE people (number VARCHAR)")


@pytest.mark.parametrize(
    ("spoil", "check", "told"),
    [
        (_others_read(lambda s: s.site("16").home), "permissions", "site-16"),
        (_others_read(lambda s: s.site("16").directory), "permissions", "directory.duckdb"),
        (_others_read(lambda s: s.site("16").ledger), "permissions", "ledger.sqlite"),
        (lambda s: (s.site("16").keys / "peers" / "center.json").unlink(), "keys", "center.json"),
        (lambda s: (s.site("16").keys / "audit.key").write_text("00"), "keys", "audit"),
        (_later, "clock", "より前です"),
        (_swap_database, "database", "the key does not open it"),
        (_put_a_plain_database, "database", "directory.duckdb"),
        (
            lambda s: (s.site("16").published / "statistics" / "insurer.duckdb").write_bytes(b"x"),
            "published",
            "insurer",
        ),
        (lambda s: (s.site("16").published / "statistics" / "insurer.duckdb").unlink(), "published", "insurer"),
    ],
)
def test_what_is_wrong_with_a_party_is_found_with_its_remedy(
    settings: Settings, spoil: Callable[[Settings], Any], check: str, told: str
) -> None:
    assert wrong(settings) == []
    spoil(settings)
    found = wrong(settings)
    assert [one.check for one in found] == [check] and told in found[0].what and found[0].remedy


def test_a_key_that_opens_databases_and_is_missing_is_said_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    (settings.site("16").keys / "at-rest.key").unlink()
    assert [one.check for one in wrong(settings)] == ["keys"]


def test_a_database_in_use_is_no_fault(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise warehouse.WarehouseError("directory.duckdb: another process is writing to it; wait for it to end")

    monkeypatch.setattr(warehouse, "open_database", busy)
    assert [one.state for one in parties.databases("16", settings.site("16"))] == ["note"]

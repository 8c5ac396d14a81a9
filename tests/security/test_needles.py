"""Nothing that the center holds, wrote or can open tells who anybody is."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from ingest import warehouse
from ingest.sealing.keys import KeyRing
from ingest.sealing.unseal import open_batch
from ingest.settings import Settings
from tests.security.needles import Search, date_forms, fifty_people


@pytest.fixture(scope="module")
def search(tiny_road: Settings) -> Search:
    return fifty_people(tiny_road.workspace / "truth")


def test_the_search_finds_a_person_in_the_files_that_the_site_was_given(tiny_road: Settings, search: Search) -> None:
    from ingest.site.archive import restore

    site = tiny_road.sites["16"]
    found = 0
    for archived in sorted(site.archive.rglob("*"))[:40]:
        if archived.is_file():
            target = tiny_road.workspace / "restored"
            restore(site.archive, archived.stem, KeyRing(site).secret("at-rest"), target)
            found += search.in_bytes(target.read_bytes())
            target.unlink()
    assert found > 0


def test_the_search_finds_a_needle_planted_in_a_table_of_the_center(
    tiny_road: Settings, search: Search, tmp_path: Path
) -> None:
    center = tiny_road.the_center()
    copy = tmp_path / "warehouse.duckdb"
    shutil.copy(center.warehouse, copy)
    key = KeyRing(center).secret("at-rest")
    connection = warehouse.open_database(copy, key)
    connection.execute("CREATE TABLE raw.planted AS SELECT ? AS note, ?::BLOB AS bytes", [search.forms[0], b"\x00\x01"])
    connection.execute("CREATE TABLE raw.planted_bytes AS SELECT encode(?) AS bytes", [search.forms[1]])
    found = set(search.in_database(connection, "warehouse"))
    connection.close()
    assert {"raw.planted.note", "raw.planted_bytes.bytes"} <= found


def test_no_table_of_the_warehouse_holds_a_person(tiny_road: Settings, search: Search) -> None:
    center = tiny_road.the_center()
    connection = warehouse.open_database(center.warehouse, KeyRing(center).secret("at-rest"), read_only=True)
    assert list(search.in_database(connection, "warehouse")) == []


def test_no_published_statistics_hold_a_person(tiny_road: Settings, search: Search) -> None:
    center = tiny_road.the_center()
    path = center.published / "statistics" / "operator.duckdb"
    key = KeyRing(center).statistics_key("operator")
    connection = warehouse.open_database(path, key, alias="published", read_only=True)
    assert list(search.in_database(connection, "published")) == []


def test_no_batch_that_the_center_can_open_holds_a_person(tiny_road: Settings, search: Search, tmp_path: Path) -> None:
    center = tiny_road.the_center()
    ring = KeyRing(center)
    for name in tiny_road.sites:
        batch = open_batch(
            tiny_road.to_center(name) / "000001",
            tmp_path / name,
            sender=name,
            recipient="center",
            expected_sequence=1,
            previous_hash="",
            pinned_public=ring.peer(name).signing,
            private_key=ring.secret("envelope"),
        )
        connection = warehouse.connect()
        for table in batch.files:
            batch.load_new(connection, table, f"memory.main.{table}")
            rows = connection.execute(f"SELECT * FROM memory.main.{table}").to_arrow_table()
            assert list(search.in_arrow(table, rows)) == []
        connection.close()


def test_no_byte_outside_the_sites_holds_a_person(tiny_road: Settings, search: Search) -> None:
    center = tiny_road.the_center()
    assert (center.home / "target" / "manifest.json").is_file(), "dbt wrote no artefacts: nothing would be searched"
    assert list(search.in_files(center.home, tiny_road.exchange)) == []
    assert list(search.in_ledger(center.ledger)) == []


def test_the_ledger_and_logs_of_a_site_hold_no_person(tiny_road: Settings, search: Search) -> None:
    for site in tiny_road.sites.values():
        assert list(search.in_ledger(site.ledger)) == []
        assert list(search.in_files(site.home)) == []


def test_a_number_is_found_beside_a_hash_and_in_hex_but_not_as_a_piece_of_one() -> None:
    search = Search({"8765431"})
    piece = "a" * 40 + "8765431" + "b" * 40
    assert not search.in_text(piece)
    assert search.in_text(f"{piece} 8765431")
    assert search.in_bytes(piece.encode() + b",8765431")
    assert search.in_bytes(b"c" * 40 + b"8765431".hex().encode() + b"d" * 40)


def test_a_birth_date_is_looked_for_in_every_way_it_is_written() -> None:
    assert {"昭和25年3月7日", "S25.03.07", "3250307", "1950-03-07"} <= date_forms(date(1950, 3, 7))

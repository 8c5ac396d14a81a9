"""Nothing that the center holds, wrote or can open tells who anybody is."""

from __future__ import annotations

import base64
import shutil
from datetime import date
from pathlib import Path

import pytest

from ingest import warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from tests.security import opened
from tests.security.needles import date_forms, fifty_people
from tests.security.search import Search


@pytest.fixture(scope="module")
def search(tiny_road: Settings) -> Search:
    return Search(fifty_people(tiny_road.workspace / "truth"))


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
    name = next(form for form in search.forms if not form.isascii()).encode("cp932")
    connection.execute("CREATE TABLE raw.planted_code AS SELECT base64(?) AS code, hex(?) AS digits", [name, name])
    found = set(search.in_database(connection, "warehouse"))
    connection.close()
    columns = {"raw.planted.note", "raw.planted_bytes.bytes", "raw.planted_code.code", "raw.planted_code.digits"}
    assert found == columns


def test_no_table_that_the_center_can_open_holds_a_person(tiny_road: Settings, search: Search, tmp_path: Path) -> None:
    seen, found = set(), []
    for name, connection, catalog in opened.by_the_center(tiny_road, tmp_path):
        seen.add(name)
        found += [f"{name}: {column}" for column in search.in_database(connection, catalog)]
    assert {"warehouse.duckdb", "published/statistics/operator.duckdb", "batch 1 of 16", "batch 1 of 31"} <= seen
    assert found == []


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


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16-le"])
def test_a_name_is_found_in_base64_wherever_in_a_text_it_begins(before: str, encoding: str) -> None:
    text = base64.b64encode(f"{before}架空花子{before}".encode(encoding)).decode()
    assert Search({"架空花子"}).in_text(f'{{"note": "{text}"}}')
    assert not Search({"架空太郎"}).in_text(text)


def test_a_key_is_found_as_bytes_in_hex_and_in_base64_and_nothing_else_for_one() -> None:
    key, other = bytes(range(7, 39)), bytes(range(32))
    search = Search((), [key])
    for said in (b"a" + key + b"b", key.hex().encode(), key.hex().upper().encode(), base64.b64encode(b"{" + key)):
        assert search.in_bytes(b"log " + said)
    assert not search.in_bytes(b"log " + other + other.hex().encode() + base64.b64encode(other))


def test_a_birth_date_is_looked_for_in_every_way_it_is_written() -> None:
    assert {"昭和25年3月7日", "S25.03.07", "3250307", "1950-03-07"} <= date_forms(date(1950, 3, 7))

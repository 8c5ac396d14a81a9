"""At the site too no file on disk holds a person in plain, and a tenant opens its own file only."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ingest import warehouse
from ingest.formats.contracts import CONTRACTS
from ingest.policy import audit
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site import quarantine_desk as desk
from ingest.site.batch_tables import BatchTables
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.receive import receive
from ingest.site.workroom import Workroom
from ingest.warehouse import WarehouseError
from tests import site_world as world
from tests.handmade import demo_workspace
from tests.security.needles import date_forms, text_forms
from tests.security.search import Search
from tests.site_results import one_life, seal_results

BIRTH = date(1953, 11, 29)


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(text_forms(world.NAME) | text_forms(world.KANA) | text_forms("98761234") | date_forms(BIRTH))


def planted(number: int, **changes: object) -> dict[str, object]:
    """A person with every needle, as every kind of row."""
    return world.person(number, **changes) | {
        "name_kanji": world.NAME,
        "name_kana": world.KANA,
        "number": "98761234",
        "birth_date": BIRTH,
    }


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory, search: Search) -> Settings:
    """A site that took, set aside, refused and called foreign rows of the planted person."""
    settings = demo_workspace(tmp_path_factory.mktemp("needles"))
    inbox = settings.site("16").inbox
    world.write_enrolments(inbox / "e.csv", [planted(0)])
    world.write_claims(
        inbox / "m.UKE",
        [
            planted(0),
            planted(0, days_count=55),
            planted(0, insurer_number=world.ELSEWHERE),
            planted(0, insurer_number=None, scheme_code=None, is_public_only=True),
        ],
    )
    whole = (inbox / "m.UKE").read_bytes()
    (inbox / "cut.UKE").write_bytes(whole[:-40])
    world.write_claims(inbox / "x.UKE", [planted(0, insurer_number=world.ELSEWHERE)], prefecture_code="31")
    assert len(list(search.in_files(inbox))) == 4  # the search finds what it looks for
    figures = extract(settings, "16", silent)
    assert figures["rows_sealed"] > 0
    assert figures["rows_set_aside"] > 0
    assert figures["rows_out_of_area"] > 0
    assert figures["refused"] == 2
    return settings


def test_no_file_of_the_site_or_the_exchange_holds_a_person_in_plain(extracted: Settings, search: Search) -> None:
    assert list(search.in_files(extracted.site("16").home, extracted.exchange)) == []
    assert [path for path in extracted.site("16").home.rglob("*") if path.is_file()]


def test_the_ledger_and_the_reports_hold_no_person(extracted: Settings, search: Search, tmp_path: Path) -> None:
    ledger = extracted.site("16").ledger
    assert list(search.in_ledger(ledger)) == []
    spoiled = tmp_path / "spoiled.sqlite"
    spoiled.write_bytes(ledger.read_bytes())
    connection = sqlite3.connect(spoiled)
    connection.execute("INSERT INTO value VALUES ('planted', ?)", (world.KANA,))
    connection.commit()
    connection.close()
    assert list(search.in_ledger(spoiled)) == ["spoiled.sqlite.value"]


def test_a_quarantine_listing_holds_no_person_and_a_look_is_recorded(extracted: Settings, search: Search) -> None:
    site = extracted.site("16")
    listed = desk.entries(extracted, "16")
    told = listed.write_csv() + str(desk.counts(listed))
    assert "m.UKE" in told
    assert not search.in_bytes(told.encode())
    with pytest.raises(SiteError, match="--purpose"):
        desk.show(extracted, "16", listed["entry_id"][0], " ")
    entry = listed.filter(set_aside_by="rule")["entry_id"][0]
    assert search.in_bytes(desk.show(extracted, "16", entry, "照会への回答").encode())
    with pytest.raises(SiteError, match="no such entry"):
        desk.show(extracted, "16", "nothing", "照会への回答")
    events = audit.events(desk.audit_file(site))
    assert [(e["action"], e["object"], e["purpose"]) for e in events] == [("quarantine.show", entry, "照会への回答")]
    assert not search.in_bytes(desk.audit_file(site).read_bytes())


def test_files_of_the_site_are_readable_by_their_owner_only(extracted: Settings) -> None:
    site = extracted.site("16")
    private = [site.ledger, site.quarantine, site.directory, *(p for p in site.archive.rglob("*") if p.is_file()),
               *(site.home / "reports").rglob("*")]  # fmt: skip
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


def test_what_a_killed_run_leaves_behind_opens_with_no_key_of_the_site(tmp_path: Path, search: Search) -> None:
    site = demo_workspace(tmp_path).site("16")
    room = Workroom(site, "facts")
    room.append("claim", pl.DataFrame({"name": [world.NAME] * 5000, "kana": [world.KANA] * 5000}))
    room.connection.execute("CHECKPOINT facts")
    left = site.home / "facts.work.duckdb"
    copy = tmp_path / "left.duckdb"
    copy.write_bytes(left.read_bytes())
    assert not search.in_bytes(copy.read_bytes())
    ring = KeyRing(site)
    for name in ("at-rest", "identity-1", "tenant-master", "statistics-master"):
        with pytest.raises(WarehouseError):
            warehouse.open_database(copy, ring.secret(name), read_only=True)
    with room:
        pass
    assert not left.exists()


def test_the_tables_of_a_batch_that_was_never_sealed_open_with_no_key_of_the_site(
    tmp_path: Path, search: Search
) -> None:
    site = demo_workspace(tmp_path).site("16")
    schema = {name: dtype for name, dtype in CONTRACTS["claim"].sealed_schema().items() if name != "source_file_id"}
    rows = pl.DataFrame([{"institution_code": world.NAME + str(n)} for n in range(5000)], schema=schema)
    left = tmp_path / "left"
    with BatchTables(site) as tables:
        tables.add_facts("claim", rows, pl.repeat("f" * 64, rows.height, eager=True))
        assert tables.finish()["claim"] == 5000
        shutil.copytree(site.home / "facts.work", left)
    assert not (site.home / "facts.work").exists()
    assert list(search.in_files(left)) == []
    ring = KeyRing(site)
    for key in (ring.secret("at-rest"), ring.secret("identity-1")[:32], bytes(32)):
        with warehouse.connect() as connection, pytest.raises(duckdb.Error):
            connection.execute(
                "SELECT * FROM read_parquet(?, encryption_config = {footer_key_value: ?})",
                [str(left / "claim.parquet"), key],
            )
    shutil.copytree(left, site.home / "facts.work")  # as a killed run leaves it
    with BatchTables(site) as tables:
        assert sum(tables.finish().values()) == 0


def test_a_tenants_key_opens_its_own_file_and_no_other(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_results(settings, one_life(settings))
    receive(settings, "16", silent)
    site = settings.site("16")
    ring = KeyRing(site)
    files = {(path.parent.name, path.stem): path for path in (site.published / "tenants").rglob("*.duckdb")}
    mine = files["kokuho-16209", "kokuho"]
    warehouse.open_hardened(mine, ring.tenant_key("kokuho-16209", "kokuho")).close()
    others = [ring.tenant_key(*other) for other in files if other != ("kokuho-16209", "kokuho")]
    others += [ring.statistics_key("insurer"), ring.secret("at-rest"), ring.secret("tenant-master"), bytes(32)]
    for key in others:
        with pytest.raises(WarehouseError):
            warehouse.open_hardened(mine, key)


def test_published_files_and_ledger_hold_no_person_in_plain(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    life = one_life(settings)
    search = Search(text_forms(world.NAME) | text_forms(world.KANA) | {life["person_claim"][0]["person_id"].hex()})
    seal_results(settings, life)
    receive(settings, "16", silent)
    assert list(search.in_files(settings.site("16").home, settings.exchange)) == []

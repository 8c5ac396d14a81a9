"""Site receive: results become tenants' files, each with just the rows that the access table grants."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest import faults, warehouse
from ingest.identity.directory import DirectoryError
from ingest.ledger import Ledger
from ingest.policy import access
from ingest.progress import silent
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.receipts import Statement, read_receipt, read_statement
from ingest.settings import Settings
from ingest.settings import load as load_settings
from ingest.site.receive import Desk, receive
from tests import site_world as world
from tests.handmade import demo_workspace
from tests.site_results import OYABE, OYABE_KOKI, UNION, one_life, seal_results

POINTS = (
    "publish.placed",
    *(pytest.param(f"results.{place}", marks=pytest.mark.long) for place in ("opened", "accepted")),
)
pytestmark = pytest.mark.xdist_group("site_receive")


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which results wait at the site."""
    settings = demo_workspace(tmp_path_factory.mktemp("waiting"))
    seal_results(settings, one_life(settings))
    return settings.workspace


@pytest.fixture
def settings(waiting: Path, tmp_path: Path) -> Settings:
    """A copy of it."""
    shutil.copytree(waiting, tmp_path / "here")
    return load_settings(tmp_path / "here")


@pytest.fixture(scope="module")
def published(waiting: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same after receive; only read."""
    folder = tmp_path_factory.mktemp("published") / "here"
    shutil.copytree(waiting, folder)
    settings = load_settings(folder)
    receive(settings, "16", silent)
    return settings


def rows(settings: Settings, tenant_id: str, scheme_set: str, table: str, names: str = "*") -> list[tuple[Any, ...]]:
    site = settings.site("16")
    path = site.published / "tenants" / tenant_id / f"{scheme_set}.duckdb"
    connection = warehouse.open_hardened(path, KeyRing(site).tenant_key(tenant_id, scheme_set))
    try:
        return connection.execute(f"SELECT {names} FROM {table}").fetchall()
    finally:
        connection.close()


def everything(settings: Settings) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    """The content of every published file of a site, in its stored order."""
    site = settings.site("16")
    ring = KeyRing(site)
    found = {}
    for path in sorted(site.published.rglob("*.duckdb")):
        if path.parent.name == "statistics":
            key = ring.statistics_key(path.stem)
        else:
            key = ring.tenant_key(path.parent.name, path.stem)
        connection = warehouse.open_hardened(path, key)
        tables = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
        name = str(path.relative_to(site.published))
        found[name] = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        connection.close()
    return found


def test_a_town_that_a_person_left_keeps_its_own_rows_and_gets_no_later_ones(published: Settings) -> None:
    assert rows(published, "kokuho-16202", "kokuho", "claim", "insurer_number, service_month") == [
        (world.KOKUHO, date(2023, 5, 1))
    ]
    assert rows(published, "kokuho-16209", "kokuho", "claim", "insurer_number, service_month") == [
        (OYABE, date(2024, 1, 1)),
        (OYABE, date(2024, 1, 1)),
    ]
    assert rows(published, "kokuho-16209", "kokuho", "care_month") == []


def test_what_crosses_schemes_crosses_through_the_granted_set_only(published: Settings) -> None:
    seen = rows(published, "eisei-16209", "kokuho_koki_care", "enrolment", "scheme_code, insurer_number")
    assert sorted(set(seen)) == [("koki", OYABE_KOKI), ("kokuho", OYABE)]
    assert rows(published, "eisei-16209", "kokuho_koki_care", "care_month", "insurer_number") == [(UNION,)]
    assert rows(published, "eisei-16208", "kokuho_koki_care", "person") == []


def test_a_row_before_the_grant_began_is_not_in_the_file(published: Settings) -> None:
    months = {month for (month,) in rows(published, "koiki-16", "koki", "claim", "service_month")}
    assert months == {date(2024, 8, 1)}  # the grant begins in April 2018


def test_one_person_has_one_id_in_a_tenants_file_and_another_at_every_other_tenant(published: Settings) -> None:
    ids = {
        tenant: {row[0] for row in rows(published, tenant, scheme_set, "claim", "person_id")}
        for tenant, scheme_set in (("kokuho-16202", "kokuho"), ("kokuho-16209", "kokuho"), ("koiki-16", "koki"),
                                   ("eisei-16209", "kokuho_koki_care"))
    }  # fmt: skip
    assert [len(ids[tenant]) for tenant in ids] == [1, 2, 1, 2]
    assert len(set.union(*ids.values())) == 6
    by_table = {
        table: {row[0] for row in rows(published, "eisei-16209", "kokuho_koki_care", table, "person_id")}
        for table in ("enrolment", "claim", "care_month", "person")
    }
    assert by_table["enrolment"] == by_table["claim"] == by_table["person"] > by_table["care_month"]
    assert all(len(value) == 32 for value in ids["koiki-16"])


def test_ids_of_records_tie_lines_to_their_claim_and_are_not_the_centers(published: Settings) -> None:
    claims = set(rows(published, "kokuho-16209", "kokuho", "claim", "claim_id"))
    assert claims == set(rows(published, "kokuho-16209", "kokuho", "claim_disease", "claim_id"))
    assert claims.isdisjoint(rows(published, "eisei-16209", "kokuho_koki_care", "claim", "claim_id"))


def test_names_come_from_the_directory_only_for_persons_the_tenant_has(published: Settings) -> None:
    columns = "name_kanji, name_kana, birth_date, address, municipality_code, district_code"
    assert rows(published, "kokuho-16202", "kokuho", "person", columns) == [
        (world.NAME, world.KANA, world.person()["birth_date"], "架空町1番地", "16202", "01")
    ]
    assert rows(published, "kaigo-16209", "care", "person", columns) == [
        (None, world.KANA, date(1938, 2, 3), None, "16209", None)
    ]
    names = {name for (name,) in rows(published, "eisei-16209", "kokuho_koki_care", "person", "name_kanji")}
    assert names == {world.NAME, "架空7郎"}
    assert rows(published, "kokuho-16204", "kokuho", "person") == []


def test_a_later_address_of_another_scheme_is_not_told_to_a_tenant_without_it(published: Settings) -> None:
    addresses = {row[0] for row in rows(published, "kokuho-16209", "kokuho", "person", "address")}
    assert addresses == {"架空町1番地"}


def test_own_counts_are_those_of_areas_that_are_wholly_own(published: Settings) -> None:
    def own(tenant: str, scheme_set: str) -> set[tuple[Any, ...]]:
        return set(rows(published, tenant, scheme_set, "own_indicator", "scheme_code, area_level, area_id"))

    assert own("kokuho-16202", "kokuho") == {
        ("kokuho", "insurer", world.KOKUHO), ("kokuho", "municipality", "16202"), ("kokuho", "district", "16202-01"),
    }  # fmt: skip
    assert own("eisei-16209", "kokuho_koki_care") == {
        ("kokuho", "municipality", "16209"), ("kokuho", "district", "16209-02"), ("koki", "municipality", "16209"),
        ("kokuho_koki", "municipality", "16209"), ("care", "municipality", "16209"),
    }  # fmt: skip
    assert own("koiki-16", "koki") == {("koki", "municipality", "16209"), ("koki", "prefecture", "16")}
    assert ("care", "insurer", UNION) not in own("kaigo-16209", "care")


def test_what_changed_since_a_year_was_final_is_told_of_own_areas_and_schemes_alone(published: Settings) -> None:
    def changed(tenant: str, scheme_set: str) -> set[tuple[Any, ...]]:
        names = "scheme_code, area_id, frozen_numerator, numerator"
        return set(rows(published, tenant, scheme_set, "own_edition_change", names))

    assert changed("kokuho-16202", "kokuho") == {("kokuho", "16202", 2, 3)}
    assert changed("eisei-16209", "kokuho_koki_care") == {("kokuho", "16209", 2, 3), ("koki", "16209", 2, 3)}
    assert changed("koiki-16", "koki") == {("koki", "16209", 2, 3)}


def test_no_file_holds_what_only_site_and_center_need(published: Settings) -> None:
    site = published.site("16")
    for path in (site.published / "tenants").rglob("*.duckdb"):
        connection = warehouse.open_hardened(path, KeyRing(site).tenant_key(path.parent.name, path.stem))
        found = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'published'"
        )
        columns = found.fetchall()
        connection.close()
        assert columns
        assert not {name for name, _ in columns} & {"linkage_domain", "identity_tag"}
        assert "BLOB" not in {dtype for _, dtype in columns}


def test_statistics_are_those_of_the_viewer_classs_rule_and_hold_no_person(published: Settings) -> None:
    content = everything(published)
    thresholds = {name: [row[0] for row in tables["indicator_statistics"]] for name, tables in content.items()
                  if name.startswith("statistics/")}  # fmt: skip
    assert thresholds == {
        "statistics/insurer.duckdb": [10], "statistics/prefecture.duckdb": [10], "statistics/operator.duckdb": [20],
    }  # fmt: skip
    assert set(content["statistics/insurer.duckdb"]) == {
        "indicator_statistics", "area", "indicator", "disease_class", "coverage", "lineage",
        "reference_table", "statistics_source", "edition", "about",
    }  # fmt: skip


def test_every_file_says_that_its_data_is_invented_and_which_month_it_is_of(published: Settings) -> None:
    for name, tables in everything(published).items():
        assert tables["about"] == [("is_synthetic", "true"), ("reference_month", "2025-03-01")], name


def test_a_tenant_with_statistics_only_has_no_file(published: Settings) -> None:
    tenants = {path.name for path in (published.site("16").published / "tenants").iterdir()}
    assert "prefecture-16" not in tenants
    assert not {tenant for tenant in tenants if "31" in tenant.split("-")[1][:2]}


def test_the_ledger_knows_the_hash_of_every_published_file(published: Settings) -> None:
    import hashlib

    site = published.site("16")
    with Ledger(site.ledger) as ledger:
        noted = {
            row["name"].removeprefix("published/"): json.loads(row["content"])["file_hash"]
            for row in ledger.rows("SELECT * FROM value WHERE name LIKE 'published/%'")
        }
    found = {
        str(path.relative_to(site.published)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in site.published.rglob("*.duckdb")
    }
    assert noted == found


def test_a_published_file_that_was_taken_away_is_written_anew(settings: Settings) -> None:
    receive(settings, "16", silent)
    before = everything(settings)
    next(settings.site("16").published.rglob("*.duckdb")).unlink()
    receive(settings, "16", silent)
    assert everything(settings) == before


def test_the_same_results_again_do_nothing(settings: Settings) -> None:
    assert receive(settings, "16", silent)["received"] == 1
    before = {path: path.stat().st_mtime_ns for path in settings.workspace.rglob("*") if path.suffix != ".lock"}
    again = receive(settings, "16", silent)
    assert (again["received"], again["note"]) == (0, "nothing to do")
    ledger = str(settings.site("16").ledger)
    for path, moment in before.items():
        if not str(path).startswith(ledger) and path != settings.site("16").home:
            assert path.stat().st_mtime_ns == moment, path


@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_died_is_made_good_by_the_next(
    settings: Settings, published: Settings, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            receive(settings, "16", silent)
    receive(settings, "16", silent)
    assert everything(settings) == everything(published)
    assert not list(settings.site("16").home.glob("*.work.duckdb*"))
    assert not list(settings.site("16").published.rglob("*.tmp*"))


def test_the_center_gets_a_signed_receipt(settings: Settings) -> None:
    receive(settings, "16", silent)
    ring = KeyRing(settings.the_center())
    receipt = read_receipt(
        settings.to_center("16") / "000001.receipt.json", sender="16", recipient=CENTER,
        pinned_public=ring.peer("16").signing,
    )  # fmt: skip
    assert receipt.state == "accepted"


def test_newer_results_take_the_place_of_older_ones(settings: Settings) -> None:
    first = receive(settings, "16", silent)
    with Ledger(settings.site("16").ledger) as ledger:
        previous = ledger.last_batch("received", CENTER)
    assert previous is not None
    life = one_life(settings)
    life["person_claim"] = life["person_claim"][:1]
    seal_results(settings, life, 2, previous["manifest_hash"], reference_month="2025-04-01")
    second = receive(settings, "16", silent)
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert rows(settings, "kokuho-16209", "kokuho", "claim") == []
    assert rows(settings, "kokuho-16202", "kokuho", "about")[1] == ("reference_month", "2025-04-01")
    assert [path.name for path in (settings.site("16").home / "results").iterdir()] == ["000002"]


def test_a_tampered_batch_is_refused_with_a_receipt_and_the_old_files_stay(settings: Settings) -> None:
    receive(settings, "16", silent)
    before = everything(settings)
    with Ledger(settings.site("16").ledger) as ledger:
        previous = ledger.last_batch("received", CENTER)
    assert previous is not None
    sealed = seal_results(settings, one_life(settings), 2, previous["manifest_hash"])
    path = next(sealed.path.glob("*_person_claim.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    figures = receive(settings, "16", silent)
    assert (figures["received"], figures["refused"]) == (0, 1)
    receipt = read_receipt(
        settings.to_center("16") / "000002.receipt.json", sender="16", recipient=CENTER,
        pinned_public=KeyRing(settings.the_center()).peer("16").signing,
    )  # fmt: skip
    assert (receipt.state, receipt.reason_code) == ("refused", "hash")
    assert everything(settings) == before


def test_results_without_a_table_are_refused(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_results(settings, {}, without="own_indicator")
    assert receive(settings, "16", silent)["refused"] == 1
    assert not settings.site("16").published.exists()


def test_results_that_came_before_their_turn_are_held(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_results(settings, {}, 2, "0" * 64)
    figures = receive(settings, "16", silent)
    assert (figures["held"], figures["received"]) == (1, 0)


def _stated(settings: Settings) -> Statement | None:
    public = KeyRing(settings.the_center()).peer("16").signing
    return read_statement(settings.to_center("16"), sender="16", recipient=CENTER, pinned_public=public)


def _take(settings: Settings) -> dict[str, int]:
    """Take what came, without publishing it."""
    site = settings.site("16")
    with Ledger(site.ledger) as ledger:
        return Desk(settings, site, "16", ledger, KeyRing(site)).take()


def test_a_gap_in_the_results_is_stated_and_taken_when_it_is_filled(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    first = seal_results(settings, {})
    assert _take(settings)["received"] == 1
    second = seal_results(settings, {}, 2, first.manifest_hash)
    third = seal_results(settings, {}, 3, second.manifest_hash)
    second.path.rename(tmp_path / "on the way")
    figures = _take(settings)
    assert (figures["received"], figures["held"]) == (0, 1)
    assert _stated(settings) == Statement("16", CENTER, 1, first.manifest_hash, (3,))
    with Ledger(settings.site("16").ledger) as ledger:
        assert ledger.rows("SELECT sequence FROM batch WHERE state = 'held'") == [{"sequence": 3}]
    (tmp_path / "on the way").rename(second.path)
    assert _take(settings)["received"] == 2
    assert _stated(settings) == Statement("16", CENTER, 3, third.manifest_hash)


def test_refused_results_are_replaced_by_a_batch_that_names_them(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    first = seal_results(settings, {}, without="own_indicator")
    assert _take(settings)["refused"] == 1
    shutil.rmtree(first.path)
    seal_results(settings, {})
    assert _take(settings)["refused"] == 1
    shutil.rmtree(first.path)
    seal_results(settings, {}, replaces=first.manifest_hash)
    assert _take(settings)["received"] == 1


def test_an_identity_that_the_directory_does_not_know_stops_the_publication(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    life = one_life(settings)
    seal_results(settings, life)
    settings.site("16").directory.unlink()
    with pytest.raises(DirectoryError, match="unknown here"):
        receive(settings, "16", silent)
    assert not settings.site("16").published.exists()


def test_a_grant_that_ends_takes_its_file_away_with_no_new_results(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(settings, "16", silent)
    tenants = settings.site("16").published / "tenants"
    assert (tenants / "eisei-16209" / "kokuho_koki_care.duckdb").is_file()
    fewer = access.load_grants().filter(pl.col("tenant_id") != "eisei-16209")
    monkeypatch.setattr(access, "load_grants", lambda: fewer)
    figures = receive(settings, "16", silent)
    assert (figures["received"], figures["removed"]) == (0, 1)
    assert not (tenants / "eisei-16209" / "kokuho_koki_care.duckdb").exists()

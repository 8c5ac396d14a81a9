"""The warehouse is made anew from the kept batches: the same in content, or left as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse
from ingest.center.link import link
from ingest.center.rebuild import rebuild
from ingest.center.receive import receive
from ingest.center.status import status
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.settings import load as load_settings
from ingest.site.rekey import rotate
from ingest.warehouse import WarehouseError
from tests import rekey_world
from tests.integration.center_world import demo_workspace, load_of, run_killed, seal_load, seal_retraction

# What tells only how the warehouse came about, or is empty between builds.
HISTORY = {
    "link.alias", "link.told", "control.build", "control.change_history", "control.change_partition",
    "control.change_person",
}  # fmt: skip


def content(settings: Settings) -> dict[str, list[str]]:
    """Every row of every table and view but the history, sorted."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        relations = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_catalog = 'warehouse' ORDER BY 1"
        ).fetchall()
        return {
            name: sorted(map(repr, connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()))
            for (name,) in relations
            if name not in HISTORY
        }


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Batches of two sites, one of them taken back, received and linked in between."""
    settings = demo_workspace(tmp_path_factory.mktemp("received"))
    first = seal_load(settings, load_of("16", "1", "2"), 1)
    second = seal_load(settings, load_of("16", "3"), 2, first.manifest_hash)
    seal_load(settings, load_of("31", "1"), 1)
    receive(settings, silent)
    link(settings, silent)
    third = seal_retraction(settings, 2, 3, second.manifest_hash)
    seal_load(settings, load_of("16", "4"), 4, third)
    receive(settings, silent)
    link(settings, silent)
    return settings.workspace


@pytest.fixture
def settings(received: Path, tmp_path: Path) -> Settings:
    shutil.copytree(received, tmp_path / "here")
    return load_settings(tmp_path / "here")


def test_the_warehouse_made_anew_has_the_same_rows_and_persons(settings: Settings) -> None:
    before = content(settings)
    assert len(before["raw.claim"]) == 4
    assert before["control.retracted_batch"] == ["('16', 2)"]
    center = settings.the_center()
    center.warehouse.write_bytes(b"gone")
    with pytest.raises(WarehouseError, match="center rebuild"):
        receive(settings, silent)
    shutil.rmtree(settings.exchange)  # nothing but what the center kept
    figures = rebuild(settings, silent)
    assert figures["batches"] == 5
    assert figures["editions"].startswith("none")  # only the old warehouse held any
    assert content(settings) == before
    assert receive(settings, silent) == {"received": 0, "held": 0, "refused": 0, "rows": {}}
    assert status(settings)["left_open"] == []
    assert sorted(path.name for path in center.home.glob("warehouse*")) == [
        "warehouse.duckdb", "warehouse.unreadable-1.duckdb",
    ]  # fmt: skip
    assert (center.home / "warehouse.unreadable-1.duckdb").read_bytes() == b"gone"


def test_a_rebuild_takes_over_the_years_that_were_called_final(settings: Settings) -> None:
    center = settings.the_center()
    with one_step(center), open_warehouse(center, KeyRing(center)) as connection:
        connection.execute(
            "INSERT INTO edition.edition VALUES ('2022-1', 2022, 1, '紡木', DATE '2024-05-20', DATE '2024-03-01', 1, 1)"
        )
        connection.execute("INSERT INTO edition.figure (edition_id, numerator) VALUES ('2022-1', 36)")
    before = content(settings)
    assert rebuild(settings, silent)["editions"] == 1
    assert content(settings) == before


def test_a_missing_or_damaged_batch_is_named_and_nothing_is_replaced(settings: Settings) -> None:
    center = settings.the_center()
    before = center.warehouse.read_bytes()
    shutil.rmtree(center.batches / "16" / "000002")
    path = next((center.batches / "31" / "000001").glob("*_claim.parquet"))
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    other = center.batches / "16" / "000003"
    shutil.rmtree(other)
    shutil.copytree(center.batches / "16" / "000001", other)
    with pytest.raises(CenterError, match="16/000002 not_a_batch、16/000003 same_number、31/000001 hash.*sent") as told:
        rebuild(settings, silent)
    assert "16/000004" not in str(told.value)
    assert center.warehouse.read_bytes() == before
    assert not list(center.home.glob("warehouse.rebuilt*"))


def test_a_chain_is_checked_also_where_the_ledger_is_lost(settings: Settings) -> None:
    center = settings.the_center()
    before = content(settings)
    for left in center.home.glob("ledger.sqlite*"):
        left.unlink()
    rebuild(settings, silent)
    assert content(settings) == before
    for left in center.home.glob("ledger.sqlite*"):
        left.unlink()
    shutil.rmtree(center.batches / "16" / "000004")
    (center.batches / "16" / "000001").rename(center.batches / "16" / "000004")
    with pytest.raises(CenterError, match="16/000001 not_a_batch、16/000004 chain"):
        rebuild(settings, silent)


def test_without_a_batch_there_is_nothing_to_rebuild(tmp_path: Path) -> None:
    with pytest.raises(CenterError, match="center receive"):
        rebuild(demo_workspace(tmp_path), silent)


@pytest.mark.parametrize("fault", ["rebuild.landed", "link.written", "rebuild.whole", "rebuild.replaced"])
def test_a_kill_leaves_the_old_warehouse_until_the_new_one_is_whole(settings: Settings, fault: str) -> None:
    center = settings.the_center()
    before, file = content(settings), center.warehouse.read_bytes()
    assert run_killed(settings, "ingest.center.rebuild", "rebuild", fault) == 137
    assert (center.warehouse.read_bytes() == file) == (fault != "rebuild.replaced")
    assert receive(settings, silent)["refused"] == 0
    assert content(settings) == before
    rebuild(settings, silent)
    assert content(settings) == before


@pytest.mark.long
def test_a_rotation_of_a_sites_identity_key_is_replayed(tmp_path: Path) -> None:
    settings = rekey_world.sent_once(tmp_path / "here")
    rotate(settings, rekey_world.SITE, silent)
    receive(settings, silent)
    link(settings, silent)
    rekey_world.later_months(settings)
    rekey_world.go_on(settings)
    before = content(settings)
    assert before["link.first_tag"]
    rebuild(settings, silent)
    found = content(settings)
    assert {name for name in before if found[name] != before[name]} == set()


@pytest.mark.long
def test_the_whole_road_is_the_same_after_a_rebuild(tiny_road: Settings, tmp_path: Path) -> None:
    shutil.copytree(tiny_road.workspace, tmp_path / "here")
    settings = load_settings(tmp_path / "here")
    before = content(settings)
    assert {name.split(".")[0] for name in before} >= {"raw", "link", "staging", "marts", "rollups", "published"}
    figures = rebuild(settings, silent)
    assert "error" not in figures["nodes"]
    found = content(settings)
    assert {name for name in before if found.get(name) != before[name]} == set()
    assert found.keys() == before.keys()


def test_the_comparison_sees_a_changed_row(settings: Settings) -> None:
    before = content(settings)
    center = settings.the_center()
    connection: duckdb.DuckDBPyConnection
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute("UPDATE raw.claim SET points = points + 1 WHERE batch_sequence = 4")
    assert content(settings) != before

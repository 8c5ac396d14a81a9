"""Same files, another order and other loads: the same published content, person_ids included."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from ingest import settings as settings_module
from ingest import warehouse
from ingest.progress import silent
from ingest.road import run_road
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from tests.handmade import demo_workspace
from tests.integration.test_who_sees_what import _files

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("order_of_deliveries")]


def published(settings: Settings, name: str = "16", without: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Every row of every published file of a site, as text, sorted; the columns ``without`` left out."""
    site = settings.sites[name]
    ring = KeyRing(site)
    found: dict[str, list[str]] = {}
    for path in sorted(site.published.rglob("*.duckdb")):
        if path.parent.name == "statistics":
            key = ring.statistics_key(path.stem)
        else:
            key = ring.tenant_key(path.parent.name, path.stem)
        connection = warehouse.open_database(path, key, alias="published", read_only=True)
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
            rows: pa.Table = connection.execute(f'SELECT * FROM "{table}"').to_arrow_table()
            rows = rows.drop_columns([column for column in without if column in rows.column_names])
            name = f"{path.relative_to(site.published)}:{table}"
            found[name] = sorted(map(str, zip(*(column.to_pylist() for column in rows.columns), strict=True)))
        connection.close()
    return found


def _same_keys(source: Settings, folder: Path) -> Settings:
    shutil.copytree(source.workspace, folder)
    return settings_module.load(folder)


def test_deliveries_in_another_order_and_in_two_loads_give_the_same_published_content(tmp_path: Path) -> None:
    first = demo_workspace(tmp_path / "first")
    second = _same_keys(first, tmp_path / "second")
    _files(tmp_path / "files")
    files = sorted((tmp_path / "files").iterdir())
    for file in files:
        shutil.copy(file, first.sites["16"].inbox)
    run_road(first, silent)
    for load in (files[:2:-1], files[2::-1]):
        for file in load:
            shutil.copy(file, second.sites["16"].inbox)
        run_road(second, silent)
    expected = published(first)
    assert sum(map(len, expected.values())) > 0
    found = published(second)
    # Lineage and coverage count files and loads; the figures and the persons must be the same.
    assert {name: rows for name, rows in found.items() if ":about" not in name} == {
        name: rows for name, rows in expected.items() if ":about" not in name
    }


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path / "once")
    _files(settings.sites["16"].inbox)
    run_road(settings, silent)
    before = published(settings)
    again = dict(run_road(settings, silent)["steps"])
    assert again["site 16 extract"]["files"] == 0
    assert again["center receive"]["received"] == 0
    assert again["center results"]["sealed"] == 0
    assert again["site 16 receive"]["received"] == 0
    assert published(settings) == before

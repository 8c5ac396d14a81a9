"""A public table on the center's road: imported, built without a full build, there again after a rebuild."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.center.build import build
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.rebuild import rebuild
from ingest.center.receive import receive
from ingest.cli import app
from ingest.progress import silent
from ingest.reference import store
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, Settings
from tests.integration.center_world import demo_workspace, load_of, seal_load

LIFE = "年,地域コード,性別,平均余命,出典\r\n2020,16201,男,{years},架空の生命表\r\n"
PROJECT = {
    "dbt_project.yml": 'name: small\nversion: "1.0"\nprofile: tsumugi\nvars: {reference_month: ""}\n',
    "macros/schema.sql": "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}",
    "models/figures.sql": "{{ config(schema='rollups', materialized='table') }} "
    "select table_name, year, area_id, value from warehouse.reference.value",
    "models/figures_view.sql": "{{ config(schema='published', materialized='view') }} "
    "select * from {{ ref('figures') }}",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, content in PROJECT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    shutil.copy(PROJECT_ROOT / "profiles.yml", folder)
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Settings:
    """A center with one batch, built, and no table."""
    settings = demo_workspace(tmp_path_factory.mktemp("workspace"))
    seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    link(settings, silent)
    build(settings, silent, project=project)
    return settings


def told(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(app, ["reference", *words, "--workspace", str(settings.workspace)])


def load(settings: Settings, years: str) -> Result:
    file = settings.workspace / "生命表.csv"
    file.write_text(LIFE.format(years=years), encoding="cp932", newline="")
    return told(settings, "import", "life_table", str(file))


def figures(settings: Settings) -> list[str]:
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        found = connection.execute("FROM published.figures_view ORDER BY ALL").fetchall()
    return [f"{table} {year} {area} {value:.2f}" for table, year, area, value in found]


def test_a_table_goes_its_road_and_is_there_again_after_a_rebuild(settings: Settings, project: Path) -> None:
    assert "life_table" in told(settings, "list").output
    assert figures(settings) == []
    assert build(settings, silent, project=project) == {"note": "nothing to do"}

    done = load(settings, "81.05")
    assert done.exit_code == 0 and "平均余命 2020年: 1地域 1件" in done.output
    assert "架空の生命表" in told(settings, "list").output
    assert build(settings, silent, project=project)["full_refresh"] is False
    assert figures(settings) == ["life_table 2020 16201 81.05"]
    assert build(settings, silent, project=project) == {"note": "nothing to do"}

    assert "何も変わりません" in load(settings, "81.05").output
    refused = load(settings, "810")
    assert refused.exit_code == 1 and "2行目 平均余命" in refused.stderr
    assert build(settings, silent, project=project) == {"note": "nothing to do"}

    assert "前の1地域と入れ替え" in load(settings, "81.50").output
    settings.the_center().warehouse.write_bytes(b"gone")
    rebuild(settings, silent, project=project)
    assert figures(settings) == ["life_table 2020 16201 81.50"]

    path = store.path_of(settings.the_center().home, "life_table")
    whole = path.read_bytes()
    path.write_bytes(b"gone")
    with pytest.raises(CenterError, match="表をもう一度取り込んでください"):
        build(settings, silent, project=project)
    path.write_bytes(whole)
    assert build(settings, silent, project=project) == {"note": "nothing to do"}


def test_a_table_that_is_not_known_is_told_with_those_that_are(settings: Settings) -> None:
    wrong = told(settings, "import", "weather", "weather.csv")
    assert wrong.exit_code == 1 and "population" in wrong.stderr
    missing = told(settings, "import", "life_table", "nowhere.csv")
    assert missing.exit_code == 1 and "nowhere.csv を開けません" in missing.stderr

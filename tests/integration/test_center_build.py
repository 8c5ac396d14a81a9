"""dbt through the encrypted warehouse: a small project of the real form, run by the real child."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from ingest import analyst, warehouse
from ingest.center.build import build
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.center.status import status
from ingest.masters.importing import import_files
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings
from tests.integration.center_world import demo_workspace, load_of, rows, run_killed, seal_load
from tests.unit.masters.master_files import data, disease

PROJECT = """
name: small
version: "1.0"
profile: tsumugi
model-paths: ["models"]
test-paths: ["data_tests"]
macro-paths: ["macros"]
vars: {reference_month: ""}
"""
SCHEMA_MACRO = "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}"
CLAIMS = """
{{ config(schema='marts', materialized='incremental', incremental_strategy='append') }}
select linkage_domain, count(*) as claims, date '{{ var("reference_month") }}' as reference_month
from warehouse.raw.claim
{% if is_incremental() %}where exists (select 1 from warehouse.control.change_partition){% endif %}
group by linkage_domain
"""
VIEW = "{{ config(schema='published', materialized='view') }} select * from {{ ref('claims') }}"
SECRET_VALUE = "4711987"
FAILING_TEST = f"select '{SECRET_VALUE}' as value from {{{{ ref('claims') }}}}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, content in {
        "dbt_project.yml": PROJECT,
        "macros/schema.sql": SCHEMA_MACRO,
        "models/claims.sql": CLAIMS,
        "models/claims_view.sql": VIEW,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    shutil.copy(PROJECT_ROOT / "profiles.yml", folder)
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_workspace(tmp_path_factory.mktemp("workspace"))
    seal_load(settings, load_of("16", "1", "2"), 1)
    receive(settings, silent)
    return settings


def test_the_road_from_an_open_change_set_to_an_analysts_copy(settings: Settings, project: Path) -> None:
    with pytest.raises(CenterError, match="not linked"):
        build(settings, silent, project=project)
    link(settings, silent)

    told: list[tuple[str, int, int]] = []
    figures = build(settings, lambda *event: told.append(event), project=project)
    assert (figures["full_refresh"], figures["build"]) == (True, 1)
    assert told[-1] == ("center build", 2, 2)
    assert rows(settings, "SELECT linkage_domain, claims FROM published.claims_view") == [("16", 2)]
    assert rows(settings, "SELECT count(*) FROM control.change_partition") == [(0,)]
    assert status(settings)["build"]["state"] == "finished"

    assert build(settings, silent, project=project) == {"note": "nothing to do"}

    _a_failing_test_leaves_the_set_open_and_tells_no_row(settings, project)
    _an_analyst_builds_on_a_copy(settings, project)
    _no_key_stands_in_logs_or_artefacts(settings)


def _a_failing_test_leaves_the_set_open_and_tells_no_row(settings: Settings, project: Path) -> None:
    test = project / "data_tests" / "no_claims.sql"
    test.parent.mkdir(exist_ok=True)
    test.write_text(FAILING_TEST, encoding="utf-8")
    with pytest.raises(CenterError) as failure:
        build(settings, silent, project=project)
    assert "no_claims (1 rows)" in str(failure.value)
    assert SECRET_VALUE not in str(failure.value)
    assert status(settings)["build"]["state"] == "running"
    assert [step["message"] for step in status(settings)["steps_unfinished"]] == ["no_claims (1 rows)"]
    with pytest.raises(CenterError, match="no finished build"):
        analyst.copy(settings)

    test.unlink()  # the project is again that of the last finished build, but half of another stands: all anew
    figures = build(settings, silent, project=project)
    assert (figures["full_refresh"], figures["build"]) == (True, 2)
    assert rows(settings, "SELECT count(*) FROM marts.claims") == [(1,)]


def _an_analyst_builds_on_a_copy(settings: Settings, project: Path) -> None:
    figures = analyst.copy(settings)
    assert figures["views"] == 1
    home = analyst.home(settings)
    assert (home.keys / "at-rest.key").stat().st_mode & 0o777 == 0o600
    key = KeyRing(home).secret("at-rest")
    assert key != KeyRing(settings.the_center()).secret("at-rest")

    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--target-path", str(home.home / "target"),
         "--log-path", str(home.home / "logs"), "--vars", "{reference_month: '2025-03-01'}", "--full-refresh"],
        cwd=project,
        env=os.environ | {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    with warehouse.open_database(home.home / "warehouse.duckdb", key, read_only=True) as connection:
        assert connection.execute("SELECT claims FROM published.claims_view").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*), count(ciphertext) FROM raw.identity").fetchone() == (2, 0)
        assert connection.execute("SELECT count(*) FROM raw.identity_pass").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM link.incidence").fetchone() == (0,)
    assert rows(settings, "SELECT count(*) FROM raw.identity_pass")[0][0] > 0


def _no_key_stands_in_logs_or_artefacts(settings: Settings) -> None:
    keys = [
        path.read_text(encoding="ascii").strip().encode()
        for home in (settings.the_center().home, settings.analyst)
        for path in (home / "keys").glob("*.key")
    ]
    written = [
        path
        for home in (settings.the_center().home, settings.analyst)
        for folder in ("logs", "target", "spill")
        for path in (home / folder).rglob("*")
        if path.is_file()
    ]
    assert any(path.name == "manifest.json" for path in written)
    assert any(path.name == "dbt.log" for path in written)
    for path in written:
        content = path.read_bytes()
        assert not any(key in content or bytes.fromhex(key.decode()) in content for key in keys), path


def test_a_build_that_was_killed_is_repeated_and_only_then_closes_the_set(project: Path, tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1", "2"), 1)
    receive(settings, silent)
    link(settings, silent)
    before = rows(settings, "SELECT count(*) FROM control.change_partition")
    where = f", project=Path({str(project)!r})"
    for fault in ("build.begun", "build.ran", "build.closing"):
        assert run_killed(settings, "ingest.center.build", "build", fault, where) == 137
        assert rows(settings, "SELECT count(*) FROM control.change_partition") == before
        assert rows(settings, "SELECT state FROM control.build") == [("running",)]
    assert run_killed(settings, "ingest.center.build", "build", "build.closed", where) == 137
    assert build(settings, silent, project=project) == {"note": "nothing to do"}
    assert status(settings)["steps_unfinished"] == []
    assert rows(settings, "SELECT linkage_domain, claims FROM marts.claims") == [("16", 2)]


def test_a_month_of_reference_that_moves_on_is_built_and_one_that_goes_back_is_built_anew(
    project: Path, tmp_path: Path
) -> None:
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    link(settings, silent)
    build(settings, silent, project=project)
    later = settings.model_copy(update={"reference_month": date(2025, 4, 1)})
    assert build(later, silent, project=project)["full_refresh"] is False
    history = "SELECT DISTINCT reason, first_month, last_month FROM control.change_history WHERE build_sequence = 2"
    assert rows(settings, history) == [("reference_month", date(2025, 4, 1), date(2025, 4, 1))]
    assert build(settings, silent, project=project)["full_refresh"] is True


def test_a_master_of_diseases_that_was_imported_since_builds_everything_anew(project: Path, tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    link(settings, silent)
    build(settings, silent, project=project)
    (core,) = rows(settings, "SELECT count(*), count(*) FILTER (disease_code = '1000000') FROM control.known_disease")
    assert core[0] > 100 and core[1] == 0
    path = tmp_path / "diseases.csv"
    path.write_bytes(data("disease", [disease("1000000", icd10_code="E119"), disease("3000000", icd10_code="")]))
    assert [outcome.state for outcome in import_files(settings.workspace, [path])] == ["imported"]
    assert build(settings, silent, project=project)["full_refresh"] is True
    assert rows(settings, "SELECT disease_code FROM control.known_disease") == [("1000000",)]
    assert build(settings, silent, project=project) == {"note": "nothing to do"}


def test_dbt_stops_where_the_warehouse_cannot_be_opened(settings: Settings, project: Path, tmp_path: Path) -> None:
    other = demo_workspace(tmp_path)
    center = other.the_center()
    with open_warehouse(center, KeyRing(center)):
        pass
    (center.keys / "at-rest.key").write_text("00" * 32, encoding="ascii")
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "run", "--target", "center", "--target-path", str(tmp_path / "target"),
         "--log-path", str(tmp_path / "logs"), "--vars", "{reference_month: '2025-03-01'}"],
        cwd=project,
        env=os.environ | {WORKSPACE_VARIABLE: str(other.workspace), "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "the key does not open it" in done.stdout

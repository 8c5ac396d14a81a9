"""The laws of the models: layers, names of columns, SQL that Spark reads too, nothing that leaks."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE
from tests.handmade import demo_workspace

pytestmark = pytest.mark.xdist_group("models")

LAYERS = ("staging", "intermediate", "marts", "rollups", "published")
SUFFIXES = ("_id", "_code", "_name", "_date", "_month", "_fiscal_year", "_yen", "_points", "_days", "_count", "_rate")
PREFIXES = ("is_", "has_")

# The closed list of names without a suffix. A new column takes a suffix; this list may only shrink.
BARE = set((Path(__file__).parent / "bare_column_names.txt").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of the whole project, compiled on an empty warehouse."""
    from ingest.center.home import open_warehouse
    from ingest.sealing.keys import KeyRing

    settings = demo_workspace(tmp_path_factory.mktemp("compiled"))
    center = settings.the_center()
    open_warehouse(center, KeyRing(center)).close()
    target = center.home / "target"
    subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "-q", "compile", "--target", "center"),
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
            *("--target-path", str(target), "--log-path", str(center.logs)),
            *("--vars", json.dumps({"reference_month": "2024-03-01"})),
        ],
        cwd=PROJECT_ROOT,
        env=os.environ | {WORKSPACE_VARIABLE: str(settings.workspace)},
        check=True,
        capture_output=True,
        timeout=200,
    )
    found: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return found


def _models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def _layer(node: dict[str, Any]) -> str:
    return str(node["path"]).split("/", 1)[0]


def test_every_compiled_model_parses_in_the_dialect_of_spark(compiled: dict[str, Any]) -> None:
    models = _models(compiled)
    assert len(models) > 50
    for name, node in models.items():
        assert node["compiled_code"], name
        parsed = sqlglot.parse(node["compiled_code"], dialect="spark", error_level=sqlglot.ErrorLevel.RAISE)
        assert len(parsed) == 1 and parsed[0] is not None, name
        assert not list(parsed[0].find_all(sqlglot.exp.Qualify)), f"{name} uses qualify"


def test_no_model_writes_what_only_duckdb_reads_outside_the_macros() -> None:
    alone = re.compile(
        r"\bqualify\b|::|\blist_\w+\(|->|\bexclude\b|\bgenerate_series\b|\bdate_diff\b|\bfilter\s*\(where"
    )
    for path in [*PROJECT_ROOT.glob("models/**/*.sql"), *PROJECT_ROOT.glob("data_tests/**/*.sql")]:
        code = re.sub(r"--.*|(?s:\{#.*?#\})", "", path.read_text(encoding="utf-8"))
        assert not alone.search(code), path


def test_a_model_reads_only_its_own_layer_and_those_below(compiled: dict[str, Any]) -> None:
    by_id = {node["unique_id"]: node for node in compiled["nodes"].values()}
    for name, node in _models(compiled).items():
        for upstream in node["depends_on"]["nodes"]:
            if upstream.startswith("source."):
                if upstream.split(".")[2] == "raw" and name not in RAW_READERS:
                    assert _layer(node) == "staging", f"{name} reads {upstream}"
                continue
            if by_id[upstream]["resource_type"] == "model":
                below, above = LAYERS.index(_layer(by_id[upstream])), LAYERS.index(_layer(node))
                is_spine = (_layer(node), _layer(by_id[upstream])) == ("intermediate", "marts")
                assert below <= above or is_spine, f"{name} reads {upstream}"


# Models besides staging that read raw tables: what came and what it held, never the facts themselves.
RAW_READERS = {
    "person", "coverage", "lineage", "int_insurer__assign_prefecture", "int_record__count_status",
    "int_enrolment__end_absent",
}  # fmt: skip


def test_names_of_models_say_their_layer(compiled: dict[str, Any]) -> None:
    for name, node in _models(compiled).items():
        layer = _layer(node)
        assert node["schema"] == layer
        assert (layer == "staging") == bool(re.fullmatch(r"stg_[a-z_]+__[a-z_]+", name)), name
        assert (layer == "intermediate") == bool(re.fullmatch(r"int_[a-z]+(_[a-z]+)?__[a-z_]+", name)), name
        assert "/measures/" not in node["path"] or name.startswith("measure_")


def test_every_column_has_a_suffix_of_the_closed_list(compiled: dict[str, Any]) -> None:
    strange = {
        f"{name}.{column}"
        for name, node in _models(compiled).items()
        for column in node["columns"]
        if not column.endswith(SUFFIXES) and not column.startswith(PREFIXES) and column not in BARE
    }
    assert not strange
    used = {column for node in _models(compiled).values() for column in node["columns"]}
    assert not BARE - used, "names that no column has any more"


def test_a_yml_beside_each_model_describes_it_and_each_of_its_columns() -> None:
    for path in PROJECT_ROOT.glob("models/**/*.sql"):
        beside = path.with_suffix(".yml")
        assert beside.is_file(), path
        (model,) = yaml.safe_load(beside.read_text(encoding="utf-8"))["models"]
        assert model["name"] == path.stem and model["description"]
        assert model["columns"]
        for column in model["columns"]:
            assert column["description"], f"{path.stem}.{column['name']}"


def test_what_is_published_keeps_a_contract_and_is_never_a_file_in_the_clear(compiled: dict[str, Any]) -> None:
    for name, node in _models(compiled).items():
        assert node["config"]["materialized"] in ("incremental", "table", "view"), name
        if _layer(node) == "published":
            assert node["config"]["contract"]["enforced"], name


def test_no_model_reads_the_ciphertext(compiled: dict[str, Any]) -> None:
    for name, node in _models(compiled).items():
        assert "ciphertext" not in node["compiled_code"], name


def test_neither_profile_nor_manifest_holds_a_key(compiled: dict[str, Any]) -> None:
    text = json.dumps(compiled) + (PROJECT_ROOT / "profiles.yml").read_text(encoding="utf-8")
    without_checksums = re.sub(r'"checksum": "[0-9a-f]{64}"', "", text)
    assert not re.search(r"encryption_key|\b[0-9a-f]{64}\b", without_checksums)


def test_every_incremental_model_deletes_before_it_inserts(compiled: dict[str, Any]) -> None:
    for name, node in _models(compiled).items():
        if node["config"]["materialized"] == "incremental":
            hooks = " ".join(hook["sql"] for hook in node["config"]["pre-hook"])
            assert "delete_reached" in hooks or "delete_touched" in hooks, name


def test_a_denominator_that_is_shared_is_there_wherever_it_is_asked_for() -> None:
    seeds = PROJECT_ROOT / "seeds"
    with (seeds / "indicators.csv").open(encoding="utf-8") as file:
        indicators = {row["indicator_id"]: row for row in csv.DictReader(file)}
    with (seeds / "indicator_bases.csv").open(encoding="utf-8") as file:
        pairs = [(row["indicator_id"], row["base_indicator_id"]) for row in csv.DictReader(file)]
    assert not {base for _, base in pairs} & {figure for figure, _ in pairs}, "the base of a base"
    for figure, base in pairs:
        for column in ("scheme_codes", "period_kinds"):
            assert set(indicators[figure][column].split()) <= set(indicators[base][column].split()), (figure, column)


def test_every_layer_has_models(compiled: dict[str, Any]) -> None:
    assert {_layer(node) for node in _models(compiled).values()} == set(LAYERS)

"""What leaves as a file: only what the tenant may see, the same bytes every time, with everything to read it by."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.export.choice import NothingToExport
from ingest.export.dictionary import columns
from ingest.export.run import export
from ingest.policy import audit
from ingest.policy.access import AccessDenied
from ingest.progress import silent
from tests import figures_world
from tests.figures_world import FiguresWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> FiguresWorld:
    return figures_world.build(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def folder(world: FiguresWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(world.settings, figures_world.TENANT, folder, silent, fiscal_years=[2023, 2024])
    return folder


def lines_of(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header lines of a CSV, and its rows."""
    text = path.read_bytes().decode("utf-8-sig")
    lines = text.split("\r\n")
    header = [line for line in lines if line.startswith("# ")]
    return header, list(csv.DictReader(io.StringIO("\n".join(lines[len(header) :]))))


def test_every_file_says_that_its_data_is_invented(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf# ")
        header, _ = lines_of(path)
        assert any("架空データ" in line for line in header), path.name
    for path in folder.glob("*.parquet"):
        told = json.loads(pq.read_schema(path).metadata[b"tsumugi"])
        assert "架空データ" in told["data"]
        assert pl.read_parquet(path)["data_note"].str.contains("架空データ").all()


def test_the_same_export_twice_is_the_same_bytes(world: FiguresWorld, folder: Path, tmp_path: Path) -> None:
    export(world.settings, figures_world.TENANT, tmp_path, silent, fiscal_years=[2024, 2023])

    def digests(place: Path) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(place.iterdir())}

    assert digests(tmp_path) == digests(folder)
    assert set(digests(folder)) == {
        "dictionary.csv", "statistics_long.csv", "statistics_long.parquet", "statistics_wide.csv",
        "statistics_wide.parquet",
    }  # fmt: skip


def test_csv_and_parquet_hold_the_same_rows(folder: Path) -> None:
    for shape in ("long", "wide"):
        _, rows = lines_of(folder / f"statistics_{shape}.csv")
        table = pl.read_parquet(folder / f"statistics_{shape}.parquet")
        assert table.columns == list(rows[0])
        assert table.height == len(rows)
        last = {name: "" if value is None else str(value) for name, value in table.row(-1, named=True).items()}
        for name in ("area_id", "period", "sex_code", "age_band_code"):
            assert last[name] == rows[-1][name]


def test_a_value_is_its_numerator_over_its_denominator(world: FiguresWorld, folder: Path) -> None:
    numerator, denominator = world.figure("metabolic", sex_code="1", age_band_code="60-64")
    grain = {"period": date(2024, 4, 1), "area_level": "insurer", "sex_code": "1", "age_band_code": "60-64"}
    long = pl.read_parquet(folder / "statistics_long.parquet").filter(indicator_id="metabolic", **grain)
    assert long.select("value", "numerator", "denominator", "unit", "area_name").rows() == [
        (round(numerator / denominator * 100, 6), numerator, denominator, "%", "砺波市")
    ]
    wide = pl.read_parquet(folder / "statistics_wide.parquet").filter(scheme_code="kokuho", **grain)
    assert wide.select("metabolic__value", "metabolic__numerator", "metabolic__status").rows() == [
        (round(numerator / denominator * 100, 6), numerator, "shown")
    ]


def test_a_hidden_figure_has_its_status_and_no_number(world: FiguresWorld, tmp_path: Path) -> None:
    small = pl.col("indicator_id") == "smoking"
    figures = world.figures.with_columns(numerator=pl.when(small).then(3).otherwise(pl.col("numerator")))
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures)
    export(settings, figures_world.TENANT, tmp_path / "out", silent)
    table = pl.read_parquet(tmp_path / "out" / "statistics_long.parquet").filter(indicator_id="smoking")
    assert table.height > 0
    assert set(table["value_status"]) == {"hidden_small"}
    assert table.select("value", "numerator", "denominator").null_count().row(0) == (table.height,) * 3


def test_the_dictionary_describes_every_column_in_both_languages(folder: Path) -> None:
    _, rows = lines_of(folder / "dictionary.csv")
    described = {row["column"]: row for row in rows if row["column"]}
    for shape in ("long", "wide"):
        table = pl.read_parquet(folder / f"statistics_{shape}.parquet")
        assert [name for name in table.columns if name not in described] == []
    assert all(row["label_ja"] and row["label_en"] and row["description_ja"] for row in rows)
    indicator = described["attendance_legal__value"]
    assert indicator["unit"] == "%"
    assert indicator["is_verified"] in ("true", "false")
    assert indicator["definition_version"] == "1"
    assert "120/120保険者月" in indicator["coverage_ja"]
    assert "120 of 120 insurer-months" in indicator["coverage_en"]


def test_the_columns_are_those_that_are_described_in_that_order(folder: Path) -> None:
    long = pl.read_parquet(folder / "statistics_long.parquet")
    assert long.columns == [row["column"] for row in columns() if row["shape"] in ("long", "both")]
    wide = pl.read_parquet(folder / "statistics_wide.parquet")
    keys = [row["column"] for row in columns() if row["shape"] == "both"]
    assert wide.columns[: len(keys)] == keys
    assert len(wide.columns) == len(keys) + 4 * figures_world.catalogue()["indicator_id"].n_unique()


def test_every_export_is_in_the_audit_as_a_download(world: FiguresWorld, tmp_path: Path) -> None:
    chain = world.settings.site(figures_world.SITE).home / "audit" / "figures.jsonl"
    before = len(audit.events(chain))
    told = export(world.settings, figures_world.TENANT, tmp_path, silent, months=[date(2025, 3, 1)])
    events = audit.events(chain)
    assert len(events) == before + 1
    event = events[-1]
    assert (event["action"], event["tenant"], event["role"], event["result"], event["edition"]) == (
        "download", "kokuho-16208", "kokuho", "done", told["edition"],
    )  # fmt: skip
    assert "2025-03" in event["object"]
    audit.verify(chain)


def test_without_a_choice_the_newest_fiscal_year_is_written(world: FiguresWorld, tmp_path: Path) -> None:
    told = export(world.settings, figures_world.TENANT, tmp_path, silent, wanted_shapes=["long"])
    assert told["periods"] == ["年度 2024年度"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dictionary.csv", "statistics_long.csv", "statistics_long.parquet",
    ]  # fmt: skip


def test_a_period_that_is_not_published_is_told_with_those_that_are(world: FiguresWorld, tmp_path: Path) -> None:
    with pytest.raises(NothingToExport, match="2019年度 がありません。あるのは 年度 2024年度、年度 2023年度"):
        export(world.settings, figures_world.TENANT, tmp_path, silent, fiscal_years=[2019])
    assert list(tmp_path.iterdir()) == []


def test_a_tenant_without_a_grant_gets_nothing_and_is_told_who_there_is(world: FiguresWorld, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="kokuho-16208"):
        export(world.settings, "nobody", tmp_path, silent)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_says_what_it_wrote(world: FiguresWorld, tmp_path: Path) -> None:
    place = ["export", str(tmp_path / "out"), "--tenant", figures_world.TENANT, "--format", "csv", "--shape", "wide"]
    place += ["--workspace", str(world.settings.workspace)]
    done = CliRunner().invoke(app, [*place, "--month", "2025-03"])
    assert done.exit_code == 0, done.output
    assert "statistics_wide.csv" in done.output
    assert "架空のデータです" in done.output
    missing = CliRunner().invoke(app, [*place, "--fiscal-year", "2001"])
    assert missing.exit_code == 1
    assert "2001年度 がありません" in missing.output

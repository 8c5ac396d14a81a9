"""The table of findings that leaves as input of an age-adjustment tool is a form that we ourselves can read."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.export.age_sheet import NAME, write
from ingest.policy import audit
from ingest.progress import silent
from ingest.reconcile.compare import AGREES
from ingest.reconcile.errors import FormError
from ingest.reconcile.run import reconcile
from ingest.site.layouts import copy
from tests import figures_world
from tests.figures_world import FiguresWorld
from tests.kdb_forms import Numbers


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> FiguresWorld:
    return figures_world.build(tmp_path_factory.mktemp("sheet"))


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("cp932").splitlines()))


def test_the_sheet_reads_back_as_the_form_and_agrees_in_every_cell(world: FiguresWorld, tmp_path: Path) -> None:
    path = tmp_path / "5-2.csv"
    told = write(world.settings, figures_world.TENANT, path, 2024)
    assert (told["rows"], told["blank_cells"]) == (27, 0)
    done = reconcile(world.settings, path, figures_world.TENANT, silent)
    assert done.counts == {AGREES: 9 * 27}
    assert done.form.unknown_headings == ()
    assert done.kept_rows == 0  # it is ours, not KDB's: it has no 作成年月日


def test_the_sheet_says_that_its_data_is_invented_and_holds_the_counts(world: FiguresWorld, tmp_path: Path) -> None:
    path = tmp_path / "5-2.csv"
    write(world.settings, figures_world.TENANT, path, 2024)
    rows = rows_of(path)
    assert "架空データ" in rows[0][1]
    numerator, denominator = Numbers(world.figures).sums("bmi_25", "own", "1", "40-64")
    assert rows[5][:5] == ["男", "40～64歳", "保険者", str(denominator), str(numerator)]
    event = audit.events(world.settings.site(figures_world.SITE).home / "audit" / "figures.jsonl")[-1]
    assert (event["action"], event["object"]) == ("download", "age-sheet 2024年度")


def test_a_corrected_layout_gives_another_sheet(tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures_world.figures(1))
    table = copy(settings.site(figures_world.SITE), NAME)
    lines = table.read_text("utf-8-sig").splitlines()
    kept = [line for line in lines if not line.startswith(("level,2", "level,3"))]
    table.write_text("\n".join(kept).replace("総数", "男女計") + "\n", encoding="utf-8-sig")
    path = tmp_path / "5-2.csv"
    assert write(settings, figures_world.TENANT, path, 2024)["rows"] == 9
    assert rows_of(path)[-1][:3] == ["男女計", "計", "保険者"]


def test_a_year_without_checkups_and_a_tenant_without_an_insurer_are_told(world: FiguresWorld, tmp_path: Path) -> None:
    path = tmp_path / "5-2.csv"
    with pytest.raises(FormError, match="令和元年度.2019.の健診の値が公表されていません"):
        write(world.settings, figures_world.TENANT, path, 2019)
    with pytest.raises(FormError, match="--tenant"):
        write(world.settings, "prefecture-16", path, 2024)
    assert not path.exists()
    command = ["age-sheet", str(path), "--tenant", figures_world.TENANT, "--fiscal-year", "2024"]
    done = CliRunner().invoke(app, [*command, "--workspace", str(world.settings.workspace)])
    assert done.exit_code == 0, done.output
    assert "並びは未検証" in done.output

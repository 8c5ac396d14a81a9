"""A site reads by the layouts that it has corrected, says so, and reads nothing by a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.progress import silent
from ingest.settings import Settings
from ingest.site import layouts
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.inbox import listing
from ingest.site.status import status
from tests import site_world as world
from tests.handmade import demo_workspace
from tests.integration.test_site_extract import opened, rows

pytestmark = pytest.mark.xdist_group("site_extract")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A site whose care files hold the price of a unit where the packaged layout looks for 保険請求額."""
    settings = demo_workspace(tmp_path)
    own = layouts.copy(settings.site("16"), "care_1111")
    text = own.read_text("utf-8-sig")
    moved = text.replace("T1,45,後_保険請求額", "T1,19,後_保険請求額")
    assert moved != text
    own.write_text(moved, "utf-8")
    world.write_care(settings.site("16").inbox / "1111.csv", [world.care_person(0)])
    return settings


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "-w", str(settings.workspace)])
    return done.exit_code, done.output


def test_the_corrected_layout_is_read_by_and_told(settings: Settings) -> None:
    assert run(settings, "layouts", "check")[0] == 0
    assert "care_1111" in run(settings, "inspect", str(settings.site("16").inbox / "1111.csv"))[1]
    extract(settings, "16", silent)
    assert rows(opened(settings), "care_service")["benefit_yen"].to_list() == [1000]
    assert status(settings, "16")["corrected_layouts"] == ["care_1111"]
    assert "このサイトで直した様式定義: care_1111" in run(settings, "status")[1]


def test_a_bad_layout_stops_the_extract_before_a_file_is_read(settings: Settings) -> None:
    path = settings.site("16").layouts / "care_1111.csv"
    path.write_text(path.read_text("utf-8").replace("T1,20,", "T1,x,"), "utf-8")
    with pytest.raises(SiteError, match="整数ではありません"):
        extract(settings, "16", silent)
    assert [file.name for file in listing(settings.site("16").inbox)] == ["1111.csv"]
    assert "整数ではありません" in run(settings, "status")[1]
    code, told = run(settings, "layouts", "check")
    assert code == 1
    assert "行目 position" in told


def test_a_layout_is_copied_once_and_named_where_it_is_corrected(settings: Settings) -> None:
    code, told = run(settings, "layouts", "copy", "care_1111", "--site", "16")
    assert code == 1
    assert "がすでにあります" in told
    assert run(settings, "layouts", "copy", "care_9999", "--site", "16")[0] == 1
    assert "保険者向け給付実績" in run(settings, "layouts", "list")[1]

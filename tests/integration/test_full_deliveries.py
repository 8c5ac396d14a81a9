"""A full 資格 file that lacks too many members waits in the inbox for a named person's word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest import settings as settings_module
from ingest.cli import app
from ingest.formats.enrolment_proposal import propose
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.settings import Settings
from ingest.site import archive, profiles
from ingest.site.extract import extract
from ingest.site.retract import retract
from ingest.site.status import status
from tests.handmade import demo_workspace

pytestmark = pytest.mark.xdist_group("full_deliveries")

HEADING = "保険者番号,記号,番号,枝番,氏名カナ,生年月日,性別,資格取得日,資格喪失日,基準日"
TOWN = "160028"


@pytest.fixture(scope="module")
def april(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that takes these headings as 全件, and has taken forty members of April."""
    folder = tmp_path_factory.mktemp("april") / "data"
    settings = demo_workspace(folder)
    path = deliver(settings, "April.csv", "20240430", range(40))
    profiles.confirm(settings.site("16"), propose(path).profile({}, {}, is_full=True))
    assert extract(settings, "16", silent)["taken"] == 1
    return folder


@pytest.fixture
def settings(april: Path, tmp_path: Path) -> Settings:
    """The same once more."""
    return settings_module.load(shutil.copytree(april, tmp_path / "data"))


def deliver(settings: Settings, name: str, day: str, members: range) -> Path:
    path = settings.site("16").inbox / name
    rows = [
        f"{TOWN},紡,{1000 + member},01,ツムギ{'アイウエオ'[member % 5]},19600401,{1 + member % 2},20200401,,{day}"
        for member in members
    ]
    path.write_bytes(("\r\n".join([HEADING, *rows]) + "\r\n").encode("cp932"))
    return path


def run(settings: Settings, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "-w", str(settings.workspace)])
    assert done.exit_code == 0, done.output
    return done.output


def states(settings: Settings) -> dict[str, str]:
    """The state of the town's months of 資格."""
    return {row["month"]: row["state"] for row in status(settings, "16")["matrix"] if row["insurer_number"] == TOWN}


def test_losing_one_in_twenty_passes_and_one_more_is_held(settings: Settings) -> None:
    deliver(settings, "May.csv", "20240531", range(38))
    assert extract(settings, "16", silent)["taken"] == 1

    deliver(settings, "June.csv", "20240630", range(2, 38))  # 36 of 38: 5.3 %
    figures = extract(settings, "16", silent)
    assert (figures["files"], figures["full_held"]) == (0, 1)
    told = status(settings, "16")
    (held,) = told["full_held"]
    assert (held["file_name"], held["as_of"], held["state"]) == ("June.csv", "2024-06-30", "held")
    assert held["losses"] == [{"insurer_number": TOWN, "live_before": 38, "missing": 2}]
    page = run(settings, "status")
    assert "在籍者38人のうち2人（5.3%）" in page and "site confirm" in page


def test_held_rows_are_counted_and_every_row_that_came_is_somewhere(settings: Settings) -> None:
    deliver(settings, "May.csv", "20240531", range(10))
    extract(settings, "16", silent)
    rows = status(settings, "16")["rows"]["enrolment"]
    assert rows == {"read": 50, "sealed": 40, "held": 10}


def test_a_confirmed_delivery_loads_with_the_next_run_in_the_name_of_who_said_so(settings: Settings) -> None:
    deliver(settings, "May.csv", "20240531", range(10))
    run(settings, "site", "extract", "--site", "16")
    run(settings, "site", "confirm", "May.csv", "--by", "糸井", "--site", "16")
    assert extract(settings, "16", silent)["taken"] == 1
    assert status(settings, "16")["full_held"] == []
    with Ledger(settings.site("16").ledger) as ledger:
        (row,) = ledger.rows("SELECT state, decided_by, decided_at FROM hold")
    assert (row["state"], row["decided_by"]) == ("confirmed", "糸井") and row["decided_at"]
    deliver(settings, "June.csv", "20240630", range(10))  # held against the ten of May, not the forty of April
    assert extract(settings, "16", silent)["taken"] == 1


def test_a_refused_delivery_is_kept_and_counted_and_never_loads(settings: Settings) -> None:
    file_id = deliver_held(settings)
    run(settings, "site", "refuse", "May.csv", "--by", "糸井", "--reason", "抽出条件の誤り", "--site", "16")
    figures = extract(settings, "16", silent)
    assert (figures["refused"], figures["rows_refused"], figures["rows_sealed"]) == (1, 10, 0)
    (refused,) = status(settings, "16")["refused"]
    assert refused["reason_code"] == "members_lost"
    assert "糸井" in refused["message"] and "抽出条件の誤り" in refused["message"]
    site = settings.site("16")
    assert archive.archived(site.archive, file_id).is_file() and not list(site.inbox.glob("*.csv"))
    assert status(settings, "16")["rows"]["enrolment"] == {"read": 50, "sealed": 40, "refused": 10}

    deliver(settings, "once more.csv", "20240531", range(10))
    assert extract(settings, "16", silent)["full_held"] == 1


def deliver_held(settings: Settings) -> str:
    """The SHA-256 of a delivery of May that is held."""
    deliver(settings, "May.csv", "20240531", range(10))
    extract(settings, "16", silent)
    return str(status(settings, "16")["full_held"][0]["file_id"])


def test_what_was_missing_may_still_come_and_is_one_delivery_with_the_rest(settings: Settings) -> None:
    deliver(settings, "May, first part.csv", "20240531", range(10))
    assert extract(settings, "16", silent)["full_held"] == 1
    deliver(settings, "May, second part.csv", "20240531", range(10, 40))
    figures = extract(settings, "16", silent)
    assert figures["taken"] == 2 and "full_held" not in figures


def test_two_months_that_lie_in_the_inbox_together_are_judged_in_the_order_of_their_days(settings: Settings) -> None:
    deliver(settings, "a.csv", "20240630", range(30))
    deliver(settings, "b.csv", "20240531", range(40))
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["full_held"]) == (1, 1)
    assert status(settings, "16")["full_held"][0]["file_name"] == "a.csv"


def test_of_a_delivery_taken_back_nothing_is_remembered_and_its_word_is_void(settings: Settings) -> None:
    deliver_held(settings)
    run(settings, "site", "confirm", "May.csv", "--by", "糸井", "--site", "16")
    extract(settings, "16", silent)
    retract(settings, "16", 2, reason="誤送付", files=[])
    deliver(settings, "again.csv", "20240531", range(10))
    extract(settings, "16", silent)
    (held,) = status(settings, "16")["full_held"]
    assert held["losses"][0]["live_before"] == 40


def test_a_word_is_asked_for_by_name_and_only_of_what_is_held(settings: Settings) -> None:
    deliver_held(settings)
    for words in (["confirm", "June.csv", "--by", "糸井"], ["refuse", "May.csv", "--by", " "]):
        done = CliRunner().invoke(app, ["site", *words, "--site", "16", "-w", str(settings.workspace)])
        assert done.exit_code == 1 and "Traceback" not in done.output
    assert status(settings, "16")["full_held"][0]["state"] == "held"


def test_what_is_no_longer_in_the_inbox_is_no_longer_held(settings: Settings) -> None:
    deliver_held(settings)
    (settings.site("16").inbox / "May.csv").unlink()
    extract(settings, "16", silent)
    assert status(settings, "16")["full_held"] == []


def test_a_year_of_which_only_a_held_or_refused_delivery_came_is_held_or_set_aside(settings: Settings) -> None:
    deliver(settings, "next year.csv", "20250430", range(10))
    extract(settings, "16", silent)
    assert states(settings) == {"2024-04": "arrived", "2025-04": "held"}
    run(settings, "site", "refuse", "next year.csv", "--by", "糸井", "--site", "16")
    extract(settings, "16", silent)
    assert states(settings) == {"2024-04": "arrived", "2025-04": "set_aside"}

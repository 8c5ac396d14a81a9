"""A row set aside that is right as it is goes on after all; one that came again corrected waits no longer."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest import faults, warehouse
from ingest.cli import app
from ingest.ledger import Ledger
from ingest.policy import audit
from ingest.progress import silent
from ingest.settings import PROJECT_ROOT, Settings
from ingest.settings import load as load_settings
from ingest.site import quarantine_desk as desk
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.retract import retract
from ingest.site.status import status
from tests import site_world as world
from tests.handmade import demo_workspace, month
from tests.integration.test_site_extract import answer, opened, outcomes, rows

pytestmark = pytest.mark.xdist_group("site_extract")

BORN_LATE = {"birth_date": date(2024, 6, 20), "service_month": month(2024, 5)}
WORDS = {"by": "富山花子", "reason": "原本で確認済み"}


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivered") / "workspace"
    deliver(demo_workspace(folder))
    return folder


@pytest.fixture
def settings(delivered: Path, tmp_path: Path) -> Settings:
    """A site that took a file of four receipts: one whose patient was not yet born, one of 45 days."""
    shutil.copytree(delivered, tmp_path / "workspace")
    return load_settings(tmp_path / "workspace")


def deliver(settings: Settings, name: str = "m.UKE", *, number: int = 4, **mended: Any) -> dict[str, Any]:
    people = [world.person(0), world.person(1, **(BORN_LATE | mended)), world.person(2, days_count=45)]
    people += [world.person(n) for n in range(3, number)]
    world.write_claims(settings.site("16").inbox / name, people)
    return extract(settings, "16", silent)


def listed(settings: Settings, table: str = "claim") -> dict[str, str]:
    """State of each entry of a table by its reason code."""
    found = desk.entries(settings, "16", table=table)
    return dict(found.select("reason_code", "state").iter_rows())


def entry(settings: Settings, reason: str = "implausible", table: str = "claim") -> str:
    return str(desk.entries(settings, "16", reason=reason, table=table)["entry_id"][0])


def test_a_released_receipt_goes_with_the_next_extract_from_its_own_file_and_line(settings: Settings) -> None:
    line = desk.entries(settings, "16", reason="implausible", table="claim")["source_row"][0]
    assert desk.release(settings, "16", [entry(settings)], **WORDS) == {"noted": 1}
    assert listed(settings)["implausible"] == "noted"

    figures = extract(settings, "16", silent)

    assert (figures["rows_read"], figures["rows_released"], figures["rows_sealed"]) == (0, 3, 3)
    first = opened(settings)
    second = opened(settings, 2, first.manifest_hash)
    claim = rows(second, "claim")
    assert claim["source_row"].to_list() == [line]
    assert set(claim["source_file_id"]) == set(rows(first, "claim")["source_file_id"])
    assert rows(second, "claim_item")["parent_source_row"].to_list() == [line]
    assert rows(second, "identity").height == 1
    assert [row[1:4] for row in rows(second, "arrival").rows()] == [(world.KOKUHO, "medical", month(2024, 5))]
    assert listed(settings)["implausible"] == "released"
    assert status(settings, "16")["files"][-1]["file_name"] == "解除: m.UKE"


def test_the_accounts_move_from_set_aside_to_sealed_and_every_sum_holds(settings: Settings) -> None:
    assert outcomes(settings, "claim") == {"read": 4, "sealed": 2, "set_aside": 2}
    desk.release(settings, "16", [entry(settings)], **WORDS)
    extract(settings, "16", silent)
    assert outcomes(settings, "claim") == {"read": 4, "sealed": 3, "set_aside": 1}
    assert outcomes(settings, "claim_item") == {"read": 4, "sealed": 3, "set_aside": 1}
    first = opened(settings)
    second = opened(settings, 2, first.manifest_hash)
    totals = pl.concat([rows(first, "control_total"), rows(second, "control_total")]).with_columns(
        pl.lit("16").alias("linkage_domain")
    )
    sealed = totals.filter(outcome="sealed", table_name="claim", measure="points")["value"].sum()
    assert sealed == rows(first, "claim")["points"].sum() + rows(second, "claim")["points"].sum()
    sql = (PROJECT_ROOT / "data_tests" / "every_row_read_is_sealed_or_counted_elsewhere.sql").read_text("utf-8")
    with warehouse.connect(threads=1) as connection:
        connection.register("totals", totals)
        broken = connection.execute(sql.replace("{{ source('raw', 'control_total') }}", "totals")).fetchall()
        assert broken == []
        connection.register("totals", totals.with_columns(pl.col("value") + (pl.col("outcome") == "sealed")))
        assert connection.execute(sql.replace("{{ source('raw', 'control_total') }}", "totals")).fetchall()


def test_one_result_of_an_examination_is_released_by_itself(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    path = settings.site("16").inbox / "c.csv"
    world.write_checkups(path, [world.person(0), world.person(1)])
    text = path.read_bytes()
    assert text.count(b"131") >= 2
    path.write_bytes(text.replace(b",131", b",301", 1).replace(b",5.8", b",25.8", 1))
    extract(settings, "16", silent)
    found = desk.entries(settings, "16", table="checkup_result")
    assert found["entry_id"].n_unique() == found.height == 2, "two results of one line are two entries"
    high = found.filter(pl.col("message").str.contains("収縮期"))["entry_id"].to_list()
    desk.release(settings, "16", high, **WORDS)
    extract(settings, "16", silent)
    first = opened(settings)
    second = opened(settings, 2, first.manifest_hash)
    assert rows(second, "checkup_result").select("item_id", "numeric_value").rows() == [("systolic", 301)]
    assert second.rows("checkup") == 0
    assert outcomes(settings, "checkup_result") == {"read": 4, "sealed": 3, "set_aside": 1}
    states = desk.entries(settings, "16", table="checkup_result")
    assert sorted(states["state"]) == ["released", "waiting"]


def test_a_row_that_breaks_its_contract_is_not_released_and_the_remedy_is_told(settings: Settings) -> None:
    wrong, right = entry(settings, "bad_number"), entry(settings)
    with pytest.raises(SiteError, match="訂正したファイルを求めて"):
        desk.release(settings, "16", [right, wrong], **WORDS)
    assert listed(settings) == {"implausible": "waiting", "bad_number": "waiting"}, "nothing was noted"
    assert desk.release(settings, "16", [right, wrong], **WORDS, only_possible=True) == {"noted": 1, "left": 1}


def test_a_line_is_released_with_its_record_and_not_alone(settings: Settings) -> None:
    record = entry(settings)
    with pytest.raises(SiteError, match=f"記録 {record} の明細"):
        desk.release(settings, "16", [entry(settings, table="claim_item")], **WORDS)


@pytest.mark.parametrize("words", [{"by": " ", "reason": "確認"}, {"by": "富山花子", "reason": ""}])
def test_a_release_without_a_name_or_a_reason_is_none(settings: Settings, words: dict[str, str]) -> None:
    with pytest.raises(SiteError, match="--by"):
        desk.release(settings, "16", [entry(settings)], **words)


def test_released_twice_and_dropped_then_released_are_told_apart(settings: Settings) -> None:
    chosen = entry(settings)
    desk.release(settings, "16", [chosen], **WORDS)
    with pytest.raises(SiteError, match="すでに解除の指示があります（富山花子）"):
        desk.release(settings, "16", [chosen], **WORDS)
    with pytest.raises(SiteError, match="解除した行のため破棄できません"):
        desk.drop(settings, "16", [chosen], "不要")
    extract(settings, "16", silent)
    with pytest.raises(SiteError, match="すでに解除して送りました（富山花子、配信 2）"):
        desk.release(settings, "16", [chosen], **WORDS)
    assert extract(settings, "16", silent)["files"] == 0, "a release is sent once"
    other = entry(settings, "bad_number")
    desk.drop(settings, "16", [other], "不要")
    with pytest.raises(SiteError, match="破棄済み"):
        desk.release(settings, "16", [other], **WORDS)
    with pytest.raises(SiteError, match="この ID の行はありません"):
        desk.release(settings, "16", ["nothing"], **WORDS)
    events = [event["action"] for event in audit.events(desk.audit_file(settings.site("16")))]
    assert events == ["quarantine.release", "quarantine.drop"]


def test_a_release_taken_back_leaves_its_row_set_aside_and_stands_before_its_file(settings: Settings) -> None:
    chosen = entry(settings)
    desk.release(settings, "16", [chosen], **WORDS)
    extract(settings, "16", silent)
    with pytest.raises(SiteError, match=r"先に `tsumugi site retract 2 --file '解除: m.UKE'"):
        retract(settings, "16", 1, reason="誤送付", files=[])
    retract(settings, "16", 2, reason="解除の誤り", files=[])
    assert listed(settings)["implausible"] == "waiting"
    assert outcomes(settings, "claim") == {"read": 4, "sealed": 2, "set_aside": 2}
    retract(settings, "16", 1, reason="誤送付", files=[])
    assert outcomes(settings, "claim") == {}
    assert desk.entries(settings, "16").is_empty()
    with pytest.raises(SiteError, match="この ID の行はありません"):
        desk.release(settings, "16", [chosen], **WORDS)


def test_a_release_that_its_batch_keeps_goes_again_with_the_next(settings: Settings) -> None:
    desk.release(settings, "16", [entry(settings)], **WORDS)
    world.write_enrolments(settings.site("16").inbox / "wrong.csv", [world.person(0)])
    extract(settings, "16", silent)
    retract(settings, "16", 2, reason="資格のみ誤り", files=["wrong.csv"])
    assert listed(settings)["implausible"] == "noted"
    assert extract(settings, "16", silent)["rows_released"] == 3
    assert outcomes(settings, "claim") == {"read": 4, "sealed": 3, "set_aside": 1}


def test_a_file_taken_back_takes_along_what_was_noted_of_its_rows(settings: Settings) -> None:
    desk.release(settings, "16", [entry(settings)], **WORDS)
    assert retract(settings, "16", 1, reason="誤送付", files=[])["releases_dropped"] == 1
    assert extract(settings, "16", silent)["files"] == 0


def test_what_was_noted_of_a_file_that_is_delivered_again_stays(settings: Settings) -> None:
    world.write_enrolments(settings.site("16").inbox / "wrong.csv", [world.person(0)])
    deliver(settings, "other.UKE", number=5)
    chosen = desk.entries(settings, "16", file="other.UKE", table="claim", reason="implausible")["entry_id"].to_list()
    desk.release(settings, "16", chosen, **WORDS)
    assert "releases_dropped" not in retract(settings, "16", 2, reason="資格のみ誤り", files=["wrong.csv"])
    assert "rows_released" not in extract(settings, "16", silent), "its file comes first"
    assert extract(settings, "16", silent)["rows_released"] == 3


def test_a_refused_batch_sends_its_releases_anew_after_their_file(settings: Settings) -> None:
    desk.release(settings, "16", [entry(settings)], **WORDS)
    extract(settings, "16", silent)
    answer(settings, 1, "refused")
    assert "rows_released" not in extract(settings, "16", silent), "its file comes first"
    assert extract(settings, "16", silent)["rows_released"] == 3
    assert outcomes(settings, "claim") == {"read": 4, "sealed": 3, "set_aside": 1}


def test_a_run_that_died_sends_the_release_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.release(settings, "16", [entry(settings)], **WORDS)

    def die(name: str) -> None:
        if name == "extract.archived":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            extract(settings, "16", silent)
    assert extract(settings, "16", silent)["rows_released"] == 3
    assert "rows_released" not in extract(settings, "16", silent)


def test_a_corrected_record_supersedes_the_row_whatever_its_file_is_called(settings: Settings) -> None:
    chosen = entry(settings)
    desk.release(settings, "16", [chosen], **WORDS)
    deliver(settings, "other.UKE", number=5, birth_date=date(1951, 7, 20))
    states = desk.entries(settings, "16", table="claim").select("file_name", "reason_code", "state").rows()
    assert set(states) == {
        ("m.UKE", "implausible", "superseded"),
        ("m.UKE", "bad_number", "waiting"),
        ("other.UKE", "bad_number", "waiting"),
    }
    assert outcomes(settings, "claim")["sealed"] == 2 + 4, "the correction went, the release did not"
    with pytest.raises(SiteError, match="訂正された記録が届いています（配信 2 other.UKE）"):
        desk.release(settings, "16", [chosen], **WORDS)
    retract(settings, "16", 2, reason="誤送付", files=[])
    assert listed(settings)["implausible"] == "noted", "what superseded it is gone, the release stands again"


def test_an_older_version_of_the_record_supersedes_nothing(settings: Settings) -> None:
    world.write_claims(
        settings.site("16").inbox / "old.UKE",
        [world.person(1, search_number=f"{world.KOKUHO}202406000002", service_month=month(2024, 4))],
        billed=month(2024, 5),
    )
    extract(settings, "16", silent)
    assert listed(settings)["implausible"] == "waiting"


def test_a_row_that_no_reader_could_type_is_superseded_by_its_file_sent_again(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    path = settings.site("16").inbox / "1111.csv"

    def deliver_care(**wrong: Any) -> None:
        world.write_care(path, [world.care_person(0), world.care_person(1, **wrong), world.care_person(2)])
        extract(settings, "16", silent)

    deliver_care(sex_code="9")
    assert set(desk.entries(settings, "16")["state"]) == {"waiting"}
    world.write_care(path, [world.care_person(n) for n in range(3)], adjudicated=month(2024, 7))
    extract(settings, "16", silent)
    assert set(desk.entries(settings, "16")["state"]) == {"waiting"}, "the file of another month"
    deliver_care()
    assert set(desk.entries(settings, "16")["state"]) == {"superseded"}


def test_a_site_that_set_nothing_aside_says_so_and_the_list_goes_on(settings: Settings) -> None:
    told = CliRunner().invoke(app, ["quarantine", "list", "-w", str(settings.workspace)])
    assert told.exit_code == 0, told.output
    assert "保留した行はありません" in told.output
    assert "m.UKE" in told.output
    as_json = CliRunner().invoke(app, ["quarantine", "list", "--json", "-w", str(settings.workspace)])
    assert as_json.exit_code == 0
    assert '{"site": "31", "entries": []}' in as_json.output


def test_the_release_of_a_table_tells_what_is_left_and_when_it_goes(settings: Settings) -> None:
    arguments = ["quarantine", "release", "--site", "16", "--by", "富山花子", "--reason", "確認済み"]
    told = CliRunner().invoke(app, [*arguments, "--table", "claim", "-w", str(settings.workspace)])
    assert told.exit_code == 0, told.output
    assert "noted 1, left 1" in told.output
    assert "tsumugi site extract" in told.output
    again = CliRunner().invoke(app, [*arguments, entry(settings), "-w", str(settings.workspace)])
    assert again.exit_code == 1
    with Ledger(settings.site("16").ledger) as ledger:
        assert [row["released_by"] for row in ledger.rows("SELECT released_by FROM release")] == ["富山花子"]

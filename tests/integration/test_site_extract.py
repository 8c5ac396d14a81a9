"""Site extract over real files: where every row goes, and that a kill anywhere loses and doubles nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest import faults, warehouse
from ingest.faults import EXIT_CODE, FAULT_VARIABLE
from ingest.formats import bytecsv, uke
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.quality.quarantine import Quarantine
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.opened import OpenBatch
from ingest.sealing.receipts import Receipt, write_receipt
from ingest.sealing.unseal import open_batch
from ingest.settings import PROJECT_ROOT, Settings
from ingest.settings import load as load_settings
from ingest.site import archive
from ingest.site import extract as extract_module
from ingest.site import load as load_module
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.lock import locked
from ingest.site.status import status
from tests import site_world as world
from tests.handmade import demo_workspace, month

POINTS = (
    "extract.sealed",
    "extract.recorded",
    *(pytest.param(f"extract.{place}", marks=pytest.mark.long) for place in ("read", "archived", "recording",
                                                                            "handed_over")),
)  # fmt: skip
pytestmark = pytest.mark.xdist_group("site_extract")


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path)


def opened(settings: Settings, sequence: int = 1, previous: str | None = None, site: str = "16") -> OpenBatch:
    """A batch as the center opens it."""
    ring = KeyRing(settings.the_center())
    return open_batch(
        settings.to_center(site) / f"{sequence:06d}",
        settings.workspace / "opened" / f"{sequence}",
        sender=site,
        recipient=CENTER,
        expected_sequence=sequence,
        previous_hash=previous,
        pinned_public=ring.peer(site).signing,
        private_key=ring.secret("envelope"),
    )


def rows(batch: OpenBatch, table: str) -> pl.DataFrame:
    with warehouse.connect(threads=1) as connection:
        batch.load_new(connection, table, table)
        return connection.execute(f"SELECT * FROM {table} ORDER BY ALL").pl()


def content(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the first batch, keys and order apart."""
    batch = opened(settings)
    found = {table: rows(batch, table).rows() for table in sorted(batch.files)}
    batch.discard()
    return found


def answer(settings: Settings, sequence: int, state: str, site: str = "16") -> None:
    """The center's receipt for the batch that lies in the exchange."""
    ring = KeyRing(settings.the_center())
    with Ledger(settings.site(site).ledger) as ledger:
        sent = ledger.rows("SELECT manifest_hash FROM batch WHERE sequence = ? AND state = 'sealed'", (sequence,))
    receipt = Receipt(CENTER, site, sequence, sent[0]["manifest_hash"], state, "hash" if state == "refused" else "", "")  # type: ignore[arg-type]
    write_receipt(settings.to_site(site) / f"{sequence:06d}.receipt.json", receipt, ring.secret("signing"))


def outcomes(settings: Settings, table: str) -> dict[str, int]:
    return status(settings, "16")["rows"].get(table, {})


def test_files_of_every_stream_become_one_batch_and_the_inbox_is_empty(settings: Settings) -> None:
    inbox = world.fill_inbox(settings)
    names = {str(path.relative_to(inbox)) for path in inbox.rglob("*") if path.is_file()}
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["refused"], figures["duplicate"]) == (8, 0, 0)
    assert figures["rows_read"] == figures["rows_sealed"] > 0
    assert not [path for path in inbox.rglob("*") if path.is_file()]
    told = status(settings, "16")
    assert {file["file_name"] for file in told["files"]} == names
    assert {row["stream"] for row in told["matrix"] if row["state"] == "arrived"} == {
        "enrolment", "medical", "checkup", "care_claim", "care_certification", "care_insured_count", "population",
        "district_set",
    }  # fmt: skip
    batch = opened(settings)
    for table, counted in told["rows"].items():
        assert batch.rows(table) == counted["sealed"] == counted["read"]
    assert batch.rows("identity") == 11  # 4 with branch and name, 4 of checkups without a name, 3 of care


def test_the_same_examinations_in_xml_are_the_same_records_of_the_same_people(settings: Settings) -> None:
    people = [world.person(number) for number in range(4)]
    inbox = settings.site("16").inbox / "checkup"
    sealed = []
    for sequence, name in enumerate(("fkac167.csv", "archive.zip"), start=1):
        world.write_checkups(inbox / name, people)
        assert extract(settings, "16", silent)["taken"] == 1
        previous = sealed[-1].manifest_hash if sealed else None
        sealed.append(opened(settings, sequence, previous))
    for table, columns in {
        "checkup": ["identity_tag", "record_key_tag", "exam_date", "institution_code"],
        "checkup_result": ["parent_source_row", "item_id", "numeric_value", "status_code"],
    }.items():
        first, second = (rows(batch, table) for batch in sealed)
        if table == "checkup_result":  # the line of the heading counts in one, none in the other
            first, second = (f.with_columns(pl.col("parent_source_row").rank("dense")) for f in (first, second))
        assert first.select(columns).sort(columns).equals(second.select(columns).sort(columns)), table


def test_what_a_refused_file_had_set_aside_is_counted_as_refused_too(settings: Settings) -> None:
    path = settings.site("16").inbox / "1111.csv"
    world.write_care(path, [world.care_person(0), world.care_person(1, sex_code="9"), world.care_person(2)])
    path.write_bytes(path.read_bytes().rsplit(b"\r\n", 2)[0] + b"\r\n")  # without its end record
    assert extract(settings, "16", silent)["refused"] == 1
    assert outcomes(settings, "care_claim") == {"read": 3, "refused": 3}


def test_nothing_new_seals_nothing(settings: Settings) -> None:
    world.fill_inbox(settings)
    extract(settings, "16", silent)
    before = sorted(str(path) for path in settings.exchange.rglob("*"))
    assert extract(settings, "16", silent)["files"] == 0
    assert sorted(str(path) for path in settings.exchange.rglob("*")) == before


def test_every_archived_file_comes_back_byte_for_byte(settings: Settings, tmp_path: Path) -> None:
    inbox = world.fill_inbox(settings)
    contents = {path.read_bytes() for path in inbox.rglob("*") if path.is_file()}
    extract(settings, "16", silent)
    site = settings.site("16")
    key = KeyRing(site).secret("at-rest")
    back = set()
    for file in status(settings, "16")["files"]:
        archive.restore(site.archive, file["file_id"], key, tmp_path / "back")
        back.add((tmp_path / "back").read_bytes())
    assert back == contents


def test_the_same_bytes_again_are_told_as_a_duplicate_and_counted_as_refused(settings: Settings) -> None:
    inbox = settings.site("16").inbox
    people = [world.person(number) for number in range(3)]
    world.write_claims(inbox / "a.UKE", people)
    shutil.copy(inbox / "a.UKE", inbox / "b.UKE")
    first = extract(settings, "16", silent)
    assert (first["taken"], first["duplicate"]) == (1, 1)
    world.write_claims(inbox / "again.UKE", people)
    second = extract(settings, "16", silent)
    assert (second["taken"], second["duplicate"]) == (0, 1)
    assert outcomes(settings, "claim") == {"read": 9, "refused": 6, "sealed": 3}
    told = {(f["file_name"], f["reason_code"]) for f in status(settings, "16")["refused"]}
    assert told == {("b.UKE", "duplicate_file"), ("again.UKE", "duplicate_file")}


def test_bad_files_are_refused_with_reason_and_the_rest_goes_on(settings: Settings) -> None:
    inbox = settings.site("16").inbox
    people = [world.person(number) for number in range(3)]
    world.write_claims(inbox / "good.UKE", people)
    world.write_claims(inbox / "cut.UKE", people, billed=month(2024, 7))
    whole = (inbox / "cut.UKE").read_bytes()
    (inbox / "cut.UKE").write_bytes(whole[: len(whole) // 2])
    (inbox / "strange.bin").write_bytes(b"\x00\x01nothing we know")
    (inbox / "empty.csv").write_bytes(b"")
    world.write_claims(
        inbox / "other.UKE", [person | {"insurer_number": world.ELSEWHERE} for person in people], prefecture_code="31"
    )
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["refused"]) == (1, 4)
    reasons = {f["file_name"]: f["reason_code"] for f in status(settings, "16")["refused"]}
    assert reasons == {"cut.UKE": "truncated", "strange.bin": "unrecognised", "empty.csv": "unrecognised",
                       "other.UKE": "wrong_site"}  # fmt: skip
    counted = outcomes(settings, "claim")
    assert counted["sealed"] == 3
    assert counted["refused"] >= 3
    assert counted["read"] == counted["sealed"] + counted["refused"]
    assert not [path for path in inbox.rglob("*") if path.is_file()]


def test_a_reader_that_fails_costs_its_file_and_not_the_load(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = world.fill_inbox(settings)

    def broken(self: Any, path: Path) -> Any:
        raise pl.exceptions.ComputeError(f"could not convert {world.NAME}")

    from ingest.formats import recognise

    monkeypatch.setattr(type(recognise(inbox / "medical" / "a.UKE")[0]), "read", broken)
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["refused"]) == (7, 1)
    message = status(settings, "16")["refused"][0]["message"]
    assert "ComputeError" in message
    assert world.NAME not in message


def test_a_mixed_file_keeps_its_good_rows_and_says_where_the_others_went(settings: Settings) -> None:
    site = settings.site("16")
    world.write_claims(
        site.inbox / "mixed.UKE",
        [
            world.person(0),
            world.person(1, insurer_number=world.ELSEWHERE),
            world.person(2, insurer_number=None, scheme_code=None, is_public_only=True),
            world.person(3, days_count=45),
        ],
    )
    extract(settings, "16", silent)
    counted = outcomes(settings, "claim")
    assert counted == {"read": 4, "sealed": 1, "out_of_area": 1, "set_aside": 2}
    assert outcomes(settings, "claim_item") == {"read": 4, "sealed": 1, "out_of_area": 1, "set_aside": 2}
    problems = {(p["table_name"], p["reason_code"]): p for p in status(settings, "16")["problems"]}
    assert world.ELSEWHERE in problems["claim", "out_of_area"]["message"]
    with Quarantine(site.quarantine, KeyRing(site).secret("at-rest"), read_only=True) as quarantine:
        aside = quarantine.rows("set_aside").filter(pl.col("table_name") == "claim")
        assert sorted(aside["reason_code"]) in (["contract", "missing_insurer"], ["bad_number", "missing_insurer"])
        assert aside["file_name"].to_list() == ["mixed.UKE"] * 2
        assert aside["source_row"].null_count() == 0
        assert quarantine.rows("out_of_area").filter(pl.col("table_name") == "claim").height == 1


def test_the_control_totals_in_the_batch_are_those_of_the_ledger(settings: Settings) -> None:
    inbox = world.fill_inbox(settings)
    world.write_claims(inbox / "m.UKE", [world.person(5), world.person(6, insurer_number=world.ELSEWHERE)])
    extract(settings, "16", silent)
    columns = ("delivery_id", "table_name", "scheme_code", "measure", "outcome", "value")
    with Ledger(settings.site("16").ledger) as ledger:
        kept = {tuple(row.values()) for row in ledger.rows(f"SELECT {', '.join(columns)} FROM control_total")}
        arrived = {tuple(row.values()) for row in ledger.rows("SELECT * FROM arrival")}
    batch = opened(settings)
    sent = rows(batch, "control_total")
    assert set(sent.select(columns).rows()) == kept
    assert {(a, b, c, d.isoformat(), e) for a, b, c, d, e in rows(batch, "arrival").rows()} == arrived
    for measure in ("points", "units", "insured_count", "population_count"):
        values = dict(sent.filter(pl.col("measure") == measure).group_by("outcome").agg(pl.col("value").sum()).rows())
        assert values["read"] == sum(value for outcome, value in values.items() if outcome != "read") > 0


def test_no_row_of_another_insurer_reaches_the_batch(settings: Settings) -> None:
    world.write_claims(
        settings.site("16").inbox / "m.UKE", [world.person(0), world.person(1, insurer_number=world.ELSEWHERE)]
    )
    extract(settings, "16", silent)
    batch = opened(settings)
    for table in ("claim", "claim_item", "claim_diagnosis"):
        assert set(rows(batch, table)["insurer_number"]) == {world.KOKUHO}
    assert batch.rows("identity") == 1


def test_files_in_another_order_and_under_other_names_give_the_same_batch(tmp_path: Path) -> None:
    first, second = demo_workspace(tmp_path / "one"), demo_workspace(tmp_path / "two")
    shutil.rmtree(second.site("16").keys)
    shutil.copytree(first.site("16").keys, second.site("16").keys)
    shutil.rmtree(second.the_center().keys)
    shutil.copytree(first.the_center().keys, second.the_center().keys)
    world.fill_inbox(first)
    inbox = world.fill_inbox(second)
    for number, path in enumerate(sorted((p for p in inbox.rglob("*") if p.is_file()), reverse=True)):
        path.rename(inbox / f"{number}.dat")
    extract(first, "16", silent)
    extract(second, "16", silent)
    one, two = content(first), content(second)
    for found in (one, two):
        del found["control_total"], found["arrival"]  # they name deliveries by number
    assert one == two


def test_chunks_do_not_change_what_is_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = demo_workspace(tmp_path / "one")
    world.fill_inbox(settings)
    shutil.copytree(settings.workspace, tmp_path / "two")
    other = load_settings(tmp_path / "two")
    extract(settings, "16", silent)
    monkeypatch.setattr(extract_module, "CHUNK_FILES", 2)
    extract(other, "16", silent)
    assert content(settings) == content(other)


def _take_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of receipts or checkups is a large one, and comes a receipt or a row or two at a time."""
    monkeypatch.setattr(load_module, "LARGE_FILE", 0)
    monkeypatch.setattr(uke.READERS[0], "block_bytes", 600)
    monkeypatch.setattr(bytecsv, "BLOCK_BYTES", 800)


def test_a_large_file_taken_in_parts_gives_the_same_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = demo_workspace(tmp_path / "one")
    people = [world.person(n, days_count=45 if n == 3 else 1) for n in range(5)]
    world.write_claims(settings.site("16").inbox / "a.UKE", [*people, world.person(6, insurer_number=world.ELSEWHERE)])
    world.write_checkups(settings.site("16").inbox / "c.csv", [world.person(n) for n in range(5)])
    shutil.copytree(settings.workspace, tmp_path / "two")
    other = load_settings(tmp_path / "two")
    extract(settings, "16", silent)
    _take_in_parts(monkeypatch)
    extract(other, "16", silent)
    assert content(settings) == content(other)
    assert _told(settings) == _told(other)


def test_a_large_file_of_another_site_is_taken_back_whole(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = settings.site("16").inbox
    world.write_claims(inbox / "good.UKE", [world.person(0)])
    elsewhere = [world.person(n, insurer_number=world.ELSEWHERE) for n in range(5)]
    world.write_claims(inbox / "other.UKE", elsewhere, prefecture_code="31")
    broken = [world.person(n, benefit_rate=None, birth_date=date(2024, 6, 2)) for n in range(1, 61)]
    world.write_claims(inbox / "wrong.UKE", [*[world.person(100 + n) for n in range(4)], *broken])
    _take_in_parts(monkeypatch)
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["refused"]) == (1, 2)
    assert {f["file_name"]: f["reason_code"] for f in status(settings, "16")["refused"]} == {
        "other.UKE": "wrong_site", "wrong.UKE": "too_many_set_aside"}  # fmt: skip
    assert outcomes(settings, "claim") == {"read": 70, "refused": 69, "sealed": 1}
    batch = opened(settings)
    assert (batch.rows("claim"), batch.rows("identity")) == (1, 1)
    assert set(rows(batch, "identity_pass")["identity_tag"]) == set(rows(batch, "identity")["identity_tag"])


def test_a_row_that_only_warns_is_loaded_and_told(settings: Settings) -> None:
    world.write_checkups(settings.site("16").inbox / "c.csv", [world.person(0, exam_date=date(2024, 7, 9))])
    extract(settings, "16", silent)
    assert outcomes(settings, "checkup") == {"read": 1, "sealed": 1}
    problem = next(p for p in status(settings, "16")["problems"] if p["reason_code"] == "implausible")
    assert "警告" in problem["message"]
    with Ledger(settings.site("16").ledger) as ledger:
        hits = ledger.rows("SELECT rule_id, severity, rows FROM rule_hit WHERE rule_id = 'checkup_made_after'")
    assert hits == [{"rule_id": "checkup_made_after", "severity": "warn", "rows": 1}]
    page = (settings.site("16").home / "reports" / "000001" / "1.html").read_text(encoding="utf-8")
    assert "作成年月日が健診実施日より前です" in page
    assert "送付元に伝えること" in page
    assert "http" not in page


def _few_files(settings: Settings) -> None:
    inbox = settings.site("16").inbox
    world.write_claims(inbox / "a.UKE", [world.person(0), world.person(1, days_count=45)])
    shutil.copy(inbox / "a.UKE", inbox / "b.UKE")
    world.write_people(inbox / "people.csv")


def _told(settings: Settings) -> dict[str, Any]:
    told = status(settings, "16")
    assert told["steps_unfinished"] == []
    for file in (*told["files"], *told["refused"]):
        del file["received_at"]
    return told


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A workspace before its extract, and what an undisturbed extract makes of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    _few_files(demo_workspace(folder / "before"))
    shutil.copytree(folder / "before", folder / "after")
    settings = load_settings(folder / "after")
    extract(settings, "16", silent)
    return folder / "before", content(settings), _told(settings)


@pytest.mark.parametrize("point", POINTS)
def test_a_run_that_died_is_made_good_by_the_next(
    tmp_path: Path, point: str, undisturbed: tuple[Path, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, expected, expected_status = undisturbed
    shutil.copytree(before, tmp_path / "one")
    settings = load_settings(tmp_path / "one")

    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            extract(settings, "16", silent)
    extract(settings, "16", silent)
    assert content(settings) == expected
    assert _told(settings) == expected_status
    assert not settings.to_center("16").joinpath("000002").exists()
    site = settings.site("16")
    assert not [path for path in site.inbox.rglob("*") if path.is_file()]
    assert not list(site.home.glob("*.work.duckdb*"))
    with Quarantine(site.quarantine, KeyRing(site).secret("at-rest"), read_only=True) as quarantine:
        assert quarantine.rows("set_aside").filter(pl.col("table_name") == "claim").height == 1


def test_a_process_that_is_really_killed_leaves_nothing_that_a_run_does_not_mend(settings: Settings) -> None:
    _few_files(settings)
    program = (
        "import sys; from pathlib import Path; from ingest.settings import load; "
        "from ingest.site.extract import extract; from ingest.progress import silent; "
        "extract(load(Path(sys.argv[1])), '16', silent)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(settings.workspace)],
        env=os.environ | {FAULT_VARIABLE: "extract.recorded"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == EXIT_CODE, done.stderr
    assert list(settings.site("16").home.glob("*.work.duckdb")) == []
    assert extract(settings, "16", silent)["files"] == 0
    assert opened(settings).rows("claim") == 1
    assert status(settings, "16")["deliveries"] == {"duplicate": 1, "taken": 2}


def test_two_loads_of_one_inbox_at_once_are_not_possible(settings: Settings) -> None:
    with locked(settings.site("16").home), pytest.raises(SiteError, match="another step"):
        extract(settings, "16", silent)


def test_an_accepted_batch_leaves_the_outbox_and_the_next_one_names_it(settings: Settings) -> None:
    inbox = settings.site("16").inbox
    world.write_claims(inbox / "a.UKE", [world.person(0)])
    extract(settings, "16", silent)
    answer(settings, 1, "accepted")
    world.write_claims(inbox / "b.UKE", [world.person(0)], billed=month(2024, 7))
    assert extract(settings, "16", silent)["batches_accepted"] == 1
    assert sorted(path.name for path in (settings.site("16").home / "outbox").iterdir()) == ["000002"]
    first = opened(settings).manifest_hash
    assert opened(settings, 2, first).rows("claim") == 1


def test_a_refused_batch_is_recalled_and_its_files_are_sealed_anew_once(settings: Settings) -> None:
    inbox = settings.site("16").inbox
    world.write_claims(inbox / "a.UKE", [world.person(0), world.person(1)])
    extract(settings, "16", silent)
    world.write_claims(inbox / "b.UKE", [world.person(2)], billed=month(2024, 7))
    extract(settings, "16", silent)
    answer(settings, 1, "refused")
    figures = extract(settings, "16", silent)
    assert (figures["refused"], figures["files_recalled"], figures["sequence"]) == (0, 2, 1)
    assert opened(settings).rows("claim") == 3
    assert not (settings.to_center("16") / "000002").exists()
    assert outcomes(settings, "claim") == {"read": 3, "sealed": 3}
    assert status(settings, "16")["deliveries"] == {"recalled": 2, "taken": 2}
    answer(settings, 1, "accepted")
    assert extract(settings, "16", silent) == {"files": 0, "note": "nothing waits in the inbox", "batches_accepted": 1}


def test_a_batch_damaged_on_its_way_is_handed_over_again(settings: Settings) -> None:
    world.write_claims(settings.site("16").inbox / "a.UKE", [world.person(0)])
    extract(settings, "16", silent)
    next((settings.to_center("16") / "000001").glob("*_claim.parquet")).unlink()
    extract(settings, "16", silent)
    assert opened(settings).rows("claim") == 1


def test_a_forged_receipt_and_one_of_another_batch_are_no_answer(settings: Settings) -> None:
    world.write_claims(settings.site("16").inbox / "a.UKE", [world.person(0)])
    extract(settings, "16", silent)
    path = settings.to_site("16") / "000001.receipt.json"
    own = KeyRing(settings.site("16")).secret("signing")
    with Ledger(settings.site("16").ledger) as ledger:
        manifest_hash = ledger.rows("SELECT manifest_hash FROM batch")[0]["manifest_hash"]
    write_receipt(path, Receipt(CENTER, "16", 1, manifest_hash, "refused", "hash", ""), own)
    assert extract(settings, "16", silent) == {"files": 0, "note": "nothing waits in the inbox"}
    center = KeyRing(settings.the_center()).secret("signing")
    write_receipt(path, Receipt(CENTER, "16", 1, "0" * 64, "accepted", "", ""), center)
    assert extract(settings, "16", silent) == {"files": 0, "note": "nothing waits in the inbox"}
    assert opened(settings).rows("claim") == 1


def test_the_sample_of_the_claims_agency_goes_down_the_road(settings: Settings, shared: Path) -> None:
    sample = shared / "samples" / "RECEIPTC_GAIRAI_SAMPLE.UKE"
    if not sample.is_file():
        pytest.skip("the sample is not there")
    shutil.copy(sample, settings.site("16").inbox / sample.name)
    figures = extract(settings, "16", silent)
    assert (figures["taken"], figures["refused"]) == (1, 0)
    assert outcomes(settings, "claim") == {"out_of_area": 69, "read": 75, "set_aside": 6}

"""The center takes sealed batches in: once, in order, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.center.receive import receive
from ingest.center.status import status
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.receipts import Statement, read_statement
from ingest.settings import Settings, load
from tests.integration.center_world import (
    demo_workspace,
    load_of,
    receipt,
    rows,
    run_killed,
    seal_load,
    seal_retraction,
)

COUNTS = (
    "SELECT (SELECT count(*) FROM raw.claim), (SELECT count(*) FROM raw.enrolment), "
    "(SELECT count(*) FROM raw.identity), (SELECT count(*) FROM control.received_batch), "
    "(SELECT count(*) FROM control.change_partition)"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path)


def _hand_over(settings: Settings) -> None:
    first = seal_load(settings, load_of("16", "1", "2"), 1)
    seal_load(settings, load_of("16", "3"), 2, first.manifest_hash)
    seal_load(settings, load_of("31", "1"), 1)


def test_batches_of_all_sites_land_with_their_domain_and_are_answered(settings: Settings) -> None:
    _hand_over(settings)
    for site in settings.sites:
        shutil.rmtree(settings.site(site).keys.parent / "inbox")  # the center needs nothing of a site's home
    figures = receive(settings, silent)
    assert (figures["received"], figures["held"], figures["refused"]) == (3, 0, 0)
    landed = "SELECT linkage_domain, batch_sequence, count(*) FROM raw.claim GROUP BY ALL ORDER BY ALL"
    assert rows(settings, landed) == [
        ("16", 1, 2),
        ("16", 2, 1),
        ("31", 1, 1),
    ]
    assert receipt(settings, "16", 2).state == "accepted"
    assert (settings.the_center().batches / "16" / "000001" / "manifest.json").is_file()


def test_a_second_run_does_nothing(settings: Settings) -> None:
    _hand_over(settings)
    receive(settings, silent)
    before = rows(settings, COUNTS)
    answer = settings.to_site("16") / "000001.receipt.json"
    written = answer.stat().st_mtime_ns
    assert receive(settings, silent) == {"received": 0, "held": 0, "refused": 0, "rows": {}}
    assert rows(settings, COUNTS) == before
    assert answer.stat().st_mtime_ns == written


def test_a_batch_before_its_turn_waits_and_is_taken_when_the_gap_closes(settings: Settings, tmp_path: Path) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    elsewhere = tmp_path / "on the way"
    first.path.rename(elsewhere)
    assert receive(settings, silent)["held"] == 1
    assert [(held["site"], held["sequence"]) for held in status(settings)["held"]] == [("16", 2)]
    elsewhere.rename(first.path)
    figures = receive(settings, silent)
    assert (figures["received"], figures["held"]) == (2, 0)
    assert status(settings)["held"] == []


def test_a_changed_file_is_refused_with_a_signed_receipt_and_taken_when_it_comes_whole(
    settings: Settings, tmp_path: Path
) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    seal_load(settings, load_of("31", "1"), 1)
    whole = tmp_path / "whole"
    shutil.copytree(first.path, whole)
    file = next(first.path.glob("*_claim.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    figures = receive(settings, silent)
    assert (figures["received"], figures["held"], figures["refused"]) == (1, 1, 1)  # the other site goes on
    answer = receipt(settings, "16", 1)
    assert (answer.state, answer.reason_code, answer.manifest_hash) == ("refused", "hash", first.manifest_hash)
    assert rows(settings, "SELECT DISTINCT linkage_domain FROM raw.claim") == [("31",)]
    assert [(r["sequence"], r["reason_code"]) for r in status(settings)["refused"]] == [(1, "hash")]

    shutil.rmtree(first.path)
    whole.rename(first.path)
    assert receive(settings, silent)["received"] == 2
    assert receipt(settings, "16", 1).state == "accepted"
    assert status(settings)["refused"] == []


def test_a_folder_without_a_manifest_is_refused_without_a_traceback(settings: Settings) -> None:
    (settings.to_center("16") / "000001").mkdir(parents=True)
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 1).reason_code == "missing_file"


def test_a_column_that_no_contract_knows_is_refused_and_nothing_of_it_lands(settings: Settings) -> None:
    seal_load(settings, load_of("16", "1"), 1, extra_columns={"name_kana": "ヤマダタロウ"})
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 1).reason_code == "contract"
    assert rows(settings, COUNTS) == [(0, 0, 0, 0, 0)]
    assert not (settings.the_center().batches / "16" / "000001").exists()


def test_rows_that_differ_from_the_signed_control_totals_are_refused(settings: Settings) -> None:
    seal_load(settings, load_of("16", "1"), 1, totals_off_by=1)
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 1).reason_code == "total_mismatch"
    assert rows(settings, COUNTS) == [(0, 0, 0, 0, 0)]


def test_a_fact_of_an_identity_that_never_came_is_refused(settings: Settings) -> None:
    load = load_of("16", "1")
    load.identity.clear()
    seal_load(settings, load, 1)
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 1).reason_code == "contract"


def test_a_kill_anywhere_loses_and_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    _hand_over(settings)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(settings.workspace, undisturbed)
    # Each run dies at a later point than the one before, then one is left in peace.
    for fault in ("receive.opened", "receive.landed", "receive.committed", "receive.noted"):
        assert run_killed(settings, "ingest.center.receive", "receive", fault) == 137
    receive(settings, silent)

    other = load(undisturbed)
    receive(other, silent)
    assert rows(settings, COUNTS) == rows(other, COUNTS)
    with Ledger(settings.the_center().ledger) as ledger:
        assert ledger.rows("SELECT peer, sequence, state FROM batch ORDER BY peer, sequence") == [
            {"peer": "16", "sequence": 1, "state": "accepted"},
            {"peer": "16", "sequence": 2, "state": "accepted"},
            {"peer": "31", "sequence": 1, "state": "accepted"},
        ]
    assert {receipt(settings, "16", n).state for n in (1, 2)} == {"accepted"}


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "its copy lost too"])
def test_a_batch_whose_note_a_kill_left_out_is_noted_as_what_it_is(settings: Settings, is_kept: bool) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    taken_back = seal_retraction(settings, 1, 2, first.manifest_hash)
    assert run_killed(settings, "ingest.center.receive", "receive", "receive.committed") == 137
    if not is_kept:
        for copy in (settings.the_center().batches / "16").glob("000002*"):
            shutil.rmtree(copy)
    receive(settings, silent)
    with Ledger(settings.the_center().ledger) as ledger:
        noted = ledger.rows("SELECT kind, state, manifest_hash FROM batch WHERE sequence = 2")
    kind = "retraction" if is_kept else "facts"
    assert noted == [{"kind": kind, "state": "accepted", "manifest_hash": taken_back}]
    assert receipt(settings, "16", 2).state == "accepted"


def test_a_kill_while_refusing_still_leads_to_the_receipt(settings: Settings) -> None:
    seal_load(settings, load_of("16", "1"), 1, totals_off_by=1)
    assert run_killed(settings, "ingest.center.receive", "receive", "receive.refused") == 137
    receive(settings, silent)
    assert receipt(settings, "16", 1).state == "refused"


def _spoiled(settings: Settings, sequence: int, previous: str | None = None, **more: str) -> str:
    """A batch of site 16 with wrong control totals: refused, though whole and signed; returns its hash."""
    sealed = seal_load(settings, load_of("16", "1"), sequence, previous, totals_off_by=1, **more)
    receive(settings, silent)
    shutil.rmtree(sealed.path)
    return sealed.manifest_hash


def _stated(settings: Settings, site: str = "16") -> Statement | None:
    public = KeyRing(settings.site(site)).peer(CENTER).signing
    return read_statement(settings.to_site(site), sender=CENTER, recipient=site, pinned_public=public)


def test_a_refused_number_is_taken_by_a_batch_that_names_the_refused_one_and_by_no_other(settings: Settings) -> None:
    first = _spoiled(settings, 1)
    other = seal_load(settings, load_of("16", "1"), 1)
    assert receive(settings, silent)["refused"] == 1
    assert (receipt(settings, "16", 1).reason_code, receipt(settings, "16", 1).manifest_hash) == (
        "same_number",
        other.manifest_hash,
    )
    shutil.rmtree(other.path)
    seal_load(settings, load_of("16", "1"), 1, replaces="ab" * 32)
    assert receive(settings, silent)["refused"] == 1
    shutil.rmtree(other.path)

    named = seal_load(settings, load_of("16", "1"), 1, replaces=first)
    assert receive(settings, silent)["received"] == 1
    assert receipt(settings, "16", 1).state == "accepted"
    assert _stated(settings) == Statement(CENTER, "16", 1, named.manifest_hash)


def test_what_a_stranger_puts_under_a_number_binds_nobody(settings: Settings) -> None:
    foreign = seal_load(settings, load_of("31", "1"), 1)
    target = settings.to_center("16") / "000001"
    shutil.copytree(foreign.path, target)  # signed, but not by site 16
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 1).reason_code == "signature"
    (target / "manifest.sig").unlink()
    assert receive(settings, silent)["refused"] == 1
    shutil.rmtree(target)
    seal_load(settings, load_of("16", "1"), 1)
    assert receive(settings, silent)["received"] == 1


def test_a_batch_of_another_number_in_the_folder_that_is_due_does_not_bind_it(settings: Settings) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    shutil.copytree(first.path, settings.to_center("16") / "000002")
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 2).reason_code == "replay"
    shutil.rmtree(settings.to_center("16") / "000002")
    seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    assert receive(settings, silent)["received"] == 1


def test_another_batch_under_a_number_that_was_taken_is_refused_and_the_receipt_stays(settings: Settings) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    before = rows(settings, COUNTS)
    shutil.rmtree(first.path)
    seal_load(settings, load_of("16", "1", "2"), 1)
    assert receive(settings, silent)["refused"] == 1
    assert rows(settings, COUNTS) == before
    assert receipt(settings, "16", 1).manifest_hash == first.manifest_hash
    assert [(row["sequence"], row["reason_code"]) for row in status(settings)["refused"]] == [(1, "same_number")]
    assert _stated(settings) == Statement(CENTER, "16", 1, first.manifest_hash)
    assert [path.name for path in (settings.the_center().batches / "16").iterdir()] == ["000001"]

    shutil.rmtree(first.path)
    assert receive(settings, silent)["refused"] == 0
    assert status(settings)["refused"] == []


def test_the_statement_names_what_is_held_and_a_forged_one_is_none(settings: Settings, tmp_path: Path) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    first.path.rename(tmp_path / "on the way")
    receive(settings, silent)
    assert _stated(settings) == Statement(CENTER, "16", 0, "", (2,))
    path = settings.to_site("16") / "statement.json"
    path.write_bytes(path.read_bytes().replace(b'"sequence":0', b'"sequence":1'))
    assert _stated(settings) is None


def test_a_center_that_was_put_back_to_a_backup_takes_again_what_it_lost(settings: Settings, tmp_path: Path) -> None:
    _hand_over(settings)
    receive(settings, silent)
    third = seal_load(settings, load_of("16", "4"), 3, receipt(settings, "16", 2).manifest_hash)
    shutil.copytree(settings.the_center().home, tmp_path / "backup")
    receive(settings, silent)
    everything = rows(settings, COUNTS)
    shutil.rmtree(settings.the_center().home)
    (tmp_path / "backup").rename(settings.the_center().home)
    third.path.rename(tmp_path / "third")
    receive(settings, silent)
    assert (_stated(settings) or Statement("", "", 0, "")).sequence == 2
    (tmp_path / "third").rename(third.path)
    assert receive(settings, silent)["received"] == 1
    assert rows(settings, COUNTS) == everything


def test_the_batch_that_is_due_in_the_folder_of_another_number_is_passed_over(settings: Settings) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    receive(settings, silent)
    second = seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    shutil.rmtree(first.path)
    second.path.rename(first.path)
    assert receive(settings, silent) == {"received": 0, "held": 0, "refused": 0, "rows": {}}
    first.path.rename(second.path)
    assert receive(settings, silent)["received"] == 1

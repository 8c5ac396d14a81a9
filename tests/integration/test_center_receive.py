"""The center takes sealed batches in: once, in order, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.center.receive import receive
from ingest.center.status import status
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.settings import Settings, load
from tests.integration.center_world import demo_workspace, load_of, receipt, rows, run_killed, seal_load

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


def test_a_kill_while_refusing_still_leads_to_the_receipt(settings: Settings) -> None:
    seal_load(settings, load_of("16", "1"), 1, totals_off_by=1)
    assert run_killed(settings, "ingest.center.receive", "receive", "receive.refused") == 137
    receive(settings, silent)
    assert receipt(settings, "16", 1).state == "refused"

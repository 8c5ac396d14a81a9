"""The ledger: steps, deliveries, batches, files, values; all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.ledger import Ledger


def test_a_step_is_done_once_and_begins_anew_after_a_failure(tmp_path: Path) -> None:
    with Ledger(tmp_path / "home" / "ledger.sqlite") as ledger:
        assert not ledger.is_done("extract", "a")
        ledger.begin_step("extract", "a")
        ledger.end_step("extract", "a", error="SiteError")
        assert not ledger.is_done("extract", "a")
        ledger.begin_step("extract", "a")
        assert ledger.rows("SELECT state, message FROM step") == [{"state": "running", "message": None}]
        ledger.end_step("extract", "a", figures={"rows": 3})
        assert ledger.is_done("extract", "a")
        assert not ledger.is_done("extract", "b")
    assert (tmp_path / "home" / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(KeyError), ledger.transaction() as connection:
            ledger.set_value(connection, "a", "1")
            raise KeyError
        assert ledger.get_value("a") is None
        with ledger.transaction() as connection:
            ledger.set_value(connection, "a", "1")
            ledger.set_value(connection, "a", "2")
        assert ledger.get_value("a") == "2"


def test_a_file_was_seen_where_it_was_taken(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger, ledger.transaction() as connection:
        first = ledger.add_delivery(connection, file_id="f", file_name="a.csv", state="refused")
        assert not ledger.seen_file("f")
        second = ledger.add_delivery(connection, file_id="f", file_name="b.csv", state="taken", months=["2024-05"])
        assert ledger.seen_file("f")
        assert (first, second) == (1, 2)
        found = ledger.rows("SELECT months FROM delivery WHERE delivery_id = :id", {"id": second})
        assert found == [{"months": '["2024-05"]'}]


def test_the_last_batch_is_the_newest_that_stands(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.last_batch("sent", "center") is None
        with ledger.transaction() as connection:
            for sequence, state in ((1, "accepted"), (2, "sealed"), (3, "refused")):
                ledger.add_batch(
                    connection, way="sent", peer="center", sequence=sequence, kind="facts",
                    manifest_hash=f"{sequence}", state=state, figures={"bytes": 1},
                )  # fmt: skip
        last = ledger.last_batch("sent", "center")
        assert last is not None
        assert (last["sequence"], last["figures"]) == (2, '{"bytes": 1}')


def test_a_database_file_is_open_until_it_is_closed_with_its_hash(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.database_file("a.duckdb") is None
        ledger.mark_open("a.duckdb", 7)
        ledger.mark_open("b.duckdb", 8)
        assert [row["path"] for row in ledger.open_files()] == ["a.duckdb", "b.duckdb"]
        assert [row["path"] for row in ledger.open_files(7)] == ["a.duckdb"]
        ledger.mark_closed("a.duckdb", "ab")
        ledger.mark_closed("b.duckdb", None)
        assert ledger.open_files() == []
        assert (ledger.database_file("a.duckdb") or {})["file_hash"] == "ab"
        assert ledger.database_file("b.duckdb") is None
        ledger.mark_open("a.duckdb", 9)
        assert (ledger.database_file("a.duckdb") or {})["state"] == "open"

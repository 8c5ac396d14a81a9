"""The inbox: what waits, and what may be taken out of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.site import inbox


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def test_waiting_files_are_known_by_their_bytes_wherever_they_lie(tmp_path: Path) -> None:
    box = tmp_path / "inbox"
    (box / "medical" / "2024").mkdir(parents=True)
    (box / "medical" / "2024" / "b.UKE").write_bytes(b"two")
    (box / "a.csv").write_bytes(b"one")
    found = [(file.name, file.file_id, file.size) for file in inbox.scan(box)]
    assert found == [
        ("a.csv", hashlib.sha256(b"one").hexdigest(), 3),
        ("medical/2024/b.UKE", hashlib.sha256(b"two").hexdigest(), 3),
    ]


def test_hidden_files_unfinished_copies_and_links_do_not_wait(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"x")
    for name in (".hidden.csv", "copying.csv.part", "copying.TMP"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".folder").mkdir()
    (tmp_path / ".folder" / "inside.csv").write_bytes(b"x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert [path.name for path in inbox.listing(tmp_path)] == ["real.csv"]


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert inbox.scan(tmp_path / "none") == []


def test_noted_files_leave_once_and_the_note_goes_with_them(tmp_path: Path, ledger: Ledger) -> None:
    box = tmp_path / "inbox"
    box.mkdir()
    (box / "a.csv").write_bytes(b"one")
    with ledger.transaction() as connection:
        inbox.note_removal(ledger, connection, inbox.scan(box))
    assert inbox.remove_noted(ledger) == 1
    assert inbox.listing(box) == []
    assert inbox.remove_noted(ledger) == 0


def test_a_file_that_came_under_the_same_name_in_between_stays(tmp_path: Path, ledger: Ledger) -> None:
    box = tmp_path / "inbox"
    box.mkdir()
    (box / "a.csv").write_bytes(b"one")
    with ledger.transaction() as connection:
        inbox.note_removal(ledger, connection, inbox.scan(box))
    (box / "next.csv").write_bytes(b"one")
    (box / "next.csv").replace(box / "a.csv")
    assert inbox.remove_noted(ledger) == 0
    assert [path.name for path in inbox.listing(box)] == ["a.csv"]


def test_a_note_in_a_transaction_that_failed_takes_nothing_out(tmp_path: Path, ledger: Ledger) -> None:
    box = tmp_path / "inbox"
    box.mkdir()
    (box / "a.csv").write_bytes(b"one")
    with pytest.raises(RuntimeError), ledger.transaction() as connection:
        inbox.note_removal(ledger, connection, inbox.scan(box))
        raise RuntimeError
    assert inbox.remove_noted(ledger) == 0
    assert [path.name for path in inbox.listing(box)] == ["a.csv"]

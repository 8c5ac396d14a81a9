from __future__ import annotations

from pathlib import Path

import pytest

from ingest.policy import audit


def _three_events(path: Path) -> None:
    for number in range(3):
        audit.record(path, account="kokuho", action="open_person", object="p", purpose="保健指導", number=number)


def test_events_come_back_in_order_and_the_chain_holds(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    _three_events(path)
    assert [event["number"] for event in audit.events(path)] == [0, 1, 2]
    assert audit.verify(path)[0] == 3


@pytest.mark.parametrize("damage", ["edit", "delete", "swap"])
def test_an_edited_deleted_or_exchanged_event_breaks_the_chain(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "audit.jsonl"
    _three_events(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    if damage == "edit":
        lines[1] = lines[1].replace("kokuho", "kokuxo")
    elif damage == "delete":
        del lines[1]
    else:
        lines[0], lines[1] = lines[1], lines[0]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(audit.AuditBroken):
        audit.verify(path)


def test_a_line_torn_by_a_crash_is_cut_off_and_the_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    _three_events(path)
    with path.open("ab") as stream:
        stream.write('{"previous": "日本'.encode()[:-1])
    audit.record(path, account="kokuho", number=3)
    assert audit.verify(path)[0] == 4


def test_a_cut_tail_is_seen_by_the_head_that_the_other_party_holds(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    _three_events(path)
    head = audit.verify(path)
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:2]) + "\n", encoding="utf-8")
    assert audit.verify(path) != head

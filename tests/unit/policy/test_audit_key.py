"""The signed head of an audit chain, and a new audit key in the chain on the word of the old one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.policy import audit, audit_key
from ingest.policy.audit import AuditBroken
from ingest.sealing.keys import KeyRing, store_key
from ingest.sealing.keytable import AUDIT
from ingest.settings import PartySettings


@pytest.fixture
def party(tmp_path: Path) -> PartySettings:
    """A party with two audit keys and a chain of three events, its head signed by the first."""
    party = PartySettings(home=tmp_path)
    store_key(party, AUDIT, b"\x01" * 32)
    store_key(party, "audit-2", b"\x02" * 32)
    for number in range(3):
        audit.record(chain_of(party), action="quarantine.show", number=number)
    audit_key.sign_head_in_use(chain_of(party), party)
    return party


def chain_of(party: PartySettings) -> Path:
    return party.home / "audit" / "quarantine.jsonl"


def handed_over(party: PartySettings) -> None:
    ring = KeyRing(party)
    for _ in range(2):  # a repeat after a kill adds nothing
        audit_key.hand_over(chain_of(party), 2, ring.numbered(AUDIT, 1), ring.numbered(AUDIT, 2))
        audit_key.note_rotation(party, AUDIT, 2, 2, ring.numbered(AUDIT, 2))


def test_a_chain_goes_on_under_the_next_key(party: PartySettings) -> None:
    assert audit_key.check(chain_of(party), party) == 3
    handed_over(party)
    assert [path.name for path in audit_key.chains(party)] == ["keys.jsonl", "quarantine.jsonl"]
    assert [audit_key.check(chain, party) for chain in audit_key.chains(party)] == [1, 4]
    assert json.loads(audit_key.head_file(chain_of(party)).read_bytes())["number"] == 2
    assert {event["object"] for event in audit.events(party.home / "audit" / "keys.jsonl")} == {AUDIT}


def test_a_tail_that_was_cut_off_is_missed(party: PartySettings) -> None:
    lines = chain_of(party).read_text().splitlines(keepends=True)
    chain_of(party).write_text("".join(lines[:2]))
    assert audit.verify(chain_of(party))[0] == 2, "the chain alone does not show it"
    with pytest.raises(AuditBroken, match="events are gone"):
        audit_key.check(chain_of(party), party)


def test_events_after_the_signed_head_are_no_fault(party: PartySettings) -> None:
    audit.record(chain_of(party), action="quarantine.show")
    assert audit_key.check(chain_of(party), party) == 4


def _no_head(party: PartySettings) -> None:
    audit_key.head_file(chain_of(party)).unlink()


def _other_head(party: PartySettings) -> None:
    head = audit_key.head_file(chain_of(party))
    head.write_text(head.read_text().replace('"count":3', '"count":2'))


def _forged_key(party: PartySettings) -> None:
    key = KeyRing(party).numbered(AUDIT, 2)
    audit_key.hand_over(chain_of(party), 2, key, key)  # signed by itself, not by the one before


@pytest.mark.parametrize(
    ("spoil", "told"), [(_no_head, "missing"), (_other_head, "is not signed"), (_forged_key, "by the key before")]
)
def test_what_is_wrong_is_told(party: PartySettings, spoil: Callable[[PartySettings], None], told: str) -> None:
    spoil(party)
    with pytest.raises(AuditBroken, match=told):
        audit_key.check(chain_of(party), party)

"""The audit key of a party: it signs where each audit chain stands, and hands over to the next key in the chain.

Beside a chain ``x.jsonl`` stands ``x.head.json``: number of events, hash of the last one, number of the key, signature.
A tail that was cut off is missed there, which the chain alone does not show. A new key stands in the chain itself, in
an event that the key before has signed together with the event before it, so that the chain vouches for all its keys.
"""

from __future__ import annotations

import getpass
import json
from pathlib import Path

from ingest.policy import audit
from ingest.policy.audit import FIRST_HASH, AuditBroken
from ingest.sealing import key_numbers
from ingest.sealing.files import put_whole
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import AUDIT
from ingest.sealing.manifest import canonical, is_signed, sign
from ingest.sealing.public import public_signing
from ingest.settings import PartySettings

FOLDER = "audit"
_KEYS = "keys.jsonl"  # the chain of what was done to the party's keys
_ACTION = "audit.key"
_HEAD, _HANDOVER = b"tsumugi/audit-head/1\x00", b"tsumugi/audit-key/1\x00"


def chains(party: PartySettings) -> list[Path]:
    """The audit chains in the home of a party."""
    return sorted((party.home / FOLDER).glob("*.jsonl"))


def head_file(chain: Path) -> Path:
    """Where the signed head of a chain stands."""
    return chain.with_name(f"{chain.stem}.head.json")


def sign_head(chain: Path, number: int, key: bytes) -> None:
    """Sign where a chain stands with the audit key of this number; AuditBroken where the chain does not hold."""
    count, head = audit.verify(chain)
    content = {"chain": chain.name, "count": count, "head": head, "number": number}
    put_whole(head_file(chain), canonical(content | {"signature": sign(_HEAD, canonical(content), key).hex()}))


def sign_head_in_use(chain: Path, party: PartySettings) -> None:
    """Sign where a chain stands with the audit key that the party uses."""
    sign_head(chain, key_numbers.in_use(party, AUDIT), KeyRing(party).secret(AUDIT))


def hand_over(chain: Path, number: int, older: bytes, newer: bytes) -> None:
    """Have a chain go on under the audit key of this number, on the word of the key before; once, however often."""
    if any(event.get("action") == _ACTION and event["number"] == number for event in audit.events(chain)):
        return
    told = _handed_over(chain, audit.verify(chain)[1], number, newer)
    audit.record(chain, action=_ACTION, **told, signature=sign(_HANDOVER, canonical(told), older).hex())


def note_rotation(party: PartySettings, kind: str, number: int, signing_number: int, signing_key: bytes) -> None:
    """Note in the chain of keys that a kind went over to a number, once, and sign the heads of all chains."""
    chain = party.home / FOLDER / _KEYS
    told = {"action": "keys.rotate", "object": kind, "number": number}
    if not any(told.items() <= event.items() for event in audit.events(chain)):
        audit.record(chain, account=getpass.getuser(), role="operator", **told)
    for known in chains(party):
        sign_head(known, signing_number, signing_key)


def check(chain: Path, party: PartySettings) -> int:
    """Number of events of a chain that holds, whose keys follow each other and whose signed head is in it.

    Raises AuditBroken naming the file, KeyError_ where a key of the party cannot be had.
    """
    ring = KeyRing(party)
    count, _ = audit.verify(chain)
    entries = [json.loads(line) for line in chain.read_text(encoding="utf-8").splitlines()]
    heads = [FIRST_HASH, *(entry["hash"] for entry in entries)]
    for place, entry in enumerate(entries):
        event = json.loads(entry["event"])
        if event.get("action") != _ACTION:
            continue
        number = int(event["number"])
        told = _handed_over(chain, heads[place], number, ring.numbered(AUDIT, number))
        if not _is_signed(_HANDOVER, told, str(event["signature"]), ring.numbered(AUDIT, number - 1)):
            raise AuditBroken(f"{chain}:{place + 1}: the change of the audit key is not signed by the key before")
    _check_head(chain, heads, ring)
    return count


def _check_head(chain: Path, heads: list[str], ring: KeyRing) -> None:
    if not head_file(chain).is_file():
        raise AuditBroken(f"{head_file(chain)} is missing: nothing says how long the chain was")
    content = json.loads(head_file(chain).read_bytes())
    signature = content.pop("signature")
    if not _is_signed(_HEAD, content, signature, ring.numbered(AUDIT, content["number"])):
        raise AuditBroken(f"{head_file(chain)} is not signed by the audit key that it names")
    is_in_it = content["count"] < len(heads) and heads[content["count"]] == content["head"]
    if not is_in_it or content["chain"] != chain.name:
        raise AuditBroken(f"{chain}: events are gone that its signed head counts")


def _handed_over(chain: Path, previous: str, number: int, newer: bytes) -> dict[str, str | int]:
    return {"chain": chain.name, "previous": previous, "number": number, "public": public_signing(newer).hex()}


def _is_signed(label: bytes, content: dict[str, str | int], signature: str, key: bytes) -> bool:
    return is_signed(label, canonical(content), bytes.fromhex(signature), public_signing(key))

"""What keys a party has, and whether they are in order: for `tsumugi keys show`, `keys check` and `tsumugi doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest.sealing import hpke, key_numbers, public, unlock
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import BY_LEDGER, ENVELOPE, IDENTITY, SIGNING, KeyKind, kinds_of, numbered, split
from ingest.settings import PartySettings

IN_USE, RETIRED, PREPARED, MISSING = "in_use", "retired", "prepared", "missing"
STATES = {IN_USE: "使用中", RETIRED: "旧・開封用", PREPARED: "準備済み", MISSING: "なし"}
STORED = {"file": "ファイル", "wrapped": "パスフレーズ", "command": "コマンド", None: "－"}


@dataclass(frozen=True)
class KeyFact:
    """One key: what it opens, its state, how it is stored, when made, the fingerprint of its public half if any."""

    name: str
    opens_ja: str
    number: int
    state: str
    stored: str | None
    made_on: date | None
    fingerprint: str | None


@dataclass(frozen=True)
class Fault:
    """Something that is wrong, and what mends it."""

    what: str
    remedy: str


def facts(party: PartySettings, epoch: int = 1) -> list[KeyFact]:
    """The table of keys of a party; ``epoch`` is the one in use at a site. No secret is read."""
    found: list[KeyFact] = []
    kept = unlock.kept_names(party)
    own = _own_public(party)
    for kind in kinds_of(party):
        in_use = _in_use(party, kind, own, epoch)
        names = {name for name in kept if split(name)[0] == kind.kind} | {
            numbered(kind.kind, number) for number in range(1, in_use + 1)
        }
        for name in sorted(names, key=lambda one: split(one)[1]):
            number = split(name)[1]
            stored = unlock.stored(party, name)
            state = IN_USE if number == in_use else RETIRED if number < in_use else PREPARED
            if stored is None:
                state = MISSING
            found.append(
                KeyFact(name, kind.opens_ja, number, state, stored, _made_on(party, name), _fingerprint(own, name))
            )
    return found


def check(party: PartySettings, peers: list[str], epoch: int = 1) -> list[Fault]:
    """What is wrong with a party's keys and with the pinned keys of ``peers``; empty where all is well."""
    found: list[Fault] = []
    ring = KeyRing(party)
    restore = "`tsumugi keys restore`（復旧キット）かバックアップで鍵を戻してください"
    for fact in facts(party, epoch):
        if fact.state == PREPARED:
            continue
        try:
            ring.numbered(*split(fact.name))
        except SealingError as error:
            found.append(Fault(str(error), restore))
    try:
        own = ring.public()
        _require_same(own, ring)
    except SealingError as error:
        found.append(Fault(str(error), restore))
    for peer in peers:
        try:
            ring.peer(peer)
        except SealingError as error:
            found.append(
                Fault(str(error), f"相手（{peer}）の公開鍵ファイルを `tsumugi keys import` で登録してください")
            )
    return found


def _require_same(own: public.PublicKeys, ring: KeyRing) -> None:
    signing = public.public_signing(ring.secret(SIGNING))
    envelope = hpke.public_of(ring.numbered(ENVELOPE, own.envelope_number))
    if (signing, envelope) != (own.signing, own.envelope):
        raise SealingError(f"{own.party}: the private keys are not those of its public file")


def _own_public(party: PartySettings) -> public.PublicKeys | None:
    path = party.keys / public.PUBLIC_FILE
    return public.read_public(path) if path.is_file() else None


def _in_use(party: PartySettings, kind: KeyKind, own: public.PublicKeys | None, epoch: int) -> int:
    if kind.kind == IDENTITY:
        return epoch
    if kind.numbered_by == BY_LEDGER:
        return key_numbers.numbers(party, kind.kind).in_use
    if own is None:
        return 1
    return own.signing_number if kind.kind == SIGNING else own.envelope_number


def _fingerprint(own: public.PublicKeys | None, name: str) -> str | None:
    """Of the keys whose public half stands in the party's public file."""
    if own is None:
        return None
    halves = {
        numbered(SIGNING, own.signing_number): own.signing,
        numbered(ENVELOPE, own.envelope_number): own.envelope,
    }
    return public.grouped(halves[name]) if name in halves else None


def _made_on(party: PartySettings, name: str) -> date | None:
    begun = key_numbers.begun_on(party, *split(name))
    if begun is not None:
        return begun
    for path in (unlock.key_file(party, name), unlock.wrapped_file(party, name)):
        if path.is_file():
            return _day(path)
    return None


def _day(path: Path) -> date:
    return date.fromtimestamp(path.stat().st_mtime)

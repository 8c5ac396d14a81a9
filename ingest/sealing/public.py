"""The public keys of a party: a small signed file, its fingerprint, and what a peer has pinned of it.

A file is signed by the signing key that it names, which proves that its party holds the private half. Where the
signing key was rotated, the file is signed by the key before as well, so that a peer who pinned that one can take
the new one without a telephone call.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from ingest.sealing import hpke
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import checked_name, write_private
from ingest.sealing.manifest import (
    BODY_FILE,
    SIGNATURE_FILE,
    ManifestError,
    canonical,
    is_signed,
    is_signed_manifest,
    parse_canonical,
    read_manifest,
    sign,
)

PUBLIC_FILE = "public.json"
NEXT_FILE = "public-next.json"  # with the signing key that was prepared and is not in use yet
PEERS = "peers"

_LABEL = b"tsumugi/public-key/1\x00"
_HANDOVER_LABEL = b"tsumugi/public-key-after/1\x00"
_SIGNING_BYTES = 32
_GROUPS_A_LINE = 4


@dataclass(frozen=True)
class Retired:
    """A signing key of a peer that nothing new is accepted by.

    ``until`` is the number of the last batch of its time, 0 while that is not known (no batch under a later key has
    been taken yet); ``retired_on`` the day (UTC) on which the peer's newer key took over here.
    """

    signing: bytes
    number: int
    until: int
    retired_on: date


@dataclass(frozen=True)
class PublicKeys:
    """What the others may know of a party: its name, its two public keys and their numbers (1, 2, … by rotation).

    Of a pinned peer also ``before``, the signing key that is accepted until the first batch under the new one, and
    ``retired``, all that were accepted once, the oldest first: batches of their time are known by them.
    """

    party: str
    envelope: bytes
    signing: bytes
    envelope_number: int = 1
    signing_number: int = 1
    before: bytes = b""
    retired: tuple[Retired, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What two people read to each other on the telephone before they trust an exchange."""
        return grouped(self._body())

    @property
    def verifying(self) -> bytes:
        """The keys by which what this party signs now is accepted."""
        return self.signing + self.before

    @property
    def ever(self) -> bytes:
        """The keys by which what this party has signed at any time is known again."""
        return self.verifying + b"".join(key.signing for key in self.retired)

    def accepting(self, sequence: int) -> bytes:
        """The keys by which a batch of this number is accepted where it is due: after the receiver was put back to a
        backup, batches come again that were signed by a key retired since."""
        return self.verifying + b"".join(key.signing for key in self.retired if sequence <= key.until)

    def document(self, signing_key: bytes, before_key: bytes | None = None) -> bytes:
        """The public file; ``before_key`` is the private signing key before this one, where there was one."""
        content = {
            **self._content(),
            "fingerprint": self.fingerprint,
            "signature": sign(_LABEL, self._body(), signing_key).hex(),
        }
        if before_key is not None:
            content["before"] = {
                "signing": public_signing(before_key).hex(),
                "signature": sign(_HANDOVER_LABEL, self._body(), before_key).hex(),
            }
        return canonical(content)

    @classmethod
    def from_document(cls, document: bytes) -> PublicKeys:
        """The keys in a public file; KeyError_ where it is not whole."""
        return _read(document).keys

    def _content(self) -> dict[str, object]:
        content: dict[str, object] = {
            "party": self.party,
            "envelope": self.envelope.hex(),
            "signing": self.signing.hex(),
        }
        numbers = {"envelope": self.envelope_number, "signing": self.signing_number}
        return content | ({"numbers": numbers} if set(numbers.values()) != {1} else {})

    def _body(self) -> bytes:
        return canonical(self._content())


@dataclass(frozen=True)
class _File:
    keys: PublicKeys
    handover: tuple[bytes, bytes] | None = field(default=None)  # public key before, its signature

    def is_from(self, pinned: PublicKeys) -> bool:
        """Whether the holder of the pinned signing key made this file."""
        if self.keys.signing == pinned.signing:
            return True
        if self.handover is None or self.handover[0] != pinned.signing:
            return False
        return is_signed(_HANDOVER_LABEL, self.keys._body(), self.handover[1], pinned.signing)


def grouped(content: bytes) -> str:
    """Fingerprint of ``content``: 160 bits of SHA-256 in ten groups of four hexadecimal digits."""
    digest = hashlib.sha256(content).hexdigest()[:40]
    return " ".join(digest[i : i + 4] for i in range(0, 40, 4))


def to_read_aloud(fingerprint: str) -> list[str]:
    """A fingerprint in lines of four groups, to be read and repeated line by line."""
    groups = fingerprint.split()
    return [" ".join(groups[i : i + _GROUPS_A_LINE]) for i in range(0, len(groups), _GROUPS_A_LINE)]


def public_signing(private: bytes) -> bytes:
    """The public half of a signing key."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def read_public(path: Path) -> PublicKeys:
    """The public file at ``path``; KeyError_ where there is none or it was changed."""
    if not path.is_file():
        raise KeyError_(f"{path} does not exist: make keys, or pin the other party's public key file")
    return PublicKeys.from_document(path.read_bytes())


# -- peers ------------------------------------------------------------------------------------------
def pinned_parties(keys: Path) -> list[str]:
    """Names of the parties whose public keys are pinned under the key folder ``keys``."""
    return sorted(path.stem for path in (keys / PEERS).glob("*.json") if "--" not in path.stem)


def read_peer(keys: Path, party: str) -> PublicKeys:
    """The pinned public keys of a party; KeyError_ where it is unknown."""
    folder = keys / PEERS
    found = read_public(folder / f"{checked_name(party)}.json")
    if found.party != party:
        raise KeyError_(f"the pinned public keys of {party} are those of another party")
    before = _before(folder, party)
    return PublicKeys(
        found.party, found.envelope, found.signing, found.envelope_number, found.signing_number,
        read_public(before).signing if before.is_file() else b"", _retired(folder, party),
    )  # fmt: skip


def pin(keys: Path, document: bytes, fingerprint: str | None) -> PublicKeys:
    """Pin another party's public file.

    With ``fingerprint`` it is taken where that is its own; without, only where the signing key that is pinned for the
    party signed it and it is no older file. A signing key that it replaces is accepted until ``settle_peer``.
    """
    file = _read(document)
    party = checked_name(file.keys.party)
    folder = keys / PEERS
    path = folder / f"{party}.json"
    known = read_public(path) if path.is_file() else None
    if fingerprint is None:
        _require_trust(file, known)
    elif "".join(fingerprint.split()).lower() != file.keys.fingerprint.replace(" ", ""):
        raise KeyError_("the fingerprint is not that of this public key file: do not trust it")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if known is not None and known.signing != file.keys.signing:
        if _before(folder, party).is_file():
            _retire(folder, party, until=0)
        write_private(_before(folder, party), path.read_bytes())
    write_private(path, document)
    return file.keys


def settle_peer(keys: Path, party: str, batch: Path) -> None:
    """After a batch of ``party`` (its folder) was taken: the first under the new key retires the one before."""
    folder = keys / PEERS
    if not _before(folder, checked_name(party)).is_file():
        return
    body, signature = (batch / BODY_FILE).read_bytes(), (batch / SIGNATURE_FILE).read_bytes()
    newest = read_public(folder / f"{party}.json").signing
    if is_signed_manifest(body, signature, newest):
        _retire(folder, party, until=read_manifest(body, signature, newest).sequence - 1)


def _require_trust(file: _File, known: PublicKeys | None) -> None:
    party = file.keys.party
    if known is None:
        raise KeyError_(f"{party} is not known here yet: have its fingerprint read to you and give it with the file")
    if not file.is_from(known):
        raise KeyError_(
            f"this file is not signed by the key that is pinned for {party}: ask {party} for its fingerprint"
        )
    if file.keys.signing_number < known.signing_number or file.keys.envelope_number < known.envelope_number:
        raise KeyError_(f"this file of {party} is older than the one that is pinned: ask {party} for the newest")


def _before(folder: Path, party: str) -> Path:
    return folder / f"{party}--before.json"


def _retired_file(folder: Path, party: str) -> Path:
    return folder / f"{party}--retired.json"


def _retired(folder: Path, party: str) -> tuple[Retired, ...]:
    path = _retired_file(folder, party)
    if not path.is_file():
        return ()
    return tuple(
        Retired(bytes.fromhex(key["signing"]), key["number"], key["until"], date.fromisoformat(key["retired_on"]))
        for key in parse_canonical(path.read_bytes())
    )


def _retire(folder: Path, party: str, until: int) -> None:
    """The key before joins the retired ones; ``until`` is the last number of its time and, where it was not known, of
    those retired earlier."""
    before = _before(folder, party)
    keys = read_public(before)
    known = tuple(key for key in _retired(folder, party) if key.signing != keys.signing)
    today = datetime.now(UTC).date()
    dated = [
        replace(key, until=key.until or until) for key in (*known, Retired(keys.signing, keys.signing_number, 0, today))
    ]
    content = [asdict(key) | {"signing": key.signing.hex(), "retired_on": key.retired_on.isoformat()} for key in dated]
    write_private(_retired_file(folder, party), canonical(content))
    before.unlink()  # last: a kill before it retires the same key once more


def _read(document: bytes) -> _File:
    try:
        content = parse_canonical(document)
        numbers = content.get("numbers", {"envelope": 1, "signing": 1})
        keys = PublicKeys(
            str(content["party"]), bytes.fromhex(content["envelope"]), bytes.fromhex(content["signing"]),
            int(numbers["envelope"]), int(numbers["signing"]),
        )  # fmt: skip
        signature = bytes.fromhex(content["signature"])
        before = content.get("before")
        handover = before and (bytes.fromhex(before["signing"]), bytes.fromhex(before["signature"]))
        is_whole = len(keys.envelope) == hpke.PUBLIC_BYTES and len(keys.signing) == _SIGNING_BYTES
        is_whole = is_whole and content["fingerprint"] == keys.fingerprint
    except (ManifestError, KeyError, TypeError, ValueError, AttributeError):
        raise KeyError_("not a public key file of Tsumugi") from None
    if not is_whole or not is_signed(_LABEL, keys._body(), signature, keys.signing):
        raise KeyError_("the public key file was changed: ask its party for it again")
    return _File(keys, handover)

"""New signing and envelope keys for a party, and what its peers need to follow.

An envelope key is in use at once: the party still opens what was sealed to the keys before. A signing key is
prepared first: the public file that names it goes to the peers, and only when they have taken it is it used
(``activate``), so that no batch is refused in between. Every step may be killed and done again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ingest import faults
from ingest.sealing import unlock
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import write_private
from ingest.sealing.keys import KeyRing, make_key, public_of
from ingest.sealing.keytable import ENVELOPE, SIGNING, numbered
from ingest.sealing.public import NEXT_FILE, PUBLIC_FILE, PublicKeys
from ingest.settings import PartySettings


@dataclass(frozen=True)
class Renewal:
    """What a rotation of a key that encrypts data goes over to: kind and new number, the old key and the new one."""

    kind: str
    number: int
    older: bytes = field(repr=False)
    newer: bytes = field(repr=False)


def rotate_envelope(party_name: str, party: PartySettings) -> Path:
    """Use a new envelope key from now on; returns the new public file, to be taken by every peer."""
    ring = KeyRing(party)
    own = ring.public()
    number = own.envelope_number + 1
    prepare_key(party, ENVELOPE, number)
    faults.point("rotate.envelope.made")
    path = party.keys / PUBLIC_FILE
    prepared = party.keys / NEXT_FILE
    if prepared.exists():  # a signing key waits: its file must name the new envelope key as well
        write_private(prepared, public_of(party_name, ring, own.signing_number + 1, number))
    faults.point("rotate.envelope.next")
    write_private(path, public_of(party_name, ring, own.signing_number, number))
    return path


def prepare_signing(party_name: str, party: PartySettings) -> Path:
    """Make the next signing key; returns the public file that names it. A repeat gives the same file."""
    ring = KeyRing(party)
    own = ring.public()
    prepare_key(party, SIGNING, own.signing_number + 1)
    faults.point("rotate.signing.made")
    path = party.keys / NEXT_FILE
    if not path.exists():
        write_private(path, public_of(party_name, ring, own.signing_number + 1, own.envelope_number))
    return path


def activate_signing(party: PartySettings) -> PublicKeys:
    """Sign with the prepared key from now on; KeyError_ where none is prepared."""
    prepared = party.keys / NEXT_FILE
    if not prepared.is_file():
        raise KeyError_(
            "no signing key is prepared: `tsumugi keys rotate signing` makes one, its file goes to the peers"
        )
    # One rename: before it the old key signs, after it the new one.
    prepared.replace(party.keys / PUBLIC_FILE)
    return KeyRing(party).public()


def prepare_key(party: PartySettings, kind: str, number: int) -> None:
    """Make the key of a kind and number unless it is there; wrapped where the one before it is, by the same passphrase.

    Raises KeyError_ where the party has its keys from a command that does not give the new one.
    """
    name, before = numbered(kind, number), numbered(kind, number - 1)
    if party.unlock_command:
        try:
            KeyRing(party).numbered(kind, number)
        except KeyError_:
            raise KeyError_(
                f"put a fresh key named {name} into the secret store that unlock_command asks, then do it again"
            ) from None
    make_key(party, name, unlock.passphrase_of(party, before) if unlock.stored(party, before) == "wrapped" else None)

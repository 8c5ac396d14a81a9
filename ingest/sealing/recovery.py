"""From the keys of a party to its recovery kit, and from the kit back to the keys of an empty machine."""

from __future__ import annotations

from ingest.sealing import key_numbers, unlock
from ingest.sealing import kit as kit_module
from ingest.sealing.errors import KeyError_
from ingest.sealing.inventory import PREPARED, facts
from ingest.sealing.keyfiles import write_private
from ingest.sealing.keys import KeyRing, public_of, store_key
from ingest.sealing.keytable import ENVELOPE, SIGNING, by_ledger, kinds_of, split
from ingest.sealing.kit import Kit
from ingest.sealing.public import PUBLIC_FILE, PublicKeys
from ingest.settings import PartySettings


def kit_of(party_name: str, party: PartySettings, epoch: int = 1) -> Kit:
    """The kit of every key that a party uses or has used; KeyError_ where one cannot be had.

    Also while a rotation is not through: its data lie under a key that the kit would not hold.
    """
    ring = KeyRing(party)
    for kind in key_numbers.unfinished(party):
        ring.secret(kind)  # says so
    names = [fact.name for fact in facts(party, epoch) if fact.state != PREPARED]
    return kit_module.make(party_name, {name: ring.numbered(*split(name)) for name in names})


def restore(party_name: str, party: PartySettings, kit: Kit, given: str | None = None) -> PublicKeys:
    """Put the keys of a whole kit in place, wrapped by the passphrase ``given`` if any, and the public file.

    Returns the public keys. Raises KeyError_ where the kit is another party's or kind of party's, or another key of
    that name stands there; keys that stand there and are the same stay.
    """
    if kit.party != party_name:
        raise KeyError_(f"this kit is of {kit.party}, not of {party_name}")
    kinds = {kind.kind for kind in kinds_of(party)}
    if {split(name)[0] for name in kit.secrets} != kinds:
        raise KeyError_(f"this kit does not hold the keys that {party_name} has: {', '.join(sorted(kinds))}")
    for name, key in kit.secrets.items():
        if unlock.stored(party, name) is not None and unlock.unlocked(party, name) != key:
            raise KeyError_(f"another key '{name}' stands in {party.keys}: move that folder away first")
    for name, key in kit.secrets.items():
        if unlock.stored(party, name) is None:
            store_key(party, name, key, given)
    if given is not None:
        unlock.remember_passphrase(party, given)
    newest = {kind: max(split(name)[1] for name in kit.secrets if split(name)[0] == kind) for kind in kinds}
    key_numbers.restored(party, [one for one in newest.items() if one[0] in by_ledger()])
    ring = KeyRing(party)
    write_private(party.keys / PUBLIC_FILE, public_of(party_name, ring, newest[SIGNING], newest[ENVELOPE]))
    return ring.public()

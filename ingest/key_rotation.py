"""`tsumugi keys rotate` for the keys under which data of a party lie: at-rest, masters of published files, link, audit.

One order for all: the key is made, the ledger says that a rotation is open, everything is encrypted anew, the audit
chains go on under the word of the old audit key, the ledger says that it is done. While it is open nobody else gets
the key (``KeyRing.secret``), so no step reads or writes under a wrong one; a repeat, or the next `tsumugi run`, goes
on.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ingest import faults, reencrypt
from ingest.center import renew as at_center
from ingest.center.home import one_step
from ingest.ledger import Ledger
from ingest.policy import audit_key
from ingest.progress import ProgressCallback
from ingest.sealing import key_numbers
from ingest.sealing.errors import KeyError_
from ingest.sealing.keys import KeyRing, parties_of
from ingest.sealing.keytable import AUDIT, kinds_of
from ingest.sealing.rotation import Renewal, prepare_key
from ingest.settings import PartySettings, Settings, SiteSettings
from ingest.site import renew as at_site
from ingest.site.lock import locked


def rotate(settings: Settings, party_name: str, kind: str, progress: ProgressCallback) -> dict[str, Any]:
    """Go over to a new key of ``kind`` at a party, or go on with a rotation that was begun.

    Returns its number, how many files lie under it, and how many archived ones neither key opens. Raises KeyError_
    where the party has no such key, the new one cannot be had or another rotation is not through, and what the files
    of the party raise.
    """
    party = parties_of(settings)[party_name]
    require_kind(party_name, party, kind)
    reencrypt.require_room(party.home)
    with _step(settings, party), Ledger(party.ledger) as ledger:
        known = key_numbers.numbers(party, kind)
        number = known.coming or known.in_use + 1
        if known.coming is None:
            for other in key_numbers.unfinished(party):  # one at a time: each notes its end under the audit key
                key_numbers.in_use(party, other)
            prepare_key(party, kind, number)
            faults.point("renew.key")
            key_numbers.begin(ledger, kind, number)
            faults.point("renew.begun")
        ring = KeyRing(party)
        renewal = Renewal(kind, number, ring.numbered(kind, known.in_use), ring.numbered(kind, number))
        if isinstance(party, SiteSettings):
            figures = at_site.WORK[kind](settings, party_name, ledger, renewal, progress)
        else:
            figures = at_center.WORK[kind](settings, renewal, progress)
        faults.point("renew.whole")
        _tell_audit(party, renewal, ring)
        key_numbers.end(ledger, kind, number)
        faults.point("renew.done")
    return {"number": number} | figures


def require_kind(party_name: str, party: PartySettings, kind: str) -> None:
    """Raise KeyError_ where a party has no key of a kind."""
    if kind not in {known.kind for known in kinds_of(party)}:
        raise KeyError_(f"{party_name} has no key '{kind}'")


def finish(settings: Settings, progress: ProgressCallback) -> list[tuple[str, dict[str, Any]]]:
    """Go on with every rotation that was interrupted; title and figures of each."""
    return [
        (f"{name} rotate {kind}", rotate(settings, name, kind, progress))
        for name, party in parties_of(settings).items()
        for kind in key_numbers.unfinished(party)
    ]


def _tell_audit(party: PartySettings, renewal: Renewal, ring: KeyRing) -> None:
    """Note the rotation in the audit chain of keys; where it is of the audit key, in every chain of the party."""
    if renewal.kind == AUDIT:
        for chain in audit_key.chains(party):
            audit_key.hand_over(chain, renewal.number, renewal.older, renewal.newer)
        signing = (renewal.number, renewal.newer)
    else:
        signing = (key_numbers.in_use(party, AUDIT), ring.secret(AUDIT))
    audit_key.note_rotation(party, renewal.kind, renewal.number, *signing)


def _step(settings: Settings, party: PartySettings) -> AbstractContextManager[None]:
    return locked(party.home) if isinstance(party, SiteSettings) else one_step(settings.the_center())

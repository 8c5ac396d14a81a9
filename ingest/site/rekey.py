"""`tsumugi keys rotate identity`: a new identity key at the site, and a batch by which the center goes on linking.

The batch of kind ``rekey`` holds every tag the center can hold under the old and the new key, and the new
ciphertexts; the center replaces one by the other. Everything after it is made with the new key.

Where a kill may fall and what the next step finds: while the pairs are made, they stay file by file; after that the
batch, which nobody knows, is thrown away and sealed again, and the directory takes its new tags a second time, which
changes nothing. The ledger knows batch, epoch and state in one transaction. `tsumugi site extract` finishes what
was begun before it reads anything, so no batch of two epochs is ever made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingest import faults
from ingest.identity.directory import Directory
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import IDENTITY
from ingest.sealing.rotation import prepare_key
from ingest.settings import Settings, SiteSettings
from ingest.site import epoch, rekey_pairs, retract
from ingest.site.databases import open_directory
from ingest.site.decided_pairs import DecidedPairs
from ingest.site.errors import SiteError
from ingest.site.lock import locked
from ingest.site.members import Members
from ingest.site.outbox import Outbox

KIND = "rekey"
OPEN, REOPENED, SENT, DONE = "open", "reopened", "sent", "done"  # states of a rotation in the ledger

_TABLES = {
    "rekey": "SELECT DISTINCT purpose, old_tag, new_tag FROM pair WHERE NOT starts_with(purpose, 'member/')",
    "rekey_identity": "SELECT DISTINCT identity_tag, ciphertext FROM ciphertext",
}


def rotate(settings: Settings, site_name: str, progress: ProgressCallback) -> dict[str, Any]:
    """Begin a rotation of the identity key, or go on with one that was begun; returns epoch and number of pairs.

    Raises SiteError where the center has not answered the rotation before, and the errors of keys and readers.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        outbox = Outbox.of(settings, site_name, ledger, ring)
        outbox.settle()
        retract.finish(site, site_name, ledger, ring, outbox)
        figures = finish(settings, site_name, ledger, ring, outbox, progress)
        if not figures:
            outbox.hand_over()  # also of a rotation that died before it
            _begin(site, ledger)
            figures = finish(settings, site_name, ledger, ring, outbox, progress)
        outbox.hand_over()
    return figures


def finish(
    settings: Settings, site_name: str, ledger: Ledger, ring: KeyRing, outbox: Outbox, progress: ProgressCallback
) -> dict[str, Any]:
    """Do what a rotation in the ledger still asks for; nothing where none does."""
    site = settings.site(site_name)
    _settle(site, ledger)
    found = ledger.rows("SELECT epoch, state FROM rotation WHERE state IN (?, ?)", (OPEN, REOPENED))
    if not found:
        return {}
    number, state = int(found[0]["epoch"]), found[0]["state"]
    if state == REOPENED:  # the center refused it: the pairs are made anew, for the files that stand now
        rekey_pairs.forget(site)
        _set(ledger, number, OPEN)
    with rekey_pairs.opened(site, ring, number) as connection:
        rekey_pairs.make(settings, site_name, ledger, ring, number, connection, progress)
        faults.point("rekey.read")
        own = connection.execute("SELECT DISTINCT purpose, old_tag, new_tag FROM pair "
                                 "WHERE purpose IN ('member/enrolment', 'record/enrolment')").pl()  # fmt: skip
        of_decided = connection.execute("SELECT DISTINCT old_tag, new_tag FROM pair WHERE purpose = 'identity'").pl()
        sealed = outbox.seal(connection, _TABLES, KIND, {"epoch": number})
    faults.point("rekey.sealed")
    with open_directory(site, ring.secret("at-rest")) as known:
        directory, members, decided = Directory(known), Members(known), DecidedPairs(known)
        for memory in (directory, members):
            memory.forget(sealed.sequence)  # what a batch of this number said that the center refused
        directory.rekey(epoch.tokeniser(ring, number))
        faults.point("rekey.directory")
        members.rekey(own)
        decided.rekey(of_decided)
    faults.point("rekey.members")
    with ledger.transaction() as noting:
        outbox.note(noting, sealed, KIND)
        noting.execute("UPDATE rotation SET state = ?, sequence = ? WHERE epoch = ?", (SENT, sealed.sequence, number))
        epoch.move_on(ledger, noting, number)
        faults.point("rekey.recording")
    faults.point("rekey.recorded")
    return {"epoch": number, "sequence": sealed.sequence, "pairs": sealed.figures["tables"]["rekey"]}


def _begin(site: SiteSettings, ledger: Ledger) -> None:
    if ledger.rows("SELECT 1 FROM rotation WHERE state = ?", (SENT,)):
        raise SiteError("the center has not taken the last rotation yet; wait for its receipt, then rotate again")
    number = epoch.current(ledger) + 1
    prepare_key(site, IDENTITY, number)
    faults.point("rekey.key")
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO rotation (epoch, state, started_at) VALUES (?, ?, ?)",
            (number, OPEN, datetime.now(UTC).isoformat(timespec="seconds")),
        )
    faults.point("rekey.begun")


def _settle(site: SiteSettings, ledger: Ledger) -> None:
    """A rotation whose batch the center has taken is done, and its pairs are not needed any more."""
    taken = ledger.rows(
        "SELECT epoch FROM rotation JOIN batch USING (sequence) "
        "WHERE rotation.state = ? AND way = 'sent' AND kind = ? AND batch.state = 'accepted'",
        (SENT, KIND),
    )
    for row in taken:
        rekey_pairs.forget(site)
        _set(ledger, int(row["epoch"]), DONE)


def _set(ledger: Ledger, number: int, state: str) -> None:
    with ledger.transaction() as connection:
        connection.execute("UPDATE rotation SET state = ? WHERE epoch = ?", (state, number))

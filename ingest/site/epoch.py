"""The epoch of a site's identity key: which key its tokens are made with, as the ledger says.

A rotation (`tsumugi keys rotate identity`) moves it on in the same ledger transaction that knows its batch, so no
setting has to be edited and none can be forgotten.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import TYPE_CHECKING

from ingest.ledger import Ledger
from ingest.sealing.keys import FIRST_EPOCH, KeyRing
from ingest.sealing.keytable import IDENTITY
from ingest.settings import PartySettings, SiteSettings

if TYPE_CHECKING:
    from ingest.identity.tokens import Tokeniser

_EPOCH = "identity_epoch"  # value of the ledger


def current(ledger: Ledger) -> int:
    """The epoch in use."""
    return int(ledger.get_value(_EPOCH) or FIRST_EPOCH)


def of_party(party: PartySettings) -> int:
    """The epoch in use at a party; one without a ledger, and the center, is at its first."""
    if not isinstance(party, SiteSettings) or not party.ledger.is_file():
        return FIRST_EPOCH
    with Ledger(party.ledger) as ledger:
        return current(ledger)


def move_on(ledger: Ledger, connection: Connection, epoch: int) -> None:
    """Use ``epoch`` from here on, inside a ledger transaction."""
    ledger.set_value(connection, _EPOCH, str(epoch))


def tokeniser(ring: KeyRing, epoch: int) -> Tokeniser:
    """What makes and opens the tokens of an epoch of this site."""
    from ingest.identity.tokens import Tokeniser  # with the readers, without which `tsumugi doctor` must do

    return Tokeniser(ring.numbered(IDENTITY, epoch), epoch)

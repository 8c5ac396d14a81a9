"""Which number of a key is in use, for the kinds whose data lie in the party's home: its ledger says so.

The number travels with the data: whoever puts a home back to a backup of before has the number of before as well.
While a rotation is open, data lie under two keys; nothing but the rotation itself may open them then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ingest.ledger import Ledger
from ingest.sealing.errors import KeyError_
from ingest.settings import PartySettings

OPEN, DONE = "open", "done"  # states of a rotation in the ledger
FIRST = 1


@dataclass(frozen=True)
class Numbers:
    """The number in use, and the one that an unfinished rotation goes over to."""

    in_use: int
    coming: int | None = None


def numbers(party: PartySettings, kind: str) -> Numbers:
    """The numbers of a kind; a party without a ledger is at its first."""
    if not party.ledger.is_file():
        return Numbers(FIRST)
    with Ledger(party.ledger) as ledger:
        known = {row["state"]: int(row["number"]) for row in ledger.rows(
            "SELECT state, max(number) AS number FROM key_rotation WHERE kind = ? GROUP BY state", (kind,)
        )}  # fmt: skip
    return Numbers(known.get(DONE, FIRST), known.get(OPEN))


def in_use(party: PartySettings, kind: str) -> int:
    """The number in use; KeyError_ while a rotation of the kind is not through."""
    known = numbers(party, kind)
    if known.coming is not None:
        raise KeyError_(
            f"the rotation of key '{kind}' of {party.home} was interrupted: `tsumugi keys rotate {kind}` (or "
            "`tsumugi run`) goes on with it"
        )
    return known.in_use


def unfinished(party: PartySettings) -> list[str]:
    """The kinds of which a rotation is not through."""
    if not party.ledger.is_file():
        return []
    with Ledger(party.ledger) as ledger:
        rows = ledger.rows("SELECT kind FROM key_rotation WHERE state = ? ORDER BY started_at, kind", (OPEN,))
    return [row["kind"] for row in rows]


def begin(ledger: Ledger, kind: str, number: int) -> None:
    """Note that data go over to the key of this number from now on."""
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO key_rotation (kind, number, state, started_at) VALUES (?, ?, ?, ?)",
            (kind, number, OPEN, _now()),
        )


def end(ledger: Ledger, kind: str, number: int) -> None:
    """Note that everything lies under the key of this number."""
    with ledger.transaction() as connection:
        connection.execute(
            "UPDATE key_rotation SET state = ?, ended_at = ? WHERE kind = ? AND number = ?",
            (DONE, _now(), kind, number),
        )


def restored(party: PartySettings, newest: Iterable[tuple[str, int]]) -> None:
    """On a machine that has no ledger yet: the newest numbers of a recovery kit are those in use."""
    rotated = [(kind, number, DONE, _now(), _now()) for kind, number in newest if number > FIRST]
    if rotated and not party.ledger.is_file():
        with Ledger(party.ledger) as ledger, ledger.transaction() as connection:
            connection.executemany("INSERT INTO key_rotation VALUES (?, ?, ?, ?, ?)", rotated)


def begun_on(party: PartySettings, kind: str, number: int) -> date | None:
    """The day on which the rotation to this number began, None where the ledger knows of none."""
    if not party.ledger.is_file():
        return None
    with Ledger(party.ledger) as ledger:
        found = ledger.rows("SELECT started_at FROM key_rotation WHERE kind = ? AND number = ?", (kind, number))
    return datetime.fromisoformat(found[0]["started_at"]).date() if found else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

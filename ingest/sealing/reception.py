"""Where the batches of one sender come in: what is due, what was refused or waits, and how it is answered.

Both parties receive by these rules. Each batch is answered by a signed receipt under its number, and a signed
statement says which one was taken last. A number that was refused may come again as it was, or as a batch that
names the refused one; a number that was taken is taken.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import duckdb

from ingest.ledger import Ledger
from ingest.sealing.errors import BatchHeld, BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.opened import OpenBatch
from ingest.sealing.receipts import Receipt, Statement, receipt_path, write_receipt, write_statement
from ingest.sealing.unseal import arrived_hash, open_batch, open_kept

_FOLDER = re.compile(r"[0-9]{6}")


def last_of(taken: Mapping[int, str]) -> int:
    """Number of the last batch that was taken, 0 before the first."""
    return max(taken, default=0)


class Reception:
    """The batches that ``peer`` hands over to ``own`` in ``incoming``; answers go to ``answers``."""

    def __init__(
        self, own: str, peer: str, kind: str, *, incoming: Path, answers: Path, ledger: Ledger, ring: KeyRing
    ) -> None:
        self._own = own
        self._peer = peer
        self._kind = kind
        self._incoming = incoming
        self._answers = answers
        self._ledger = ledger
        self._ring = ring

    def arrived(self) -> list[int]:
        """Sequence numbers of the batch folders there, in order; a half-copied one has another name."""
        if not self._incoming.is_dir():
            return []
        return sorted(
            int(entry.name) for entry in self._incoming.iterdir() if entry.is_dir() and _FOLDER.fullmatch(entry.name)
        )

    def open(
        self,
        sequence: int,
        private_copy: Path,
        taken: Mapping[int, str],
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> OpenBatch:
        """Check the batch in the folder of this number, ``taken`` being the manifest hashes by number until now.

        Raises BatchHeld and BatchRefused like ``open_batch``.
        """
        due = last_of(taken) + 1
        return open_batch(
            self._incoming / f"{sequence:06d}",
            private_copy,
            sender=self._peer,
            recipient=self._own,
            expected_sequence=due,
            previous_hash=taken.get(due - 1),
            pinned_public=self._ring.peer(self._peer).accepting(due),
            private_key=self._ring.secret("envelope"),
            refused=self._refused(due),
            taken=taken,
            connection=connection,
        )

    def reopen(
        self, folder: Path, manifest_hash: str | None, connection: duckdb.DuckDBPyConnection | None = None
    ) -> OpenBatch:
        """Check once more a batch that was taken and is kept in ``folder``; BatchRefused like ``open_kept``."""
        return open_kept(
            folder,
            manifest_hash,
            sender=self._peer,
            recipient=self._own,
            pinned_public=self._ring.peer(self._peer).ever,
            private_key=self._ring.secret("envelope"),
            connection=connection,
        )

    def accept(
        self, connection: sqlite3.Connection, sequence: int, manifest_hash: str, kind: str, figures: dict[str, Any]
    ) -> None:
        """Note in a ledger transaction that a batch was taken; earlier attempts at its number are forgotten."""
        connection.execute(
            "DELETE FROM batch WHERE way = 'received' AND peer = ? AND sequence = ? AND state <> 'accepted'",
            (self._peer, sequence),
        )
        self._note(connection, sequence, manifest_hash, "accepted", kind=kind, figures=figures)

    def accepted(self) -> dict[int, str]:
        """Manifest hashes of the batches that the ledger knows as taken, by number."""
        return {
            row["sequence"]: row["manifest_hash"]
            for row in self._ledger.rows(
                "SELECT sequence, manifest_hash FROM batch WHERE way = 'received' AND peer = ? AND state = 'accepted' "
                "ORDER BY sequence",
                (self._peer,),
            )
        }

    def refuse(self, sequence: int, refusal: BatchRefused) -> str:
        """Note a refusal; returns the hash of the manifest that was refused, "" where there was none."""
        manifest_hash = refusal.manifest_hash or arrived_hash(self._incoming / f"{sequence:06d}")
        with self._ledger.transaction() as connection:
            self._note(
                connection, sequence, manifest_hash, "refused", refusal.reason_code, refusal.message,
                figures={"is_due": refusal.is_due},
            )  # fmt: skip
        return manifest_hash

    def hold(self, waiting: Collection[int]) -> None:
        """Note what waits for its turn; a note of before that waits no longer goes."""
        with self._ledger.transaction() as connection:
            connection.execute(
                "DELETE FROM batch WHERE way = 'received' AND peer = ? AND state = 'held'", (self._peer,)
            )
            for sequence in waiting:
                manifest_hash = arrived_hash(self._incoming / f"{sequence:06d}")
                message = "an earlier batch is missing or was refused"
                self._note(connection, sequence, manifest_hash, "held", "sequence", message)

    def watch(
        self, taken: Mapping[int, str], private_copy: Path, counting: duckdb.DuckDBPyConnection | None = None
    ) -> int:
        """Refuse what stands under a number that was taken and is not what was taken; returns how many.

        The receipt of the number stays that of the batch that was taken: the statement answers the others.
        """
        with self._ledger.transaction() as connection:
            connection.execute(
                "DELETE FROM batch WHERE way = 'received' AND peer = ? AND state = 'refused' AND sequence <= ?",
                (self._peer, last_of(taken)),
            )
        found = 0
        for sequence in self.arrived():
            if taken.get(sequence) in (None, arrived_hash(self._incoming / f"{sequence:06d}")):
                continue
            try:
                self.open(sequence, private_copy, taken, counting).discard()  # due, in the folder of another number
            except BatchHeld:
                continue
            except BatchRefused as refusal:
                self.refuse(sequence, refusal)
                found += 1
        return found

    def answer(
        self,
        sequence: int,
        manifest_hash: str,
        state: Literal["accepted", "refused"],
        reason_code: str = "",
        message: str = "",
    ) -> None:
        """Have the signed receipt for a batch stand among the answers."""
        receipt = Receipt(self._own, self._peer, sequence, manifest_hash, state, reason_code, message)
        write_receipt(receipt_path(self._answers, sequence), receipt, self._ring.secret("signing"))

    def state(self, taken: Mapping[int, str], held: Collection[int] = ()) -> None:
        """Have the signed statement of the last batch taken stand among the answers."""
        last = last_of(taken)
        statement = Statement(self._own, self._peer, last, taken.get(last, ""), tuple(sorted(held)))
        write_statement(self._answers, statement, self._ring.secret("signing"))

    def _refused(self, sequence: int) -> set[str]:
        """What the sender itself had sealed for this number and was refused."""
        return {
            row["manifest_hash"]
            for row in self._ledger.rows(
                "SELECT manifest_hash, figures FROM batch "
                "WHERE way = 'received' AND peer = ? AND sequence = ? AND state = 'refused'",
                (self._peer, sequence),
            )
            if json.loads(row["figures"]).get("is_due")
        }

    def _note(
        self,
        connection: sqlite3.Connection,
        sequence: int,
        manifest_hash: str,
        state: str,
        reason_code: str | None = None,
        message: str | None = None,
        *,
        kind: str | None = None,
        figures: dict[str, Any] | None = None,
    ) -> None:
        self._ledger.add_batch(
            connection,
            way="received",
            peer=self._peer,
            sequence=sequence,
            kind=kind or self._kind,
            manifest_hash=manifest_hash,
            state=state,
            reason_code=reason_code,
            message=message,
            figures=figures or {},
        )

"""Sealed batches on their way to the center: kept at the site until the center's receipt is there.

A batch is sealed into the outbox, then the ledger learns of it, then it is handed over. The center
therefore never sees a batch that the ledger does not know, and a kill in between costs nothing: what
the ledger does not know is thrown away, what it knows is handed over again.

A batch that the center refused is recalled: the files it carried go back into the inbox, and the
next extract seals them anew under the same sequence number, in a batch that names the refused one. Later
batches are recalled with it, since each names the one before.

The center states which batch it took last. Where it took one that this ledger does not know (the site was put
back to an older backup), the chain goes on from there. Where it took fewer than it had accepted (the center was
put back), ``resend`` fills it up from the batches that are kept after they were accepted.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from ingest.ledger import Ledger
from ingest.sealing.errors import BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.sealing.manifest import BODY_FILE, SIGNATURE_FILE
from ingest.sealing.receipts import Receipt, Statement, read_receipt, read_statement, receipt_path
from ingest.sealing.seal import Sealed, seal
from ingest.sealing.tables import WrittenTable
from ingest.settings import Settings
from ingest.site import archive, release
from ingest.site.sent import Sent

RECALLED = "recalled"  # state of a delivery whose batch the center refused, reason of one recalled with another
RETRACTED = "retracted"  # of one that the site took back
STATED = "stated"  # kind of a batch that the ledger knows by the center's statement only
CENTER_STANDS = "center stands at"  # value of the ledger: number of the last batch that the center says it took


@dataclass(frozen=True)
class Outbox:
    """The outbox of one site: its own folder, the folders of the exchange, ledger and keys."""

    site_name: str
    folder: Path
    exchange: Path
    receipts: Path
    inbox: Path
    archive: Path
    ledger: Ledger
    ring: KeyRing
    sent: Sent

    @classmethod
    def of(cls, settings: Settings, site_name: str, ledger: Ledger, ring: KeyRing) -> Outbox:
        """The outbox of a site of the workspace."""
        site = settings.site(site_name)
        return cls(
            site_name,
            site.home / "outbox",
            settings.to_center(site_name),
            settings.to_site(site_name),
            site.inbox,
            site.archive,
            ledger,
            ring,
            Sent(site.home / "sent"),
        )

    def next_batch(self) -> tuple[int, str | None]:
        """Sequence number of the next batch and hash of the one before it (None for the first)."""
        last = self.ledger.last_batch("sent", CENTER)
        return (1, None) if last is None else (int(last["sequence"]) + 1, str(last["manifest_hash"]))

    def replaced(self, sequence: int) -> str | None:
        """Hash of the batch of this number that the center refused last, None where it refused none."""
        refused = self.ledger.rows(
            "SELECT manifest_hash FROM batch WHERE way = 'sent' AND peer = ? AND sequence = ? AND state = 'refused' "
            "AND reason_code <> ? ORDER BY rowid DESC LIMIT 1",
            (CENTER, sequence, RECALLED),
        )
        return refused[0]["manifest_hash"] if refused else None

    def place(self, sequence: int) -> Path:
        """Where the batch of this number is to be sealed; what an unfinished run left is removed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {_name(batch["sequence"]) for batch in self._waiting()}
        for left in self.folder.iterdir():
            if left.name not in known:
                shutil.rmtree(left)
        return self.folder / _name(sequence)

    def seal(
        self,
        connection: duckdb.DuckDBPyConnection | None,
        tables: Mapping[str, str | WrittenTable],
        kind: str,
        extra: dict[str, Any] | None = None,
    ) -> Sealed:
        """Seal ``tables`` (see ``envelope.seal``) as the next batch; the ledger learns of it by ``note``."""
        sequence, previous_hash = self.next_batch()
        return seal(
            connection,
            tables,
            self.place(sequence),
            sender=self.site_name,
            recipient=CENTER,
            sequence=sequence,
            previous_hash=previous_hash,
            kind=kind,
            signing_key=self.ring.secret("signing"),
            recipient_public=self.ring.peer(CENTER).envelope,
            replaces=self.replaced(sequence),
            extra=extra,
        )

    def note(self, connection: sqlite3.Connection, sealed: Sealed, kind: str) -> None:
        """Tell the ledger of a sealed batch, in a transaction of the caller; from then on it is handed over."""
        self.ledger.add_batch(
            connection,
            way="sent",
            peer=CENTER,
            sequence=sealed.sequence,
            kind=kind,
            manifest_hash=sealed.manifest_hash,
            state="sealed",
            figures=sealed.figures,
        )

    def hand_over(self) -> int:
        """Put every batch that the ledger knows into the exchange; returns how many were put there.

        One that stands there changed (cut or damaged on the way) is put there anew.
        """
        return sum(self.hand_over_again(batch["sequence"]) for batch in self._waiting())

    def hand_over_again(self, sequence: int) -> bool:
        """Have the batch of this number stand in the exchange; whether it had to be put there."""
        source = self.kept(sequence)
        if source is None or _is_same(source, self.exchange / _name(sequence)):
            return False
        _copy_whole(source, self.exchange / _name(sequence))
        return True

    def kept(self, sequence: int) -> Path | None:
        """Where the sealed batch of this number is at the site, None where it is no longer kept."""
        places = (self.folder / _name(sequence), self.sent.place(sequence))
        return next((place for place in places if place.is_dir()), None)

    def stated(self) -> int:
        """Number of the last batch that the center says it took, 0 before the first."""
        return int(self.ledger.get_value(CENTER_STANDS) or 0)

    def settle(self) -> dict[str, int]:
        """Read the center's answers: accepted batches go to those that are kept, refused ones are recalled.

        Returns the counts batches_accepted, batches_refused and files_recalled. A receipt that is not genuine, or of
        another batch than the one we sealed under that number, is no answer to it.
        """
        figures = {"batches_accepted": 0, "batches_refused": 0, "files_recalled": 0}
        for batch in self._waiting():
            receipt = self._receipt(batch)
            if receipt is None:
                continue
            if receipt.state == "accepted":
                self._accepted(batch)
                figures["batches_accepted"] += 1
            else:
                figures["batches_refused"] += 1
                figures["files_recalled"] = self._recall(receipt.sequence, receipt.reason_code, receipt.message)
                break
        stated = read_statement(
            self.receipts, sender=CENTER, recipient=self.site_name, pinned_public=self.ring.peer(CENTER).verifying
        )
        if stated is not None:
            self._follow(stated, figures)
        return figures

    def _accepted(self, batch: dict[str, Any]) -> None:
        # Kept first: a kill in between leaves a batch that the next run finds kept and marks.
        self.sent.keep(self.folder / _name(batch["sequence"]), batch["sequence"])
        with self.ledger.transaction() as connection:
            _mark(connection, batch, "accepted", None, None)

    def _follow(self, stated: Statement, figures: dict[str, int]) -> None:
        """Note where the center stands; what it took stands, also where this ledger knows nothing of it."""
        with self.ledger.transaction() as connection:
            self.ledger.set_value(connection, CENTER_STANDS, str(stated.sequence))
        if (stated.sequence, stated.manifest_hash) in {
            (row["sequence"], row["manifest_hash"]) for row in self._sent("sealed", "accepted")
        }:
            for batch in self._waiting():
                if batch["sequence"] <= stated.sequence:
                    self._accepted(batch)
                    figures["batches_accepted"] += 1
        elif stated.sequence:
            self._adopt(stated, figures)
        self.sent.forget_old(self.ledger, stated.sequence)

    def _adopt(self, stated: Statement, figures: dict[str, int]) -> None:
        """The center took a batch that this ledger does not know: the next one follows it, ours are sealed anew."""
        others = [row["sequence"] for row in self._sent("sealed", "accepted") if row["sequence"] >= stated.sequence]
        others += [row["sequence"] for row in self._waiting()]
        if others:
            figures["files_recalled"] += self._recall(
                min(others), RECALLED, "the center has taken another batch under this number"
            )
        with self.ledger.transaction() as connection:
            self.ledger.add_batch(
                connection,
                way="sent",
                peer=CENTER,
                sequence=stated.sequence,
                kind=STATED,
                manifest_hash=stated.manifest_hash,
                state="accepted",
                message="known by the center's statement only: this ledger is older",
            )

    def _receipt(self, batch: dict[str, Any]) -> Receipt | None:
        path = receipt_path(self.receipts, batch["sequence"])
        if not path.is_file():
            return None
        try:
            receipt = read_receipt(
                path, sender=CENTER, recipient=self.site_name, pinned_public=self.ring.peer(CENTER).verifying
            )
        except BatchRefused:
            return None
        return receipt if receipt.manifest_hash == batch["manifest_hash"] else None

    def _recall(self, first: int, reason_code: str, message: str) -> int:
        """Take back the batch numbered ``first`` and those after it; their files go into the inbox again."""
        batches = [batch for batch in self._sent("sealed", "accepted") if batch["sequence"] >= first]
        releases = release.release_ids(self.ledger)
        recalled = self.ledger.rows(
            "SELECT delivery_id, file_id, file_name FROM delivery WHERE sequence >= ? AND state NOT IN (?, ?)",
            (first, RECALLED, RETRACTED),
        )
        deliveries = [delivery for delivery in recalled if delivery["delivery_id"] not in releases]
        key = self.ring.secret("at-rest")
        for delivery in deliveries:
            # A name of its own for each: a repeat after a kill writes the same file again.
            name = f"{delivery['delivery_id']}-{PurePosixPath(delivery['file_name']).name}"
            archive.restore(self.archive, delivery["file_id"], key, self.inbox / RECALLED / name)
        with self.ledger.transaction() as connection:
            connection.execute(
                "UPDATE delivery SET state = ?, sequence = NULL WHERE sequence >= ? AND state <> ?",
                (RECALLED, first, RETRACTED),
            )
            connection.execute(
                "UPDATE delivery SET sequence = NULL WHERE sequence >= ? AND state = ?", (first, RETRACTED)
            )
            # Released rows have no file to come back: they are noted anew.
            release.note_again(connection, [d["delivery_id"] for d in recalled if d["delivery_id"] in releases])
            # What tells the center of a retraction is sealed anew; a batch that it never took needs no retraction.
            connection.execute("UPDATE retraction SET sequence = NULL WHERE sequence >= ?", (first,))
            connection.execute("DELETE FROM retraction WHERE batch_sequence >= ?", (first,))
            connection.execute("UPDATE decision SET sequence = NULL WHERE sequence >= ?", (first,))
            connection.execute("UPDATE rotation SET state = 'reopened', sequence = NULL WHERE sequence >= ?", (first,))
            for batch in batches:
                reason = reason_code if batch["sequence"] == first else RECALLED
                _mark(connection, batch, "refused", reason, message)
        for batch in batches:
            shutil.rmtree(self.folder / _name(batch["sequence"]), ignore_errors=True)
            shutil.rmtree(self.exchange / _name(batch["sequence"]), ignore_errors=True)
        return len(deliveries)

    def _waiting(self) -> list[dict[str, Any]]:
        return self._sent("sealed")

    def _sent(self, *states: str) -> list[dict[str, Any]]:
        marks = ", ".join("?" for _ in states)
        return self.ledger.rows(
            f"SELECT * FROM batch WHERE way = 'sent' AND peer = ? AND state IN ({marks}) ORDER BY sequence",
            (CENTER, *states),
        )


def _name(sequence: int) -> str:
    return f"{sequence:06d}"


def _mark(
    connection: sqlite3.Connection, batch: dict[str, Any], state: str, reason: str | None, message: str | None
) -> None:
    connection.execute(
        "UPDATE batch SET state = ?, reason_code = ?, message = ? "
        "WHERE way = 'sent' AND peer = ? AND sequence = ? AND manifest_hash = ?",
        (state, reason, message, batch["peer"], batch["sequence"], batch["manifest_hash"]),
    )


def _is_same(source: Path, target: Path) -> bool:
    if not target.is_dir():
        return False
    sizes = {path.name: path.stat().st_size for path in source.iterdir()}
    if sizes != {path.name: path.stat().st_size for path in target.iterdir()}:
        return False
    return all((source / name).read_bytes() == (target / name).read_bytes() for name in (BODY_FILE, SIGNATURE_FILE))


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a sealed folder so that it appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary)
    for path in temporary.iterdir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    archive.sync_folder(temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.replace(target)
    archive.sync_folder(target.parent)

"""Sealed batches on their way to the center: kept at the site until the center's receipt is there.

A batch is sealed into the outbox, then the ledger learns of it, then it is handed over. The center
therefore never sees a batch that the ledger does not know, and a kill in between costs nothing: what
the ledger does not know is thrown away, what it knows is handed over again.

A batch that the center refused is recalled: the files it carried go back into the inbox, and the
next extract seals them anew under the same sequence number. Later batches are recalled with it,
since each names the one before.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.ledger import Ledger
from ingest.sealing.envelope import BatchRefused, Receipt, read_receipt
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.manifest import BODY_FILE, SIGNATURE_FILE
from ingest.settings import Settings
from ingest.site import archive, release

RECALLED = "recalled"  # state of a delivery whose batch the center refused
RETRACTED = "retracted"  # of one that the site took back


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
        )

    def next_batch(self) -> tuple[int, str | None]:
        """Sequence number of the next batch and hash of the one before it (None for the first)."""
        last = self.ledger.last_batch("sent", CENTER)
        return (1, None) if last is None else (int(last["sequence"]) + 1, str(last["manifest_hash"]))

    def place(self, sequence: int) -> Path:
        """Where the batch of this number is to be sealed; what an unfinished run left is removed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {_name(batch["sequence"]) for batch in self._waiting()}
        for left in self.folder.iterdir():
            if left.name not in known:
                shutil.rmtree(left)
        return self.folder / _name(sequence)

    def hand_over(self) -> int:
        """Put every batch that the ledger knows into the exchange; returns how many were put there.

        One that stands there changed (cut or damaged on the way) is put there anew.
        """
        handed = 0
        for batch in self._waiting():
            source = self.folder / _name(batch["sequence"])
            target = self.exchange / source.name
            if source.is_dir() and not _is_same(source, target):
                _copy_whole(source, target)
                handed += 1
        return handed

    def settle(self) -> dict[str, int]:
        """Read the center's receipts: accepted batches leave the outbox, refused ones are recalled.

        Returns the counts batches_accepted, batches_refused and files_recalled. A receipt that is not genuine, or of
        another batch than the one we sealed under that number, is no answer to it.
        """
        figures = {"batches_accepted": 0, "batches_refused": 0, "files_recalled": 0}
        for batch in self._waiting():
            receipt = self._receipt(batch)
            if receipt is None:
                continue
            if receipt.state == "accepted":
                with self.ledger.transaction() as connection:
                    _mark(connection, batch, "accepted", None, None)
                shutil.rmtree(self.folder / _name(batch["sequence"]), ignore_errors=True)
                figures["batches_accepted"] += 1
            else:
                figures["batches_refused"] += 1
                figures["files_recalled"] = self._recall(receipt)
                break
        return figures

    def _receipt(self, batch: dict[str, Any]) -> Receipt | None:
        path = self.receipts / f"{_name(batch['sequence'])}.receipt.json"
        if not path.is_file():
            return None
        try:
            receipt = read_receipt(
                path, sender=CENTER, recipient=self.site_name, pinned_public=self.ring.peer(CENTER).verifying
            )
        except BatchRefused:
            return None
        return receipt if receipt.manifest_hash == batch["manifest_hash"] else None

    def _recall(self, receipt: Receipt) -> int:
        """Take back the refused batch and those after it; their files go into the inbox again."""
        batches = [batch for batch in self._waiting() if batch["sequence"] >= receipt.sequence]
        releases = release.release_ids(self.ledger)
        recalled = self.ledger.rows(
            "SELECT delivery_id, file_id, file_name FROM delivery WHERE sequence >= ? AND state NOT IN (?, ?)",
            (receipt.sequence, RECALLED, RETRACTED),
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
                (RECALLED, receipt.sequence, RETRACTED),
            )
            connection.execute(
                "UPDATE delivery SET sequence = NULL WHERE sequence >= ? AND state = ?", (receipt.sequence, RETRACTED)
            )
            # Released rows have no file to come back: they are noted anew.
            release.note_again(connection, [d["delivery_id"] for d in recalled if d["delivery_id"] in releases])
            # What tells the center of a retraction is sealed anew; a batch that it never took needs no retraction.
            connection.execute("UPDATE retraction SET sequence = NULL WHERE sequence >= ?", (receipt.sequence,))
            connection.execute("DELETE FROM retraction WHERE batch_sequence >= ?", (receipt.sequence,))
            connection.execute(
                "UPDATE rotation SET state = 'reopened', sequence = NULL WHERE sequence >= ?", (receipt.sequence,)
            )
            for batch in batches:
                reason = receipt.reason_code if batch["sequence"] == receipt.sequence else "chain"
                _mark(connection, batch, "refused", reason, receipt.message)
        for batch in batches:
            shutil.rmtree(self.folder / _name(batch["sequence"]), ignore_errors=True)
            shutil.rmtree(self.exchange / _name(batch["sequence"]), ignore_errors=True)
        return len(deliveries)

    def _waiting(self) -> list[dict[str, Any]]:
        return self.ledger.rows(
            "SELECT * FROM batch WHERE way = 'sent' AND peer = ? AND state = 'sealed' ORDER BY sequence", (CENTER,)
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

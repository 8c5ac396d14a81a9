"""``tsumugi center receive``: sealed batches of the sites → ``raw``, each in one transaction.

Batches of a site are taken in sequence. One before its turn is held; one that does not hold is
refused with a signed receipt, and the later ones of that site wait until it comes anew. The
warehouse itself knows what it has received: a kill between its commit and the ledger or the receipt
is made good by the next run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from ingest import faults
from ingest.center import rekey, retraction
from ingest.center.home import one_step, open_warehouse, transaction
from ingest.center.landing import check_tables, land
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.envelope import (
    BatchHeld,
    BatchRefused,
    OpenBatch,
    Receipt,
    open_batch,
    read_receipt,
    write_receipt,
)
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.manifest import BODY_FILE
from ingest.settings import CenterSettings, Settings

KIND = "facts"
_FOLDER = re.compile(r"[0-9]{6}")


def receive(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Take every batch that is due from every site.

    Returns counts of batches received, held and refused, and of rows landed by table.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    figures: dict[str, Any] = {"received": 0, "held": 0, "refused": 0, "rows": {}}
    with one_step(center), Ledger(center.ledger) as ledger, open_warehouse(center, ring) as connection:
        for place, site in enumerate(sorted(settings.sites)):
            progress("center receive", place, len(settings.sites))
            desk = _Desk(settings, center, ring, ledger, connection, site)
            for name, value in desk.take().items():
                if name == "rows":
                    for table, rows in value.items():
                        figures["rows"][table] = figures["rows"].get(table, 0) + rows
                else:
                    figures[name] += value
        progress("center receive", len(settings.sites), len(settings.sites))
    return figures


class _Desk:
    """Where the batches of one site are taken in."""

    def __init__(
        self,
        settings: Settings,
        center: CenterSettings,
        ring: KeyRing,
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        site: str,
    ) -> None:
        self._center = center
        self._ring = ring
        self._ledger = ledger
        self._connection = connection
        self._site = site
        self._domain = settings.site(site).linkage_domain
        self._reference_month = settings.reference_month
        self._incoming = settings.to_center(site)
        self._answers = settings.to_site(site)

    def take(self) -> dict[str, Any]:
        """Take what is due; returns the figures of this site."""
        figures: dict[str, Any] = {"received": 0, "held": 0, "refused": 0, "rows": {}}
        self._mend()
        sequence, previous = self._last()
        waiting = [number for number in self._arrived() if number > sequence]
        while waiting and waiting[0] == sequence + 1:
            try:
                batch = self._open(waiting[0], previous)
                rows = self._land(batch)
            except BatchHeld:
                break  # its name says it is due, its manifest that it is not: it waits
            except BatchRefused as refusal:
                self._refuse(waiting[0], refusal)
                figures["refused"] += 1
                waiting.pop(0)
                break
            figures["received"] += 1
            for table, count in rows.items():
                figures["rows"][table] = figures["rows"].get(table, 0) + count
            sequence, previous = batch.manifest.sequence, batch.manifest_hash
            waiting.pop(0)
        figures["held"] = len(waiting)
        self._hold(waiting)
        return figures

    def _arrived(self) -> list[int]:
        """Sequence numbers of the batch folders there, in order; a half-copied one has another name."""
        if not self._incoming.is_dir():
            return []
        return sorted(
            int(entry.name) for entry in self._incoming.iterdir() if entry.is_dir() and _FOLDER.fullmatch(entry.name)
        )

    def _last(self) -> tuple[int, str | None]:
        found = self._connection.execute(
            "SELECT sequence, manifest_hash FROM control.received_batch WHERE site = ? ORDER BY sequence DESC LIMIT 1",
            [self._site],
        ).fetchone()
        return (int(found[0]), str(found[1])) if found else (0, None)

    def _open(self, sequence: int, previous: str | None) -> OpenBatch:
        batch = open_batch(
            self._incoming / f"{sequence:06d}",
            self._center.batches / self._site / f"{sequence:06d}",
            sender=self._site,
            recipient=CENTER,
            expected_sequence=sequence,
            previous_hash=previous,
            pinned_public=self._ring.peer(self._site).verifying,
            private_key=self._ring.secret("envelope"),
        )
        faults.point("receive.opened")
        try:
            if batch.manifest.kind == retraction.KIND:
                retraction.check(self._connection, batch)
            elif batch.manifest.kind == rekey.KIND:
                rekey.check(self._connection, batch)
            elif batch.manifest.kind == KIND:
                check_tables(self._connection, batch)
            else:
                raise BatchRefused("malformed", f"a batch of kind {batch.manifest.kind}", batch.manifest_hash)
        except BatchRefused:
            batch.discard()
            raise
        return batch

    def _land(self, batch: OpenBatch) -> dict[str, int]:
        try:
            with transaction(self._connection):
                rows = self._take(batch.manifest.kind)(self._connection, batch, self._domain, self._reference_month)
                faults.point("receive.landed")
        except BatchRefused:
            batch.discard()
            raise
        faults.point("receive.committed")
        self._ring.settle_peer(self._site, batch.folder)
        self._accept(batch.manifest.sequence, batch.manifest_hash, rows, batch.manifest.kind)
        return rows if batch.manifest.kind == KIND else {}

    def _take(self, kind: str) -> Callable[..., dict[str, int]]:
        """What takes a batch of this kind."""
        if kind == rekey.KIND:
            return partial(rekey.take, link_key=self._ring.secret("link"))
        return retraction.take_back if kind == retraction.KIND else land

    def _accept(self, sequence: int, manifest_hash: str, rows: dict[str, int], kind: str = KIND) -> None:
        with self._ledger.transaction() as connection:
            self._forget_others(connection, sequence)
            self._ledger.add_batch(
                connection,
                way="received",
                peer=self._site,
                sequence=sequence,
                kind=kind,
                manifest_hash=manifest_hash,
                state="accepted",
                figures={"rows": rows},
            )
        faults.point("receive.noted")
        self._answer(Receipt(CENTER, self._site, sequence, manifest_hash, "accepted", "", ""))

    def _refuse(self, sequence: int, refusal: BatchRefused) -> None:
        manifest_hash = refusal.manifest_hash or self._manifest_hash(sequence)
        with self._ledger.transaction() as connection:
            self._ledger.add_batch(
                connection,
                way="received",
                peer=self._site,
                sequence=sequence,
                kind=KIND,
                manifest_hash=manifest_hash,
                state="refused",
                reason_code=refusal.reason_code,
                message=refusal.message,
            )
        faults.point("receive.refused")
        self._answer(
            Receipt(CENTER, self._site, sequence, manifest_hash, "refused", refusal.reason_code, refusal.message)
        )

    def _hold(self, waiting: list[int]) -> None:
        """Note what waits; a note of before that waits no longer goes."""
        with self._ledger.transaction() as connection:
            connection.execute(
                "DELETE FROM batch WHERE way = 'received' AND peer = ? AND state = 'held'", (self._site,)
            )
            for sequence in waiting:
                self._ledger.add_batch(
                    connection,
                    way="received",
                    peer=self._site,
                    sequence=sequence,
                    kind=KIND,
                    manifest_hash=self._manifest_hash(sequence),
                    state="held",
                    reason_code="sequence",
                    message="an earlier batch is missing or was refused",
                )

    def _mend(self) -> None:
        """Ledger rows and receipts of batches that the warehouse has, where a kill left them out."""
        noted = {
            row["manifest_hash"]
            for row in self._ledger.rows(
                "SELECT manifest_hash FROM batch WHERE way = 'received' AND peer = ? AND state = 'accepted'",
                (self._site,),
            )
        }
        for sequence, manifest_hash in self._connection.execute(
            "SELECT sequence, manifest_hash FROM control.received_batch WHERE site = ? ORDER BY sequence", [self._site]
        ).fetchall():
            if manifest_hash not in noted:
                self._accept(sequence, manifest_hash, {})
            else:
                self._answer(Receipt(CENTER, self._site, sequence, manifest_hash, "accepted", "", ""))

    def _answer(self, receipt: Receipt) -> None:
        """Write the receipt unless it stands there already."""
        path = self._answers / f"{receipt.sequence:06d}.receipt.json"
        if path.exists():
            try:
                own = self._ring.public().signing
                if read_receipt(path, sender=CENTER, recipient=self._site, pinned_public=own) == receipt:
                    return
            except BatchRefused:
                pass  # not ours: ours takes its place
        write_receipt(path, receipt, self._ring.secret("signing"))

    def _forget_others(self, connection: Any, sequence: int) -> None:
        """Refusals of earlier attempts at this number: the accepted batch answers them."""
        connection.execute(
            "DELETE FROM batch WHERE way = 'received' AND peer = ? AND sequence = ? AND state <> 'accepted'",
            (self._site, sequence),
        )

    def _manifest_hash(self, sequence: int) -> str:
        path: Path = self._incoming / f"{sequence:06d}" / BODY_FILE
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            return ""

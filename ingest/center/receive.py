"""``tsumugi center receive``: sealed batches of the sites → ``raw``, each in one transaction.

Batches of a site are taken in sequence. One before its turn is held; one that does not hold is
refused with a signed receipt, and the later ones of that site wait until it comes anew: the same, or one
that names it as what it replaces. At the end a signed statement says which batch was taken last.

The warehouse itself knows what it has received, in the transaction that landed the rows: a kill between
its commit and the ledger or the receipt is made good by the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import duckdb

from ingest import faults
from ingest.center import decisions, kept, rekey, retraction, statistics
from ingest.center.home import one_step, open_warehouse, transaction
from ingest.center.landing import check_tables, land
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.errors import BatchHeld, BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.sealing.opened import OpenBatch
from ingest.sealing.reception import Reception, last_of
from ingest.settings import CenterSettings, Settings

KIND = "facts"


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
            desk = Desk(settings, center, ring, ledger, connection, site)
            for name, value in desk.take().items():
                if name == "rows":
                    for table, rows in value.items():
                        figures["rows"][table] = figures["rows"].get(table, 0) + rows
                else:
                    figures[name] += value
        progress("center receive", len(settings.sites), len(settings.sites))
    return figures


class Desk:
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
        self._reception = reception_of(settings, ledger, ring, site)

    def take(self) -> dict[str, Any]:
        """Take what is due; returns the figures of this site."""
        taken = self._taken()
        kept.tidy(self._center, self._site, taken)
        self._mend(taken)
        refused = self._reception.watch(taken, kept.arriving(self._center, self._site, 0), self._connection)
        figures: dict[str, Any] = {"received": 0, "held": 0, "refused": refused, "rows": {}}
        waiting = [number for number in self._reception.arrived() if number not in taken]
        while waiting and waiting[0] == last_of(taken) + 1:
            try:
                rows = self._take_next(taken)
            except BatchHeld:
                break  # its name says it is due, its manifest that it is not: it waits
            except BatchRefused as refusal:
                self._refuse(waiting.pop(0), refusal)
                figures["refused"] += 1
                break
            figures["received"] += 1
            for table, count in rows.items():
                figures["rows"][table] = figures["rows"].get(table, 0) + count
            waiting.pop(0)
        figures["held"] = len(waiting)
        self._reception.hold(waiting)
        self._reception.state(taken, waiting)
        return figures

    def _taken(self) -> dict[int, str]:
        """Manifest hashes of the batches that the warehouse has, by number."""
        return dict(
            self._connection.execute(
                "SELECT sequence, manifest_hash FROM control.received_batch WHERE site = ? ORDER BY sequence",
                [self._site],
            ).fetchall()
        )

    def _take_next(self, taken: dict[int, str]) -> dict[str, int]:
        """Take the batch that is due; returns the rows landed by table."""
        sequence = last_of(taken) + 1
        private = kept.arriving(self._center, self._site, sequence)
        batch = self._reception.open(sequence, private, taken, self._connection)
        faults.point("receive.opened")
        try:
            link_key = self._ring.secret("link")
            rows = take_in(self._connection, batch, self._domain, self._reference_month, link_key)
        except BatchRefused as refusal:
            batch.discard()
            refusal.is_due = True
            raise
        faults.point("receive.committed")
        taken[sequence] = batch.manifest_hash
        self._ring.settle_peer(self._site, batch.folder)
        kept.keep(self._center, self._site, sequence)
        self._accept(taken, sequence, rows, batch.manifest.kind)
        return rows if batch.manifest.kind in (KIND, statistics.KIND) else {}

    def _accept(self, taken: dict[int, str], sequence: int, rows: dict[str, int], kind: str) -> None:
        with self._ledger.transaction() as connection:
            self._reception.accept(connection, sequence, taken[sequence], kind, {"rows": rows})
        faults.point("receive.noted")
        self._reception.state(taken)
        self._reception.answer(sequence, taken[sequence], "accepted")

    def _refuse(self, sequence: int, refusal: BatchRefused) -> None:
        manifest_hash = self._reception.refuse(sequence, refusal)
        faults.point("receive.refused")
        self._reception.answer(sequence, manifest_hash, "refused", refusal.reason_code, refusal.message)

    def _mend(self, taken: dict[int, str]) -> None:
        """Ledger rows and receipts of batches that the warehouse has, where a kill left them out."""
        noted = set(self._reception.accepted().values())
        for sequence, manifest_hash in taken.items():
            if manifest_hash not in noted:
                self._accept(taken, sequence, {}, self._kind_of(sequence, manifest_hash))
            else:
                self._reception.answer(sequence, manifest_hash, "accepted")

    def _kind_of(self, sequence: int, manifest_hash: str) -> str:
        """The kind of a batch that was taken; a copy that is gone, as after a loss of power, tells nothing of it."""
        manifest = kept.manifest_of(self._center, self._site, sequence, manifest_hash)
        return manifest.kind if manifest else KIND


def reception_of(settings: Settings, ledger: Ledger, ring: KeyRing, site: str) -> Reception:
    """Where the batches of a site come in at the center."""
    incoming, answers = settings.to_center(site), settings.to_site(site)
    return Reception(CENTER, site, KIND, incoming=incoming, answers=answers, ledger=ledger, ring=ring)


def take_in(
    connection: duckdb.DuckDBPyConnection,
    batch: OpenBatch,
    linkage_domain: str,
    reference_month: date,
    link_key: bytes,
) -> dict[str, int]:
    """Land facts or counts, take back what a retraction names, put new tags for old or keep decisions, in one
    transaction.

    Returns rows by table. Raises BatchRefused where it does not hold; nothing of it is in the warehouse then.
    """
    take: Callable[..., dict[str, int]] = land
    if batch.manifest.kind == retraction.KIND:
        retraction.check(connection, batch)
        take = retraction.take_back
    elif batch.manifest.kind == rekey.KIND:
        rekey.check(connection, batch)
        take = partial(rekey.take, link_key=link_key)
    elif batch.manifest.kind == decisions.KIND:
        decisions.check(connection, batch)
        take = decisions.take
    elif batch.manifest.kind == statistics.KIND:
        statistics.check(connection, batch)
        take = statistics.take
    elif batch.manifest.kind == KIND:
        check_tables(connection, batch)
    else:
        raise BatchRefused("contract", f"a batch of kind {batch.manifest.kind}", batch.manifest_hash)
    with transaction(connection):
        rows = take(connection, batch, linkage_domain, reference_month)
        faults.point("receive.landed")
    return rows

"""``tsumugi site retract``: a delivery that should not have been sent is taken back, here and at the center.

The unit is the batch, because identities travel once a batch. Where only some of its files were
wrong, the others are put into the inbox again, out of the archive, and go with the next batch.

The wish is written to the ledger first; what follows from it (``finish``) may be killed anywhere and
is done by the next step of the site: forget, give back the good files, seal the retraction.

Rows that were set aside and released stand on the delivery of their file: it is taken back after the release is.
A release that is taken back leaves its rows set aside as before.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from ingest import faults, warehouse
from ingest.identity.directory import Directory
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import archive, release
from ingest.site.databases import open_directory, open_quarantine
from ingest.site.errors import SiteError
from ingest.site.lock import locked
from ingest.site.members import Members
from ingest.site.outbox import RETRACTED, Outbox
from ingest.statistics.columns import KIND as STATISTICS

KIND = "retraction"


def retract(settings: Settings, site_name: str, batch: int, *, reason: str, files: list[str]) -> dict[str, Any]:
    """Take back the batch numbered ``batch``, or of its files only those named; returns counts of files, and
    of the releases noted for rows of these files that come to nothing (``releases_dropped``).

    Raises SiteError where the batch was never sent or taken back before, or holds no such file.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        outbox = Outbox.of(settings, site_name, ledger, ring)
        outbox.settle()
        if not reason.strip():
            raise SiteError("say why with --reason")
        kept = _require(ledger, batch, files)
        with ledger.transaction() as connection:
            # The same bytes may come again, and then a full delivery needs a word of its own.
            connection.executemany(
                "DELETE FROM hold WHERE file_id = (SELECT file_id FROM delivery WHERE delivery_id = ?)",
                [
                    (row["delivery_id"],)
                    for row in ledger.rows("SELECT delivery_id FROM delivery WHERE sequence = ?", (batch,))
                    if row["delivery_id"] not in kept
                ],
            )
            taken_back = connection.execute(
                "UPDATE delivery SET state = ? WHERE sequence = ?", (RETRACTED, batch)
            ).rowcount
            connection.execute(
                "INSERT INTO retraction VALUES (?, ?, ?, 0, NULL, ?)",
                (batch, json.dumps(kept), reason.strip(), datetime.now(UTC).isoformat(timespec="seconds")),
            )
            release.note_again(connection, [number for number in kept if number in release.release_ids(ledger)])
            dropped = connection.execute(  # what was noted of files that are no longer here
                "DELETE FROM release WHERE delivery_id IS NULL AND file_id IN "
                "(SELECT file_id FROM delivery WHERE sequence = ? "
                "AND delivery_id NOT IN (SELECT value FROM json_each(?))) "
                "AND file_id NOT IN (SELECT file_id FROM delivery WHERE state = 'taken')",
                (batch, json.dumps(kept)),
            ).rowcount
        faults.point("retract.recorded")
        finish(site, site_name, ledger, ring, outbox)
        outbox.hand_over()
    figures = {"batch": batch, "files_retracted": taken_back - len(kept), "files_delivered_again": len(kept)}
    return figures | ({"releases_dropped": dropped} if dropped else {})


def finish(site: SiteSettings, site_name: str, ledger: Ledger, ring: KeyRing, outbox: Outbox) -> None:
    """Do what the retractions in the ledger still ask for; nothing where none does."""
    for row in ledger.rows("SELECT * FROM retraction WHERE NOT is_cleared ORDER BY batch_sequence"):
        _clear(site, ledger, ring, outbox, row)
    pending = [
        row["batch_sequence"] for row in ledger.rows("SELECT batch_sequence FROM retraction WHERE sequence IS NULL")
    ]
    if pending:
        _seal(ledger, outbox, sorted(pending))


def _require(ledger: Ledger, batch: int, files: list[str]) -> list[int]:
    """The deliveries of the batch that are to be delivered again."""
    sent = ledger.rows(
        "SELECT kind FROM batch WHERE way = 'sent' AND sequence = ? AND state IN ('sealed', 'accepted')", (batch,)
    )
    if not sent or sent[0]["kind"] not in ("facts", STATISTICS):
        raise SiteError(f"there is no batch {batch} of deliveries to take back; `tsumugi status --json` lists them")
    if ledger.rows("SELECT 1 FROM retraction WHERE batch_sequence = ?", (batch,)):
        raise SiteError(f"batch {batch} was taken back before")
    _require_no_release(ledger, batch)
    deliveries = ledger.rows(
        "SELECT delivery_id, file_name, state FROM delivery WHERE sequence = ? ORDER BY delivery_id", (batch,)
    )
    if not files:
        return []
    unknown = sorted(set(files) - {row["file_name"] for row in deliveries})
    if unknown:
        raise SiteError(f"batch {batch} holds no file {', '.join(unknown)}; name it as `tsumugi status --json` does")
    return [row["delivery_id"] for row in deliveries if row["file_name"] not in files and row["state"] == "taken"]


def _require_no_release(ledger: Ledger, batch: int) -> None:
    """Rows released out of the files of the batch stand in a later one, which goes first."""
    later = ledger.rows(
        "SELECT DISTINCT d.sequence, d.file_name FROM delivery AS d JOIN release AS r ON r.delivery_id = d.delivery_id "
        "WHERE d.state = 'taken' AND d.sequence > ? "
        "AND d.file_id IN (SELECT file_id FROM delivery WHERE sequence = ? AND state = 'taken') "
        "ORDER BY d.sequence, d.file_name",
        (batch, batch),
    )
    if later:
        first = later[0]
        raise SiteError(
            f"バッチ {batch} のファイルで保留した行が解除され、バッチ {first['sequence']} で送られています。先に "
            f"`tsumugi site retract {first['sequence']} --file '{first['file_name']}' --reason …` で解除分を"
            f"取り下げてから、バッチ {batch} を取り下げてください"
        )


def _clear(site: SiteSettings, ledger: Ledger, ring: KeyRing, outbox: Outbox, row: dict[str, Any]) -> None:
    """Forget the batch in directory and quarantine, and give its good files back to the inbox."""
    key = ring.secret("at-rest")
    batch = row["batch_sequence"]
    deliveries = ledger.rows("SELECT delivery_id, file_id, file_name FROM delivery WHERE sequence = ?", (batch,))
    with open_directory(site, key) as connection:
        Directory(connection).forget(batch)
        Members(connection).forget(batch)
    with open_quarantine(site, key) as quarantine:
        loaded = {r["file_id"] for r in ledger.rows("SELECT DISTINCT file_id FROM delivery WHERE state = 'taken'")}
        quarantine.replace(sorted({d["file_id"] for d in deliveries} - loaded), {})
    kept = set(json.loads(row["kept"])) - release.release_ids(ledger)  # those were noted anew, no file came
    for delivery in deliveries:
        if delivery["delivery_id"] in kept:
            # A name of its own for each: a repeat after a kill writes the same file again.
            name = f"{delivery['delivery_id']}-{PurePosixPath(delivery['file_name']).name}"
            archive.restore(outbox.archive, delivery["file_id"], key, outbox.inbox / RETRACTED / name)
    faults.point("retract.clearing")
    with ledger.transaction() as ledger_connection:
        ledger_connection.execute("UPDATE retraction SET is_cleared = 1 WHERE batch_sequence = ?", (batch,))


def _seal(ledger: Ledger, outbox: Outbox, batches: list[int]) -> None:
    with warehouse.connect(threads=1) as connection:
        connection.execute("CREATE TABLE retraction (retracted_sequence BIGINT)")
        connection.executemany("INSERT INTO retraction VALUES (?)", [[batch] for batch in batches])
        sealed = outbox.seal(connection, {"retraction": "retraction"}, KIND)
    faults.point("retract.sealed")
    with ledger.transaction() as ledger_connection:
        outbox.note(ledger_connection, sealed, KIND)
        ledger_connection.executemany(
            "UPDATE retraction SET sequence = ? WHERE batch_sequence = ?",
            [(sealed.sequence, batch) for batch in batches],
        )

"""The batches of results that go to one site, and what becomes of them.

Every batch of results is whole, so none is kept to be sent again. The chain of a site goes on from the batch that the
site states it took last: also where this ledger is older (the center was put back to a backup), where the site is, and
where a batch was lost on the way while a later one waits at the site.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb

from ingest import faults
from ingest.ledger import Ledger
from ingest.sealing.errors import BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.sealing.receipts import Statement, read_receipt, read_statement, receipt_path
from ingest.sealing.seal import Sealed, seal, sealed_at
from ingest.settings import Settings

KIND = "results"
LOST = "lost"  # reason of a batch of results that the site does not have and that is made anew
STATED = "stated"  # kind of a batch that the ledger knows by the site's statement only
_FOLDER = re.compile(r"[0-9]{6}")


@dataclass(frozen=True)
class Release:
    """What all batches of one build share: what they rest on (``input_hash``) and who let it go."""

    build_sequence: int
    reference_month: date
    is_synthetic: bool
    input_hash: str
    released_by: str
    _hashes: dict[str, str] = field(default_factory=dict, repr=False)

    def content_hash(self, connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> str:
        """SHA-256 of what the queries give, whatever the order of its rows."""
        digest = hashlib.sha256(repr(sorted(self.about().items())).encode())
        for table, query in sorted(queries.items()):
            if query not in self._hashes:  # what is shared is the same for every site
                self._hashes[query] = _table_hash(connection, query)
            digest.update(f"{table} {self._hashes[query]}\n".encode())
        return digest.hexdigest()

    def about(self) -> dict[str, str]:
        return {
            "reference_month": self.reference_month.isoformat(),
            "is_synthetic": "true" if self.is_synthetic else "false",
        }


class Dispatch:
    """The batches of results of one site; ``queries`` give their tables in the warehouse in use by name."""

    def __init__(
        self,
        settings: Settings,
        ring: KeyRing,
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        release: Release,
        site: str,
        queries: Mapping[str, str],
    ) -> None:
        self._ring = ring
        self._ledger = ledger
        self._connection = connection
        self._release = release
        self._site = site
        self._note_name = f"results {site}"  # ledger value: manifest, content and inputs sealed last
        self._outgoing = settings.to_site(site)
        self._receipts = settings.to_center(site)
        self._queries = dict(queries)

    def settle(self) -> dict[str, int]:
        """Note batches that a kill left unnoted, then read the site's receipts and its statement."""
        self._mend()
        counts = {"accepted": 0, "refused": 0}
        for batch in self._ledger.rows(
            "SELECT * FROM batch WHERE way = 'sent' AND peer = ? AND state = 'sealed' ORDER BY sequence", (self._site,)
        ):
            path = receipt_path(self._receipts, batch["sequence"])
            if not path.is_file():
                continue
            try:
                receipt = read_receipt(
                    path, sender=self._site, recipient=CENTER, pinned_public=self._ring.peer(self._site).verifying
                )
            except BatchRefused:
                continue  # not genuine: no answer
            if receipt.manifest_hash != batch["manifest_hash"]:
                continue  # an answer to another batch
            if receipt.state == "accepted":
                self._mark("accepted", "sequence = ?", int(batch["sequence"]))
                counts["accepted"] += 1
            else:
                # Every later batch names this one as its predecessor, so they fall with it.
                self._mark("refused", "sequence >= ?", int(batch["sequence"]), receipt.reason_code, receipt.message)
                counts["refused"] += 1
                break
        stated = read_statement(
            self._receipts, sender=self._site, recipient=CENTER, pinned_public=self._ring.peer(self._site).verifying
        )
        if stated is not None:
            self._follow(stated)
        return counts

    def _follow(self, stated: Statement) -> None:
        """What the site says it took last is where its chain goes on."""
        own = {
            row["sequence"]: row
            for row in self._ledger.rows(
                "SELECT * FROM batch WHERE way = 'sent' AND peer = ? AND state IN ('sealed', 'accepted')", (self._site,)
            )
        }
        later = {sequence: row for sequence, row in own.items() if sequence > stated.sequence}
        is_known = not stated.sequence or own.get(stated.sequence, {}).get("manifest_hash") == stated.manifest_hash
        if is_known:
            self._mark("accepted", "sequence <= ?", stated.sequence)
            was_taken = any(row["state"] == "accepted" for row in later.values())
            has_next = (self._outgoing / f"{stated.sequence + 1:06d}").is_dir()
            if was_taken or (stated.held and later and not has_next):
                self._give_up(stated.sequence + 1)
            return
        self._give_up(stated.sequence)
        with self._ledger.transaction() as connection:
            self._ledger.add_batch(
                connection,
                way="sent",
                peer=self._site,
                sequence=stated.sequence,
                kind=STATED,
                manifest_hash=stated.manifest_hash,
                state="accepted",
                message="known by the site's statement only: this ledger is older",
            )

    def _give_up(self, first: int) -> None:
        """The site does not have these batches: the results are sealed anew under their numbers."""
        with self._ledger.transaction() as connection:
            connection.execute(
                "UPDATE batch SET state = 'refused', reason_code = ?, message = 'the site does not have it' "
                "WHERE way = 'sent' AND peer = ? AND state IN ('sealed', 'accepted') AND sequence >= ?",
                (LOST, self._site, first),
            )

    def send(self) -> bool:
        """Seal the content unless it is what was sealed last; returns whether it was."""
        last = self._ledger.last_batch("sent", self._site)
        sent = (self._ledger.get_value(self._note_name) or "- - -").split()
        is_last = last is not None and last["manifest_hash"] == sent[0]
        if is_last and sent[2] == self._release.input_hash:
            return False
        content = self._release.content_hash(self._connection, self._queries)
        if is_last and sent[1] == content:
            with self._ledger.transaction() as connection:
                self._ledger.set_value(connection, self._note_name, f"{sent[0]} {content} {self._release.input_hash}")
            return False
        sequence = int(last["sequence"]) + 1 if last else 1
        self._clear(sequence)
        sealed = seal(
            self._connection,
            self._queries,
            self._outgoing / f"{sequence:06d}",
            sender=CENTER,
            recipient=self._site,
            sequence=sequence,
            previous_hash=last["manifest_hash"] if last else None,
            kind=KIND,
            signing_key=self._ring.secret("signing"),
            recipient_public=self._ring.peer(self._site).envelope,
            replaces=self._replaced(sequence),
            extra=self._release.about()
            | {
                "build": self._release.build_sequence,
                "content_hash": content,
                "input_hash": self._release.input_hash,
                "released_by": self._release.released_by,
            },
        )
        faults.point("results.sealed")
        self._note(sealed)
        return True

    def _clear(self, sequence: int) -> None:
        """Take back what was refused: _mend took over all that is ours and not known."""
        stale = self._outgoing.iterdir() if self._outgoing.is_dir() else iter(())
        for folder in stale:
            if folder.is_dir() and _FOLDER.fullmatch(folder.name) and int(folder.name) >= sequence:
                shutil.rmtree(folder)

    def _mend(self) -> None:
        """A batch that was sealed but not noted is ours and may have been taken: note it."""
        last = self._ledger.last_batch("sent", self._site)
        sequence = int(last["sequence"]) + 1 if last else 1
        sealed = sealed_at(self._outgoing / f"{sequence:06d}", own_public=self._ring.public().signing)
        if sealed is None:
            return
        refused = self._ledger.rows(
            "SELECT 1 FROM batch WHERE way = 'sent' AND peer = ? AND manifest_hash = ?",
            (self._site, sealed.manifest_hash),
        )
        if not refused:
            self._note(sealed)

    def _note(self, sealed: Sealed) -> None:
        with self._ledger.transaction() as connection:
            self._ledger.add_batch(
                connection,
                way="sent",
                peer=self._site,
                sequence=sealed.sequence,
                kind=KIND,
                manifest_hash=sealed.manifest_hash,
                state="sealed",
                figures=sealed.figures,
            )
            note = f"{sealed.manifest_hash} {sealed.extra['content_hash']} {sealed.extra['input_hash']}"
            self._ledger.set_value(connection, self._note_name, note)

    def _mark(
        self, state: str, which: str, sequence: int, reason: str | None = None, message: str | None = None
    ) -> None:
        with self._ledger.transaction() as connection:
            connection.execute(
                "UPDATE batch SET state = ?, reason_code = ?, message = ? "
                f"WHERE way = 'sent' AND peer = ? AND state = 'sealed' AND {which}",
                (state, reason, message, self._site, sequence),
            )

    def _replaced(self, sequence: int) -> str | None:
        """Hash of the batch of this number that the site refused last, None where it refused none."""
        refused = self._ledger.rows(
            "SELECT manifest_hash FROM batch WHERE way = 'sent' AND peer = ? AND sequence = ? AND state = 'refused' "
            "AND reason_code <> ? ORDER BY rowid DESC LIMIT 1",
            (self._site, sequence, LOST),
        )
        return refused[0]["manifest_hash"] if refused else None


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Names of the columns of a relation or of a query in brackets."""
    return [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]


def _table_hash(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """A hash of the rows of a query that does not depend on their order: two row hashes of 64 bits, summed.

    It tells whether content changed, not who made it: that is the manifest's signature.
    """
    columns = columns_of(connection, f"({query})")
    names = ", ".join(f'"{name}"' for name in columns)
    found = connection.execute(
        f"SELECT count(*), sum(hash({names})::HUGEINT), sum(hash({names}, 'again')::HUGEINT) FROM ({query})"
    ).fetchone()
    return f"{','.join(columns)} {found}"

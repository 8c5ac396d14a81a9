"""``tsumugi center results``: what ``published`` holds → one sealed batch a site, and the center's own file.

A site gets the rows of its own linkage domain from tables that speak of persons or count without
protection, and every row of the tables that are protected or describe. Results are taken only from a
finished build whose change set is closed, and sent only where the content differs from what was sent last.

Every batch of results is whole, so none is kept to be sent again. The chain of a site goes on from the batch that the
site states it took last: also where this ledger is older (the center was put back to a backup), where the site is, and
where a batch was lost on the way while a later one waits at the site.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ingest import at_rest, faults, warehouse
from ingest.center import changes
from ingest.center import release as let_go
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.envelope import Sealed, seal, sealed_at
from ingest.sealing.errors import BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.sealing.receipts import Statement, read_receipt, read_statement, receipt_path
from ingest.settings import CenterSettings, Settings

KIND = "results"
_FOLDER = re.compile(r"[0-9]{6}")
LOST = "lost"  # reason of a batch of results that the site does not have and that is made anew
STATED = "stated"  # kind of a batch that the ledger knows by the site's statement only
VIEWER_CLASS = "operator"  # the center itself looks at statistics as an operator (seed viewer_classes)

# What leaves the warehouse is a closed list: a model more in `published` stays inside until it is named here.
DOMAIN_TABLES = (
    "person_enrolment",
    "person_month",
    "person_claim",
    "person_claim_disease",
    "person_checkup",
    "person_checkup_result",
    "person_care_month",
    "person_care_certification",
    "own_indicator",
)
SHARED_TABLES = ("statistics_indicator", "viewer_class", "area", "indicator", "coverage", "lineage")
_OPERATOR_TABLES = {  # name in the published file: relation
    "indicator_statistics": "published.statistics_indicator SEMI JOIN "
    f"(FROM published.viewer_class WHERE viewer_class = '{VIEWER_CLASS}') USING (threshold, min_peers)",
    "area": "published.area",
    "indicator": "published.indicator",
    "coverage": "published.coverage",
    "lineage": "published.lineage",
}


@dataclass(frozen=True)
class _Release:
    """What all batches of one build share; ``input_hash`` names everything the published content rests on."""

    build_sequence: int
    reference_month: date
    is_synthetic: bool
    input_hash: str
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


def results(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Seal the published content for every site and write the operator's statistics file.

    Returns counts of batches sealed, accepted and refused, and who released it (``limits``: it passed by
    itself). Raises CenterError where no build is finished, its change set is open or its release waits.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    figures: dict[str, Any] = {"sealed": 0, "unchanged": 0, "accepted": 0, "refused": 0}
    with one_step(center), Ledger(center.ledger) as ledger, open_warehouse(center, ring) as connection:
        release = _release(connection, settings)
        released_by = let_go.require(connection, ledger)["released_by"]
        figures["released_by"] = released_by
        for place, site in enumerate(sorted(settings.sites)):
            progress("center results", place, len(settings.sites))
            dispatch = _Dispatch(settings, ring, ledger, connection, release, site, released_by)
            for name, count in dispatch.settle().items():
                figures[name] += count
            figures["sealed" if dispatch.send() else "unchanged"] += 1
        _write_operator(center, ring, ledger, connection, release)
        progress("center results", len(settings.sites), len(settings.sites))
    return figures


def _release(connection: duckdb.DuckDBPyConnection, settings: Settings) -> _Release:
    last = connection.execute(
        "SELECT build_sequence, reference_month, state, project_hash FROM control.build "
        "ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    tables = frozenset(
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = 'warehouse' AND table_schema = 'published'"
        ).fetchall()
    )
    if last is None or not tables:
        raise CenterError("nothing is published yet; `tsumugi center build` does it")
    if last[2] != "finished" or not changes.is_empty(connection):
        raise CenterError("the last build is not finished or changes wait; `tsumugi center build` first")
    missing = sorted({*DOMAIN_TABLES, *SHARED_TABLES} - tables)
    if missing:
        raise CenterError(f"published has no table {', '.join(missing)}; build the whole project first")
    batches = connection.execute("SELECT manifest_hash FROM control.received_batch ORDER BY ALL").fetchall()
    inputs = repr((last[0], last[1], last[3], settings.is_synthetic, batches))
    return _Release(int(last[0]), last[1], settings.is_synthetic, hashlib.sha256(inputs.encode()).hexdigest())


class _Dispatch:
    """The results of one site: its queries, its batches, its receipts."""

    def __init__(
        self,
        settings: Settings,
        ring: KeyRing,
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        release: _Release,
        site: str,
        released_by: str,
    ) -> None:
        self._released_by = released_by
        self._ring = ring
        self._ledger = ledger
        self._connection = connection
        self._release = release
        self._site = site
        self._note_name = f"results {site}"  # ledger value: manifest, content and inputs sealed last
        self._outgoing = settings.to_site(site)
        self._receipts = settings.to_center(site)
        self._queries = _queries(connection, settings.site(site).linkage_domain)

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
                "released_by": self._released_by,
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


def _queries(connection: duckdb.DuckDBPyConnection, domain: str) -> dict[str, str]:
    """Table in the batch -> query: own rows of the domain, all rows of what is shared, the identities."""
    own = f"linkage_domain = '{domain}'"
    queries = {table: f"SELECT * FROM published.{table} WHERE {own}" for table in DOMAIN_TABLES}
    queries |= {table: f"SELECT * FROM published.{table}" for table in SHARED_TABLES}
    tagged = [table for table in DOMAIN_TABLES if "identity_tag" in _columns(connection, f"published.{table}")]
    tags = " UNION ".join(f"SELECT identity_tag FROM published.{table} WHERE {own}" for table in tagged)
    queries["identity"] = (
        f"SELECT DISTINCT identity_tag, ciphertext, epoch FROM raw.identity SEMI JOIN ({tags}) USING (identity_tag) "
        f"WHERE {own}"
    )
    return queries


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]


def _table_hash(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """A hash of the rows of a query that does not depend on their order: two row hashes of 64 bits, summed.

    It tells whether content changed, not who made it: that is the manifest's signature.
    """
    columns = _columns(connection, f"({query})")
    names = ", ".join(f'"{name}"' for name in columns)
    found = connection.execute(
        f"SELECT count(*), sum(hash({names})::HUGEINT), sum(hash({names}, 'again')::HUGEINT) FROM ({query})"
    ).fetchone()
    return f"{','.join(columns)} {found}"


def _write_operator(
    center: CenterSettings,
    ring: KeyRing,
    ledger: Ledger,
    connection: duckdb.DuckDBPyConnection,
    release: _Release,
) -> None:
    """``published/statistics/operator.duckdb``, replaced whole and only where its content differs."""
    path = center.published / "statistics" / f"{VIEWER_CLASS}.duckdb"
    note = f"published {VIEWER_CLASS}"
    written = (ledger.get_value(note) or "- -").split()
    is_whole = path.is_file() and warehouse.is_as_published(path)
    if is_whole and written[1] == release.input_hash:
        return
    queries = {name: f"SELECT * FROM {relation}" for name, relation in _OPERATOR_TABLES.items()}
    content = release.content_hash(connection, queries)
    if not is_whole or written[0] != content:
        _replace_file(path, ring.statistics_key(VIEWER_CLASS), connection, release)
    with ledger.transaction() as ledger_connection:
        ledger.set_value(ledger_connection, note, f"{content} {release.input_hash}")


def _replace_file(path: Path, key: bytes, connection: duckdb.DuckDBPyConnection, release: _Release) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove(path.parent.glob(f"{temporary.name}*"))
    warehouse.attach(connection, temporary, key, alias="outgoing")
    try:
        for name, relation in _OPERATOR_TABLES.items():
            connection.execute(f"CREATE TABLE outgoing.{name} AS SELECT * FROM {relation} ORDER BY ALL")
        connection.execute("CREATE TABLE outgoing.about (key VARCHAR, value VARCHAR)")
        connection.executemany("INSERT INTO outgoing.about VALUES (?, ?)", [list(i) for i in release.about().items()])
        connection.execute("CHECKPOINT outgoing")
    finally:
        connection.execute("DETACH outgoing")
    faults.point("results.written")
    at_rest.put_published(temporary, path)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()

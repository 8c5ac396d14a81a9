"""``tsumugi site decide``: a named person says that two identities are one person, or are not.

A decision is noted in the ledger, with its pair of tags in the encrypted directory, and goes to the center in a sealed
batch of kind ``decision`` (``finish``, which may be killed anywhere and is done by the next step of the site). Who
decided and why stand at the center, so neither may name a person that is insured here.
"""

from __future__ import annotations

import getpass
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import faults, warehouse
from ingest.identity.directory import Directory
from ingest.ledger import Ledger
from ingest.policy import audit
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import rekey, retract
from ingest.site.databases import open_directory
from ingest.site.decided_pairs import DecidedPairs
from ingest.site.errors import SiteError
from ingest.site.lock import locked
from ingest.site.outbox import Outbox

KIND = "decision"
MERGE, SPLIT, APART, UNDO = "merge", "split", "apart", "undo"
TAG_BYTES = 16
_LONGEST_DIGITS = 6  # seven and more may be a number or a birth date
_COLUMNS = (
    "decision_id VARCHAR, place BIGINT, decision_code VARCHAR, one_tag BLOB, other_tag BLOB, undone_id VARCHAR, "
    "decided_by VARCHAR, decided_on DATE, reason VARCHAR"
)


def audit_file(site: SiteSettings) -> Path:
    """The site's audit chain of looks at linkage and decisions on it."""
    return site.home / "audit" / "linkage.jsonl"


def tag_of(text: str) -> bytes:
    """The 16 bytes that 32 hexadecimal digits spell; SiteError where they are none."""
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text.strip()):
        raise SiteError("タグは16進数32桁です（`tsumugi site explain` と `tsumugi center review` が表示します）")
    return bytes.fromhex(text.strip())


@contextmanager
def _pairs_of(site: SiteSettings, ring: KeyRing) -> Iterator[DecidedPairs]:
    with open_directory(site, ring.secret("at-rest")) as connection:
        Directory(connection)  # its tables, at a site that has loaded nothing yet
        yield DecidedPairs(connection)


def decide(
    settings: Settings, site_name: str, code: str, pair: tuple[str, str], progress: ProgressCallback,
    *, by: str, reason: str,
) -> dict[str, Any]:  # fmt: skip
    """Note a decision (``MERGE``, ``SPLIT``, ``APART``) on two identities (tags in hex) and seal it for the center.

    Returns its id. Raises SiteError where a tag is unknown here, both are the same, nobody or no reason is named, or
    the reason holds what may name a person.
    """
    one, other = (tag_of(text) for text in pair)
    if one == other:
        raise SiteError("同じタグが2つ指定されています。2つの別のタグを指定してください")
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        decision_id = secrets.token_hex(4)
        with _pairs_of(site, ring) as pairs:
            unknown = pairs.unknown([one, other])
            if unknown:
                raise SiteError(f"タグ {unknown[0].hex()} はこのサイトの記録にありません")
            _require_words(by, reason, pairs.names())
            pairs.note(decision_id, one, other)  # known to nobody until the ledger has the decision
        faults.point("decide.paired")
        _note(site, site_name, ledger, decision_id, code, "", by, reason, f"{one.hex()} {other.hex()}")
        _send(settings, site_name, ledger, ring, progress)
    return {"decision": decision_id, "kind": code}


def undo(
    settings: Settings, site_name: str, undone_id: str, progress: ProgressCallback, *, by: str, reason: str
) -> dict[str, Any]:
    """Take a decision back: linkage follows what stood before it. Returns the id of the undoing.

    Raises SiteError where there is no such decision or it was undone before, and like ``decide``.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        if not ledger.rows(
            "SELECT 1 FROM decision WHERE decision_id = ? AND decision_code <> ? "
            "AND decision_id NOT IN (SELECT undone_id FROM decision)",
            (undone_id, UNDO),
        ):
            raise SiteError("取り消せる判断はありません。`tsumugi site decisions` の ID を指定してください")
        ring = KeyRing(site)
        with _pairs_of(site, ring) as pairs:
            _require_words(by, reason, pairs.names())
        decision_id = secrets.token_hex(4)
        _note(site, site_name, ledger, decision_id, UNDO, undone_id, by, reason, undone_id)
        _send(settings, site_name, ledger, ring, progress)
    return {"decision": decision_id, "kind": UNDO, "undone": undone_id}


def finish(site: SiteSettings, ledger: Ledger, ring: KeyRing, outbox: Outbox) -> None:
    """Seal the decisions that no batch carries yet; nothing where there is none."""
    waiting = ledger.rows("SELECT rowid, * FROM decision WHERE sequence IS NULL ORDER BY rowid")
    if not waiting:
        return
    with _pairs_of(site, ring) as known:
        pairs = known.pairs()
    with warehouse.connect(threads=1) as connection:
        connection.execute(f"CREATE TABLE decision ({_COLUMNS})")
        for place, row in enumerate(waiting, start=1):
            one, other = pairs.get(row["decision_id"], (None, None))
            connection.execute(
                "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [row["decision_id"], place, row["decision_code"], one, other, row["undone_id"], row["decided_by"],
                 row["decided_on"], row["reason"]],
            )  # fmt: skip
        sealed = outbox.seal(connection, {"decision": "decision"}, KIND)
    faults.point("decide.sealed")
    with ledger.transaction() as noting:
        outbox.note(noting, sealed, KIND)
        noting.executemany(
            "UPDATE decision SET sequence = ? WHERE decision_id = ?",
            [(sealed.sequence, row["decision_id"]) for row in waiting],
        )
        faults.point("decide.recording")
    faults.point("decide.recorded")


def listed(settings: Settings, site_name: str) -> list[dict[str, Any]]:
    """The decisions of a site, oldest first: decision_id, decision_code, tags (hex, null of an undo), undone_id,
    decided_by, decided_on, reason, is_undone, state (waiting, sealed, accepted)."""
    site = settings.site(site_name)
    if not site.ledger.is_file():
        return []
    with locked(site.home), Ledger(site.ledger) as ledger:
        rows = ledger.rows(
            "SELECT decision_id, decision_code, undone_id, decided_by, decided_on, reason, "
            "decision_id IN (SELECT undone_id FROM decision) AS is_undone, coalesce((SELECT state FROM batch "
            "WHERE way = 'sent' AND batch.sequence = decision.sequence AND state <> 'refused'), 'waiting') AS state "
            "FROM decision ORDER BY rowid"
        )
        if not rows:
            return []
        with _pairs_of(site, KeyRing(site)) as known:
            pairs = known.pairs()
    for row in rows:
        one, other = pairs.get(row["decision_id"], (None, None))
        row |= {"is_undone": bool(row["is_undone"]), "one_tag": one and one.hex(), "other_tag": other and other.hex()}
    return rows


def _send(settings: Settings, site_name: str, ledger: Ledger, ring: KeyRing, progress: ProgressCallback) -> None:
    """Seal what waits, after what older steps still ask for: a rotation goes first, for tags follow it."""
    outbox = Outbox.of(settings, site_name, ledger, ring)
    outbox.settle()
    retract.finish(settings.site(site_name), site_name, ledger, ring, outbox)
    rekey.finish(settings, site_name, ledger, ring, outbox, progress)
    finish(settings.site(site_name), ledger, ring, outbox)
    outbox.hand_over()


def _note(
    site: SiteSettings, site_name: str, ledger: Ledger, decision_id: str, code: str, undone_id: str,
    by: str, reason: str, about: str,
) -> None:  # fmt: skip
    audit.record(
        audit_file(site), account=getpass.getuser(), role="operator", tenant=f"site-{site_name}",
        action=f"linkage.{code}", object=f"{decision_id} {about}", purpose=f"{by.strip()}: {reason.strip()}",
    )  # fmt: skip
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (decision_id, code, undone_id, by.strip(), reason.strip(), datetime.now(UTC).date().isoformat()),
        )
    faults.point("decide.noted")


def _require_words(by: str, reason: str, names: Iterable[str]) -> None:
    """Who and why are given, and name nobody insured here: they stand in clear at the center."""
    if not by.strip() or not reason.strip():
        raise SiteError("誰の判断か（--by）と理由（--reason）を書いてください。センターにも残ります")
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", reason))
    if re.search(rf"\d{{{_LONGEST_DIGITS + 1},}}", re.sub(r"(?<=\d)[-/.・,年月日]+(?=\d)", "", plain)):
        raise SiteError("理由に7桁以上の数字（番号や生年月日）は書けません。センターに残るためです")
    if any(name in plain for name in names):
        raise SiteError("理由に加入者の氏名は書けません。センターに残るためです")

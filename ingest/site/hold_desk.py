"""What the ledger knows of full deliveries that are held, and the word of a named person on each of them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from ingest.ledger import Ledger
from ingest.settings import Settings
from ingest.site import inbox
from ingest.site.errors import SiteError
from ingest.site.lock import locked

STREAM = "enrolment"
HELD, CONFIRMED, REFUSED = "held", "confirmed", "refused"
WHAT_TO_DO = (
    "送付元に確かめ、正しければ `tsumugi site confirm ファイル名 --by 氏名`、誤りであれば "
    "`tsumugi site refuse ファイル名 --by 氏名` を実行してください。次の `tsumugi run` で反映されます"
)


@dataclass(frozen=True)
class Loss:
    """What a full delivery lacks of one insurer: live members before it, and how many of them it does not name."""

    insurer_number: str
    live_before: int
    missing: int


@dataclass(frozen=True)
class Held:
    """A file that waits: its bytes' SHA-256, its day, its rows by scheme, what it lacks."""

    file_id: str
    file_name: str
    day: date
    row_counts: dict[str, int]
    losses: tuple[Loss, ...]


def note(ledger: Ledger, held: list[Held], waiting: Collection[str]) -> None:
    """Keep what is held now, and forget what waits no longer (file ids ``waiting``); a decision done stays.

    Bytes that come again after they were refused are held anew.
    """
    with ledger.transaction() as connection:
        kept = {one.file_id for one in held}
        done = "SELECT file_id FROM delivery WHERE state IN ('taken', 'refused')"
        for row in ledger.rows(f"SELECT file_id, state, file_id IN ({done}) AS is_done FROM hold"):
            is_undone = not row["is_done"] and row["file_id"] not in waiting
            if row["file_id"] not in kept if row["state"] == HELD else is_undone:
                connection.execute("DELETE FROM hold WHERE file_id = ?", (row["file_id"],))
        for one in held:
            connection.execute("DELETE FROM hold WHERE file_id = ? AND state <> ?", (one.file_id, HELD))
            connection.execute(
                "INSERT INTO hold (file_id, file_name, stream, as_of, row_counts, losses, state, held_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file_id) DO UPDATE SET file_name = excluded.file_name, "
                "as_of = excluded.as_of, row_counts = excluded.row_counts, losses = excluded.losses",
                (
                    one.file_id,
                    one.file_name,
                    STREAM,
                    one.day.isoformat(),
                    json.dumps(one.row_counts),
                    json.dumps([asdict(loss) for loss in one.losses]),
                    HELD,
                    _now(),
                ),
            )


def decisions(ledger: Ledger) -> dict[str, str]:
    """The state by file id; a refusal counts once, so bytes refused before are not refused for it again."""
    return {
        row["file_id"]: row["state"]
        for row in ledger.rows(
            "SELECT file_id, state FROM hold WHERE NOT (state = ? AND file_id IN "
            "(SELECT file_id FROM delivery WHERE state = 'refused'))",
            (REFUSED,),
        )
    }


def listed(ledger: Ledger) -> list[dict[str, Any]]:
    """What waits for a word, or after it for the next run.

    Each: file_id, file_name, stream, as_of, state, decided_by, reason, decided_at, row_counts (rows by
    scheme), losses (insurer_number, live_before, missing).
    """
    return [
        row | {"row_counts": json.loads(row["row_counts"]), "losses": json.loads(row["losses"])}
        for row in ledger.rows(
            "SELECT file_id, file_name, stream, as_of, state, decided_by, reason, decided_at, row_counts, losses "
            "FROM hold WHERE state = ? OR file_id NOT IN "
            "(SELECT file_id FROM delivery WHERE state IN ('taken', 'refused')) ORDER BY as_of, file_name",
            (HELD,),
        )
    ]


def refusals(ledger: Ledger) -> dict[str, str]:
    """By file id why a file is refused that a person has decided against and that has not been refused yet."""
    return {
        row["file_id"]: f"{told(row['losses'])}。{row['decided_by']}が取り込まないと決めました"
        + (f"（{row['reason']}）" if row["reason"] else "")
        for row in listed(ledger)
        if row["state"] == REFUSED
    }


def told(losses: list[dict[str, Any]]) -> str:
    """What is missing, insurer by insurer, in words."""
    return "、".join(
        f"保険者{loss['insurer_number']}の在籍者{loss['live_before']:,}人のうち{loss['missing']:,}人"
        f"（{100 * loss['missing'] / loss['live_before']:.1f}%）が全件のファイルにいません"
        for loss in losses
    )


def decide(
    settings: Settings, site_name: str, delivery: str, decision: str, *, by: str, reason: str | None = None
) -> dict[str, Any]:
    """Note who lets a held file go (``CONFIRMED``) or has it refused (``REFUSED``); the next extract does it.

    ``delivery`` is the file's name as the status lists it, or eight or more letters of its SHA-256. Until that
    extract another word may replace the first. Raises SiteError where nobody is named, or no such file is held.
    """
    site = settings.site(site_name)
    if not by.strip():
        raise SiteError("決めた人の氏名を --by で指定してください")
    with locked(site.home), Ledger(site.ledger) as ledger:
        lying = {file.file_id for file in inbox.scan(site.inbox)}
        waiting = [row for row in listed(ledger) if row["file_id"] in lying]
        found = [row for row in waiting if row["file_name"] == delivery or _is_short_for(delivery, row["file_id"])]
        if len(found) != 1:
            names = "、".join(row["file_name"] for row in waiting) or "なし"
            raise SiteError(f"{delivery} は保留中の全件ファイルではありません（保留中: {names}）")
        with ledger.transaction() as connection:
            connection.execute(
                "UPDATE hold SET state = ?, decided_by = ?, reason = ?, decided_at = ? WHERE file_id = ?",
                (decision, by.strip(), (reason or "").strip() or None, _now(), found[0]["file_id"]),
            )
    return {"file": found[0]["file_name"], "decision": decision, "by": by.strip()}


def _is_short_for(given: str, file_id: str) -> bool:
    return len(given) >= 8 and file_id.startswith(given.lower())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Sealed batches that the center has accepted: kept for a time, so that a center that was restored can be filled up.

They are sealed for the center: the site itself cannot open them. How long they stay is told in
``kept_batches.csv``; what the center no longer has, by its own statement, stays longer.
"""

from __future__ import annotations

import csv
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.ledger import Ledger
from ingest.sealing.files import sync_folder
from ingest.sealing.keytable import CENTER

_RULES = Path(__file__).with_name("kept_batches.csv")
_FOLDER = re.compile(r"[0-9]{6}")


class Sent:
    """The kept batches of one site, a folder each, named by number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, sequence: int) -> Path:
        """Where the batch of this number is kept."""
        return self._folder / f"{sequence:06d}"

    def keep(self, source: Path, sequence: int) -> None:
        """Take over an accepted batch; nothing happens where it was taken over before."""
        if source.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.rmtree(self.place(sequence), ignore_errors=True)
            source.replace(self.place(sequence))
            sync_folder(self._folder)

    def numbers(self) -> list[int]:
        """Numbers of the batches that are kept, in order."""
        if not self._folder.is_dir():
            return []
        return sorted(int(path.name) for path in self._folder.iterdir() if _FOLDER.fullmatch(path.name))

    def forget_old(self, ledger: Ledger, stated: int, now: datetime | None = None) -> None:
        """Delete what was kept long enough and the center has, ``stated`` being the last one that it says it took."""
        now = now or datetime.now(UTC)
        before = (now - timedelta(days=kept_days(now))).isoformat(timespec="seconds")
        for row in ledger.rows(
            "SELECT sequence FROM batch WHERE way = 'sent' AND peer = ? AND state = 'accepted' AND recorded_at < ?",
            (CENTER, before),
        ):
            if row["sequence"] <= stated:
                shutil.rmtree(self.place(row["sequence"]), ignore_errors=True)


def kept_days(on: datetime) -> int:
    """How many days a batch is kept after it was sealed, by the rule in force on a day."""
    with _RULES.open(encoding="utf-8", newline="") as handle:
        rules = [row for row in csv.DictReader(handle) if row["valid_from"] <= on.date().isoformat()]
    return int(max(rules, key=lambda row: row["valid_from"])["kept_days"])

"""A site and a center with keys, and a sealed batch between them, for the tests of the envelope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ingest import warehouse
from ingest.sealing.keys import CENTER, KeyRing, create_keys
from ingest.sealing.opened import OpenBatch
from ingest.sealing.seal import Sealed, seal
from ingest.sealing.unseal import open_batch
from ingest.settings import CenterSettings, Settings, SiteSettings

SITE = "16"
ROWS = {"claim": 500, "claim_item": 40}
QUERIES = {
    "claim": "SELECT range AS number, 'p' || range AS word, range % 7 AS points FROM range(500)",
    "claim_item": "SELECT range AS number, range * 10 AS points FROM range(40)",
}


@dataclass
class Pair:
    """Both parties of one workspace."""

    settings: Settings
    site: KeyRing
    center: KeyRing

    def folder(self, sequence: int) -> Path:
        return self.settings.to_center(SITE) / f"{sequence:06d}"

    def seal(self, sequence: int = 1, previous: str | None = None, **changes: Any) -> Sealed:
        return self.seal_into(self.folder(sequence), sequence, previous, **changes)

    def seal_into(self, folder: Path, sequence: int, previous: str | None, **changes: Any) -> Sealed:
        arguments: dict[str, Any] = {
            "sender": SITE,
            "recipient": CENTER,
            "sequence": sequence,
            "previous_hash": previous,
            "kind": "facts",
            "signing_key": self.site.secret("signing"),
            "recipient_public": self.site.peer(CENTER).envelope,
            "extra": {"epoch": 1},
        } | changes
        with warehouse.connect(threads=1) as connection:
            return seal(connection, dict(QUERIES), folder, **arguments)

    def open(self, folder: Path, sequence: int = 1, previous: str | None = None, **changes: Any) -> OpenBatch:
        arguments: dict[str, Any] = {
            "sender": SITE,
            "recipient": CENTER,
            "expected_sequence": sequence,
            "previous_hash": previous,
            "pinned_public": self.center.peer(SITE).signing,
            "private_key": self.center.secret("envelope"),
        } | changes
        return open_batch(folder, self.private, **arguments)

    @property
    def private(self) -> Path:
        return self.settings.the_center().batches / "private"


def make_pair(root: Path) -> Pair:
    """A workspace with fresh keys."""
    settings = Settings(
        workspace=root,
        reference_month=date(2025, 3, 1),
        exchange=root / "exchange",
        sites={
            SITE: SiteSettings(home=root / "site-16", prefecture_code="16"),
            "31": SiteSettings(home=root / "site-31", prefecture_code="31"),
        },
        center=CenterSettings(home=root / "center"),
    )
    create_keys(settings)
    return Pair(settings, KeyRing(settings.site(SITE)), KeyRing(settings.the_center()))

"""A center that takes the batches of one site, and genuine batches beside it for attacks to work on copies of.

The batches lie outside the exchange; what an attack made of one is put there, offered to the desk of the center,
and taken away again. Every row holds a planted value in a clear column, so that a plaintext byte on the disk is found.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.center.home import open_warehouse
from ingest.center.receive import Desk
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.sealing.manifest import BODY_FILE, SIGNATURE_FILE, canonical, sign_manifest
from ingest.sealing.receipts import read_receipt, receipt_path
from ingest.sealing.seal import Sealed
from ingest.sealing.unseal import arrived_hash
from tests.integration.center_world import demo_workspace, load_of, seal_load
from tests.property.link_world import Load

SITE, OTHER = "16", "31"
NEEDLE = "HARI-0123456789-NEEDLE"
_PLAIN_PARQUET = b"PAR1"


class World:
    """Genuine batches 1 to ``batches`` of one site, and what a forger might have at hand."""

    def __init__(self, root: Path, batches: int) -> None:
        self.settings = demo_workspace(root / "workspace")
        self.center = self.settings.the_center()
        self.ring = KeyRing(self.center)
        self.site_ring = KeyRing(self.settings.site(SITE))
        self.incoming = self.settings.to_center(SITE)
        self._genuine = root / "genuine"
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        self.batches: dict[int, Path] = {}
        hashes: dict[int, str | None] = {0: None}
        for number in range(1, batches + 1):
            sealed = self._seal(f"{number:06d}", number, hashes[number - 1])
            self.batches[number] = sealed
            hashes[number] = arrived_hash(sealed)
        self.hashes = hashes
        second = hashes[1]
        self.of_the_other_site = self._move(seal_load(self.settings, planted(OTHER, "1"), 1, only_filled=True), "other")
        self.variants = {
            "contract": self._seal("contract", 2, second, extra_columns={"name_kana": NEEDLE}),
            "total_mismatch": self._seal("total", 2, second, totals_off_by=1),
        }

    def _seal(self, name: str, number: int, previous: str | None, **more: Any) -> Path:
        load = planted(SITE, str(number))
        return self._move(seal_load(self.settings, load, number, previous, only_filled=True, **more), name)

    def _move(self, sealed: Sealed, name: str) -> Path:
        target = self._genuine / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sealed.path.replace(target)
        return target

    def copy(self, of: Path, number: int) -> Path:
        """A copy of a batch in the exchange under a number; files are shared until an attack writes them anew."""
        folder = self.incoming / f"{number:06d}"
        folder.mkdir(parents=True)
        for path in of.iterdir():
            os.link(path, folder / path.name)
        return folder

    def parquet(self, folder: Path) -> list[str]:
        """Names of the data files of a batch."""
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".parquet")

    def resign(self, folder: Path, change: Callable[[dict[str, Any]], None], key: bytes | None = None) -> None:
        """Change the manifest and sign it anew: an insider who holds the site's signing key, or ``key``."""
        body = json.loads((folder / BODY_FILE).read_bytes())
        change(body)
        self.sign(folder, canonical(body), key)

    def sign(self, folder: Path, body: bytes, key: bytes | None = None) -> None:
        """Have a body and a signature over it stand in a folder."""
        write(folder / BODY_FILE, body)
        write(folder / SIGNATURE_FILE, sign_manifest(body, key or self.site_ring.secret("signing")))

    def clear(self) -> None:
        """Take everything out of the exchange."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir(parents=True)

    def answer(self, number: int) -> tuple[str, str]:
        """State and reason of the signed receipt for a number, checked with the key that the site has pinned."""
        path = receipt_path(self.settings.to_site(SITE), number)
        public = self.site_ring.peer("center").signing
        receipt = read_receipt(path, sender="center", recipient=SITE, pinned_public=public)
        return receipt.state, receipt.reason_code

    @contextmanager
    def desk(self) -> Iterator[OpenDesk]:
        """The center's desk for the site, open for many takings."""
        with Ledger(self.center.ledger) as ledger, open_warehouse(self.center, self.ring) as connection:
            yield OpenDesk(
                self, ledger, Desk(self.settings, self.center, self.ring, ledger, connection, SITE), connection
            )

    def plaintext(self) -> tuple[list[str], int]:
        """Files of the center, the exchange and the temporary folder that hold the planted value or are not encrypted,
        and how many bytes were searched."""
        found, searched = [], 0
        for folder in (self.center.home, self.settings.exchange, self.temporary):
            for path in folder.rglob("*"):
                if not stat.S_ISREG(path.lstat().st_mode):
                    continue
                content = path.read_bytes()
                searched += len(content)
                is_plain_database = content[8:12] == b"DUCK" and not content[20] & 1  # the flag of encryption
                if NEEDLE.encode() in content or content[:4] == _PLAIN_PARQUET or is_plain_database:
                    found.append(str(path))
        return found, searched


class OpenDesk:
    """The desk with what is asked of it after each taking."""

    def __init__(self, world: World, ledger: Ledger, desk: Desk, connection: Any) -> None:
        self._world = world
        self._ledger = ledger
        self._desk = desk
        self._connection = connection

    def take(self) -> tuple[int, set[tuple[str, str]]]:
        """Offer what lies in the exchange; returns how many batches landed and (state, reason) of the others."""
        received = self._desk.take()["received"]
        noted = self._ledger.rows("SELECT state, reason_code FROM batch WHERE way = 'received' AND state <> 'accepted'")
        return received, {(row["state"], row["reason_code"]) for row in noted}

    def forget(self) -> None:
        """Each attack by itself: what the one before had refused says nothing of the next."""
        self._world.clear()
        self._ledger.connection.execute("DELETE FROM batch WHERE state <> 'accepted'")

    def landed(self) -> tuple[int, ...]:
        """Rows of the warehouse that a batch brings."""
        found = self._connection.execute(
            "SELECT (SELECT count(*) FROM control.received_batch), (SELECT count(*) FROM raw.claim), "
            "(SELECT count(*) FROM raw.identity), (SELECT count(*) FROM control.change_partition)"
        ).fetchone()
        return tuple(found or ())


def planted(domain: str, *numbers: str) -> Load:
    """Members with a claim each that names the planted value."""
    load = load_of(domain, *numbers)
    for row in load.claim:
        row["institution_code"] = NEEDLE
    return load


def write(path: Path, content: bytes) -> None:
    """Write a file of a copy without touching the one that it is shared with."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)

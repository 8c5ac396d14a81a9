"""The sealed batches that the center has taken, kept as they came: ``batches/<site>/<number>``.

A batch on its way in has ``.open`` behind its number and loses it once the warehouse has its rows, so what
stands under a bare number was taken. Nothing here is ever deleted: `tsumugi center rebuild` makes the
warehouse anew from it, also after a change of rules, and it is encrypted like everything that lies still.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from ingest.sealing.errors import BatchRefused
from ingest.sealing.files import sync_folder
from ingest.sealing.manifest import Manifest, parsed, read_head
from ingest.sealing.unseal import arrived_hash
from ingest.settings import CenterSettings

_ARRIVING = ".open"


def place(center: CenterSettings, site: str, sequence: int) -> Path:
    """Where a batch that was taken is kept."""
    return center.batches / site / f"{sequence:06d}"


def arriving(center: CenterSettings, site: str, sequence: int) -> Path:
    """Where the private copy of a batch stands while it is taken."""
    return place(center, site, sequence).with_suffix(_ARRIVING)


def keep(center: CenterSettings, site: str, sequence: int) -> None:
    """The batch was taken: its private copy stays. Does nothing where it stays already."""
    source, target = arriving(center, site, sequence), place(center, site, sequence)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        source.replace(target)
        sync_folder(target.parent)


def manifest_of(center: CenterSettings, site: str, sequence: int, manifest_hash: str) -> Manifest | None:
    """What a kept batch says of itself, believed by the hash under which it was taken; None where it is not there."""
    try:
        body, _ = read_head(place(center, site, sequence))
    except BatchRefused:
        return None
    return parsed(body) if hashlib.sha256(body).hexdigest() == manifest_hash else None


def tidy(center: CenterSettings, site: str, taken: Mapping[int, str]) -> None:
    """After a kill: keep the copies of batches that were taken (manifest hash by number), delete the others."""
    folder = center.batches / site
    for left in sorted(folder.glob(f"*{_ARRIVING}")) if folder.is_dir() else ():
        sequence = int(left.stem)
        if arrived_hash(left) == taken.get(sequence):
            keep(center, site, sequence)
        else:
            shutil.rmtree(left)

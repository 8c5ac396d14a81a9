"""What the dashboard may open is handed to it by each publisher: the keys of its files, nothing else."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.policy.access import load_grants
from ingest.sealing.keyfiles import write_private
from ingest.sealing.keys import KeyRing, export_tenant_keys
from ingest.sealing.keytable import CENTER
from ingest.settings import PartySettings, Settings


def hand_over_keys(settings: Settings) -> list[Path]:
    """Give the app of this workspace the keys of the files that the access table names.

    A tenant gets the key of a person file for each scheme set with a grant of detail "person", and
    every viewer class the key of its publisher's statistics. Returns the key files, which are made anew
    with the same content each time; raises KeyError_ where a publisher's own keys are missing.
    """
    if settings.app is None:
        return []
    grants = load_grants()
    parties: dict[str, PartySettings] = dict(settings.sites)
    if settings.center is not None:
        parties[CENTER] = settings.center
    written: list[Path] = []
    for name, party in parties.items():
        own = grants.filter(pl.col("site").fill_null(CENTER) == name)  # the center itself has no site
        persons = own.filter(pl.col("detail") == "person").select("tenant_id", "scheme_set").unique()
        written += export_tenant_keys(
            settings.app.home,
            KeyRing(party),
            name,
            tenants=[(tenant_id, scheme_set) for tenant_id, scheme_set in persons.iter_rows()],
            viewer_classes=own.get_column("viewer_class").to_list(),
        )
    return written


def replace(path: Path, key: bytes) -> None:
    """Give the app the new key of a file of which it has the old one at ``path``; nothing where it has none."""
    if path.is_file():
        write_private(path, key.hex().encode())

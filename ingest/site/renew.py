"""A new at-rest or master key at a site: what lay under the old one is encrypted anew, file by file.

Each function may be killed anywhere and called again with the same keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ingest import reencrypt
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing import handover
from ingest.sealing.keys import app_statistics_key, app_tenant_key, statistics_key_of, tenant_key_of
from ingest.sealing.keytable import AT_REST, AUDIT, STATISTICS_MASTER, TENANT_MASTER
from ingest.sealing.rotation import Renewal
from ingest.settings import Settings, SiteSettings
from ingest.site import archive, rekey_pairs
from ingest.site.databases import REMEDY
from ingest.site.errors import SiteError
from ingest.site.rekey import OPEN

Work = Callable[[Settings, str, Ledger, Renewal, ProgressCallback], dict[str, int]]


def _at_rest(
    settings: Settings, site_name: str, ledger: Ledger, renewal: Renewal, progress: ProgressCallback
) -> dict[str, int]:
    """The databases and the archive of the site; SiteError while an identity key is being rotated together."""
    site = settings.site(site_name)
    if ledger.rows("SELECT 1 FROM rotation WHERE state = ?", (OPEN,)):
        raise SiteError("a rotation of the identity key is not through: `tsumugi keys rotate identity` goes on with it")
    rekey_pairs.forget(site)  # of a rotation that was sent; nothing reads them any more
    for left in site.archive.glob("*/*.tmp-*"):  # of a step that was killed
        left.unlink()
    databases = [site.directory, site.quarantine, *([site.kdb_figures] if site.kdb_figures.is_file() else [])]
    file_ids = sorted(path.name for path in site.archive.glob("*/*") if not path.suffix)
    place = f"archive under {AT_REST} {renewal.number} until"  # value of the ledger: the last file that is through
    until = ledger.get_value(place) or ""
    total, damaged = len(databases) + len(file_ids), 0
    for done, path in enumerate(databases):
        progress(f"rotate {AT_REST}", done, total)
        reencrypt.own_database(site, path, renewal.older, renewal.newer, REMEDY)
    for done, file_id in enumerate(file_ids, start=len(databases)):
        progress(f"rotate {AT_REST}", done, total)
        if file_id > until:
            try:
                archive.renew(site.archive, file_id, renewal.older, renewal.newer)
            except SiteError:  # damaged long ago: it must not hold up the key of all others
                damaged += 1
            with ledger.transaction() as connection:
                ledger.set_value(connection, place, file_id)
    progress(f"rotate {AT_REST}", total, total)
    return {"files": total - damaged, "damaged": damaged}


def _tenants(
    settings: Settings, site_name: str, ledger: Ledger, renewal: Renewal, progress: ProgressCallback
) -> dict[str, int]:
    """The person files of every tenant, and the keys of them that the app of this workspace has."""
    site = settings.site(site_name)
    paths = sorted((site.published / "tenants").glob("*/*.duckdb"))
    for done, path in enumerate(paths):
        progress(f"rotate {TENANT_MASTER}", done, len(paths))
        tenant = (path.parent.name, path.stem)
        newer = tenant_key_of(renewal.newer, *tenant)
        _published(site, ledger, path, tenant_key_of(renewal.older, *tenant), newer)
        if settings.app is not None:
            handover.replace(app_tenant_key(settings.app.home, *tenant), newer)
    progress(f"rotate {TENANT_MASTER}", len(paths), len(paths))
    return {"files": len(paths)}


def _statistics(
    settings: Settings, site_name: str, ledger: Ledger, renewal: Renewal, progress: ProgressCallback
) -> dict[str, int]:
    """The site's statistics for every viewer class, and the keys of them that the app of this workspace has."""
    site = settings.site(site_name)
    paths = sorted((site.published / "statistics").glob("*.duckdb"))
    for done, path in enumerate(paths):
        progress(f"rotate {STATISTICS_MASTER}", done, len(paths))
        newer = statistics_key_of(renewal.newer, path.stem)
        _published(site, ledger, path, statistics_key_of(renewal.older, path.stem), newer)
        if settings.app is not None:
            handover.replace(app_statistics_key(settings.app.home, site_name, path.stem), newer)
    progress(f"rotate {STATISTICS_MASTER}", len(paths), len(paths))
    return {"files": len(paths)}


def _published(site: SiteSettings, ledger: Ledger, path: Path, older: bytes, newer: bytes) -> None:
    digest = reencrypt.published_file(site, path, older, newer)
    name = f"published/{path.relative_to(site.published)}"
    noted = ledger.get_value(name)
    if noted is not None:
        with ledger.transaction() as connection:
            ledger.set_value(connection, name, json.dumps(json.loads(noted) | {"file_hash": digest}))


def _nothing(*_: object) -> dict[str, int]:
    """The chain that the key signs is gone on with by the caller."""
    return {"files": 0}


WORK: dict[str, Work] = {
    AT_REST: _at_rest,
    TENANT_MASTER: _tenants,
    STATISTICS_MASTER: _statistics,
    AUDIT: _nothing,
}
"""What a new key of each kind asks for at a site; returns figures: files under it, archived ones that are damaged."""

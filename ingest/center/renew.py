"""A new at-rest, statistics or link key at the center: what lay under the old one is encrypted anew.

Each function may be killed anywhere and called again with the same keys.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest import faults, reencrypt
from ingest.center.home import REMEDY, open_warehouse, transaction
from ingest.center.link import first_tags
from ingest.progress import ProgressCallback
from ingest.sealing import handover
from ingest.sealing.keys import KeyRing, app_statistics_key, statistics_key_of
from ingest.sealing.keytable import AT_REST, AUDIT, CENTER, LINK, STATISTICS_MASTER
from ingest.sealing.rotation import Renewal
from ingest.settings import Settings

Work = Callable[[Settings, Renewal, ProgressCallback], dict[str, int]]


def _at_rest(settings: Settings, renewal: Renewal, progress: ProgressCallback) -> dict[str, int]:
    """The warehouse; the sealed batches that are kept lie under envelope keys."""
    center = settings.the_center()
    progress(f"rotate {AT_REST}", 0, 1)
    reencrypt.own_database(center, center.warehouse, renewal.older, renewal.newer, REMEDY)
    progress(f"rotate {AT_REST}", 1, 1)
    return {"files": 1}


def _statistics(settings: Settings, renewal: Renewal, progress: ProgressCallback) -> dict[str, int]:
    """The operator's statistics, and the key of them that the app of this workspace has."""
    center = settings.the_center()
    paths = sorted((center.published / "statistics").glob("*.duckdb"))
    for done, path in enumerate(paths):
        progress(f"rotate {STATISTICS_MASTER}", done, len(paths))
        newer = statistics_key_of(renewal.newer, path.stem)
        reencrypt.published_file(center, path, statistics_key_of(renewal.older, path.stem), newer)
        if settings.app is not None:
            handover.replace(app_statistics_key(settings.app.home, CENTER, path.stem), newer)
    progress(f"rotate {STATISTICS_MASTER}", len(paths), len(paths))
    return {"files": len(paths)}


def _link(settings: Settings, renewal: Renewal, progress: ProgressCallback) -> dict[str, int]:
    """The first tags of identities that were rotated, in one transaction; persons keep their ids."""
    center = settings.the_center()
    if not center.warehouse.is_file():
        return {"files": 0}
    progress(f"rotate {LINK}", 0, 1)
    with open_warehouse(center, KeyRing(center)) as connection:
        with transaction(connection):
            renewed = first_tags.renew(connection, renewal.number, renewal.older, renewal.newer)
        faults.point("renew.linked")
    progress(f"rotate {LINK}", 1, 1)
    return {"files": renewed}


def _nothing(*_: object) -> dict[str, int]:
    """The chain that the key signs is gone on with by the caller."""
    return {"files": 0}


WORK: dict[str, Work] = {
    AT_REST: _at_rest,
    STATISTICS_MASTER: _statistics,
    LINK: _link,
    AUDIT: _nothing,
}
"""What a new key of each kind asks for at the center; returns how many files (first tags of ``link``) lie under it."""

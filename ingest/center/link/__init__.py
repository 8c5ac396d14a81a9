"""``tsumugi center link``: one person, many numbers.

What may be one person is in ``rules`` (a table) and ``decisions``, what may not in ``guards``; ``components`` makes the
persons and ``person_id`` their names. ``records`` is the way in without a warehouse; ``state`` keeps the result in it:
by ``reach``, ``part`` and ``written`` after a load, by ``whole`` and ``rewritten`` where everything is linked anew.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from ingest import faults
from ingest.center.home import one_step, open_warehouse, transaction
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from ingest.center.schema import next_build
from ingest.progress import ProgressCallback
from ingest.sealing.keys import FIRST_EPOCH, KeyRing
from ingest.sealing.keytable import LINK
from ingest.settings import Settings


def link(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Link the identities of the batches received since the last run.

    Returns counts: identities, persons, provisional ones, what was solved anew, refused edges by
    reason. Does nothing where no batch is new and the rules are those of before.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    with one_step(center), open_warehouse(center, ring) as connection:
        progress("center link", 0, 1)
        figures = link_batches(connection, ring, settings.reference_month)
        progress("center link", 1, 1)
    return figures


def link_batches(connection: duckdb.DuckDBPyConnection, ring: KeyRing, reference_month: date) -> dict[str, Any]:
    """Link what is not linked yet in the warehouse in use, in one transaction; figures like ``link``."""
    with transaction(connection):
        # Persons keep their ids over a rotation of the link key: they are named by the first one.
        keys = (ring.numbered(LINK, FIRST_EPOCH), ring.secret(LINK))
        figures = relink(connection, *keys, rules(), reference_month, next_build(connection))
        faults.point("link.written")
    faults.point("link.committed")
    return figures

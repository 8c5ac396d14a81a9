"""The end of a step in the ledger: done, and earlier attempts that did not end forgotten."""

from __future__ import annotations

import sqlite3
from typing import Any

from ingest.ledger import Ledger


def end(ledger: Ledger, connection: sqlite3.Connection, name: str, step: str, figures: dict[str, Any]) -> None:
    """Note inside the ledger transaction that the step is done.

    An attempt that died with other inputs (another file lay in the inbox) is made good by this one.
    """
    connection.execute("DELETE FROM step WHERE name = ? AND input_hash <> ? AND state <> 'done'", (name, step))
    ledger.end_step(name, step, figures=figures)

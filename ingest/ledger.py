"""What was loaded, from which bytes, by which step: a small SQLite file a party, no person in it.

A step is named by what went in (``input_hash``); one that is done is not done again, one that was
killed is done again from its start. Every arrival of a file is a delivery, also of bytes that came
before; its control totals say where every row and every point of it went.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id TEXT NOT NULL,             -- SHA-256 of the bytes
    file_name TEXT NOT NULL,
    stream TEXT, format TEXT, edition TEXT,
    months TEXT NOT NULL DEFAULT '[]', -- JSON list of YYYY-MM
    state TEXT NOT NULL,               -- taken, refused, duplicate, recalled, retracted
    reason_code TEXT, message TEXT,
    sequence INTEGER,                  -- batch that carries it
    received_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_file ON delivery (file_id);
CREATE TABLE IF NOT EXISTS control_total (
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    table_name TEXT NOT NULL,
    scheme_code TEXT NOT NULL,
    measure TEXT NOT NULL,             -- rows, or a control column of the contract
    outcome TEXT NOT NULL,             -- read, set_aside, refused, out_of_area, sealed
    value INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, table_name, scheme_code, measure, outcome)
);
CREATE TABLE IF NOT EXISTS problem (
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    table_name TEXT NOT NULL,
    field TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    message TEXT NOT NULL,
    rows INTEGER NOT NULL,
    first_line INTEGER,
    PRIMARY KEY (delivery_id, table_name, field, reason_code)
);
CREATE TABLE IF NOT EXISTS rule_hit (  -- which rule how many rows of a delivery broke, and the first lines
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    table_name TEXT NOT NULL,
    field TEXT NOT NULL,
    rule_id TEXT NOT NULL,             -- of quality/rules.csv, <table>.<column>.<kind> of a contract, or a reason code
    severity TEXT NOT NULL,            -- set_aside, warn
    reason_code TEXT NOT NULL,
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    rows INTEGER NOT NULL,
    lines TEXT NOT NULL,               -- JSON list
    PRIMARY KEY (delivery_id, table_name, field, rule_id)
);
CREATE TABLE IF NOT EXISTS coverage (  -- rows let through whose code the masters, or the typed core, do not know
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    kind TEXT NOT NULL,                -- claim, disease, procedure, drug, material
    row_count INTEGER NOT NULL,
    unclassified_count INTEGER NOT NULL,
    has_master INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, kind)
);
CREATE TABLE IF NOT EXISTS arrival (   -- insurer x stream x month that came, for what is missing
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    insurer_number TEXT NOT NULL,
    stream TEXT NOT NULL,
    month TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, insurer_number, stream, month)
);
CREATE TABLE IF NOT EXISTS batch (
    way TEXT NOT NULL,                 -- sent or received
    peer TEXT NOT NULL,                -- the other party
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,                -- facts, retraction, rekey, decision, results
    manifest_hash TEXT NOT NULL,
    state TEXT NOT NULL,               -- sealed, accepted, held, refused
    reason_code TEXT, message TEXT,
    figures TEXT NOT NULL DEFAULT '{}',
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (way, peer, sequence, manifest_hash)
);
CREATE TABLE IF NOT EXISTS retraction (  -- batches of ours that we take back
    batch_sequence INTEGER PRIMARY KEY,
    kept TEXT NOT NULL,                -- JSON: deliveries of it that are delivered again
    reason TEXT NOT NULL,
    is_cleared INTEGER NOT NULL,       -- the site's own files have forgotten it
    sequence INTEGER,                  -- batch that tells the center
    recorded_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS rotation (    -- of a site's identity key
    epoch INTEGER PRIMARY KEY,         -- the new one
    state TEXT NOT NULL,               -- open, reopened (the center refused it), sent, done
    sequence INTEGER,                  -- batch that tells the center
    started_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS decision (    -- on persons; whose identities it names stands in the encrypted directory
    decision_id TEXT PRIMARY KEY,
    decision_code TEXT NOT NULL,       -- merge, split, apart, undo
    undone_id TEXT NOT NULL,           -- the decision that an undo takes back, else empty
    decided_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    decided_on TEXT NOT NULL,
    sequence INTEGER                   -- batch that tells the center
);
CREATE TABLE IF NOT EXISTS key_rotation (  -- of the keys whose number in use stands here
    kind TEXT NOT NULL,                -- of sealing/keytable.csv
    number INTEGER NOT NULL,           -- the new one
    state TEXT NOT NULL,               -- open: data lie under both keys; done: under the new one
    started_at TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (kind, number)
);
CREATE TABLE IF NOT EXISTS hold (        -- full deliveries that lose too many members, and what was decided
    file_id TEXT PRIMARY KEY,
    file_name TEXT NOT NULL,
    stream TEXT NOT NULL,
    as_of TEXT NOT NULL,               -- day of the delivery
    row_counts TEXT NOT NULL,          -- JSON: rows by table and scheme, as the control totals count them
    losses TEXT NOT NULL,              -- JSON list: insurer_number, live_before, missing
    state TEXT NOT NULL,               -- held, confirmed, refused
    decided_by TEXT, reason TEXT, decided_at TEXT,
    held_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS arrival_aside (  -- insurer x stream x month of rows that were set aside or refused
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    insurer_number TEXT NOT NULL,
    stream TEXT NOT NULL,
    month TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, insurer_number, stream, month)
);
CREATE TABLE IF NOT EXISTS release (   -- rows set aside that a person says are right as they are
    release_id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id TEXT NOT NULL,            -- of the quarantine
    record_entry_id TEXT,              -- the record whose release took this line along; null: released itself
    file_id TEXT NOT NULL,
    released_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    delivery_id INTEGER                -- that takes them along; null until an extract has sealed it
);
CREATE TABLE IF NOT EXISTS superseded (  -- rows set aside whose record a later delivery brought again
    entry_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    delivery_id INTEGER NOT NULL REFERENCES delivery,
    PRIMARY KEY (entry_id, delivery_id)
);
CREATE TABLE IF NOT EXISTS step (
    name TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    state TEXT NOT NULL,               -- running, done, failed
    message TEXT,
    figures TEXT NOT NULL DEFAULT '{}',
    started_at TEXT NOT NULL,
    ended_at TEXT,
    PRIMARY KEY (name, input_hash)
);
CREATE TABLE IF NOT EXISTS database_file (  -- encrypted databases of the party, and how the last step left them
    path TEXT PRIMARY KEY,             -- from the home of the party
    state TEXT NOT NULL,               -- closed; open: in use, or left so by a process that ended in the middle
    file_hash TEXT,                    -- SHA-256 when it was closed last
    opened_by INTEGER,                 -- process that opened it
    recorded_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS value (name TEXT PRIMARY KEY, content TEXT NOT NULL);
"""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Ledger:
    """The ledger of one party; open it, use it, close it (or use it as a context)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self.connection.row_factory = sqlite3.Row
        self.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
        path.chmod(0o600)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: one step's rows in the ledger."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, sql: str, parameters: Iterable[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; parameters by place, or by name."""
        given = parameters if isinstance(parameters, Mapping) else tuple(parameters)
        return [dict(row) for row in self.connection.execute(sql, given)]

    # -- steps -----------------------------------------------------------------------------------
    def is_done(self, name: str, input_hash: str) -> bool:
        """Whether the step has been through with just these inputs."""
        found = self.rows("SELECT state FROM step WHERE name = ? AND input_hash = ?", (name, input_hash))
        return bool(found) and found[0]["state"] == "done"

    def begin_step(self, name: str, input_hash: str) -> None:
        """Note that a step has begun; a repeat after a kill begins it anew."""
        self.connection.execute(
            "INSERT INTO step (name, input_hash, state, started_at) VALUES (?, ?, 'running', ?) "
            "ON CONFLICT (name, input_hash) DO UPDATE SET state = 'running', message = NULL, "
            "started_at = excluded.started_at, ended_at = NULL",
            (name, input_hash, _now()),
        )

    def end_step(
        self, name: str, input_hash: str, *, figures: dict[str, Any] | None = None, error: str | None = None
    ) -> None:
        """Note the end of a step with its figures, or the reason it failed."""
        self.connection.execute(
            "UPDATE step SET state = ?, message = ?, figures = ?, ended_at = ? WHERE name = ? AND input_hash = ?",
            ("failed" if error else "done", error, json.dumps(figures or {}), _now(), name, input_hash),
        )

    # -- deliveries ------------------------------------------------------------------------------
    def seen_file(self, file_id: str) -> bool:
        """Whether these bytes were taken before (a refused or retracted file may come again)."""
        return bool(self.rows("SELECT 1 FROM delivery WHERE file_id = ? AND state = 'taken'", (file_id,)))

    def add_delivery(self, connection: sqlite3.Connection, **columns: Any) -> int:
        """Insert one delivery inside a transaction; returns its id."""
        columns = {"received_at": _now(), **columns}
        columns["months"] = json.dumps(columns.get("months", []))
        names = ", ".join(columns)
        marks = ", ".join("?" for _ in columns)
        cursor = connection.execute(f"INSERT INTO delivery ({names}) VALUES ({marks})", tuple(columns.values()))
        return int(cursor.lastrowid or 0)

    # -- batches ---------------------------------------------------------------------------------
    def add_batch(self, connection: sqlite3.Connection, **columns: Any) -> None:
        """Insert or update one batch inside a transaction."""
        columns = {"recorded_at": _now(), **columns}
        columns["figures"] = json.dumps(columns.get("figures", {}))
        names = ", ".join(columns)
        marks = ", ".join("?" for _ in columns)
        connection.execute(f"INSERT OR REPLACE INTO batch ({names}) VALUES ({marks})", tuple(columns.values()))

    def last_batch(self, way: str, peer: str) -> dict[str, Any] | None:
        """The newest sealed or accepted batch exchanged with ``peer``."""
        found = self.rows(
            "SELECT * FROM batch WHERE way = ? AND peer = ? AND state IN ('sealed', 'accepted') "
            "ORDER BY sequence DESC LIMIT 1",
            (way, peer),
        )
        return found[0] if found else None

    # -- database files --------------------------------------------------------------------------
    def database_file(self, path: str) -> dict[str, Any] | None:
        """What is known of a database file of the party, ``path`` from its home."""
        found = self.rows("SELECT * FROM database_file WHERE path = ?", (path,))
        return found[0] if found else None

    def open_files(self, opened_by: int | None = None) -> list[dict[str, Any]]:
        """Database files that are marked open, or those that one process opened."""
        return self.rows(
            "SELECT * FROM database_file WHERE state = 'open' AND coalesce(?, opened_by) = opened_by ORDER BY path",
            (opened_by,),
        )

    def mark_open(self, path: str, opened_by: int) -> None:
        """Note that a process uses a database file from now on; the hash of before is kept."""
        self.connection.execute(
            "INSERT INTO database_file VALUES (?, 'open', NULL, ?, ?) ON CONFLICT (path) DO UPDATE SET "
            "state = 'open', opened_by = excluded.opened_by, recorded_at = excluded.recorded_at",
            (path, opened_by, _now()),
        )

    def mark_closed(self, path: str, file_hash: str | None) -> None:
        """Note how a step left a database file; without a hash it is gone and is forgotten."""
        self.connection.execute("DELETE FROM database_file WHERE path = ?", (path,))
        if file_hash is not None:
            self.connection.execute(
                "INSERT INTO database_file VALUES (?, 'closed', ?, NULL, ?)", (path, file_hash, _now())
            )

    # -- single values ---------------------------------------------------------------------------
    def get_value(self, name: str) -> str | None:
        """A named value, such as the month of reference of the last finished build."""
        found = self.rows("SELECT content FROM value WHERE name = ?", (name,))
        return found[0]["content"] if found else None

    def set_value(self, connection: sqlite3.Connection, name: str, content: str) -> None:
        """Set a named value inside a transaction."""
        connection.execute("INSERT OR REPLACE INTO value (name, content) VALUES (?, ?)", (name, content))

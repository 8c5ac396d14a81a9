"""The audit log: append-only JSON lines, each chained to the one before by SHA-256.

It holds who looked at what, when and why, and never a name, number or birth date: a person is
named by the tenant's own person_id. Cutting off the tail is seen by comparing the head with the
one handed to the other party.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

FIRST_HASH = "0" * 64
TAIL_BYTES = 1 << 20  # far longer than any one event


class AuditBroken(Exception):
    """The chain does not hold; the message names the file and the line."""


def _hash(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def record(path: Path, **fields: Any) -> str:
    """Append one event (account, role, tenant, action, object, purpose, result …); returns its hash."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        previous = _last_hash(stream)
        event = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
        body = json.dumps(event, ensure_ascii=False, sort_keys=True)
        digest = _hash(previous, body)
        line = json.dumps({"previous": previous, "hash": digest, "event": body}, ensure_ascii=False)
        stream.write(line.encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return digest


def _last_hash(stream: BinaryIO) -> str:
    """Hash of the last whole line; a line that a crash tore is cut off, it was never acknowledged."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - TAIL_BYTES))
    tail = stream.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) < len(tail):
        stream.truncate(size - (len(tail) - len(whole)))
    lines = whole.splitlines()
    return str(json.loads(lines[-1])["hash"]) if lines else FIRST_HASH


def verify(path: Path) -> tuple[int, str]:
    """Number of events and head of the chain; raises AuditBroken at the first line that does not hold."""
    previous, count = FIRST_HASH, 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            holds = entry["previous"] == previous and entry["hash"] == _hash(previous, entry["event"])
        except (ValueError, KeyError, TypeError):
            holds = False
        if not holds:
            raise AuditBroken(f"{path}:{number}: the chain is broken; restore the log from the other party's copy")
        previous, count = entry["hash"], number
    return count, previous


def events(path: Path) -> list[dict[str, Any]]:
    """All events, oldest first."""
    if not path.is_file():
        return []
    return [json.loads(json.loads(line)["event"]) for line in path.read_text(encoding="utf-8").splitlines()]

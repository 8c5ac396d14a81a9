"""The site's inbox: what lies there, by its bytes, and what is taken out of it after a load.

A file is taken out only after the ledger knows what became of it. What is to be taken out is noted
in the same ledger transaction, so that a kill in between leaves neither a file that is loaded twice
nor one that is counted as a duplicate of itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from ingest.ledger import Ledger
from ingest.site.errors import SiteError

_UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload")
_TO_REMOVE = "inbox_to_remove"


@dataclass(frozen=True)
class InboxFile:
    """One file of the inbox: where it lies, its name from the inbox on, the SHA-256 of its bytes."""

    path: Path
    name: str
    file_id: str
    size: int
    mark: str  # this very file on this disk: i-node and time of change


def listing(inbox: Path) -> list[Path]:
    """Files that wait, in order of name: no hidden ones, none still being copied, no links."""
    if not inbox.is_dir():
        return []
    return [
        path
        for path in sorted(inbox.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(inbox).parts)
        and path.suffix.lower() not in _UNFINISHED
    ]


def scan(inbox: Path) -> list[InboxFile]:
    """What waits, hashed, in order of name.

    Raises SiteError naming a file that cannot be opened.
    """
    files = []
    for path in listing(inbox):
        name = str(path.relative_to(inbox))
        try:
            with path.open("rb") as handle:
                mark = _mark(path)
                file_id = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError as error:
            why = f"{name} in the inbox cannot be read ({error.strerror}); mend its rights or move it"
            raise SiteError(why) from None
        files.append(InboxFile(path, name, file_id, path.stat().st_size, mark))
    return files


def note_removal(ledger: Ledger, connection: Connection, files: list[InboxFile]) -> None:
    """Note inside the ledger transaction which files are to leave the inbox."""
    ledger.set_value(connection, _TO_REMOVE, json.dumps([[str(file.path), file.mark] for file in files]))


def remove_noted(ledger: Ledger) -> int:
    """Take the noted files out of the inbox; returns how many. A repeat does nothing.

    A file that came under the same name in the meantime is another file and stays.
    """
    removed = 0
    noted = json.loads(ledger.get_value(_TO_REMOVE) or "[]")
    for name, mark in noted:
        path = Path(name)
        if path.is_file() and _mark(path) == mark:
            path.unlink()
            removed += 1
    if noted:
        with ledger.transaction() as connection:
            ledger.set_value(connection, _TO_REMOVE, "[]")
    return removed


def _mark(path: Path) -> str:
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"

"""Database files that lie still between steps: their SHA-256 is in the ledger and is checked before they are opened.

DuckDB authenticates every block of an encrypted file, but not its place: two blocks that change places can go
unnoticed, and so can a file of last month in place of this one. The whole file is therefore hashed at the end of the
step that used it, and again when the next one opens it.

A file in use is marked open, and stays so where the step was killed or the file was opened outside a step: it is then
taken as it stands, with its encrypted log, since nobody could hash it. `tsumugi status` says so, and the next step that
uses it hashes it at its end. A file that is not there is no fault: somebody took it away to begin anew.

Published files are opened by the dashboard, which has no ledger: their hash stands in a note beside them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ingest.ledger import Ledger
from ingest.sealing.files import put_whole
from ingest.settings import PartySettings
from ingest.warehouse import WarehouseError, file_hash, hash_note


def opening(home: Path, path: Path, remedy: str) -> None:
    """Check a database of the party at ``home``, and mark it as in use until ``settle``.

    Raises WarehouseError with ``remedy`` where the file is not as the last step left it.
    """
    check(home, path, remedy)
    with _ledger(home) as ledger:
        ledger.mark_open(_name(home, path), os.getpid())


def check(home: Path, path: Path, remedy: str) -> None:
    """Raise WarehouseError with ``remedy`` where a file that lay still is not as the last step left it."""
    if not is_as_left(home, path):
        raise WarehouseError(
            f"{path} は前の処理の終わりと内容が違います"
            f"（SHA-256 の不一致。ディスクの故障か、書き換えられたものです）。{remedy}"
        )


def is_as_left(home: Path, path: Path) -> bool:
    """Whether a file is as the ledger says it was left; yes where it says nothing of it, or that it is in use."""
    known = _known(home, path)
    return known is None or not path.is_file() or known == file_hash(path)


def is_closed(home: Path, path: Path) -> bool:
    """Whether the ledger knows the file as left whole by a step."""
    return _known(home, path) is not None


def settle(home: Path) -> None:
    """At the end of a step, when it has closed them: hash the files that this process had opened."""
    if not PartySettings(home=home).ledger.is_file():
        return
    with _ledger(home) as ledger:
        for known in ledger.open_files(os.getpid()):
            path = home / known["path"]
            ledger.mark_closed(known["path"], file_hash(path) if path.is_file() else None)


def take_place(ledger: Ledger, new: str, old: str) -> None:
    """A new file is about to take the place of an old one (names in the home): marked open until ``settle``."""
    ledger.mark_open(old, os.getpid())
    ledger.mark_closed(new, None)


def put_published(temporary: Path, path: Path) -> str:
    """Put a published file in place whole, its hash in a note beside it for whoever opens it; returns the hash.

    Until the file is in place the note names the one before too, so that either opens at any moment.
    """
    note, digest = hash_note(path), file_hash(temporary)
    if path.is_file():
        put_whole(note, f"{file_hash(path)}\n{digest}\n".encode())
    else:
        put_whole(note, f"{digest}\n".encode())
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
    put_whole(note, f"{digest}\n".encode())  # lasts together with the name of the file
    return digest


def left_open(ledger: Ledger) -> list[dict[str, Any]]:
    """Files marked open by a process that is gone: path and since when."""
    return [
        {"path": known["path"], "recorded_at": known["recorded_at"]}
        for known in ledger.open_files()
        if not _is_running(known["opened_by"])
    ]


def _known(home: Path, path: Path) -> str | None:
    """The hash under which a step left a file, None where it left none or the file is in use."""
    if not PartySettings(home=home).ledger.is_file():
        return None
    with _ledger(home) as ledger:
        known = ledger.database_file(_name(home, path))
    return known["file_hash"] if known is not None and known["state"] == "closed" else None


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _ledger(home: Path) -> Ledger:
    return Ledger(PartySettings(home=home).ledger)


def _name(home: Path, path: Path) -> str:
    return path.relative_to(home).as_posix()

"""An encrypted DuckDB file under another key: the new file is written beside, is known by its hash, takes the place.

Nothing is read under two keys at once and nothing is lost by a kill: before the swap the old file stands, after it the
new one, and the ledger (or the note of a published file) knows the hash of whichever stands. A repeat finds by trial
which key opens a file.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from ingest import at_rest, faults, warehouse
from ingest.ledger import Ledger
from ingest.sealing.files import sync_folder
from ingest.settings import PartySettings
from ingest.warehouse import WarehouseError, file_hash

_ALIAS = "warehouse"  # views of the center's database name it
_ROOM = 1.1  # of a file's size must be free for the new one


def own_database(party: PartySettings, path: Path, older: bytes, newer: bytes, remedy: str) -> bool:
    """Bring a database whose hash the ledger knows from key ``older`` to ``newer``; False where it was there already.

    Raises WarehouseError where neither key opens it, it is not as the last step left it (with ``remedy``), or it could
    not be written.
    """
    beside = _beside(path)
    with Ledger(party.ledger) as ledger:
        if _is_noted(party, ledger, path, beside):  # killed between the note and the swap
            _swap(beside, path)
            return True
        _remove(beside)
        if not path.is_file():
            return False
        at_rest.opening(party.home, path, remedy)
        if is_opened_by(path, newer):
            return False
        _write_anew(party, path, beside, older, newer, has_log=True)
        faults.point("renew.written")
        ledger.mark_closed(_name(party, path), file_hash(beside))
        faults.point("renew.noted")
        _swap(beside, path)
    faults.point("renew.swapped")
    return True


def published_file(party: PartySettings, path: Path, older: bytes, newer: bytes) -> str:
    """Bring a published file, whose hash stands in the note beside it, to key ``newer``; returns its hash."""
    if not warehouse.is_as_published(path):
        raise WarehouseError(
            f"{path} は公表された時の内容と違います（SHA-256 の不一致）。このファイルを消してもう一度実行し、"
            "`tsumugi run` で作り直してください"
        )
    beside = _beside(path)
    _remove(beside)
    if is_opened_by(path, newer):
        return file_hash(path)
    _write_anew(party, path, beside, older, newer, has_log=False)
    faults.point("renew.published")
    return at_rest.put_published(beside, path)


def require_room(home: Path) -> None:
    """Raise WarehouseError where the largest database of a home does not fit on its disk once more."""
    needed = _ROOM * max((path.stat().st_size for path in home.rglob("*.duckdb")), default=0)
    if shutil.disk_usage(home).free < needed:
        raise WarehouseError(f"{home}: the largest file needs {needed / 1e9:,.1f} GB on this disk once more; make room")


def is_opened_by(path: Path, key: bytes) -> bool:
    """Whether a key opens the file. Raises WarehouseError while another process writes to it."""
    try:
        warehouse.open_database(path, key, read_only=True).close()
    except WarehouseError as error:
        if "another process" in str(error):
            raise
        return False
    return True


def _write_anew(party: PartySettings, path: Path, beside: Path, older: bytes, newer: bytes, *, has_log: bool) -> None:
    connection = warehouse.connect(spill=party.spill, memory_limit=party.memory_limit, threads=party.threads)
    with connection:
        connection.execute("SET preserve_insertion_order = true")  # the order of a published table is part of it
        # A published file is read only: the dashboard may have it open.
        warehouse.attach(connection, path, older, alias=_ALIAS, read_only=not has_log)
        if has_log:
            connection.execute(f"CHECKPOINT {_ALIAS}")  # what a killed step left in its log goes along
        warehouse.attach(connection, beside, newer, alias="renewed")
        try:
            connection.execute(f"COPY FROM DATABASE {_ALIAS} TO renewed")
            connection.execute("CHECKPOINT renewed")
        except duckdb.Error as error:  # its own text may quote a value
            raise WarehouseError(
                f"{path}: not written anew ({type(error).__name__}); look at the disk, repeat"
            ) from None
        connection.execute("DETACH renewed")
        connection.execute(f"DETACH {_ALIAS}")
    with beside.open("rb") as handle:
        os.fsync(handle.fileno())


def _is_noted(party: PartySettings, ledger: Ledger, path: Path, beside: Path) -> bool:
    known = ledger.database_file(_name(party, path))
    return known is not None and beside.is_file() and known["file_hash"] == file_hash(beside)


def _swap(beside: Path, path: Path) -> None:
    _log(path).unlink(missing_ok=True)  # of the old file, never of the new one
    beside.replace(path)
    sync_folder(path.parent)


def _remove(beside: Path) -> None:
    for left in (beside, _log(beside)):
        left.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.renewed")


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _name(party: PartySettings, path: Path) -> str:
    return path.relative_to(party.home).as_posix()

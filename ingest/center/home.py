"""The center's home: one step at a time, its warehouse opened with its own key, all or nothing."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ingest import at_rest, warehouse
from ingest.center.errors import CenterError
from ingest.center.schema import prepare
from ingest.sealing.keys import KeyRing
from ingest.settings import CenterSettings

REMEDY = (
    "ホームフォルダ全体（台帳 ledger.sqlite とも）をバックアップから戻すか、"
    "`tsumugi center rebuild` で受領済みのバッチから作り直してください"
)


def open_warehouse(center: CenterSettings, ring: KeyRing, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """The center's warehouse in use.

    Raises WarehouseError while another process writes to it, and where the file is not as the last step left it.
    """
    if read_only:
        at_rest.check(center.home, center.warehouse, REMEDY)
    else:
        at_rest.opening(center.home, center.warehouse, REMEDY)
    connection = warehouse.open_database(
        center.warehouse,
        ring.secret("at-rest"),
        read_only=read_only,
        spill=center.spill,
        memory_limit=center.memory_limit,
        threads=center.threads,
    )
    if not read_only:
        prepare(connection)
    return connection


@contextmanager
def one_step(center: CenterSettings) -> Iterator[None]:
    """Hold the center's lock; at the end its databases are hashed as they lie.

    The system lets the lock go when the process ends, however it ends.

    Raises CenterError when another step of the center is running: a build works through a child, so
    the lock of the warehouse file alone would not keep two steps apart.
    """
    center.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (center.home / "step.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CenterError(f"another step of the center is running ({center.home}); wait for it to end") from None
        try:
            yield
        finally:
            at_rest.settle(center.home)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

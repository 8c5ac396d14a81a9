"""Every table that the center can open with the keys it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.center.receive import reception_of
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

Opened = tuple[str, duckdb.DuckDBPyConnection, str]
"""What it is, a connection that has it open, the name of its database there."""


def by_the_center(settings: Settings, spill: Path) -> Iterator[Opened]:
    """Its warehouse, its statistics and the batches of the sites that it keeps, each open until the next is asked for.

    A table of a batch is put into memory, what does not fit into ``spill``. Fails where a database of the center is
    none of these.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    statistics = sorted((center.published / "statistics").glob("*.duckdb"))
    databases = {center.warehouse: ("warehouse", ring.secret("at-rest"))}
    databases |= {path: ("published", ring.statistics_key(path.stem)) for path in statistics}
    assert set(databases) == set(center.home.rglob("*.duckdb")), "a database that nobody opens"
    for path, (alias, key) in databases.items():
        with warehouse.open_database(path, key, alias=alias, read_only=True) as connection:
            yield str(path.relative_to(center.home)), connection, alias
    for site in sorted(settings.sites):
        yield from _batches_of(settings, site, ring, spill)


def _batches_of(settings: Settings, site: str, ring: KeyRing, spill: Path) -> Iterator[Opened]:
    center = settings.the_center()
    with Ledger(center.ledger) as ledger, warehouse.connect(spill=spill, memory_limit="1GB") as connection:
        reception = reception_of(settings, ledger, ring, site)
        for number, manifest_hash in reception.accepted().items():
            batch = reception.reopen(center.batches / site / f"{number:06d}", manifest_hash, connection)
            for table in batch.files:
                batch.load_new(connection, table, f"memory.main.{table}")
                yield f"batch {number} of {site}", connection, "memory"
                connection.execute(f"DROP TABLE memory.main.{table}")

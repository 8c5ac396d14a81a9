"""The site's own databases, each opened with its at-rest key after a look whether it is as the last step left it."""

from __future__ import annotations

import duckdb

from ingest import at_rest, warehouse
from ingest.quality.quarantine import Quarantine
from ingest.settings import SiteSettings

REMEDY = "サイトのホームフォルダ全体（台帳 ledger.sqlite とも）をバックアップから戻してください"


def open_directory(
    site: SiteSettings, key: bytes, *, beside: duckdb.DuckDBPyConnection | None = None
) -> duckdb.DuckDBPyConnection:
    """The database of the identity directory in use (``beside``: see ``warehouse.open_database``).

    Raises WarehouseError while another process writes to it, and where the file is not as it was left.
    """
    at_rest.opening(site.home, site.directory, REMEDY)
    return warehouse.open_database(site.directory, key, alias="directory", spill=site.spill, beside=beside)


def open_quarantine(
    site: SiteSettings, key: bytes, *, read_only: bool = False, beside: duckdb.DuckDBPyConnection | None = None
) -> Quarantine:
    """The quarantine in use; raises WarehouseError like ``open_directory``."""
    if read_only:
        at_rest.check(site.home, site.quarantine, REMEDY)
    else:
        at_rest.opening(site.home, site.quarantine, REMEDY)
    return Quarantine(site.quarantine, key, spill=site.spill, read_only=read_only, beside=beside)

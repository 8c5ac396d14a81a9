"""dbt-duckdb plugin: attaches the encrypted warehouse of the party named in the profile.

The profile names only the party (``center`` or ``analyst``); workspace and key are found here, from
the settings and the key file, so that no profile, environment, log or ``target/`` holds a key. The
profile also has a stub ``attach`` under the same alias, which dbt-duckdb needs to accept
``database: warehouse`` and which does nothing once the real one is there. If it is not, the stub would
be a database in memory: so every failure here raises.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from ingest import analyst, at_rest, settings, warehouse
from ingest.center.dbt import WAREHOUSE_VARIABLE
from ingest.center.home import REMEDY
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import KeyRing

ALIAS = "warehouse"
FILE = "warehouse.duckdb"


class Plugin(BasePlugin):
    """Opens the warehouse of ``config: {party: center | analyst}`` before dbt does anything with it."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Find the party's warehouse; DbtRuntimeError where the settings do not name it."""
        party = plugin_config.get("party")
        try:
            self._home = _home(str(party))
            self._file = os.environ.get(WAREHOUSE_VARIABLE, FILE) if party == "center" else FILE
        except settings.SettingsError as error:
            raise DbtRuntimeError(str(error)) from None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Spill encrypted, into the party's own folder, within its memory."""
        self._home.spill.mkdir(parents=True, exist_ok=True, mode=0o700)
        config |= warehouse.connection_config(
            spill=self._home.spill, memory_limit=self._home.memory_limit, threads=self._home.threads
        )

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Put the warehouse under its alias; DbtRuntimeError where it cannot be opened."""
        path = self._home.home / self._file
        try:
            if not path.is_file():
                raise warehouse.WarehouseError(
                    f"{path} does not exist; the center makes it (`tsumugi center receive`), "
                    "`tsumugi analyst copy` copies it for an analyst"
                )
            if at_rest.is_closed(self._home.home, path):  # by hand: in a build the center has opened it already
                at_rest.opening(self._home.home, path, REMEDY)
            warehouse.load_encryption(conn)
            warehouse.attach(conn, path, KeyRing(self._home).secret("at-rest"), alias=ALIAS)
        except (warehouse.WarehouseError, SealingError) as error:
            raise DbtRuntimeError(str(error)) from None


def _home(party: str) -> settings.PartySettings:
    workspace = settings.load(_workspace())
    if party == "center":
        return workspace.the_center()
    if party == "analyst":
        return analyst.home(workspace)
    raise settings.SettingsError(f"profiles.yml: party '{party}' is neither center nor analyst")


def _workspace() -> Path:
    # dbt is often started from a folder inside the repository; the default workspace lies in its root.
    given = settings.workspace_path()
    default = settings.PROJECT_ROOT / settings.DEFAULT_WORKSPACE
    return given if (given / settings.SETTINGS_FILE).is_file() else default

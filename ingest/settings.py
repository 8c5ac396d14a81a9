"""One settings object for every party; an unknown key is an error.

A workspace is a folder with a ``tsumugi.toml``. It names the parties that live on this machine:
a site (one prefecture), the center, or, in the demo, all of them side by side. Every path in the
file is relative to it.
"""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

SETTINGS_FILE = "tsumugi.toml"
WORKSPACE_VARIABLE = "TSUMUGI_WORKSPACE"
DEFAULT_WORKSPACE = Path("data")
PROJECT_ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """The settings file is missing or wrong; the message names the key and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _third_of_memory() -> str:
    """Two sites may run side by side; what does not fit goes to the encrypted spill, which is slower."""
    return _part_of_memory(3)


def _half_of_memory() -> str:
    """The center works while no site of the same machine does."""
    return _part_of_memory(2)


def _part_of_memory(part: int) -> str:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (part * 1_000_000)
    return f"{megabytes}MB"


class PartySettings(_Strict):
    """What every party has: a home that no other party reads."""

    home: Path
    unlock_command: str | None = None  # prints a key in hex, given its name; else key files, else a prompt
    memory_limit: str = Field(default_factory=_third_of_memory)  # of DuckDB, as it writes sizes: "4GB"
    threads: int = Field(default=2, ge=1)

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def spill(self) -> Path:
        return self.home / "spill"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger.sqlite"


class SiteSettings(PartySettings):
    """A federation (国保連合会): one prefecture, one linkage domain, one identity key."""

    prefecture_code: str = Field(pattern=r"^[0-9]{2}$")

    @property
    def linkage_domain(self) -> str:
        return self.prefecture_code

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    @property
    def profiles(self) -> Path:
        return self.home / "profiles"

    @property
    def layouts(self) -> Path:
        return self.home / "layouts"

    @property
    def directory(self) -> Path:
        return self.home / "directory.duckdb"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine.duckdb"

    @property
    def kdb_figures(self) -> Path:
        return self.home / "kdb_figures.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"


class CenterSettings(PartySettings):
    """The center (国保中央会): links and counts on encrypted identities."""

    memory_limit: str = Field(default_factory=_half_of_memory)

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def batches(self) -> Path:
        return self.home / "batches"

    @property
    def published(self) -> Path:
        return self.home / "published"


class AppSettings(_Strict):
    """The dashboard: where accounts live and on which address it listens."""

    home: Path
    address: str = "127.0.0.1"
    port: int = 8501
    idle_minutes: int = 15


class Settings(_Strict):
    """The whole workspace as read from ``tsumugi.toml``."""

    workspace: Path
    reference_month: date  # 参照月: the last month that counts, a parameter and never the clock
    exchange: Path  # where sealed batches and receipts are handed over, one folder a site and way
    is_synthetic: bool = False  # every picture and file says 架空データ
    peer_reading: str = "kdb_13"  # which reading of 同規模 is shown (seed peer_classes)
    center: CenterSettings | None = None
    sites: dict[str, SiteSettings] = Field(default_factory=dict)
    app: AppSettings | None = None
    analyst: Path = Path("analyst")

    @field_validator("reference_month")
    @classmethod
    def _first_of_month(cls, value: date) -> date:
        if value.day != 1:
            raise ValueError("must be the first day of a month, such as 2025-03-01")
        return value

    def site(self, name: str | None = None) -> SiteSettings:
        """The site called ``name``, or the only one; SettingsError otherwise."""
        if name is None and len(self.sites) == 1:
            return next(iter(self.sites.values()))
        if name is None or name not in self.sites:
            known = ", ".join(self.sites) or "none"
            raise SettingsError(f"no site '{name}' in {self.workspace / SETTINGS_FILE}; known: {known}")
        return self.sites[name]

    def the_center(self) -> CenterSettings:
        """The center of this workspace; SettingsError where it lives elsewhere."""
        if self.center is None:
            raise SettingsError(f"{self.workspace / SETTINGS_FILE} has no [center]: it is not on this machine")
        return self.center

    def to_center(self, site: str) -> Path:
        """Folder of sealed batches from ``site`` to the center."""
        return self.exchange / site / "to_center"

    def to_site(self, site: str) -> Path:
        """Folder of sealed batches and receipts from the center to ``site``."""
        return self.exchange / site / "to_site"


_Party = TypeVar("_Party", bound=PartySettings | AppSettings)


def workspace_path(given: Path | None = None) -> Path:
    """The workspace folder: the given one, else $TSUMUGI_WORKSPACE, else ./data."""
    if given is not None:
        return given.resolve()
    return Path(os.environ.get(WORKSPACE_VARIABLE, DEFAULT_WORKSPACE)).resolve()


def load(workspace: Path | None = None) -> Settings:
    """Read the settings of a workspace.

    Raises SettingsError naming the file and every wrong or unknown key.
    """
    root = workspace_path(workspace)
    path = root / SETTINGS_FILE
    if not path.is_file():
        raise SettingsError(f"{path} does not exist; `tsumugi init` makes one, `make demo` a whole demo")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = Settings(workspace=root, **raw)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from None
    except (ValidationError, TypeError) as error:
        raise SettingsError(f"{path}: {_explain(error)}") from None
    return _absolute(settings, root)


def _explain(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    return str(error)


def _absolute(settings: Settings, root: Path) -> Settings:
    def anchored(party: _Party) -> _Party:
        home = {"home": root / party.home}
        return cast(_Party, party.model_copy(update=home))

    return settings.model_copy(
        update={
            "exchange": root / settings.exchange,
            "analyst": root / settings.analyst,
            "center": anchored(settings.center) if settings.center else None,
            "sites": {name: anchored(site) for name, site in settings.sites.items()},
            "app": anchored(settings.app) if settings.app else None,
        }
    )

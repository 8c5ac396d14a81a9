"""What one process of the dashboard shares: settings, accounts, sessions, the access table, the audit log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from app.access.accounts import AccountBook, accounts_path
from app.access.sessions import Sessions
from ingest.policy.access import load_grants
from ingest.settings import AppSettings, Settings, SettingsError, load

TENANT_VARIABLE = "TSUMUGI_TENANT"  # set by `serve --tenant`: the process serves this tenant only


@dataclass(frozen=True)
class Runtime:
    """One per process."""

    settings: Settings
    app: AppSettings
    book: AccountBook
    sessions: Sessions
    grants: pl.DataFrame
    audit_path: Path
    only_tenant: str | None


@lru_cache(maxsize=1)
def runtime() -> Runtime:
    """Read the workspace once; SettingsError where it has no dashboard."""
    settings = load()
    if settings.app is None:
        raise SettingsError('tsumugi.toml has no [app]; add `[app]` with `home = "app"`')
    return Runtime(
        settings=settings,
        app=settings.app,
        book=AccountBook(accounts_path(settings)),
        sessions=Sessions(settings.app.idle_minutes * 60),
        grants=load_grants(),
        audit_path=settings.app.home / "audit.jsonl",
        only_tenant=os.environ.get(TENANT_VARIABLE) or None,
    )

"""How the dashboard is started: one command line, made from the settings and ``.streamlit/config.toml``."""

from __future__ import annotations

import shutil
import sys
import tomllib

from app.runtime import TENANT_VARIABLE
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings, SettingsError

_CONFIG = PROJECT_ROOT / ".streamlit" / "config.toml"


def command(settings: Settings, tenant: str | None = None) -> list[str]:
    """The command that serves the dashboard of this workspace, its environment included.

    Every option of ``.streamlit/config.toml`` is given on the command line too, so that the folder
    from which it is started changes nothing. Raises SettingsError without an ``[app]`` part.
    """
    if settings.app is None:
        raise SettingsError("tsumugi.toml has no [app]; the dashboard cannot be served")
    options = {
        f"{section}.{name}": value
        for section, entries in tomllib.loads(_CONFIG.read_text(encoding="utf-8")).items()
        for name, value in entries.items()
    }
    options |= {"server.address": settings.app.address, "server.port": settings.app.port}
    flags = [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]
    env = [f"{name}={value}" for name, value in environment(settings, tenant).items()]
    # env by its full path, because the caller replaces its own process by this one
    return [
        shutil.which("env") or "/usr/bin/env",
        *env,
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(PROJECT_ROOT / "app" / "main.py"),
        *flags,
    ]


def environment(settings: Settings, tenant: str | None = None) -> dict[str, str]:
    """What the served process must find in its environment: the workspace, and the one tenant if narrowed."""
    found = {WORKSPACE_VARIABLE: str(settings.workspace)}
    return found | ({TENANT_VARIABLE: tenant} if tenant else {})

"""Make a workspace: the settings file and the home folders of its parties."""

from __future__ import annotations

from pathlib import Path

from ingest.settings import SETTINGS_FILE

_DEMO = """\
# 架空データのデモ: two sites, the center and the app side by side. Paths are relative to this file.
reference_month = 2025-03-01
exchange = "exchange"
is_synthetic = true
peer_reading = "kdb_13"

[center]
home = "center"

[sites.16]
home = "site-16"
prefecture_code = "16"

[sites.31]
home = "site-31"
prefecture_code = "31"

[app]
home = "app"
"""

_EMPTY = """\
# Name the parties of this machine; paths are relative to this file. `tsumugi run` does what is due.
reference_month = 2025-03-01   # the last month that counts; raise it with each monthly load
exchange = "exchange"          # where sealed batches and receipts are handed over

# [sites.16]
# home = "site-16"
# prefecture_code = "16"

# [center]
# home = "center"
"""


def create(workspace: Path, *, demo: bool) -> tuple[Path, bool]:
    """Write ``tsumugi.toml`` where there is none; returns its path and whether it was written."""
    path = workspace / SETTINGS_FILE
    if path.exists():
        return path, False
    workspace.mkdir(parents=True, exist_ok=True)
    path.write_text(_DEMO if demo else _EMPTY, encoding="utf-8")
    if demo:
        for folder in ("site-16", "site-16/inbox", "site-31", "site-31/inbox", "center", "app"):
            (workspace / folder).mkdir(exist_ok=True, mode=0o700)
    return path, True

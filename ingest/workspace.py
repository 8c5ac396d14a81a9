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

_COUNTS = """
# A sender of counts only: whole-country tables, here invented ones for the prefectures that the demo does not have.
[sites.national]
home = "site-national"
prefecture_code = "00"
"""

_EMPTY = """\
# Name the parties of this machine; paths are relative to this file. `tsumugi run` does what is due.
reference_month = 2025-03-01   # the last month that counts; raise it with each monthly load
exchange = "exchange"          # where sealed batches and receipts are handed over

# [sites.16]
# home = "site-16"
# prefecture_code = "16"

# [sites.national]               # sends tables of counts for the whole country (prefecture 00), nobody's records
# home = "site-national"
# prefecture_code = "00"

# [center]
# home = "center"
"""


def create(workspace: Path, *, demo: bool, with_counts: bool = False) -> tuple[Path, bool]:
    """Write ``tsumugi.toml`` where there is none; returns its path and whether it was written.

    ``with_counts``: the demo has a third sender, of counts for the rest of the country.
    """
    path = workspace / SETTINGS_FILE
    if path.exists():
        return path, False
    workspace.mkdir(parents=True, exist_ok=True)
    counts = _COUNTS if demo and with_counts else ""
    path.write_text((_DEMO if demo else _EMPTY) + counts, encoding="utf-8")
    if demo:
        folders = ["site-16", "site-16/inbox", "site-31", "site-31/inbox", "center", "app"]
        for folder in folders + (["site-national", "site-national/inbox"] if counts else []):
            (workspace / folder).mkdir(exist_ok=True, mode=0o700)
    return path, True

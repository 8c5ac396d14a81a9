"""What the machine must have: the encryption extension, compiled readers, time, memory, room on its disks."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np

from ingest import warehouse
from ingest.doctor.finding import MACHINE, Finding
from ingest.doctor.limits import limit
from ingest.settings import PartySettings

_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def extension() -> Finding:
    """Whether DuckDB can write encrypted files: httpfs is there and of its version."""
    check = "extension"
    remedy = f"pip install duckdb-extension-httpfs=={duckdb.__version__}"
    try:
        found = importlib.metadata.version("duckdb-extension-httpfs")
        with warehouse.connect():
            pass
    except (importlib.metadata.PackageNotFoundError, warehouse.WarehouseError, duckdb.Error) as error:
        return Finding(check, MACHINE, "wrong", f"暗号化の拡張 httpfs を読めません（{type(error).__name__}）", remedy)
    if found != duckdb.__version__:
        return Finding(check, MACHINE, "wrong", f"duckdb {duckdb.__version__} と httpfs {found} の版が違います", remedy)
    return Finding(check, MACHINE, "ok", f"duckdb {duckdb.__version__} と httpfs {found}")


def loops() -> Finding:
    """Whether this numba compiles what reads the files (decision 0005): one loop is compiled, kept and tried."""
    check, version = "loops", "?"
    remedy = "requirements.lock の版の numba と llvmlite を入れ直し、利用者のホームに書けるようにしてください"
    line = b"RE,1\r\n"
    try:
        version = importlib.metadata.version("numba")
        from ingest.formats.uke_words import SPARE, line_end

        found = line_end(np.frombuffer(line + bytes(SPARE), np.uint8), 0, len(line))
    except Exception as error:  # an option it knows no more, a code it makes no more, a folder it may not write to
        what = f"numba {version} は読み取りの処理をコンパイルできません（{type(error).__name__}）"
        return Finding(check, MACHINE, "wrong", what, remedy)
    if found != (len(line) - 1, True):
        return Finding(check, MACHINE, "wrong", f"numba {version} でコンパイルした処理の結果が違います", remedy)
    return Finding(check, MACHINE, "ok", f"numba {version}")


def time_zone(now: datetime | None = None) -> Finding:
    """Whether days begin when they do in Japan; the ledger itself keeps UTC."""
    offset = (now or datetime.now().astimezone()).utcoffset()
    hours = offset.total_seconds() / 3600 if offset is not None else 0
    if hours == limit("utc_offset"):
        return Finding("time_zone", MACHINE, "ok", "日本時間です")
    what = f"時刻帯が日本時間ではありません（UTC{hours:+.0f}時間）。日付が変わる時刻がずれます"
    return Finding("time_zone", MACHINE, "note", what, "timedatectl set-timezone Asia/Tokyo")


def disk(name: str, home: Path) -> Finding:
    """Whether the disk of a home has room for what is written beside what is there."""
    free = shutil.disk_usage(home).free / 1e9
    told = f"空き {free:,.1f} GB"
    if free >= limit("free_disk"):
        return Finding("disk", name, "ok", told)
    remedy = f"{home} のあるディスクに {limit('free_disk'):,.0f} GB 以上の空きを作ってください"
    return Finding("disk", name, "wrong", told, remedy)


def memory(parties: dict[str, PartySettings]) -> list[Finding]:
    """Whether every memory limit can be read, and whether the sites, which run side by side, fit together."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    findings, sizes = [], {}
    for name, party in parties.items():
        try:
            sizes[name] = _bytes(party.memory_limit)
        except (duckdb.Error, ValueError):
            what = f"memory_limit「{party.memory_limit}」を読めません"
            findings.append(Finding("memory", name, "wrong", what, 'tsumugi.toml に "4GB" のように書いてください'))
    together = max(sum(size for name, size in sizes.items() if name != "center"), sizes.get("center", 0))
    told = f"上限 {together / 1e9:,.1f} GB、物理メモリ {physical / 1e9:,.1f} GB"
    if together > limit("memory_share") * physical:
        remedy = "tsumugi.toml の memory_limit を下げてください。足りない分は暗号化した一時ファイルに書かれます"
        return [*findings, Finding("memory", MACHINE, "wrong", told, remedy)]
    return [*findings, Finding("memory", MACHINE, "ok", told)]


def _bytes(written: str) -> float:
    """A size as DuckDB understands it."""
    with warehouse.connect(memory_limit=written) as connection:
        found = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    match = re.fullmatch(r"([0-9.]+) (\w+)", str(found[0]) if found else "")
    if match is None:
        raise ValueError(written)
    return float(match[1]) * _UNITS[match[2]]

"""Is what DuckDB writes really encrypted: a marker is written and looked for in the raw bytes.

The search is first shown to work: the same rows are spilled in plain, into a folder of this check's own, and must be
found. Only then does it mean anything that they are not found in the encrypted spill and database.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.doctor.finding import MACHINE, Finding

_MEMORY = "64MB"
_ROWS = 1_500_000  # of about 80 bytes: more than the memory above, so DuckDB must spill
_TABLE_ROWS = 20_000
_FILL = "SELECT ? || md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS text FROM range(?)"
_UPGRADE = "DuckDB と duckdb-extension-httpfs を同じ版で入れ直してください。直るまで取り込みを止めてください"


def examine(home: Path) -> list[Finding]:
    """Findings on the encryption of spill and databases; what is written for it goes into ``home``."""
    marker = f"tsumugi-doctor-{secrets.token_hex(8)}"
    with _scratch(home) as folder:
        try:
            planted = _spill(folder / "plain", marker, is_encrypted=False)
            spilled = _spill(folder / "spill", marker, is_encrypted=True)
            kept = _database(folder, marker)
        except (duckdb.Error, OSError, warehouse.WarehouseError) as error:
            what = f"暗号化を確かめられません（{type(error).__name__}）"
            return [Finding("encryption", MACHINE, "wrong", what, "ディスクの空きと権限を確かめてください")]
    if not planted:
        what = "目印を平文で書いても見つからず、暗号化を確かめられません"
        return [
            Finding(
                "encryption", MACHINE, "wrong", what, "この版の DuckDB では検査できません。開発元に知らせてください"
            )
        ]
    return [
        _told("spill_encryption", "一時ファイル", spilled, planted),
        _told("database_encryption", "データベース", kept, planted),
    ]


def _told(check: str, what: str, hits: int, planted: int) -> Finding:
    if hits:
        return Finding(check, MACHINE, "wrong", f"{what}に平文が{hits:,}か所あります", _UPGRADE)
    return Finding(
        check, MACHINE, "ok", f"{what}は暗号化されています（平文で書いた目印は{planted:,}か所見つかりました）"
    )


def _spill(folder: Path, marker: str, *, is_encrypted: bool) -> int:
    """How often the marker stands in spill files; raises OSError where nothing was spilled."""
    with warehouse.connect(spill=folder, memory_limit=_MEMORY, threads=1) as connection:
        if not is_encrypted:
            connection.execute("SET temp_file_encryption = false")
        connection.execute(f"CREATE TEMP TABLE spilled AS {_FILL}", [marker, _ROWS])
        files = list(folder.iterdir())
        if not files:
            raise OSError("nothing was spilled")
        return sum(_count(path, marker) for path in files)


def _database(folder: Path, marker: str) -> int:
    path = folder / "scratch.duckdb"
    with warehouse.open_database(path, secrets.token_bytes(32), alias="scratch") as connection:
        connection.execute(f"CREATE TABLE kept AS {_FILL}", [marker, _TABLE_ROWS])
        hits = sum(_count(log, marker) for log in folder.glob("scratch.duckdb.wal"))
        connection.execute("CHECKPOINT scratch")
    return hits + _count(path, marker)


def _count(path: Path, marker: str) -> int:
    return path.read_bytes().count(marker.encode())


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    folder = home / f"doctor-{os.getpid()}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)

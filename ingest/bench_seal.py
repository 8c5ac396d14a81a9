"""`tsumugi bench seal`: the envelope against plain Parquet, and its check against SHA-256 alone, in one run."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric import ed25519

from ingest import warehouse
from ingest.progress import ProgressCallback
from ingest.sealing import hpke
from ingest.sealing.opened import OpenBatch
from ingest.sealing.seal import seal
from ingest.sealing.tables import PARQUET
from ingest.sealing.unseal import open_batch

_ROUNDS = 3
_THREADS = 2
# Receipts and their lines in the shape and about the sizes (46 and 4 bytes a row) of the demo's batches: tags like
# random bytes, codes, amounts; lines in the order of their receipts. $rows lines, eight to a receipt.
_TABLES = {
    "claim": """
        SELECT sha256((range // 20000)::VARCHAR) AS source_file_id, range * 9 AS source_row,
               unhex(md5('k' || range)) AS record_key_tag, unhex(md5('i' || range // 6)) AS identity_tag,
               DATE '1950-01-01' + (hash(range // 6) % 300 * 31)::INTEGER AS birth_month, false AS is_born_on_first,
               'kokuho' AS scheme_code, '16' || lpad((range // 20000 % 15)::VARCHAR, 4, '0') AS insurer_number,
               (hash(range // 6, 1) % 2 + 1)::VARCHAR AS sex_code, unhex(md5('s' || range)) AS search_number_tag,
               true AS has_search_number, range % 20000 AS receipt_number, 'medical' AS claim_kind_code,
               (1110 + hash(range, 2) % 4 * 2)::VARCHAR AS claim_type_code, hash(range, 3) % 20 = 0 AS is_inpatient,
               DATE '2024-04-01' AS service_month, DATE '2024-05-01' AS adjudication_month, 1 AS version_number,
               false AS is_withdrawn, (1610000000 + hash(range // 6, 4) % 400)::VARCHAR AS institution_code,
               70 AS benefit_rate, (hash(range, 5) % 5 + 1)::BIGINT AS days_count,
               (hash(range, 6) % 4000)::BIGINT AS points, false AS is_summary, false AS is_public_only
        FROM range($rows // 8)""",
    "claim_item": """
        SELECT sha256((range // 160000)::VARCHAR) AS source_file_id, range AS source_row, 'kokuho' AS scheme_code,
               '16' || lpad((range // 160000 % 15)::VARCHAR, 4, '0') AS insurer_number,
               range // 8 * 9 AS parent_source_row, DATE '2024-04-01' AS service_month, range % 8 AS sequence_number,
               CASE WHEN range % 8 < 5 THEN 'SI' ELSE 'IY' END AS item_kind_code,
               (110000000 + code % 600 * 10)::VARCHAR AS item_code, (11 + code % 600 % 40)::VARCHAR AS category_code,
               '1' AS burden_code, CASE WHEN range % 8 < 5 THEN NULL ELSE code % 9 END::DECIMAL(18, 4) AS quantity,
               (code % 600 * 3)::BIGINT AS points, 1 AS times_count,
               (1 << (range // 8 % 25)::INTEGER)::BIGINT AS days_code
        FROM (SELECT range, least(hash(range) % 900, hash(range, 1) % 900)::BIGINT AS code FROM range($rows))""",
}


def run(rows: int, progress: ProgressCallback) -> dict[str, Any]:
    """Seal and open ``rows`` lines and their receipts, write and read them as plain Parquet, by turns; the best counts.

    ``seal_and_open_to_plain`` is the time of sealing, checking, and loading to that of writing and reading plain files
    that are synced like the sealed ones (goal: at most 1.10), ``check_to_sha256`` the speed of checking a batch (all
    that happens before the first row is loaded) to that of SHA-256 alone over the same bytes (goal: at least 0.5).
    ``cpu_…`` are the same by processor time.
    """
    with tempfile.TemporaryDirectory() as folder, warehouse.connect(threads=_THREADS) as connection:
        for table, query in _TABLES.items():
            connection.execute(f"CREATE TABLE {table} AS {query.replace('$rows', str(rows))}")
        bench = _Bench(Path(folder), connection)
        taken: dict[str, list[tuple[float, float]]] = {}
        for number in range(_ROUNDS):
            progress("bench seal", number, _ROUNDS)
            for name, work in bench.works():
                taken.setdefault(name, []).append(_timed(work))
        progress("bench seal", _ROUNDS, _ROUNDS)
        wall = {name: min(seconds for seconds, _ in found) for name, found in taken.items()}
        cpu = {name: min(seconds for _, seconds in found) for name, found in taken.items()}
        size = bench.size()
    return {
        "rows": rows + rows // 8,
        "megabytes": round(size / 1e6, 1),
        **{f"{name}_seconds": round(seconds, 3) for name, seconds in wall.items()},
        "seal_and_open_to_plain": round(_whole(wall), 3),
        "cpu_seal_and_open_to_plain": round(_whole(cpu), 3),
        "check_megabytes_per_second": round(size / 1e6 / wall["check"]),
        "check_to_sha256": round(wall["sha256"] / wall["check"], 3),
        "cpu_check_to_sha256": round(cpu["sha256"] / cpu["check"], 3),
    }


def _whole(seconds: dict[str, float]) -> float:
    return (seconds["seal"] + seconds["check"] + seconds["load"]) / (seconds["plain_write"] + seconds["plain_read"])


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


class _Bench:
    """One batch and one plain file of the same rows; each piece of work can be done again."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._plain = {table: folder / f"{table}.parquet" for table in _TABLES}
        self._sealed = folder / "000001"
        self._private = folder / "private"
        self._signing = os.urandom(32)
        self._public = ed25519.Ed25519PrivateKey.from_private_bytes(self._signing).public_key().public_bytes_raw()
        self._envelope = hpke.generate_private()
        self._batch: OpenBatch | None = None

    def works(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("plain_write", self._write_plain),
            ("seal", self._seal),
            ("sha256", self._hash),
            ("check", self._check),
            ("plain_read", self._read_plain),
            ("load", self._load),
        ]

    def size(self) -> int:
        """Bytes of the sealed files."""
        return sum(path.stat().st_size for path in self._sealed.glob("*.parquet"))

    def _write_plain(self) -> None:
        for table, path in self._plain.items():
            path.unlink(missing_ok=True)
            self._connection.execute(f"COPY {table} TO '{path}' ({PARQUET})")
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def _read_plain(self) -> None:
        for table, path in self._plain.items():
            query = f"CREATE OR REPLACE TABLE {table}_arrived AS FROM read_parquet(?)"
            self._connection.execute(query, [str(path)])

    def _seal(self) -> None:
        shutil.rmtree(self._sealed, ignore_errors=True)
        seal(
            self._connection,
            {table: table for table in _TABLES},
            self._sealed,
            sender="16",
            recipient="center",
            sequence=1,
            previous_hash=None,
            kind="facts",
            signing_key=self._signing,
            recipient_public=hpke.public_of(self._envelope),
        )

    def _hash(self) -> None:
        for path in self._sealed.glob("*.parquet"):
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

    def _check(self) -> None:
        self._batch = open_batch(
            self._sealed,
            self._private,
            sender="16",
            recipient="center",
            expected_sequence=1,
            previous_hash=None,
            pinned_public=self._public,
            private_key=self._envelope,
            connection=self._connection,
        )

    def _load(self) -> None:
        assert self._batch is not None
        for table in _TABLES:
            self._batch.load_new(self._connection, table, f"{table}_arrived")

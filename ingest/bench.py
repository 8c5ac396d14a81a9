"""Measures of speed, each as a ratio against something else in the same run on the same machine."""

from __future__ import annotations

import csv
import hmac
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest import formats
from ingest.formats.contracts import CONTRACTS
from ingest.identity.tokens import Tokeniser
from ingest.progress import ProgressCallback
from ingest.synth.run import synthesise
from ingest.synth.settings import SynthSettings
from ingest.workspace import create


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _lines_by_csv_module(paths: list[Path]) -> int:
    count = 0
    for path in paths:
        with path.open(encoding="cp932", errors="replace", newline="") as stream:
            count += sum(1 for _ in csv.reader(stream, quoting=csv.QUOTE_NONE))
    return count


def synth(settings: SynthSettings, progress: ProgressCallback) -> dict[str, Any]:
    """Write a synthetic world, read its claims back.

    Returns people, months, seconds to write, claims and lines of claims read back, lines per second,
    and the ratio of our reader's time to that of Python's csv module splitting the same lines.
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        create(workspace, demo=True)
        written, _ = _timed(lambda: synthesise(workspace, settings, progress))
        paths = sorted(workspace.rglob("*.UKE"))

        def read_all() -> int:
            return sum(_claims(path) for path in paths)

        split, lines = _timed(lambda: _lines_by_csv_module(paths))
        read, claims = _timed(read_all)
    return {
        "people": settings.people,
        "months": settings.months,
        "seconds_to_write": round(written, 1),
        "claims": claims,
        "claim_lines": lines,
        "lines_read_per_second": round(lines / read),
        "reader_to_csv_module_time": round(read / split, 2),
    }


def _claims(path: Path) -> int:
    try:
        return formats.read(path).tables["claim"].height
    except formats.FileRefused:
        return 0


def tokens(identities: int) -> dict[str, Any]:
    """Tokenise distinct identities; against one HMAC-SHA-256 a token in a plain loop."""
    number = pl.int_range(0, identities, eager=True)
    schema = CONTRACTS["care_claim"].plain_schema()
    values = {
        "source_row": number,
        "number": number.cast(pl.String).str.zfill(10),
        "provider_code": pl.repeat("1670100011", identities, eager=True),
        "reference_number": number.cast(pl.String),
    }
    constants = {
        "scheme_code": "care",
        "insurer_number": "169508",
        "birth_date": date(1940, 2, 3),
        "sex_code": "1",
        "service_month": date(2024, 4, 1),
        "adjudication_month": date(2024, 5, 1),
        "creation_code": "1",
        "units": 1,
        "benefit_yen": 1,
        "user_yen": 1,
    }
    table = pl.DataFrame(values).with_columns(**{k: pl.lit(v) for k, v in constants.items()})
    table = table.with_columns(**{name: pl.lit(None) for name in schema if name not in table.columns})
    table = table.select(*schema).cast(schema)  # type: ignore[arg-type]
    ours, sealed = _timed(lambda: Tokeniser(bytes(64), 1).seal_tables({"care_claim": table}, "16"))
    made = identities * 3 + sealed.identity_pass.height  # identity, record key, reference number, passes
    blocks = [bytes(63)] * made
    theirs, _ = _timed(lambda: [hmac.digest(b"k" * 32, block, "sha256") for block in blocks])
    return {
        "identities": identities,
        "tokens": made,
        "tokens_per_second": round(made / ours),
        "time_to_hmac_loop": round(ours / theirs, 2),
    }

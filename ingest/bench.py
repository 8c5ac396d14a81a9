"""Measures of speed, each as a ratio against something else in the same run on the same machine."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest import formats
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

"""How fast a receipt file is read, beside others that merely pass over the same bytes in the same run."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ingest.bench_read_tables import tables
from ingest.formats.uke import UkeReader
from ingest.progress import ProgressCallback
from ingest.synth.run import synthesise
from ingest.synth.settings import NoiseRates, chosen
from ingest.workspace import create

MEGABYTE = 1_000_000
PEOPLE, MONTHS = 1000, 6
"""The smallest world that writes every format."""
WHOLE_FILES = NoiseRates(file_twice=0, file_cut=0, file_unrecognised=0)
TABLE_MEGABYTES = 50
"""Checkup and care files are as long as the receipt file, but no longer than this."""
TIMES = 2
"""Every measure of the receipt file is the best of so many, taken in turns."""
Spent = tuple[float, float]
"""Seconds on the clock, and of the processor."""
_CHILD = "import sys; from ingest.bench_read import child; child(*sys.argv[1:])"


def read(megabytes: int, progress: ProgressCallback) -> dict[str, Any]:
    """Read one receipt file of ``megabytes``: what synthetic institutions sent in six months, repeated until the file
    is long enough: 医科, DPC, 歯科 and 調剤 in the numbers in which they came.

    Returns megabytes, lines, receipts; seconds on the clock of ``iconv`` (null where it is not installed), of Python's
    ``csv.reader`` and of our reader, its megabytes a second and ratios to both (csv_to_reader_time: how many times
    as fast; reader_to_iconv_time: how many times as long) and its peak memory in a process of its own. Seconds of the
    processor stand beside them: where the machine does much else, the clock says little. Under ``fkac167``,
    ``care_1111`` and so on the same of checkup and care files (``bench_read_tables.tables``).
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace, sample, path = (Path(folder) / name for name in ("workspace", "sample.UKE", "RECEIPTC.UKE"))
        create(workspace, demo=True)
        synthesise(workspace, chosen(people=PEOPLE, months=MONTHS).model_copy(update={"noise": WHOLE_FILES}), progress)
        _write(workspace, sample, path, megabytes * MEGABYTE, progress)
        receipts = _receipts(path, sample, progress)
        path.unlink()
        others = tables(workspace, min(megabytes, TABLE_MEGABYTES), progress)
    return {"megabytes": megabytes, **receipts, **others}


def _receipts(path: Path, sample: Path, progress: ProgressCallback) -> dict[str, Any]:
    """The figures of the receipt file."""
    iconvs: list[Spent] = []
    csvs: list[Spent] = []
    ours: list[dict[str, Any]] = []
    for turn in range(TIMES):
        progress("receipts: iconv, csv.reader, reader", turn, TIMES)
        iconvs += _iconv(path)
        spent, lines = _csv_reader(path)
        csvs.append(spent)
        ours.append(_in_child(path, sample))
    progress("receipts: iconv, csv.reader, reader", TIMES, TIMES)
    csv_seconds, csv_cpu_seconds = (min(times) for times in zip(*csvs, strict=True))
    iconv_seconds, iconv_cpu_seconds = (min(times) for times in zip(*iconvs, strict=True)) if iconvs else (None, None)
    seconds = min(figures["reader_seconds"] for figures in ours)
    return {
        "lines": lines,
        "iconv_seconds": iconv_seconds and round(iconv_seconds, 2),
        "iconv_cpu_seconds": iconv_cpu_seconds and round(iconv_cpu_seconds, 2),
        "csv_reader_seconds": round(csv_seconds, 2),
        "csv_reader_cpu_seconds": round(csv_cpu_seconds, 2),
        "claims": ours[0]["claims"],
        "rows": ours[0]["rows"],
        "reader_seconds": seconds,
        "reader_cpu_seconds": min(figures["reader_cpu_seconds"] for figures in ours),
        "peak_megabytes": max(figures["peak_megabytes"] for figures in ours),
        "megabytes_per_second": round(path.stat().st_size / MEGABYTE / seconds, 1),
        "csv_to_reader_time": round(csv_seconds / seconds, 2),
        "reader_to_iconv_time": iconv_seconds and round(seconds / iconv_seconds, 2),
    }


def child(path: str, sample: str) -> None:
    """What the process of its own does: load the compiled loops with a small file, then read and tell."""
    reader = UkeReader()
    reader.read(Path(sample))
    begun, cpu = time.perf_counter(), time.process_time()
    claims = rows = 0
    for part in reader.parts(Path(path)):
        claims += part.tables["claim"].height
        rows += sum(table.height for table in part.tables.values())
    figures = {
        "claims": claims,
        "rows": rows,
        "reader_seconds": round(time.perf_counter() - begun, 2),
        "reader_cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MEGABYTE,
    }
    sys.stdout.write(json.dumps(figures))


def _write(workspace: Path, sample: Path, path: Path, size: int, progress: ProgressCallback) -> None:
    """Fills ``sample`` with what the institutions of a workspace sent, and ``path`` with it up to ``size`` bytes."""
    # Of the provider edition alone: the insurers' closes its receipts in another way, and one file is of one edition.
    sent = (file.read_bytes() for file in sorted(workspace.rglob("*_??????.UKE")))
    months = b"".join(
        data.rstrip(b"\x1a") for data in sent if (UkeReader().recognise(data) or "").startswith("provider")
    )
    sample.write_bytes(months)
    written = 0
    with path.open("wb") as handle:
        while written < size:
            written += handle.write(months)
            progress("receipts: write megabytes", min(written, size) // MEGABYTE, size // MEGABYTE)


def _csv_reader(path: Path) -> tuple[Spent, int]:
    """What Python's own reader of CSV takes, and lines."""
    begun, cpu = time.perf_counter(), time.process_time()
    with path.open(encoding="cp932", errors="replace", newline="") as stream:
        lines = sum(1 for _ in csv.reader(stream, quoting=csv.QUOTE_NONE))
    return (time.perf_counter() - begun, time.process_time() - cpu), lines


def _iconv(path: Path) -> list[Spent]:
    """What iconv takes; empty where it is not installed."""
    program = shutil.which("iconv")
    if program is None:
        return []
    begun, cpu = time.perf_counter(), _cpu_of_children()
    subprocess.run([program, "-c", "-f", "CP932", "-t", "UTF-8", str(path)], stdout=subprocess.DEVNULL, check=False)
    return [(time.perf_counter() - begun, _cpu_of_children() - cpu)]


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _in_child(path: Path, sample: Path) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(sample)],
        stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parent.parent, env=os.environ,
    )  # fmt: skip
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures

"""How fast checkup and care files are read, beside what merely passes over the same bytes in the same run.

CSV stands beside Python's ``csv.reader``, the checkup archive beside lxml parsing its documents. Each file is a
synthetic one, repeated with other people until it is long enough, so that no reader profits from seeing the same
person again.
"""

from __future__ import annotations

import csv
import importlib
import re
import time
import zipfile
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from ingest import formats
from ingest.formats.reading import PartsReader
from ingest.progress import ProgressCallback
from ingest.synth.writers.care import write_care_1111, write_care_5311, write_care_7131
from ingest.synth.writers.fkac167 import write_fkac167

MEGABYTE = 1_000_000
TIMES = 3
"""Every measure is the best of so many, taken in turns with the one that it stands beside."""
SAMPLES = {
    "fkac167": "checkup/FKAC167_*_term3.csv",
    "care_1111": "care_claim/care_1111_*.csv",
    "care_7131": "care_claim/care_7131_*.csv",
    "care_5311": "care_certification/care_5311_*.csv",
    "care_5341": "care_certification/care_5341_*.csv",
}
ARCHIVE = "checkup/*.zip"
YOUNGEST = date(1985, 1, 1)

Figures = dict[str, Any]


def tables(workspace: Path, megabytes: int, progress: ProgressCallback) -> dict[str, Figures]:
    """Read a file of ``megabytes`` of each format, made of those of a synthetic ``workspace``.

    Returns for each megabytes, lines (of the archive: documents), seconds on the clock and of the processor of both,
    and the ratio of the clock: ``csv_to_reader_time`` how many times as fast as ``csv.reader``,
    ``reader_to_lxml_time`` how many times as long as lxml (null where it is not installed).
    """
    figures: dict[str, Figures] = {}
    for name, pattern in SAMPLES.items():
        path = workspace / f"{name}.csv"
        write_repeated(name, largest(workspace, pattern), path, megabytes * MEGABYTE)
        figures[name] = _measured(path, _by_csv_reader, "csv_reader", partial(progress, f"{name}: csv.reader, reader"))
        figures[name]["csv_to_reader_time"] = _ratio(figures[name], "csv_reader_seconds", "reader_seconds")
        path.unlink()
    archive = workspace / "archive.zip"
    _write_archive(largest(workspace, ARCHIVE), archive, megabytes * MEGABYTE)
    figures["checkup_xml"] = _measured(archive, _by_lxml, "lxml", partial(progress, "checkup_xml: lxml, reader"))
    figures["checkup_xml"]["reader_to_lxml_time"] = _ratio(figures["checkup_xml"], "reader_seconds", "lxml_seconds")
    archive.unlink()
    return figures


def _measured(
    path: Path, other: Callable[[Path], int | None], name: str, progress: Callable[[int, int], None]
) -> Figures:
    """The best seconds of our reader and of ``other``."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [], "reader": []}
    counted = None
    for turn in range(TIMES):
        progress(turn, TIMES)
        *spent, counted = _timed(other, path)
        seconds[name].append((spent[0], spent[1]))
        *spent, _ = _timed(_by_reader, path)
        seconds["reader"].append((spent[0], spent[1]))
    progress(TIMES, TIMES)
    figures: Figures = {"megabytes": round(path.stat().st_size / MEGABYTE), "lines": counted}
    for who, spent_by in seconds.items():
        is_there = who == "reader" or counted is not None
        figures[f"{who}_seconds"] = round(min(clock for clock, _ in spent_by), 3) if is_there else None
        figures[f"{who}_cpu_seconds"] = round(min(cpu for _, cpu in spent_by), 3) if is_there else None
    return figures


def _timed(work: Callable[[Path], Any], path: Path) -> tuple[float, float, Any]:
    begun, cpu = time.perf_counter(), time.process_time()
    result = work(path)
    return time.perf_counter() - begun, time.process_time() - cpu, result


def _ratio(figures: Figures, above: str, below: str) -> float | None:
    return round(figures[above] / figures[below], 2) if figures[above] and figures[below] else None


def _by_reader(path: Path) -> int:
    """Rows of all tables, in parts where the reader gives them."""
    reader, _ = formats.recognise(path)
    parts = reader.parts(path) if isinstance(reader, PartsReader) else iter([reader.read(path)])
    return sum(table.height for part in parts for table in part.tables.values())


def _by_csv_reader(path: Path) -> int:
    with path.open(encoding="cp932", errors="replace", newline="") as stream:
        return sum(1 for _ in csv.reader(stream))


def _by_lxml(path: Path) -> int | None:
    try:
        etree = importlib.import_module("lxml.etree")
    except ImportError:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    with zipfile.ZipFile(path) as archive:
        documents = [name for name in archive.namelist() if name.endswith(".xml")]
        for name in documents:
            etree.fromstring(archive.read(name), parser)
    return len(documents)


def largest(workspace: Path, pattern: str) -> Path:
    """The largest file of that name in the inboxes of a workspace."""
    return max(workspace.glob(f"site-*/inbox/{pattern}"), key=lambda path: (path.stat().st_size, path.name))


def write_repeated(name: str, sample: Path, path: Path, size: int) -> int:
    """A file of about ``size`` bytes that says what ``sample`` says, of other people each time; gives how often."""
    known = formats.read(sample).tables
    turns = -(-size // sample.stat().st_size)
    stride = 1 + max(int(rows["source_row"].to_numpy().max(initial=0)) for rows in known.values())
    people, *others = (_repeated(rows, turns, stride) for rows in known.values())
    many = dict(zip(known, (_others(people), *others), strict=True))
    if name == "fkac167":
        write_fkac167(many["checkup"], many["checkup_result"], path, edition="term3")
    elif name == "care_1111":
        claim, service, line, high_cost = (many[f"care_{part}"] for part in ("claim", "service", "line", "high_cost"))
        write_care_1111(claim, service, path, line=line, high_cost=high_cost)
    elif name == "care_7131":
        write_care_7131(many["care_claim"], many["care_service"], many["care_line"], path)
    else:
        write_care_5311(_others(people), path, record_code="5341" if name.endswith("5341") else "5311")
    return turns


def _repeated(rows: pl.DataFrame, turns: int, stride: int) -> pl.DataFrame:
    """The rows again and again under row numbers of their own, with the ``turn`` of each."""
    numbers = [name for name in ("source_row", "parent_source_row") if name in rows.columns]
    many = pl.DataFrame({"turn": range(turns)}).join(rows, how="cross", maintain_order="left_right")
    return many.with_columns(pl.col(numbers) + pl.col("turn") * stride)


def _others(people: pl.DataFrame) -> pl.DataFrame:
    """Other people in each turn, by number and birth date; none too young for a checkup."""
    number = (pl.col("number").str.to_integer(strict=False).fill_null(0) + pl.col("turn") * 7_919) % 10**7
    birth = pl.min_horizontal(pl.col("birth_date") + pl.duration(days=pl.col("turn") % 9_973), pl.lit(YOUNGEST))
    return people.with_columns(number=number.cast(pl.String).str.zfill(10), birth_date=birth)


def _write_archive(sample: Path, path: Path, size: int) -> None:
    """The documents of an archive again and again under running numbers, up to ``size`` bytes of them, of other people
    with other measurements each time."""
    random = Random(20250331)  # noqa: S311  (no secret)
    with zipfile.ZipFile(sample) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        documents = {name: whole.read(name) for name in whole.namelist() if "/DATA/" in name}
        written, running = 0, count(1)
        while written < size:
            for name, document in documents.items():
                data = _VARYING.sub(partial(_another, random), document)
                archive.writestr(f"{name[:-10]}{next(running) % 10**6:06}.xml", data)
                written += len(data)


_VARYING = re.compile(
    rb'(?P<head>6\.205" extension="|birthTime value="|"PQ" value=")(?P<text>[0-9]+)(?P<places>\.[0-9]+)?(?=")'
)


def _another(random: Random, found: re.Match[bytes]) -> bytes:
    """Another number of a person, birth date or measured value in place of one."""
    head, text, places = found["head"], found["text"], found["places"] or b""
    if head.startswith(b"birth"):
        return head + f"{random.randint(1940, 1984)}{random.randint(1, 12):02}{random.randint(1, 28):02}".encode()
    if head.startswith(b"6."):
        return head + str(random.randrange(10 ** len(text))).zfill(len(text)).encode()
    return head + f"{random.gauss(1, 0.15) * float(text + places):.{max(len(places) - 1, 0)}f}".encode()

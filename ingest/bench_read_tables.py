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
from collections.abc import Callable, Iterator
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

Figures = dict[str, Any]


def tables(workspace: Path, megabytes: int, progress: ProgressCallback) -> dict[str, Figures]:
    """Read a file of ``megabytes`` of each format, made of those of a synthetic ``workspace``.

    Returns for each megabytes, lines (of the archive: documents), seconds on the clock and of the processor of both,
    and the ratio of the clock: ``csv_to_reader_time`` how many times as fast as ``csv.reader``,
    ``reader_to_lxml_time`` how many times as long as lxml (null where it is not installed).
    """
    figures: dict[str, Figures] = {}
    for done, (name, pattern) in enumerate(SAMPLES.items()):
        progress("read checkups and care", done, len(SAMPLES) + 1)
        path = workspace / f"{name}.csv"
        _write(name, _largest(workspace, pattern), path, megabytes * MEGABYTE)
        figures[name] = _measured(path, _by_csv_reader, "csv_reader")
        figures[name]["csv_to_reader_time"] = _ratio(figures[name], "csv_reader_seconds", "reader_seconds")
        path.unlink()
    archive = workspace / "archive.zip"
    _write_archive(_largest(workspace, ARCHIVE), archive, megabytes * MEGABYTE)
    figures["checkup_xml"] = _measured(archive, _by_lxml, "lxml")
    figures["checkup_xml"]["reader_to_lxml_time"] = _ratio(figures["checkup_xml"], "reader_seconds", "lxml_seconds")
    archive.unlink()
    progress("read checkups and care", len(SAMPLES) + 1, len(SAMPLES) + 1)
    return figures


def _measured(path: Path, other: Callable[[Path], int | None], name: str) -> Figures:
    """The best seconds of our reader and of ``other``."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [], "reader": []}
    counted = None
    for _ in range(TIMES):
        *spent, counted = _timed(other, path)
        seconds[name].append((spent[0], spent[1]))
        *spent, _ = _timed(_by_reader, path)
        seconds["reader"].append((spent[0], spent[1]))
    figures: Figures = {"megabytes": round(path.stat().st_size / MEGABYTE), "lines": counted}
    for who, spent_by in seconds.items():
        is_there = who == "reader" or counted is not None
        figures[f"{who}_seconds"] = round(min(clock for clock, _ in spent_by), 2) if is_there else None
        figures[f"{who}_cpu_seconds"] = round(min(cpu for _, cpu in spent_by), 2) if is_there else None
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


def _largest(workspace: Path, pattern: str) -> Path:
    return max(workspace.glob(f"site-*/inbox/{pattern}"), key=lambda path: (path.stat().st_size, path.name))


def _write(name: str, sample: Path, path: Path, size: int) -> None:
    """Fills ``path`` up to ``size`` bytes with what ``sample`` says, of other people each time."""
    known = formats.read(sample).tables
    copies = (_copy(name, known, turn, path.with_suffix(".part")) for turn in count())
    if name == "fkac167":
        _write_headed(copies, path, size)
    else:
        _write_framed(copies, path, size)


def _copy(name: str, known: dict[str, pl.DataFrame], turn: int, part: Path) -> bytes:
    """The bytes of one more file of the same records with other numbers and birth dates."""
    number = (pl.col("number").str.to_integer(strict=False).fill_null(0) + turn * 7_919) % 10**7
    birth = pl.col("birth_date") + pl.duration(days=turn % 9_973)
    first = next(iter(known))
    people = known[first].with_columns(number=number.cast(pl.String).str.zfill(10), birth_date=birth)
    if name == "fkac167":
        people = people.with_columns(birth_date=pl.min_horizontal("birth_date", pl.lit(date(1985, 1, 1))))
        write_fkac167(people, known["checkup_result"], part, edition="term3")
    elif name == "care_1111":
        write_care_1111(people, known["care_service"], part, line=known["care_line"], high_cost=known["care_high_cost"])
    elif name == "care_7131":
        write_care_7131(people, known["care_service"], known["care_line"], part)
    else:
        write_care_5311(people, part, record_code="5341" if name.endswith("5341") else "5311")
    data = part.read_bytes()
    part.unlink()
    return data


def _write_headed(copies: Iterator[bytes], path: Path, size: int) -> None:
    """Title and heading once, then the rows of every copy."""
    written = 0
    with path.open("wb") as handle:
        for data in copies:
            title, heading, rows = data.split(b"\r\n", 2)
            written += handle.write(rows if written else b"\r\n".join((title, heading, rows)))
            if written >= size:
                return


def _write_framed(copies: Iterator[bytes], path: Path, size: int) -> None:
    """One frame around the records of every copy, numbered through."""
    control, records, written = b"", [], 0
    for data in copies:
        control, *own, _, _ = data.split(b"\r\n")
        records += [record.split(b",", 2)[2] for record in own]
        written += len(data)
        if written >= size:
            break
    quote = b'"' if control.startswith(b'"') else b""
    head = control.split(b",")
    head[3] = quote + str(len(records)).encode() + quote
    with path.open("wb") as handle:
        handle.write(b",".join(head) + b"\r\n")
        for number, record in enumerate(records, start=2):
            handle.write(quote + b"2" + quote + b"," + quote + str(number).encode() + quote + b"," + record + b"\r\n")
        handle.write(quote + b"3" + quote + b"," + quote + str(len(records) + 2).encode() + quote + b"\r\n")


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

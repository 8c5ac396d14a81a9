"""`tsumugi bench extract`: a site's whole extract of one large UKE file, against its reader alone."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from ingest import formats, stopwatch
from ingest import settings as settings_module
from ingest.progress import ProgressCallback, silent
from ingest.quality import suites
from ingest.sealing.keys import create_keys
from ingest.site.extract import extract
from ingest.synth.run import synthesise
from ingest.synth.settings import chosen
from ingest.workspace import create

SITE = "16"
_SEARCH_NUMBER = re.compile(rb",20\d{4}(\d{24}),")
_INSURED_NUMBER = re.compile(rb"^(HO,[^,]*,[^,]*),([^,]*),", re.MULTILINE)


def run(megabytes: int, progress: ProgressCallback) -> dict[str, Any]:
    """Write one UKE file of about ``megabytes``, read it, extract it; seconds, megabytes a second and the ratio.

    ``ratio`` is the time of the extract (read, check, tokenise, keep, seal, archive) to that of the reader
    alone, ``processor_ratio`` the same of the time that processors worked, which a busy machine changes less;
    ``shares`` the seconds of its parts by the clock, which go on beside each other: reading, judging (gate, count),
    keeping (tokenise, write, sum), telling the directory. The libraries of gate and reader, which take seconds to load,
    are loaded before.
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        create(workspace, demo=True)
        settings = settings_module.load(workspace)
        create_keys(settings)
        synthesise(workspace, chosen(people=300, months=1), silent)
        inbox = settings.site(SITE).inbox
        small = max(inbox.rglob("*.UKE"), key=lambda path: path.stat().st_size)
        formats.read(small)  # whatever a reader makes ready once is made ready here
        written = small.read_bytes()
        shutil.rmtree(inbox)
        path = inbox / "medical" / "large.UKE"
        path.parent.mkdir(parents=True)
        enlarge(written, megabytes << 20, path)
        suites.prepare()
        progress("bench: the reader alone", 0, 2)
        start, worked = time.perf_counter(), time.process_time()
        claims = formats.read(path).tables["claim"].height
        alone, alone_worked = time.perf_counter() - start, time.process_time() - worked
        progress("bench: the whole extract", 1, 2)
        size = path.stat().st_size / 1e6
        with stopwatch.measured() as laps:
            start, worked = time.perf_counter(), time.process_time()
            figures = extract(settings, SITE, silent)
            whole, whole_worked = time.perf_counter() - start, time.process_time() - worked
        progress("bench: the whole extract", 2, 2)
    return {
        "megabytes": round(size, 1),
        "claims": claims,
        "rows_sealed": figures["rows_sealed"],
        "reader_seconds": round(alone, 2),
        "extract_seconds": round(whole, 2),
        "reader_megabytes_per_second": round(size / alone, 1),
        "extract_megabytes_per_second": round(size / whole, 1),
        "ratio": round(whole / alone, 2),
        "processor_ratio": round(whole_worked / alone_worked, 2),
        "shares": {part: round(seconds, 2) for part, seconds in laps.items()},
    }


def enlarge(written: bytes, size: int, path: Path) -> None:
    """Repeat a UKE file until it has ``size`` bytes: other receipts of other people each time.

    Within one copy a person keeps the receipts that the file has of them.
    """
    body = written.removesuffix(b"\x1a")
    people: dict[tuple[int, bytes], int] = {}

    def renumbered(found: re.Match[bytes]) -> bytes:
        number = people.setdefault((copy, found[0]), len(people) + 1)
        return b"%s,%08d," % (found[1], number)

    with path.open("wb") as stream:
        copy = 0
        while stream.tell() < size:
            receipts = _SEARCH_NUMBER.sub(rb",%06d\1," % (200000 + copy), body)
            stream.write(_INSURED_NUMBER.sub(renumbered, receipts))
            copy += 1
        stream.write(b"\x1a")

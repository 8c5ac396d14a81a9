"""Reader of receipts in レセプト電算 (UKE) files: 医科, DPC, 歯科, 調剤, as institutions send them, as insurers
receive them (columns before the record id, MN … RC around a receipt) and as they are returned (HR).

Source: 記録条件仕様 and samples, domain/formats.md 0 and 1; positions in ``layouts/uke_*.csv``. The rooms:
``uke_blocks`` cuts the file, ``uke_survey`` looks it over, ``uke_scan`` makes arrays of a block with the loops of
``uke_lines`` and ``uke_columns``, ``uke_claims``, ``uke_diagnoses`` and ``uke_items`` make the tables, ``uke_codes``
says what codes mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from ingest.formats.bits import Array
from ingest.formats.reading import FileRefused, Problem, Reading, empty_set_aside, empty_tables, reasons
from ingest.formats.uke_blocks import BLOCK_BYTES, Block, load, record_id
from ingest.formats.uke_claims import claim_table
from ingest.formats.uke_columns import NUMBER
from ingest.formats.uke_diagnoses import diagnosis_table
from ingest.formats.uke_items import item_table, read_items
from ingest.formats.uke_layout import fields, record_uses
from ingest.formats.uke_scan import Columns, Scan, scan
from ingest.formats.uke_survey import Survey, in_threads, survey
from ingest.formats.uke_values import VALID

TABLES = ("claim", "claim_diagnosis", "claim_item")
HEAD_BYTES = 65536
_FIRST_RECORDS = ("IR", "RE", "MN", "HI", "HR", "YK", "UK")


def _ascii_view(head: bytes) -> bytes:
    """The head with its ASCII part readable, whatever the encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace").encode("utf-8")
    return head.removeprefix(b"\xef\xbb\xbf")


def _edition(view: bytes) -> str | None:
    """provider, insurer or returned, with the era of its dates; None when these are no receipts."""
    lines = [line for line in (line.rstrip(b"\r\x1a") for line in view.split(b"\n")) if line]
    ids = [record_id(line) for line in lines]
    if not ids or ids[0] not in _FIRST_RECORDS or lines[0].count(b",") < 3:
        return None
    if ids[0] == "RE" and lines[0].count(b",") < 11:
        return None
    if "HR" in ids or "HI" in ids:
        kind = "returned"
    elif "MN" in ids or not re.match(rb"[A-Z]{2},", lines[0]):
        kind = "insurer"
    else:
        kind = "provider"
    receipts = [line for line, name in zip(lines, ids, strict=True) if name == "RE"]
    if not receipts:
        return kind
    columns = receipts[0].split(b",")
    month = columns[columns.index(b"RE") + fields("RE")["service_month"] :][:1]
    return f"{kind}-{'wareki' if month and len(month[0]) == 5 else 'seireki'}"


@dataclass
class _Sums:
    """What the parts of a file add up to, held against its totals (GO)."""

    claims_aside: int = 0
    with_insurer: int = 0
    points: int = 0
    summaries: int = 0  # 総括, whose children repeat the money
    summary_points: int = 0
    totals: int = 0
    announced_receipts: int = 0
    announced_points: int = 0

    def add(self, part: _Sums) -> None:
        for name, value in vars(part).items():
            setattr(self, name, getattr(self, name) + value)


def _sums(block: Scan, claims: pl.DataFrame, claims_aside: int) -> _Sums:
    points, is_summary = claims["original_points"], claims["is_summary"]
    lines = block.lines_of("GO")
    totals = Columns(block, lines, "GO", {"receipt_count": NUMBER, "points": NUMBER})
    announced = [int(value[state == VALID].sum()) for value, state in map(totals.value, ("receipt_count", "points"))]
    return _Sums(
        claims_aside,
        len(claims) - int(claims["is_public_only"].sum()),
        int(points.sum()),
        int(is_summary.sum()),
        int(points.filter(is_summary).sum()),
        len(lines),
        *announced,
    )


class UkeReader:
    """Reads receipts of all kinds into claim, claim_diagnosis and claim_item."""

    format = "uke"
    stream = "medical"
    calls_back = False

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self.block_bytes = block_bytes

    def recognise(self, head: bytes) -> str | None:
        """Edition ('provider-seireki', 'insurer-wareki', 'returned-seireki', …) or None.

        Receipts in another encoding are recognised, and refused when read.
        """
        return _edition(_ascii_view(head))

    def read(self, path: Path) -> Reading:
        """The receipts of one file; raises as ``parts``."""
        parts = list(self.parts(path))
        whole = parts[-1]
        whole.tables = {name: pl.concat([part.tables[name] for part in parts]) for name in TABLES}
        whole.set_aside = pl.concat([part.set_aside for part in parts])
        return whole

    def parts(self, path: Path) -> Iterator[Reading]:
        """The receipts of one file, some at a time, in memory that does not grow with the file.

        The last part holds no rows but what is said of the whole file: ``records``, ``months``, ``problems``.
        Raises FileRefused before the first part, or not at all: 'unrecognised' (no receipts), 'encoding',
        'truncated' (the last line is torn, or an institution's GO or a receipt's RC is missing; what could be read
        comes with the exception).
        """
        with path.open("rb") as handle:
            edition = _edition(_ascii_view(handle.read(HEAD_BYTES)))
            if edition is None:
                raise FileRefused("unrecognised", "レセプト電算の記録が見つかりません")
            handle.seek(0)
            if handle.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise FileRefused("encoding", "UTF-16で書かれています", line=1)
            handle.seek(0)
            found = survey(handle, self.block_bytes)
            if found.is_unreadable:
                raise FileRefused(
                    "encoding",
                    f"読めない文字が{found.unreadable}字あります",
                    line=found.first_unreadable,
                    records=found.records,
                )
            parts = self._parts(handle, edition, found)
            message, line = found.fault(edition)
            if not message:
                yield from parts
                return
            read = list(parts)
        raise FileRefused(
            "truncated",
            message,
            line=line,
            records=found.records,
            tables={name: pl.concat([part.tables[name] for part in read]) for name in TABLES},
            set_aside=pl.concat([part.set_aside for part in read]),
        )

    def _parts(self, handle: BinaryIO, edition: str, found: Survey) -> Iterator[Reading]:
        sums, months = _Sums(), pl.Series([], dtype=pl.Date)
        jobs = ((block, load(handle, block)) for block in found.blocks)
        for part, of_part in in_threads(lambda job: _read_block(*job), jobs):
            sums.add(of_part)
            months = pl.concat([months, part.tables["claim"]["service_month"]]).unique()
            yield Reading(self.format, edition, [], {}, part.tables, part.set_aside)
        yield Reading(
            format=self.format,
            edition=edition,
            months=months.sort().dt.strftime("%Y-%m").to_list(),
            records=found.records,
            tables=empty_tables(*TABLES),
            set_aside=empty_set_aside(),
            problems=_problems(found, sums),
        )


@dataclass(frozen=True)
class _Part:
    """The tables of one block."""

    tables: dict[str, pl.DataFrame]
    set_aside: pl.DataFrame


def _read_block(block: Block, data: Array) -> tuple[_Part, _Sums]:
    """A block as tables. Runs in threads, which it may since nothing of it is called back from Polars."""
    scanned = scan(data, block)
    items = read_items(scanned)
    claims = claim_table(scanned, items.receipt_points)
    diagnoses, diagnoses_aside = diagnosis_table(scanned, claims.parents)
    lines, lines_aside = item_table(scanned, items, claims.parents)
    tables = {"claim": claims.table, "claim_diagnosis": diagnoses, "claim_item": lines}
    aside = [part for part in (claims.set_aside, diagnoses_aside, lines_aside) if len(part)]
    part = _Part(tables, pl.concat(aside) if aside else empty_set_aside())
    return part, _sums(scanned, claims.table, len(claims.set_aside))


def _problems(found: Survey, sums: _Sums) -> list[Problem]:
    """What concerns the file and no single row."""
    known, words = record_uses(), reasons()
    problems = [
        Problem(
            "",
            found.first_line[name],
            name,
            "unknown_record",
            f"記録{name}を{count}件読み飛ばしました",
            words["unknown_record"].remedy_ja,
        )
        for name, count in found.records.items()
        if name not in known
    ]
    if found.unreadable:
        problems.append(
            Problem(
                "",
                found.first_unreadable,
                "",
                "encoding",
                f"読めない文字(外字など)が{found.unreadable}字あります。置き換えて取り込みました",
                "外字を使っていないか送付元に確かめてください",
            )
        )
    return problems + _total_problems(found, sums)


def _total_problems(found: Survey, sums: _Sums) -> list[Problem]:
    """GO announces the HO and KO records and the points of the receipts; HO of a correction not counted.

    Whether it counts a 総括 or its children is not known: either agrees.
    """
    if not sums.totals or sums.claims_aside:
        return []
    corrected = found.records.get("HO", 0) - sums.with_insurer
    counted = found.records.get("HO", 0) + found.records.get("KO", 0) - corrected
    problems = []
    if not counted - sums.summaries <= sums.announced_receipts <= counted:
        problems.append(_total_problem(found, "receipt_count", f"件数は{sums.announced_receipts}、記録は{counted}です"))
    if sums.announced_points not in (sums.points, sums.points - sums.summary_points):
        problems.append(
            _total_problem(found, "points", f"点数は{sums.announced_points}、レセプトの合計は{sums.points}です")
        )
    return problems


def _total_problem(found: Survey, field: str, message: str) -> Problem:
    remedy = reasons()["total_mismatch"].remedy_ja
    return Problem("claim", found.first_line["GO"], field, "total_mismatch", f"請求書(GO)の{message}", remedy)


READERS = (UkeReader(),)

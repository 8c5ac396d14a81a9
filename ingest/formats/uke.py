"""Reader of receipts in レセプト電算 (UKE) files: 医科, DPC, 歯科, 調剤, as institutions send them, as insurers
receive them (columns before the record id, MN … RC around a receipt) and as they are returned (HR).

Source: 記録条件仕様 and samples, domain/formats.md 0 and 1; positions in ``layouts/uke_*.csv``. The rooms:
``uke_blocks`` cuts the file, ``uke_survey`` looks it over, ``uke_scan`` makes arrays of a block with the loops
of ``uke_kernels``, ``uke_claims``, ``uke_diagnoses`` and ``uke_items`` make the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from ingest.formats.reading import FileRefused, Problem, Reading, empty_set_aside, empty_tables, reasons
from ingest.formats.uke_blocks import BLOCK_BYTES, last_head, receipt_blocks, record_id
from ingest.formats.uke_claims import claim_table
from ingest.formats.uke_diagnoses import diagnosis_table
from ingest.formats.uke_items import Items, item_table, read_items
from ingest.formats.uke_kernels import VALID
from ingest.formats.uke_layout import fields, record_uses
from ingest.formats.uke_scan import Columns, Scan, scan
from ingest.formats.uke_survey import Survey, survey

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

    claims: int = 0
    with_insurer: int = 0
    points: int = 0
    summary_points: int = 0  # of 総括, whose children repeat the money
    summaries: int = 0
    claims_aside: int = 0
    announced_receipts: int | None = None
    announced_points: int = 0

    def take(self, block: Scan, claims: pl.DataFrame, set_aside: pl.DataFrame) -> None:
        self.claims += claims.height
        self.with_insurer += claims.filter(~pl.col("is_public_only")).height
        self.points += int(claims["original_points"].sum())
        summaries = claims.filter("is_summary")
        self.summaries += summaries.height
        self.summary_points += int(summaries["original_points"].sum())
        self.claims_aside += set_aside.filter(pl.col("table_name") == "claim").height
        totals = block.lines_of("GO")
        if len(totals):
            columns = Columns(block, totals, "GO")
            (receipts, receipts_state), (points, points_state) = (
                columns.number("receipt_count"),
                columns.number("points"),
            )
            self.announced_receipts = (self.announced_receipts or 0) + int(receipts[receipts_state == VALID].sum())
            self.announced_points += int(points[points_state == VALID].sum())


class UkeReader:
    """Reads receipts of all kinds into claim, claim_diagnosis and claim_item."""

    format = "uke"
    stream = "medical"

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
            found = survey(handle)
            if found.is_unreadable:
                raise FileRefused(
                    "encoding",
                    f"読めない文字が{found.unreadable}字あります",
                    line=found.first_unreadable,
                    records=found.records,
                )
            handle.seek(0)
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
        for block, items in _prepared(receipt_blocks(handle, self.block_bytes), found.torn):
            claims = claim_table(block, items.receipt_points)
            diagnoses, diagnoses_aside = diagnosis_table(block, claims.parents)
            lines, lines_aside = item_table(block, items, claims.parents)
            set_aside = pl.concat([claims.set_aside, diagnoses_aside, lines_aside])
            sums.take(block, claims.table, set_aside)
            months = pl.concat([months, claims.table["service_month"]]).unique()
            tables = {"claim": claims.table, "claim_diagnosis": diagnoses, "claim_item": lines}
            yield Reading(self.format, edition, [], {}, tables, set_aside)
        yield Reading(
            format=self.format,
            edition=edition,
            months=months.sort().dt.strftime("%Y-%m").to_list(),
            records=found.records,
            tables=empty_tables(*TABLES),
            set_aside=empty_set_aside(),
            problems=_problems(found, sums),
        )


def _prepared(blocks: Iterator[bytes], torn: bytes) -> Iterator[tuple[Scan, Items]]:
    """Blocks as arrays; the next one is made by a thread of its own, which uses compiled loops alone, while the
    one before is in use."""
    before: Future[tuple[Scan, Items]] | None = None
    first_row, carried = 1, b""
    with ThreadPoolExecutor(max_workers=1) as pool:
        for data in blocks:
            body = data.removesuffix(torn) if torn and data.endswith(torn) else data
            job = pool.submit(_prepare, body, first_row, carried)
            if before is not None:
                yield before.result()
            before = job
            first_row += data.count(b"\n")
            carried = last_head(data) or carried
        if before is not None:
            yield before.result()


def _prepare(data: bytes, first_row: int, carried: bytes) -> tuple[Scan, Items]:
    block = scan(data, first_row, carried)
    return block, read_items(block)


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
    if sums.announced_receipts is None or sums.claims_aside:
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

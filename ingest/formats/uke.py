"""Reader of 医科 receipts in レセプト電算 (UKE) files, as institutions send them, as insurers receive
them (columns before the record id, MN … RC around a receipt) and as they are returned (HR).

Source: 記録条件仕様 医科 and samples, domain/formats.md 0 and 1; positions in ``layouts/uke_*.csv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import polars as pl

from ingest.formats.reading import FileRefused, Problem, Reading, empty_set_aside, empty_tables, reasons
from ingest.formats.uke_blocks import (
    BLOCK_BYTES,
    MAXIMUM_UNREADABLE_SHARE,
    decode,
    receipt_blocks,
    record_id,
    refuse_other_encoding,
    torn_tail,
)
from ingest.formats.uke_layout import fields, record_uses
from ingest.formats.uke_rows import read_block, with_owner, with_records

TABLES = ("claim", "claim_diagnosis", "claim_item")
HEAD_BYTES = 65536
NO_RECORD = "(none)"
"""Key in ``records`` of lines that begin with no record id."""

_FIRST_RECORDS = ("IR", "RE", "MN", "HI", "HR", "YK", "UK")
_UNREAD_POINT_TABLES = {"3": "歯科", "4": "調剤"}


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


def _point_table(view: bytes) -> str | None:
    """点数表 of the first IR (or YK) record."""
    for line in (line.rstrip(b"\r\x1a") for line in view.split(b"\n")):
        name = record_id(line)
        if name == "YK":
            return "4"
        if name == "IR":
            columns = line.split(b",")
            place = columns.index(b"IR") + fields("IR")["point_table_code"]
            return columns[place].decode("ascii", "replace").strip() if place < len(columns) else None
    return None


@dataclass
class _Whole:
    """What is carried from block to block and judged at the end of the file."""

    records: dict[str, int] = field(default_factory=dict)
    first_line: dict[str, int] = field(default_factory=dict)
    institution: pl.DataFrame | None = None  # the IR record in force
    order: list[pl.DataFrame] = field(default_factory=list)  # IR and GO records in file order
    last_id: str | None = None
    characters: int = 0
    unreadable: int = 0
    first_unreadable: int | None = None
    announced_receipts: int | None = None  # Σ GO 総件数
    announced_points: int = 0

    def take(self, frame: pl.DataFrame) -> None:
        """Counts the records of one block (without the IR carried into it)."""
        named = frame.with_columns(pl.col("id").fill_null(NO_RECORD))
        counts = named.group_by("id").agg(pl.len().alias("n"), pl.col("source_row").min().alias("first"))
        for name, number, first in counts.sort("first").iter_rows():
            self.records[name] = self.records.get(name, 0) + number
            self.first_line.setdefault(name, first)
        self.order.append(named.filter(pl.col("id").is_in(["IR", "GO"])).select("source_row", "id"))
        if len(named):
            self.last_id = named["id"][-1]
        heads = frame.filter(pl.col("id") == "IR")
        if len(heads):
            self.institution = heads.tail(1)
        totals = frame.filter(pl.col("id") == "GO").select(pl.col("body").str.split(","))["body"]
        if len(totals):
            places = fields("GO")
            receipts, points = (
                int(totals.list.get(places[name], null_on_oob=True).cast(pl.Int64, strict=False).sum())
                for name in ("receipt_count", "points")
            )
            self.announced_receipts = (self.announced_receipts or 0) + receipts
            self.announced_points += points


class UkeReader:
    """Reads 医科 receipts into claim, claim_diagnosis and claim_item."""

    format = "uke"
    stream = "medical"

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self.block_bytes = block_bytes

    def recognise(self, head: bytes) -> str | None:
        """Edition ('provider-seireki', 'insurer-wareki', 'returned-seireki', …) or None.

        Receipts of dentistry and pharmacy are recognised as 'dental' and 'pharmacy', and refused
        when read; receipts in another encoding likewise.
        """
        view = _ascii_view(head)
        edition = _edition(view)
        if edition is None:
            return None
        return {"3": "dental", "4": "pharmacy"}.get(_point_table(view) or "", edition)

    def read(self, path: Path) -> Reading:
        """The receipts of one file.

        Raises FileRefused: 'unrecognised' (no receipts, or not of 医科), 'encoding', 'truncated' (the
        last line is torn, or an institution's GO or a receipt's RC is missing; what could be read
        comes with the exception).
        """
        with path.open("rb") as handle:
            view = _ascii_view(handle.read(HEAD_BYTES))
            edition = _edition(view)
            if edition is None:
                raise FileRefused("unrecognised", "レセプト電算の記録が見つかりません")
            other = _UNREAD_POINT_TABLES.get(_point_table(view) or "")
            if other:
                raise FileRefused(
                    "unrecognised",
                    f"{other}のレセプトです。医科だけを取り込みます",
                    remedy="医科のレセプトのファイルを置いてください",
                )
            handle.seek(0)
            start = handle.read(2)
            if start in (b"\xff\xfe", b"\xfe\xff"):
                raise FileRefused("encoding", "UTF-16で書かれています", line=1)
            handle.seek(0)
            return self._read(handle, edition)

    def _read(self, handle: BinaryIO, edition: str) -> Reading:
        whole = _Whole()
        tables: dict[str, list[pl.DataFrame]] = {name: [frame] for name, frame in empty_tables(*TABLES).items()}
        aside = [empty_set_aside()]
        lines_before, torn, has_told_encoding = 0, b"", False
        for data in receipt_blocks(handle, self.block_bytes):
            torn = torn_tail(data)
            if not has_told_encoding:
                refuse_other_encoding(data)
                has_told_encoding = not data.isascii()
            block = decode(data.removesuffix(torn) if torn else data, lines_before)
            lines_before += block.lines
            whole.characters += block.characters
            whole.unreadable += block.unreadable
            if block.unreadable and whole.first_unreadable is None:
                bad = pl.col("line").str.contains("[\ufffd\ue000-\uf8ff]")
                whole.first_unreadable = block.frame.filter(bad)["source_row"][0]
            frame = with_records(block.frame)
            carried = pl.concat([whole.institution, frame]) if whole.institution is not None else frame
            whole.take(frame)
            rows = read_block(with_owner(carried))
            for name, table in rows.tables.items():
                tables[name].append(table)
            aside.append(rows.set_aside)
        if whole.unreadable > MAXIMUM_UNREADABLE_SHARE * whole.characters:
            raise FileRefused(
                "encoding",
                f"読めない文字が{whole.unreadable}字あります",
                line=whole.first_unreadable,
                records=whole.records,
            )
        reading = Reading(
            format=self.format,
            edition=edition,
            months=[],
            records=whole.records,
            tables={name: pl.concat(parts) for name, parts in tables.items()},
            set_aside=pl.concat(aside),
        )
        claims = reading.tables["claim"]
        reading.months = claims["service_month"].unique().sort().dt.strftime("%Y-%m").to_list()
        self._refuse_truncated(whole, reading, torn, lines_before)
        reading.problems = _problems(whole, claims, len(reading.set_aside.filter(pl.col("table_name") == "claim")))
        return reading

    def _refuse_truncated(self, whole: _Whole, reading: Reading, torn: bytes, lines: int) -> None:
        """An institution's file ends with GO; where receipts end with RC, the file ends with one."""
        message, line = "", None
        if torn:
            message, line = "最後の行が途中で切れています", lines + 1
        elif reading.edition.startswith("provider"):
            order = pl.concat(whole.order)
            open_heads = order.filter((pl.col("id") == "IR") & (pl.col("id").shift(-1, fill_value="IR") == "IR"))
            if len(open_heads):
                line = open_heads["source_row"][0]
                message = "医療機関の記録(IR)を閉じる請求書の記録(GO)がありません"
        elif "RC" in whole.records and whole.last_id not in ("RC", "GO"):
            message, line = "最後のレセプトを閉じる記録(RC)がありません", lines
        if message:
            raise FileRefused(
                "truncated",
                message,
                line=line,
                records=whole.records,
                tables=reading.tables,
                set_aside=reading.set_aside,
            )


def _problems(whole: _Whole, claims: pl.DataFrame, claims_aside: int) -> list[Problem]:
    """What concerns the file and no single row."""
    known, words, found = record_uses(), reasons(), []
    for name, count in whole.records.items():
        if name not in known:
            found.append(
                Problem(
                    "",
                    whole.first_line[name],
                    name,
                    "unknown_record",
                    f"記録{name}を{count}件読み飛ばしました",
                    words["unknown_record"].remedy_ja,
                )
            )
    if whole.unreadable:
        found.append(
            Problem(
                "",
                whole.first_unreadable,
                "",
                "encoding",
                f"読めない文字(外字など)が{whole.unreadable}字あります。置き換えて取り込みました",
                "外字を使っていないか送付元に確かめてください",
            )
        )
    found += _total_problems(whole, claims, claims_aside)
    return found


def _total_problems(whole: _Whole, claims: pl.DataFrame, claims_aside: int) -> list[Problem]:
    """GO announces the HO and KO records and the points of the receipts; HO of a correction not counted."""
    if whole.announced_receipts is None or claims_aside:
        return []
    corrected = whole.records.get("HO", 0) - claims.filter(~pl.col("is_public_only")).height
    counted = whole.records.get("HO", 0) + whole.records.get("KO", 0) - corrected
    points = claims["original_points"].sum()
    remedy = reasons()["total_mismatch"].remedy_ja
    line = whole.first_line["GO"]
    found = []
    if whole.announced_receipts != counted:
        found.append(
            Problem(
                "claim",
                line,
                "receipt_count",
                "total_mismatch",
                f"請求書(GO)の件数は{whole.announced_receipts}、記録は{counted}です",
                remedy,
            )
        )
    if whole.announced_points != points:
        found.append(
            Problem(
                "claim",
                line,
                "points",
                "total_mismatch",
                f"請求書(GO)の点数は{whole.announced_points}、レセプトの合計は{points}です",
                remedy,
            )
        )
    return found


READERS = (UkeReader(),)

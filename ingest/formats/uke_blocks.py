"""A receipt file as blocks of whole receipts: constant memory, lines decoded and numbered.

A block ends where a receipt begins (the first of a run of MN, HI, IR, RE records), so that no
receipt lies in two blocks. The encoding is CP932; other encodings are told and refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from ingest.formats.reading import FileRefused

BLOCK_BYTES = 32 * 1024 * 1024
"""Bytes read at a time; a block's frames take some ten times as much memory while they are read."""

_PREFIX = rb"(?:[^,\r\n]*,){0,4}?"
_RECORD_ID = re.compile(rb"^" + _PREFIX + rb"([A-Z]{2})(?=,|[\r\n\x1a]*$)")
_START = re.compile(rb"^" + _PREFIX + rb"(?:MN|HI|IR|RE),", re.MULTILINE)
_COMPLETE_TOTAL = re.compile(rb"^" + _PREFIX + rb"GO,[0-9]*,[0-9]*,[0-9]{2}$")
_THREE_BYTE_UTF8 = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]")
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff]")  # not in CP932, or a 外字 (private use)

MAXIMUM_UNREADABLE_SHARE = 0.01
"""Share of unreadable characters above which a file is in another encoding rather than damaged."""


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: ``frame`` has source_row (1-based line number) and line; blank lines left out."""

    frame: pl.DataFrame
    lines: int
    characters: int
    unreadable: int


def record_id(line: bytes) -> str | None:
    """The record id of a line: its first column, of the first five, made of two capital letters."""
    found = _RECORD_ID.match(line)
    return found.group(1).decode("ascii") if found else None


def refuse_other_encoding(data: bytes) -> None:
    """Raises FileRefused('encoding') when the bytes are Japanese text in an encoding other than CP932."""
    if b"\x1b$" in data:
        raise FileRefused("encoding", "JIS(ISO-2022-JP)で書かれています")
    if data.isascii():
        return
    if data.startswith(b"\xef\xbb\xbf"):
        raise FileRefused("encoding", "UTF-8(BOM付き)で書かれています", line=1)
    if _THREE_BYTE_UTF8.search(data) and _decodes(data, "utf-8"):
        raise FileRefused("encoding", "UTF-8で書かれています")
    text = data.decode("cp932", errors="replace")
    others = len(text) - len(text.encode("ascii", errors="ignore"))
    if len(_HALF_WIDTH_KANA.findall(text)) * 2 > others and _decodes(data, "euc_jp"):
        raise FileRefused("encoding", "EUC-JPで書かれています")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def torn_tail(data: bytes) -> bytes:
    """The last line when it does not end: no line end, no 0x1A, and not a whole GO record."""
    if not data or data.endswith((b"\n", b"\x1a")):
        return b""
    last = data[data.rfind(b"\n") + 1 :]
    return b"" if _COMPLETE_TOTAL.match(last) else last


def receipt_blocks(handle: BinaryIO, size: int) -> Iterator[bytes]:
    """The file's bytes in blocks of about ``size``, each (but the first) beginning with a receipt."""
    rest = b""
    while chunk := handle.read(size):
        data = rest + chunk
        cut = _last_receipt(data)
        if cut > 0:
            yield data[:cut]
            rest = data[cut:]
        else:
            rest = data
    if rest:
        yield rest


def _last_receipt(data: bytes) -> int:
    """Offset of the last receipt's first line; 0 where none begins past the first line."""
    whole = data.rfind(b"\n") + 1
    window = 1 << 20
    while True:
        low = max(0, whole - window)
        starts = [match.start() for match in _START.finditer(data, data.rfind(b"\n", 0, low) + 1, whole)]
        if starts or low == 0:
            break
        window *= 8
    if not starts:
        return 0
    cut = starts[-1]
    while cut > 0:
        previous = data.rfind(b"\n", 0, cut - 1) + 1
        if record_id(data[previous:cut]) not in ("MN", "HI", "IR"):
            break
        cut = previous
    return cut


def decode(data: bytes, lines_before: int) -> Block:
    """The lines of one block, CP932 with what cannot be read replaced and counted."""
    text = data.decode("cp932", errors="replace")
    lines = pl.Series("line", [text]).str.split("\n").explode().str.strip_chars_end("\r\x1a")
    frame = lines.to_frame().with_row_index("source_row", offset=lines_before + 1)
    return Block(
        frame=frame.with_columns(pl.col("source_row").cast(pl.Int64)).filter(pl.col("line") != ""),
        lines=data.count(b"\n"),
        characters=len(text),
        unreadable=0 if data.isascii() else len(_UNREADABLE.findall(text)),
    )

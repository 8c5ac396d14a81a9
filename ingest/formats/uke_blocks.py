"""A receipt file as blocks of whole receipts, in constant memory.

A block ends where a receipt begins (the first of a run of MN, HI, IR, YK, RE records), so that no
receipt lies in two blocks. The encoding is CP932; other encodings are told and refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from ingest.formats.bits import Array
from ingest.formats.reading import FileRefused
from ingest.formats.uke_words import SPARE

BLOCK_BYTES = 8 * 1024 * 1024
"""Bytes read at a time; a block's arrays and tables take some ten times as much memory."""

HEAD_RECORDS = ("IR", "YK")
"""Records of an institution (医療機関, 薬局), in force for the receipts after them."""

_PREFIX = rb"(?:[^,\r\n]*,){0,4}?"
_RECORD_ID = re.compile(rb"^" + _PREFIX + rb"([A-Z]{2})(?=,|[\r\n\x1a]*$)")
_START = re.compile(rb"^" + _PREFIX + rb"(?:MN|HI|IR|YK|RE),", re.MULTILINE)
_COMPLETE_TOTAL = re.compile(rb"^" + _PREFIX + rb"GO,[0-9]*,[0-9]*,[0-9]{2}$")
_THREE_BYTE_UTF8 = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]")

MAXIMUM_UNREADABLE_SHARE = 0.01
"""Share of unreadable characters above which a file is in another encoding rather than damaged."""


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
    return b"" if _COMPLETE_TOTAL.match(last) else bytes(last)


class Block(NamedTuple):
    """Where a block stands in its file: its place and bytes, the number of its first line, its line ends, and the
    line of the IR or YK in force from blocks before (empty: none)."""

    place: int
    size: int
    first_row: int
    line_ends: int
    carried: bytes


def cut_blocks(handle: BinaryIO, wanted: int) -> Iterator[tuple[bytes, int]]:
    """The file's bytes in blocks of about ``wanted``, each (but the first) beginning with a receipt.

    Gives bytes and how many of them are the block's; at least ``SPARE`` more stand behind them.
    """
    size = wanted
    while data := handle.read(size):
        end = _last_receipt(data) if len(data) == size else len(data)
        if end == 0:
            handle.seek(-len(data), os.SEEK_CUR)
            size += wanted
            continue
        handle.seek(end - len(data), os.SEEK_CUR)
        yield (data if len(data) - end >= SPARE else data + bytes(SPARE)), end
        size = wanted


def load(handle: BinaryIO, block: Block) -> Array:
    """The bytes of a block with the carried line before them and ``SPARE`` bytes behind them."""
    head = block.carried + b"\n" if block.carried else b""
    data = np.empty(len(head) + block.size + SPARE, np.uint8)
    data[: len(head)] = np.frombuffer(head, np.uint8)
    data[-SPARE:] = 0
    handle.seek(block.place)
    handle.readinto(data[len(head) : -SPARE])  # type: ignore[attr-defined]
    return data


def _last_receipt(data: bytes) -> int:
    """Offset of the last receipt's first line; 0 where none begins past the first line."""
    whole = data.rfind(b"\n") + 1
    window = 1 << 16
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
        if record_id(data[previous:cut]) not in ("MN", "HI", *HEAD_RECORDS):
            break
        cut = previous
    return cut

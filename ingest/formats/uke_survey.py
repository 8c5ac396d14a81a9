"""A receipt file looked over once before it is read: record types, encoding, and whether it is whole.

What makes the whole file unfit is known before its first receipt is handed on, so that nobody has to
take rows back. The bytes pass through compiled loops, two blocks at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import BinaryIO

import numpy as np

from ingest.formats import uke_kernels as kernels
from ingest.formats.uke_blocks import HEAD_RECORDS, MAXIMUM_UNREADABLE_SHARE, refuse_other_encoding, torn_tail
from ingest.formats.uke_scan import Array

NO_RECORD = "(none)"
"""Key in ``records`` of lines that begin with no record id."""
SURVEY_BYTES = 8 * 1024 * 1024
THREADS = 2
_CODES = 26 * 26


@dataclass
class Survey:
    """``records`` and ``first_line`` by record id in order of appearance; ``lines`` ends of lines; ``last_id`` the
    record id of the last line; ``torn`` the bytes of a last line that does not end."""

    records: dict[str, int] = field(default_factory=dict)
    first_line: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    last_id: str | None = None
    characters: int = 0
    unreadable: int = 0
    first_unreadable: int | None = None
    torn: bytes = b""
    open_head: int | None = None  # line of the first IR or YK that no GO closes
    _head: int | None = None  # of the last IR or YK so far, while it is open

    @property
    def is_unreadable(self) -> bool:
        """Whether so much cannot be read that the file is in another encoding rather than damaged."""
        return self.unreadable > MAXIMUM_UNREADABLE_SHARE * self.characters

    def fault(self, edition: str) -> tuple[str, int | None]:
        """What says that the file is cut short, and the line; an empty message where it is whole."""
        if self.torn:
            return "最後の行が途中で切れています", self.lines + 1
        if edition.startswith("provider"):
            line = self.open_head if self.open_head is not None else self._head
            if line is not None:
                return "医療機関の記録(IR・YK)を閉じる請求書の記録(GO)がありません", line
        elif "RC" in self.records and self.last_id not in ("RC", "GO"):
            return "最後のレセプトを閉じる記録(RC)がありません", self.lines
        return "", None

    def add(self, look: _Look) -> None:
        """Takes up the next block."""
        for code in look.codes:
            name = NO_RECORD if code == _CODES else kernels.record_name(code)
            self.first_line.setdefault(name, self.lines + int(look.first[code]))
            self.records[name] = self.records.get(name, 0) + int(look.count[code])
        for row, closes in zip(look.order_row.tolist(), look.order_closes.tolist(), strict=True):
            if closes:
                self._head = None
                continue
            if self._head is not None and self.open_head is None:
                self.open_head = self._head
            self._head = self.lines + row
        if look.last_code is not None:
            self.last_id = NO_RECORD if look.last_code == _CODES else kernels.record_name(look.last_code)
        if look.first_unreadable >= 0 and self.first_unreadable is None:
            self.first_unreadable = self.lines + look.first_unreadable + 1
        self.characters += look.characters
        self.unreadable += look.unreadable
        self.lines += look.line_ends


@dataclass(frozen=True)
class _Look:
    """One block: number and first line of each record, IR, YK and GO in their order, characters."""

    codes: list[int]
    count: Array
    first: Array
    order_row: Array
    order_closes: Array
    last_code: int | None
    characters: int
    unreadable: int
    first_unreadable: int
    line_ends: int


def survey(handle: BinaryIO) -> Survey:
    """Looks over the file from where ``handle`` stands. Raises FileRefused('encoding') for another encoding."""
    found = Survey()
    blocks = _blocks(handle, found)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        while group := list(islice(blocks, THREADS)):
            for look in pool.map(_look, group) if len(group) > 1 else map(_look, group):
                found.add(look)
    return found


def _blocks(handle: BinaryIO, found: Survey) -> Iterator[bytes]:
    """Blocks that end with a line; the torn last line, if any, is told and left out."""
    rest, has_told_encoding = b"", False
    while chunk := handle.read(SURVEY_BYTES):
        data = rest + chunk
        cut = data.rfind(b"\n") + 1
        rest, data = data[cut:], data[:cut]
        if not has_told_encoding:
            refuse_other_encoding(data)
            has_told_encoding = not data.isascii()
        if data:
            yield data
    found.torn = torn_tail(rest)
    rest = b"" if found.torn else rest
    if not has_told_encoding:
        refuse_other_encoding(rest)
    if rest:
        yield rest


def _look(data: bytes) -> _Look:
    buf = np.frombuffer(data, np.uint8)
    most = data.count(b"\n") + 1
    body, end, row = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    kind = np.empty(most, np.int16)
    lines, line_ends = kernels.find_lines(buf, 1, body, end, row, kind)
    kind, row = kind[:lines], row[:lines]
    count, first = np.zeros(_CODES + 1, np.int64), np.zeros(_CODES + 1, np.int64)
    kernels.count_records(kind, row, count, first)
    codes = np.flatnonzero(count)
    order = np.flatnonzero(np.isin(kind, _order_codes()))
    characters, unreadable, bad = kernels.count_characters(buf, *_tables())
    first_unreadable = int(np.count_nonzero(buf[:bad] == kernels.NEWLINE)) if bad >= 0 else -1
    return _Look(
        [int(code) for code in codes[np.argsort(first[codes], kind="stable")]],
        count,
        first,
        row[order],
        kind[order] == kernels.record_code("GO"),
        (int(kind[-1]) if kind[-1] >= 0 else _CODES) if lines else None,
        characters,
        unreadable,
        first_unreadable,
        line_ends,
    )


@cache
def _order_codes() -> list[int]:
    return [kernels.record_code(name) for name in (*HEAD_RECORDS, "GO")]


@cache
def _tables() -> tuple[Array, Array]:
    return kernels.character_tables()

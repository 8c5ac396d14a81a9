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
from ingest.formats.uke_blocks import HEAD_RECORDS, MAXIMUM_UNREADABLE_SHARE, chunks, refuse_other_encoding, torn_tail
from ingest.formats.uke_scan import Array

NO_RECORD = "(none)"
"""Key in ``records`` of lines that begin with no record id."""
SURVEY_BYTES = 8 * 1024 * 1024
THREADS = 2
_CODES = 26 * 26
_HEAD_CODES = np.array([kernels.record_code(name) for name in HEAD_RECORDS])


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
            if code == look.last_code:
                self.last_id = name
        followed, still_open, has_any, begins_with_head = (int(value) for value in look.heads)
        if has_any:
            if begins_with_head and self.open_head is None:
                self.open_head = self._head
            if followed and self.open_head is None:
                self.open_head = self.lines + followed
            self._head = self.lines + still_open if still_open else None
        if look.first_unreadable and self.first_unreadable is None:
            self.first_unreadable = self.lines + look.first_unreadable
        self.characters += look.characters
        self.unreadable += look.unreadable
        self.lines += look.line_ends


@dataclass(frozen=True)
class _Look:
    """One block: record ids in their order with number and first line, heads, characters (``kernels.survey``)."""

    codes: list[int]
    count: Array
    first: Array
    heads: Array
    last_code: int
    characters: int
    unreadable: int
    first_unreadable: int
    line_ends: int


def survey(handle: BinaryIO) -> Survey:
    """Looks over the file from where ``handle`` stands. Raises FileRefused('encoding') for another encoding."""
    found = Survey()
    blocks = _blocks(handle, found)
    first = list(islice(blocks, THREADS))
    if len(first) < THREADS:
        for block in first:
            found.add(_look(block))
        return found
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        while first:
            for look in pool.map(_look, first):
                found.add(look)
            first = list(islice(blocks, THREADS))
    return found


def _blocks(handle: BinaryIO, found: Survey) -> Iterator[bytes]:
    """Blocks that end with a line; the torn last line, if any, is told and left out."""
    has_told_encoding = False
    for data in chunks(handle, SURVEY_BYTES, lambda block: block.rfind(b"\n") + 1):
        found.torn = torn_tail(data)  # only the last block can have one
        if found.torn:
            data = data[: -len(found.torn)]
        if not has_told_encoding:
            refuse_other_encoding(data)
            has_told_encoding = not data.isascii()
        yield data


def _look(data: bytes) -> _Look:
    count, first, heads = np.zeros(_CODES + 1, np.int64), np.zeros(_CODES + 1, np.int64), np.zeros(4, np.int64)
    single, pair = _tables()
    line_ends, last_code, characters, unreadable, first_unreadable = kernels.survey(
        np.frombuffer(data, np.uint8), single, pair, _HEAD_CODES, kernels.record_code("GO"), count, first, heads
    )
    codes = np.flatnonzero(count)
    return _Look(
        codes[np.argsort(first[codes], kind="stable")].tolist(),
        count,
        first,
        heads,
        _CODES if last_code == kernels.NO_RECORD else last_code,
        characters,
        unreadable,
        first_unreadable,
        line_ends,
    )


@cache
def _tables() -> tuple[Array, Array]:
    return kernels.character_tables()

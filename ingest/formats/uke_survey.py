"""A receipt file looked over once before it is read: record types, encoding, and whether it is whole.

What makes the whole file unfit is known before its first receipt is handed on, so that nobody has to
take rows back. The bytes pass through compiled loops, two blocks at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, TypeVar

import numpy as np

from ingest.formats import uke_lines as lines
from ingest.formats.bits import Array
from ingest.formats.uke_blocks import (
    BLOCK_BYTES,
    HEAD_RECORDS,
    MAXIMUM_UNREADABLE_SHARE,
    Block,
    cut_blocks,
    refuse_other_encoding,
    torn_tail,
)
from ingest.formats.uke_text import characters as characters_of_cp932

NO_RECORD = "(none)"
"""Key in ``records`` of lines that begin with no record id."""
THREADS = 2
_TELLING_BYTES = 1024 * 1024
_CODES = 26 * 26
_HEAD_CODES = np.array([lines.record_code(name) for name in HEAD_RECORDS])

_Job = TypeVar("_Job")
_Done = TypeVar("_Done")


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
    blocks: list[Block] = field(default_factory=list)
    open_head: int | None = None  # line of the first IR or YK that no GO closes
    _head: int | None = None  # of the last IR or YK so far, while it is open
    _carried: bytes = b""  # the line of the last IR or YK so far

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

    def add(self, look: _Look, size: int) -> None:
        """Takes up the next block, of ``size`` bytes."""
        for code in look.codes:
            name = NO_RECORD if code == _CODES else lines.record_name(code)
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
        place = self.blocks[-1].place + self.blocks[-1].size if self.blocks else 0
        self.blocks.append(Block(place, size, self.lines + 1, look.line_ends, self._carried))
        self._carried = look.head or self._carried
        self.characters += look.characters
        self.unreadable += look.unreadable
        self.lines += look.line_ends


@dataclass(frozen=True)
class _Look:
    """One block: record ids in their order with number and first line, heads, the last head's line, characters."""

    codes: list[int]
    count: Array
    first: Array
    heads: Array
    last_code: int
    characters: int
    unreadable: int
    first_unreadable: int
    line_ends: int
    head: bytes


def survey(handle: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Survey:
    """Looks over the file from its beginning. Raises FileRefused('encoding') for another encoding."""
    found = Survey()
    for look, size in in_threads(lambda block: (_look(*block), block[1]), _blocks(handle, found, block_bytes)):
        found.add(look, size)
    return found


def _blocks(handle: BinaryIO, found: Survey, block_bytes: int) -> Iterator[tuple[bytes, int]]:
    """The blocks; the torn last line, if any, is told and left out."""
    has_told_encoding = False
    for data, size in cut_blocks(handle, block_bytes):
        found.torn = torn_tail(data[:size]) if data[size - 1 : size] != b"\n" else b""
        kept = size - len(found.torn)
        if not has_told_encoding:
            has_told_encoding = _has_told_encoding(data, kept)
        yield data, kept


def _has_told_encoding(data: bytes, size: int) -> bool:
    """Whether a block has anything but ASCII, of which a megabyte tells the encoding, and raises if it is another."""
    start = 0
    while start < size:
        stop = size if start + _TELLING_BYTES >= size else data.rfind(b"\n", start, start + _TELLING_BYTES) + 1
        piece = data[start : stop if stop > start else size]
        refuse_other_encoding(piece)
        if not piece.isascii():
            return True
        start += len(piece)
    return False


def _look(data: bytes, size: int) -> _Look:
    count, first, heads = np.zeros(_CODES + 1, np.int64), np.zeros(_CODES + 1, np.int64), np.zeros(4, np.int64)
    line_ends, last_code, characters, unreadable, first_unreadable, head_start, head_end = lines.survey(
        np.frombuffer(data, np.uint8), size, characters_of_cp932(), _HEAD_CODES, lines.record_code("GO"),
        count, first, heads,
    )  # fmt: skip
    codes = np.flatnonzero(count)
    return _Look(
        codes[np.argsort(first[codes], kind="stable")].tolist(),
        count,
        first,
        heads,
        _CODES if last_code == lines.NO_RECORD else last_code,
        characters,
        unreadable,
        first_unreadable,
        line_ends,
        data[head_start:head_end],
    )


def in_threads(work: Callable[[_Job], _Done], jobs: Iterable[_Job]) -> Iterator[_Done]:
    """``work`` done for each of ``jobs``, in their order; of several, ``THREADS`` at a time by threads of their own."""
    jobs = iter(jobs)
    first = list(islice(jobs, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        waiting = deque(pool.submit(work, job) for job in first)
        waiting.extend(pool.submit(work, job) for job in islice(jobs, 1))  # one more: no thread waits for its job
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(work, job) for job in islice(jobs, 1))
            yield done

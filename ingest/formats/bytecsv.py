"""A CSV file as bytes: its lines and fields found once, any column gathered from them, no object for a cell.

Goes in: bytes of whole lines in CP932 or UTF-8. Comes out: for chosen lines and fields where each cell lies, of which
``vocabulary`` and ``plaincells`` make columns. ``bytecsv_kernels`` holds the loops.
What a line that is not plain means (see there) is not known here: it is marked as odd, and ``csvtext`` reads it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from ingest.formats import bytecsv_kernels as kernels
from ingest.formats import csvtext
from ingest.formats.bits import WIDE, Array
from ingest.formats.bytecsv_kernels import Lines
from ingest.formats.memory import Room

BLOCK_BYTES = 4 << 20
"""Bytes read at a time. A wide file's results take some fifteen times as much memory, and of several blocks at once:
more bytes would cost more to have from the system than the calls that every block costs."""
SURVEY_BYTES = 1 << 18
TAIL_BYTES = 1 << 16
ALIKE = np.empty(0, np.int64)
"""The kinds of lines that are all of one."""


@dataclass(frozen=True)
class Block:
    """Lines of a file: ``buf`` their bytes (with padding), ``sep``, ``first`` and ``odd`` as ``kernels.separators``
    gives them, ``row`` the number in the file of the first, ``encoding`` cp932 or utf-8."""

    buf: Array
    sep: Array
    first: Array
    odd: Array
    row: int
    encoding: str

    def rows_of(self, lines: Array) -> Array:
        """The numbers in the file of some lines."""
        return self.row + lines

    def is_readable(self) -> bool:
        """Whether every character can be read."""
        return bool(kernels.is_ascii(self.buf)) or _is_readable(self.buf, self.encoding) is True

    @property
    def lines(self) -> int:
        """How many lines there are, blank ones too."""
        return len(self.first) - 1

    def size_of(self, line: int) -> int:
        """The bytes of a line with its end."""
        return int(self.sep[self.first[line + 1]] - self.sep[self.first[line]])

    def plain_lines(self, width: int) -> Array:
        """The lines of ``width`` fields that are not odd."""
        return np.flatnonzero((np.diff(self.first) == width) & ~self.odd)

    def other_lines(self, lines: Array) -> Array:
        """All lines but these."""
        rest = np.ones(self.lines, bool)
        rest[lines] = False
        return np.flatnonzero(rest)

    def text_of(self, lines: Array) -> pl.DataFrame:
        """Lines as ``source_row`` and ``text``, blank ones left out, as ``csvtext.Lines`` has them."""
        if not len(lines):
            return pl.DataFrame(schema={"source_row": pl.Int64(), "text": pl.String()})
        start = self.sep[self.first[lines]].astype(np.int64) + 1
        size = self.sep[self.first[lines + 1]] - start
        texts = [
            bytes(self.buf[at : at + n]).decode(self.encoding, errors="replace")
            for at, n in zip(start, size, strict=True)
        ]
        frame = pl.DataFrame(
            {"source_row": self.rows_of(lines), "text": texts}, schema={"source_row": pl.Int64(), "text": pl.String()}
        ).with_columns(pl.col("text").str.strip_suffix("\r"))
        return frame.filter(pl.col("text").str.strip_chars() != "")

    def texts(self, offset: Array, length: Array) -> pl.Series:
        """Cells as texts."""
        out, starts = np.empty(int(length.sum()) + len(offset), np.uint8), np.empty(len(offset) + 1, np.int64)
        kernels.copy_slices(self.buf, offset, length, 1, out, starts)
        whole = out.tobytes().decode(self.encoding, errors="replace")
        return pl.Series(whole.split("\n")[:-1], dtype=pl.String)

    def at(self, lines: Array, kinds: Array = ALIKE) -> Lines:
        """Some lines as the loops take them."""
        return Lines(self.buf, self.sep, self.first, lines, kinds)

    def cells(self, lines: Array, fields: Array, kinds: Array = ALIKE) -> tuple[Array, Array]:
        """(offsets, lengths) of the cells, one row a field; a field that a line does not have is empty.

        Where lines are of several ``kinds``, ``fields`` has a row for each, with -1 for what it has no field for.
        """
        by_kind = fields.reshape(-1, fields.shape[-1])
        offset, length = (np.empty((by_kind.shape[1], len(lines)), np.int32) for _ in range(2))
        kernels.locate(self.at(lines, kinds), by_kind, offset, length)
        return offset, length


@dataclass(frozen=True)
class PlainFile:
    """What is known of a file whose every character can be read: where its lines begin and end, in bytes.

    ``is_complete`` says whether the last line ends with a line end.
    """

    encoding: str
    begin: int
    end: int
    is_complete: bool


def outlines(path: Path) -> list[PlainFile]:
    """A file in the encodings that it may be in, by its first and last bytes."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(csvtext.HEAD_BYTES)
        has_mark = head.startswith(codecs.BOM_UTF8)
        begin = len(codecs.BOM_UTF8) if has_mark else 0
        if b"\0" in head or b"\x1b$" in head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return []
        handle.seek(max(begin, size - TAIL_BYTES))
        tail = handle.read().rstrip(b"\x1a")
    if not tail:
        return []
    end = max(begin, size - TAIL_BYTES) + len(tail)
    encodings = ("utf-8",) if has_mark else csvtext.READ_ENCODINGS
    return [PlainFile(encoding, begin, end, tail.endswith(b"\n")) for encoding in encodings]


def survey(path: Path) -> PlainFile | None:
    """A file in CP932 or UTF-8 without a character that cannot be read; None of any other.

    What is in any other, ``csvtext.lines_of`` finds out: it names encodings, counts and replaces.
    """
    for file in outlines(path):
        state = _state(path, file)
        if state is True:
            return file
        if state is None:  # UTF-8 all the same
            return None
    return None


def _state(path: Path, file: PlainFile) -> bool | None:
    """Whether all of a file can be read, as ``_is_readable`` says it; a large one is looked over by two threads."""
    size = path.stat().st_size
    bounds = [file.begin, size]
    if size - file.begin >= 2 * SURVEY_BYTES:
        with path.open("rb") as handle:
            handle.seek((file.begin + size) // 2)
            handle.readline()
            bounds.insert(1, handle.tell())
    with ThreadPoolExecutor(max_workers=len(bounds)) as pool:
        states = list(pool.map(partial(_state_of, path, file.encoding), bounds, bounds[1:]))
    return next((state for state in states if state is not True), True)


def _state_of(path: Path, encoding: str, begin: int, end: int) -> bool | None:
    """The same of the lines from a byte to another."""
    buf = bytearray(SURVEY_BYTES)
    with path.open("rb") as handle:
        while begin < end:
            handle.seek(begin)
            data = memoryview(buf)[: handle.readinto(memoryview(buf)[: end - begin])]
            whole = (
                len(data)
                if begin + len(data) >= end
                else kernels.after_last_line(np.frombuffer(data, np.uint8), len(data))
            )
            if not whole:  # a line longer than that, or the file became shorter
                data = memoryview(data.tobytes() + handle.readline())
                whole = len(data)
            if not whole:
                return True
            state = _is_readable(data[:whole], encoding)
            if state is not True:
                return state
            begin += whole
    return True


def _is_readable(data: memoryview | Array, encoding: str) -> bool | None:
    """Whether all of some whole lines can be read; None where only their last character is cut."""
    if encoding == "cp932":
        return bool(kernels.is_readable(np.frombuffer(data, np.uint8), *_readable()))
    try:
        _, used = codecs.utf_8_decode(data if isinstance(data, memoryview) else data.data, "strict", False)
    except UnicodeDecodeError:
        return False
    return True if used == len(data) else None


@cache
def _readable() -> tuple[Array, Array]:
    """Of each byte above ASCII whether it is a character of CP932 (1) or begins one (2), and of each pair."""
    single, pair = np.zeros(256, np.uint8), np.zeros(65536, bool)
    for byte in range(128, 256):
        single[byte] = 1 if csvtext.is_readable(bytes([byte])) else 2
        for second in range(64, 256) if single[byte] == 2 else ():
            pair[byte * 256 + second] = csvtext.is_readable(bytes([byte, second]))
    return single, pair


def block(data: bytes, row: int, encoding: str) -> Block:
    """The lines of some bytes whose first line has the number ``row``; the last line ends with them."""
    size = len(data) + (not data.endswith(b"\n"))
    buf = np.empty(_padded(size), np.uint8)
    buf[: len(data)] = np.frombuffer(data, np.uint8)
    return _block(buf, len(data), row, encoding, Room())


def _padded(size: int) -> int:
    """Room for so many bytes, a line end and padding, a whole number of the bytes that are compared at a time."""
    return (size + 1 + kernels.PADDING + WIDE - 1) // WIDE * WIDE


def _block(buf: Array, size: int, row: int, encoding: str, memory: Room) -> Block:
    """The same of the first ``size`` bytes of a buffer that has room for a line end and padding behind them."""
    if buf[size - 1] != kernels.NEWLINE:
        buf[size] = kernels.NEWLINE
        size += 1
    buf = buf[: _padded(size - 1)]
    buf[size:] = 0
    fields, lines = kernels.count(buf)
    sep, first = memory.array(fields + 1 + kernels.AT_ONCE, np.int32), memory.array(lines + 1, np.int32)
    odd = np.empty(lines + 1, np.uint8)
    kernels.separators(buf, sep, first, odd)
    return Block(buf, sep[: fields + 1], first, odd[:lines].view(bool), row, encoding)


@dataclass(frozen=True)
class Head:
    """The first lines of a file that hold something, and the byte and number of the line after them."""

    lines: tuple[str, ...]
    begin: int
    row: int


def head(path: Path, file: PlainFile, count: int) -> Head | None:
    """The first ``count`` lines; None where they are not all within the first bytes, or nothing is behind them.

    Raises UnicodeDecodeError where they are in another encoding.
    """
    with path.open("rb") as handle:
        handle.seek(file.begin)
        data = handle.read(csvtext.HEAD_BYTES)
    found: list[str] = []
    at, row = 0, 1
    while len(found) < count:
        stop = data.find(b"\n", at)
        if stop < 0:
            return None
        text = data[at:stop].decode(file.encoding).removesuffix("\r")
        if text.strip():
            found.append(text)
        at, row = stop + 1, row + 1
    return Head(tuple(found), file.begin + at, row) if file.begin + at < file.end else None


def ends_with(path: Path, file: PlainFile, width: int) -> bool:
    """Whether the last line has ``width`` fields: then it is whole, though its line end is missing."""
    begin = max(file.begin, file.end - TAIL_BYTES)
    with path.open("rb") as handle:
        handle.seek(begin)
        data = handle.read(file.end - begin)
    found = block(data[data.rfind(b"\n") + 1 :], 0, file.encoding)
    fields, _ = csvtext.fit(found.text_of(np.arange(found.lines)), width)
    return not fields.is_empty()


def blocks(path: Path, file: PlainFile, begin: int, row: int, size: int) -> Iterator[Block]:
    """The lines of a file from the byte ``begin`` on, about ``size`` bytes at a time; the first has the number ``row``.

    While a block is worked on, a thread of its own reads the next: it calls nothing but loops over bytes.
    """
    memory = Room()
    with path.open("rb") as handle, ThreadPoolExecutor(max_workers=1) as pool:
        next_block = pool.submit(_next_block, handle, file, begin, row, size, memory)
        while (found := next_block.result()) is not None:
            ready, begin = found
            row += ready.lines
            next_block = pool.submit(_next_block, handle, file, begin, row, size, memory)
            yield ready


def stretch(path: Path, file: PlainFile, begin: int, end: int, row: int, size: int) -> Iterator[tuple[int, Block]]:
    """The same of the lines from the byte ``begin`` to ``end``, each block with the byte at which it begins; nothing is
    read ahead."""
    memory, part = Room(), replace(file, end=end)
    with path.open("rb") as handle:
        while (found := _next_block(handle, part, begin, row, size, memory)) is not None:
            ready, after = found
            yield begin, ready
            begin, row = after, row + ready.lines


def _next_block(
    handle: BinaryIO, file: PlainFile, begin: int, row: int, size: int, memory: Room
) -> tuple[Block, int] | None:
    """The block that begins at a byte, and where the next begins; None at the end of the file."""
    wanted = min(size, file.end - begin)
    while wanted > 0:
        buf = memory.array(_padded(wanted), np.uint8)
        handle.seek(begin)
        came = handle.readinto(buf[:wanted].data)  # type: ignore[attr-defined]
        whole = came if begin + came >= file.end else kernels.after_last_line(buf, came)
        if came < wanted and not whole:
            return None  # the file became shorter
        if whole:
            return _block(buf, whole, row, file.encoding, memory), begin + whole
        wanted = min(2 * wanted, file.end - begin)
    return None

"""Care files (``careframe``) read from their bytes: the records that are plain, by their code, and the others as text.

A file is read so when every character can be read and its frame is whole; any other is left to ``careframe``, which
says what is wrong. A record that is not plain, or breaks a rule, stands in ``PlainRecords.rest`` and is read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ingest.formats import bytecsv, careframe, cell_kernels, csvtext
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block, PlainFile
from ingest.formats.careframe import CONTROL, DATA, END, LEADING, CareFile
from ingest.formats.carerecord import Record
from ingest.formats.reading import Problem
from ingest.formats.vocabulary import Vocabulary

MANY_CODES = 1 << 16


@dataclass(frozen=True)
class CareRecords:
    """The data records of a file.

    ``tables``   rows of the plain ones, by the names of ``Record``s
    ``data``     the others, as ``CareFile.data`` has them, with their ``code``
    ``codes``    as ``careframe.summary`` gives them
    ``edition``  交換情報識別番号 of the first data record
    ``control``  the fields of the control record
    ``file``     the file in its frame, where it was not read from its bytes
    ``reread``   gives some of the plain records as ``data`` has the others
    """

    tables: dict[str, pl.DataFrame]
    data: pl.DataFrame
    codes: pl.DataFrame
    edition: str
    control: Sequence[str]
    file: CareFile | None
    reread: Callable[[pl.Series], pl.DataFrame]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the characters of the file."""
        return [] if self.file is None else self.file.problems

    def data_with(self, rows: pl.Series) -> pl.DataFrame:
        """``data`` and some of the plain records, in their order."""
        return self.data if rows.is_empty() else pl.concat([self.data, self.reread(rows)]).sort("source_row")

    def refuse(self, records: dict[str, int], tables: dict[str, pl.DataFrame], set_aside: pl.DataFrame) -> None:
        """As ``CareFile.refuse``."""
        if self.file is not None:
            self.file.refuse(records, tables, set_aside)


def records(path: Path, kinds: Mapping[str, Record], code: pl.Expr, table: str, otherwise: str) -> CareRecords:
    """The records of a file, by its bytes where it can be read so.

    ``code`` makes the code of a record of its leading fields (``careframe.LEADING``); ``table`` and ``otherwise``
    are those of ``careframe.open_frame`` and ``careframe.edition``. Raises FileRefused as ``open_frame`` does.
    """
    found = _plain_records(path, kinds, code, otherwise)
    if found is not None:
        return found
    file = careframe.open_frame(path, table)
    data = file.data().with_columns(code=code)
    codes = careframe.summary(data)
    return CareRecords({}, data, codes, careframe.edition(data, otherwise), file.control, file, lambda _: data.clear())


def _plain_records(path: Path, kinds: Mapping[str, Record], code: pl.Expr, otherwise: str) -> CareRecords | None:
    file = bytecsv.survey(path)
    if file is None or not file.is_complete:
        return None
    with ThreadPoolExecutor(max_workers=2) as pool:
        walk = _Walk(path, file, kinds, code, pool)
        for block in bytecsv.blocks(path, file, file.begin, 1, bytecsv.BLOCK_BYTES):
            if not walk.take(block):
                return None
        return walk.records(otherwise)


@dataclass(frozen=True)
class _Reading:
    """Data lines of a block that are being read: which are no longer plain, and by name of their record which of them
    are read and what comes of it."""

    block: Block
    lines: Array
    rest: Array
    found: Mapping[str, tuple[Array, Future[tuple[pl.DataFrame, Array]]]]


class _Walk:
    """One pass over the blocks of a file; the tables of one are read by a ``pool`` while the next is looked over."""

    def __init__(
        self, path: Path, file: PlainFile, kinds: Mapping[str, Record], code: pl.Expr, pool: ThreadPoolExecutor
    ) -> None:
        self._path, self._file, self._kinds, self._code, self._pool = path, file, kinds, code, pool
        self._readers = {name: record.reader(file.encoding) for name, record in kinds.items()}
        self._codes = _Codes(file.encoding, code)
        self._tables: dict[str, list[pl.DataFrame]] = {name: [] for name in kinds}
        self._rest: list[pl.DataFrame] = []
        self._reading: _Reading | None = None
        self._lines = 0
        self._control: Sequence[str] = ()
        self._edition: str | None = None
        self._is_ended = False

    def take(self, block: Block) -> bool:
        """Takes the next lines; False where the frame is not plain, or not whole."""
        if self._is_ended:
            return False
        lines = np.arange(block.lines)
        if self._lines == 0:
            first = block.text_of(lines[:1])
            self._control = csvtext.split_line(first["text"][0]) if first.height else ()
        (offset,), (length,) = block.cells(lines, np.arange(1))
        kind = np.where(length == 1, block.buf[offset], 0)
        number, state = np.empty((1, block.lines), np.int64), np.empty((1, block.lines), np.uint8)
        second, alone = np.array([[1]]), np.array([0, 1])
        cell_kernels.whole_rows(block.at(lines), second, alone, number, state, np.zeros(block.lines, bool))
        expected = np.full(block.lines, ord(DATA), np.uint8)
        if self._lines == 0:
            expected[0] = ord(CONTROL)
        if kind[-1] == ord(END) and len(kind) > 1 - bool(self._lines):
            expected[-1], self._is_ended = ord(END), True
        is_framed = (kind == expected) & (state[0] == cell_kernels.VALID) & (number[0] == self._lines + 1 + lines)
        if not is_framed.all() or not self._leads_alike(block, np.flatnonzero(block.odd)):
            return False
        self._lines += block.lines
        self._take_data(block, np.flatnonzero(expected == ord(DATA)))
        return not self._codes.has_comma

    def _leads_alike(self, block: Block, odd: Array) -> bool:
        """Whether the leading fields of odd lines are the same by their commas alone, as ``careframe`` finds them."""
        if not len(odd):
            return True
        lead = careframe.with_leading(block.text_of(odd)).with_columns(pl.col("record_number").cast(pl.String))
        cut = [
            block.texts(*at).str.strip_chars() for at in zip(*block.cells(odd, np.arange(len(LEADING))), strict=True)
        ]
        return all(lead[name].fill_null("").equals(part) for name, part in zip(LEADING, cut, strict=True))

    def _take_data(self, block: Block, lines: Array) -> None:
        if not len(lines):
            return
        numbers, codes = self._codes.of(block, lines)
        if self._edition is None:
            self._edition = careframe.edition(self._texts_of(block, lines[:1]), "")
        width = np.array([self._width(code) for code in codes], np.int64)
        rest = block.odd[lines] | (np.diff(block.first)[lines] < width[numbers])
        self._settle()
        found = {}
        for name, record in self._kinds.items():
            kind_of = np.array([record.codes.index(c) if c in record.codes else -1 for c in codes], np.int64)
            mine = np.flatnonzero((kind_of[numbers] >= 0) & ~rest)
            if len(mine):
                read = self._readers[name].read
                found[name] = mine, self._pool.submit(read, block, lines[mine], kind_of[numbers[mine]])
        self._reading = _Reading(block, lines, rest, found)

    def _settle(self) -> None:
        """Takes what was read of the block before."""
        reading, self._reading = self._reading, None
        if reading is None:
            return
        block, lines, rest = reading.block, reading.lines, reading.rest
        read = {name: (mine, *future.result()) for name, (mine, future) in reading.found.items()}
        odd_in_any = np.concatenate([np.empty(0, np.int64), *(mine[odd] for mine, _, odd in read.values())])
        for name, (_, table, odd) in read.items():
            if odd.sum() < len(odd_in_any):  # a record of a plan is a claim and a line: it is read or it is not
                table = table.filter(~pl.col("source_row").is_in(block.rows_of(lines[odd_in_any]).tolist()))
            self._tables[name].append(table)
        rest[odd_in_any] = True
        if rest.any():
            self._rest.append(self._texts_of(block, lines[rest]))

    def _width(self, code: str | None) -> int:
        """The fields that a record has at least; 0 of a code that is not read."""
        own = [record for record in self._kinds.values() if code in record.codes]
        return max((record.widths[record.codes.index(str(code))] for record in own), default=0)

    def records(self, otherwise: str) -> CareRecords | None:
        """Everything taken; None where the frame is not whole."""
        if not self._is_ended or not careframe.count_fits(self._control, self._lines - 2):
            return None
        self._settle()
        return CareRecords(
            {name: _in_order(pl.concat(parts)) for name, parts in self._tables.items() if parts},
            _in_order(pl.concat([self._texts_of(None, np.empty(0, np.int64)), *self._rest])),
            self._codes.summary(),
            self._edition or otherwise,
            self._control,
            None,
            self._reread,
        )

    def _texts_of(self, block: Block | None, lines: Array) -> pl.DataFrame:
        """Records as ``CareFile.data`` has them, with their ``code``."""
        nothing = pl.DataFrame(schema={"source_row": pl.Int64, "text": pl.String})
        lead = careframe.with_leading(nothing if block is None else block.text_of(lines))
        return lead.with_columns(code=self._code.cast(pl.String))

    def _reread(self, rows: pl.Series) -> pl.DataFrame:
        wanted, found = rows.sort().to_numpy(), []
        for block in bytecsv.blocks(self._path, self._file, self._file.begin, 1, bytecsv.BLOCK_BYTES):
            here = wanted[(wanted >= block.row) & (wanted < block.row + block.lines)] - block.row
            if len(here):
                found.append(self._texts_of(block, here))
        return pl.concat(found)


class _Codes:
    """The codes of records: few, and worked out once for each different tuple of leading fields."""

    def __init__(self, encoding: str, code: pl.Expr) -> None:
        self._code = code
        self.has_comma = False  # a file that is cut by its commas alone has other codes
        self._names = [name for name in LEADING if name in code.meta.root_names()]
        self._fields = np.array([[LEADING.index(name) for name in self._names]])
        self._words = Vocabulary(encoding)
        self._number_of: dict[tuple[int, ...], int] = {}
        self._codes: list[str | None] = []
        self._first: list[int] = []
        self._count: list[int] = []

    def of(self, block: Block, lines: Array) -> tuple[Array, list[str | None]]:
        """(the number of the code of each line, the codes)."""
        ids = self._words.of_rows(block.at(lines), self._fields)
        whole = np.zeros(len(lines), np.int64)
        for part in ids.T:
            whole = whole * len(self._words) + part
        size = len(self._words) ** len(self._names)
        if size > MANY_CODES:  # no codes at all: a column has slipped
            _, whole = np.unique(whole, return_inverse=True)
            size = int(whole.max()) + 1
        count, first, number_of = np.bincount(whole, minlength=size), np.zeros(size, np.int64), np.zeros(size, np.int64)
        first[whole[::-1]] = np.arange(len(lines))[::-1]  # of several the last that is put there stands: the first line
        for value in np.flatnonzero(count):
            at = int(first[value])
            number_of[value] = number = self._number(tuple(ids[at].tolist()))
            self._first[number] = min(self._first[number], block.row + int(lines[at]))
            self._count[number] += int(count[value])
        return number_of[whole], self._codes

    def _number(self, key: tuple[int, ...]) -> int:
        if key not in self._number_of:
            told = self._words.texts(np.array(key)).str.strip_chars()
            texts = {name: told[place : place + 1] for place, name in enumerate(self._names)}
            self.has_comma = self.has_comma or any((text[0] or "").count(",") for text in texts.values())
            self._number_of[key] = len(self._codes)
            self._codes.append(pl.DataFrame(texts).select(self._code).item())
            self._first.append(2**62)
            self._count.append(0)
        return self._number_of[key]

    def summary(self) -> pl.DataFrame:
        """As ``careframe.summary``."""
        columns = {"code": self._codes, "source_row": self._first, "count": self._count}
        schema = {"code": pl.String, "source_row": pl.Int64, "count": pl.Int64}
        found = pl.DataFrame(columns, schema=schema)
        return found.group_by("code").agg(pl.col("source_row").min(), pl.col("count").sum())


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if rows["source_row"].is_sorted() else rows.sort("source_row")


def merged(plain: pl.DataFrame | None, others: pl.DataFrame) -> pl.DataFrame:
    """Rows read from bytes and those read otherwise as one table, in the order of the file."""
    if plain is None:
        return others
    return plain if others.is_empty() else pl.concat([plain, others]).sort("source_row")

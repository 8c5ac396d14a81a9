"""A part of a care file read from its bytes: block by block, each line by the plan of its code.

Goes in: where the part lies, and the records that are read. Comes out: the rows of each table (``sheet``), the lines
that are not plain as text, and for each line of a claim the claim that stands before it. Parts are read side by side:
what a part holds is its own, and nothing here calls Polars but for codes and lines that are new or odd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from ingest.formats import bytecsv, care_kernels, careframe, csvtext
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block, PlainFile
from ingest.formats.care_kernels import BOTH, NEITHER, UNKNOWN
from ingest.formats.carecodes import Codes
from ingest.formats.careframe import CONTROL, DATA, END, LEADING
from ingest.formats.carerecord import Record
from ingest.formats.sheet import Sheet

BLOCK_BYTES = 1 << 20
"""Bytes read at a time: what is looked at several times stays in the processor's cache."""
SPARE_ROWS = 1_000
UNREADABLE, NOT_PLAIN = "unreadable", "not plain"
"""Why a part cannot be read from its bytes: a character, or a line or the frame."""


@dataclass(frozen=True)
class Ties:
    """Which claim is whose: by code what a record is (``care_kernels``), and the fields of its key (from 0)."""

    role: Mapping[str, int]
    places: Mapping[str, Sequence[int]]
    width: int


NO_TIES = Ties({}, {}, 0)


@dataclass
class Rows:
    """The rows of a table that were read from a part: ``records`` their kinds, ``source`` where each stands in the
    file, ``claim`` the row of its claim (``care_kernels.tie``)."""

    records: Sequence[Record]
    sheet: Sheet
    source: list[Array] = field(default_factory=list)
    claim: list[Array] = field(default_factory=list)
    height: int = 0
    plan_of: Array = field(default_factory=lambda: np.empty(0, np.int64))
    kind_of: Array = field(default_factory=lambda: np.empty(0, np.int64))
    # The plan and the kind of line of each code, by its number.

    def learn(self, codes: Sequence[str | None]) -> None:
        """Which plan and kind the codes have by their numbers, -1 for none."""
        for code in codes[len(self.plan_of) :]:
            own = [number for number, record in enumerate(self.records) if code in record.codes]
            self.plan_of = np.append(self.plan_of, own[0] if own else -1)
            kind = self.records[own[0]].codes.index(str(code)) if own else -1
            self.kind_of = np.append(self.kind_of, kind)

    def take(self, block: Block, lines: Array, plan_of: Array, numbers: Array, claim: Array, expected: float) -> None:
        """Takes those lines that have a plan; ``expected`` as many rows in all as a block has times this."""
        mine = np.flatnonzero(plan_of >= 0)
        begin, self.height = self.height, self.height + len(mine)
        self.sheet.columns.make_room(self.height, int(len(mine) * expected) + SPARE_ROWS)
        rows = np.arange(begin, self.height)
        self.source.append(block.rows_of(lines[mine]))
        self.claim.append(claim[mine])
        for number in range(len(self.records)):
            some = np.flatnonzero(plan_of[mine] == number) if len(self.records) > 1 else slice(None)
            own = mine[some]
            self.sheet.take(number, block, lines[own], self.kind_of[numbers[own]], rows[some])

    def places(self) -> dict[str, Array]:
        """Where the rows stand: ``source_row``, and of lines of a claim ``parent_source_row`` (0 for ``UNKNOWN``)."""
        nothing = np.empty(0, np.int64)
        found = {"source_row": np.concatenate([nothing, *self.source])}
        if self.records[0].contract.parent is not None:
            found["parent_source_row"] = np.concatenate([nothing, *self.claim])
        return found


class CarePart:
    """The lines of a file from a byte to another, the first with the number ``row``."""

    def __init__(
        self, path: Path, file: PlainFile, stretch: tuple[int, int, int],
        tables: Mapping[str, Sequence[Record]], code: pl.Expr, ties: Ties,
    ) -> None:  # fmt: skip
        self.tables = {
            name: Rows(records, Sheet([record.plan for record in records], file.encoding))
            for name, records in tables.items()
        }
        self.rest: list[pl.DataFrame] = []
        self.blocks: list[tuple[int, int]] = []
        self.codes = Codes(file.encoding, code)
        self.begin, self.end, self.row = stretch
        self.next_row = self.row
        self.control: Sequence[str] = ()
        self.edition: str | None = None
        self.is_ended = False
        self._path, self._file, self._code, self._ties = path, file, code, ties
        self._width = np.empty(0, np.int64)
        self._role = np.empty(0, np.int64)
        self._places = np.empty((0, ties.width), np.int64)
        self._held, self._ends = np.empty(0, np.uint8), np.zeros(ties.width + 2, np.int64)

    def read(self) -> str | None:
        """Reads all lines; says why that cannot be done, or None."""
        for begin, block in bytecsv.stretch(self._path, self._file, self.begin, self.end, self.row, BLOCK_BYTES):
            if not block.is_readable():
                return UNREADABLE
            self.blocks.append((begin, block.row))
            if not self._take(block):
                return NOT_PLAIN
        for rows in self.tables.values():
            rows.sheet.close()
        return None

    def _take(self, block: Block) -> bool:
        """Takes the next lines; False where the frame is not plain, or not whole."""
        if self.is_ended:
            return False
        lines, is_first = np.arange(block.lines), block.row == 1
        if is_first:
            first = block.text_of(lines[:1])
            self.control = csvtext.split_line(first["text"][0]) if first.height else ()
        kind = np.empty(block.lines, np.uint8)
        if care_kernels.frame_kinds(block.at(lines), block.row, kind) < block.lines:
            return False
        expected = np.full(block.lines, ord(DATA), np.uint8)
        if is_first:
            expected[0] = ord(CONTROL)
        if kind[-1] == ord(END) and len(kind) > int(is_first):
            expected[-1], self.is_ended = ord(END), True
        if not np.array_equal(kind, expected) or not _leads_alike(block, np.flatnonzero(block.odd)):
            return False
        self.next_row += block.lines
        self._take_data(block, np.flatnonzero(expected == ord(DATA)))
        return not self.codes.has_comma

    def _take_data(self, block: Block, lines: Array) -> None:
        if not len(lines):
            return
        numbers = self.codes.of(block, lines)
        self._learn_codes()
        if self.edition is None:
            self.edition = careframe.edition(self.texts_of(block, lines[:1]), "")
        rest = block.odd[lines] | (np.diff(block.first)[lines] < self._width[numbers])
        claim = self._claims(block, lines, numbers, rest)
        is_line = (self._role[numbers] == BOTH) & (claim != block.rows_of(lines))
        for rows in self.tables.values():
            plan_of = rows.plan_of[numbers]
            plan_of[rest] = -1
            if rows.records[0].contract.parent is None:
                plan_of[is_line] = -1
            rows.take(block, lines, plan_of, numbers, claim, (self.end - self.begin) / len(block.buf))
        if rest.any():
            self.rest.append(self.texts_of(block, lines[rest]))

    def _learn_codes(self) -> None:
        """What the codes are that are new."""
        for code in self.codes.names[len(self._width) :]:
            own = [record for rows in self.tables.values() for record in rows.records if code in record.codes]
            width = max((record.widths[record.codes.index(str(code))] for record in own), default=0)
            self._width = np.append(self._width, width)
            self._role = np.append(self._role, self._ties.role.get(str(code), NEITHER))
            places = self._ties.places.get(str(code), [-1] * self._ties.width)
            self._places = np.vstack([self._places, np.array(places, np.int64).reshape(1, -1)])
        for rows in self.tables.values():
            rows.learn(self.codes.names)

    def _claims(self, block: Block, lines: Array, numbers: Array, rest: Array) -> Array:
        """The row of the claim of each line."""
        claim = np.full(len(lines), UNKNOWN, np.int64)
        if self._ties.role:
            if len(self._held) < len(block.buf):
                self._held = np.concatenate([self._held, np.empty(len(block.buf) - len(self._held), np.uint8)])
            at = block.at(lines, numbers)
            care_kernels.tie(at, self._role, self._places, block.row, rest, self._held, self._ends, claim)
        return claim

    def texts_of(self, block: Block | None, lines: Array) -> pl.DataFrame:
        """Records as ``CareFile.data`` has them, with their ``code``."""
        nothing = pl.DataFrame(schema={"source_row": pl.Int64, "text": pl.String})
        lead = careframe.with_leading(nothing if block is None else block.text_of(lines))
        return lead.with_columns(code=self._code.cast(pl.String))

    def begins(self, block: Block) -> tuple[int, int] | None:
        """(the byte of a block, its number) of the first line that begins a claim for sure; None where there is none.

        What stands before the block is not known, so that the first that might begin one is passed over.
        """
        lines = np.arange(block.lines)
        numbers = self.codes.of(block, lines)
        self._learn_codes()
        claim = self._claims(block, lines, numbers, block.odd)
        begin = np.flatnonzero(claim == block.rows_of(lines))[1:] if self._ties.role else lines
        if not len(begin):
            return None
        row = careframe.with_leading(block.text_of(begin[:1]))["record_number"].to_list()
        return (int(block.sep[block.first[begin[0]]]) + 1, row[0]) if row and row[0] else None

    def reread(self, rows: Array) -> list[pl.DataFrame]:
        """Some records of this part (their rows ascending) as text."""
        found = []
        bounds = [*self.blocks, (self.end, self.next_row)]
        for (begin, row), (end, after) in zip(bounds, bounds[1:], strict=False):
            here = rows[np.searchsorted(rows, row) : np.searchsorted(rows, after)]
            if len(here):
                (_, block), *_ = bytecsv.stretch(self._path, self._file, begin, end, row, end - begin)
                found.append(self.texts_of(block, here - row))
        return found


def _leads_alike(block: Block, odd: Array) -> bool:
    """Whether the leading fields of odd lines are the same by their commas alone, as ``careframe`` finds them."""
    if not len(odd):
        return True
    lead = careframe.with_leading(block.text_of(odd)).with_columns(pl.col("record_number").cast(pl.String))
    cut = [block.texts(*at).str.strip_chars() for at in zip(*block.cells(odd, np.arange(len(LEADING))), strict=True)]
    return all(lead[name].fill_null("").equals(part) for name, part in zip(LEADING, cut, strict=True))

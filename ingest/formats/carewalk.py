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
from ingest.formats.bytecsv_kernels import Lines
from ingest.formats.care_kernels import NEITHER, UNKNOWN
from ingest.formats.carecodes import Codes
from ingest.formats.careframe import CONTROL, DATA, END, LEADING
from ingest.formats.carerecord import Record
from ingest.formats.sheet import Sheet

BLOCK_BYTES = 2 << 20
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

    def plan_of(self, code: str | None) -> tuple[int, int]:
        """(the number of the plan of a code, its kind of line there), -1 for none."""
        own = [number for number, record in enumerate(self.records) if code in record.codes]
        return (own[0], self.records[own[0]].codes.index(str(code))) if own else (-1, -1)

    def take(
        self, block: Block, source: Array, claim: Array, by_plan: Sequence[tuple[Array, Array, Array]], expected: float
    ) -> None:
        """Takes lines that stand there in the file and have these claims; ``by_plan`` has for each plan their numbers
        in the block, their kinds and their rows of the table. ``expected`` as many rows in all as a block has times
        this."""
        self.height += len(source)
        self.sheet.columns.make_room(self.height, int(len(source) * expected) + SPARE_ROWS)
        self.source.append(source)
        self.claim.append(claim)
        for number, (lines, kinds, rows) in enumerate(by_plan):
            self.sheet.take(number, block, lines, kinds, rows)

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
        self._places = np.empty((0, ties.width), np.int64)
        self._first_plan = np.cumsum([0, *(len(records) for records in tables.values())])
        nothing = np.empty((len(tables), 0), np.int64)
        has_claims = np.array([rows.records[0].contract.parent is None for rows in self.tables.values()], bool)
        self._plans = care_kernels.Plans(nothing, nothing, np.empty(0, np.int64), has_claims)
        self._dealt = care_kernels.Dealt.of(0, 0, 0)
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
        rest = np.empty(len(lines), bool)
        care_kernels.leave(block.at(lines, numbers), block.odd, self._width, rest)
        claim = self._claims(block, lines, numbers, rest)
        self._deal(block, block.at(lines, numbers), rest, claim)
        if rest.any():
            self.rest.append(self.texts_of(block, lines[rest]))

    def _deal(self, block: Block, at: Lines, rest: Array, claim: Array) -> None:
        """Has each table take its lines."""
        if self._dealt.lines.shape[1] < len(rest):
            self._dealt = care_kernels.Dealt.of(int(self._first_plan[-1]), len(self.tables), len(rest) + SPARE_ROWS)
        dealt, expected = self._dealt, (self.end - self.begin) / len(block.buf)
        dealt.put[:], dealt.taken[:] = 0, 0
        height = np.array([rows.height for rows in self.tables.values()], np.int64)
        care_kernels.deal(at, block.row, rest, claim, self._plans, height, dealt)
        for table, rows in enumerate(self.tables.values()):
            # What is kept of these numbers is a copy: the next block is dealt in the same place.
            taken, plans = dealt.taken[table], range(self._first_plan[table], self._first_plan[table + 1])
            by_plan = [
                (dealt.lines[plan, :count], dealt.kinds[plan, :count], dealt.rows[plan, :count].copy())
                for plan, count in ((plan, dealt.put[plan]) for plan in plans)
            ]
            rows.take(block, dealt.source[table, :taken].copy(), dealt.claim[table, :taken].copy(), by_plan, expected)

    def _learn_codes(self) -> None:
        """What the codes are that are new."""
        new = self.codes.names[len(self._width) :]
        if not new:
            return
        for code in new:
            own = [record for rows in self.tables.values() for record in rows.records if code in record.codes]
            width = max((record.widths[record.codes.index(str(code))] for record in own), default=0)
            self._width = np.append(self._width, width)
            places = self._ties.places.get(str(code), [-1] * self._ties.width)
            self._places = np.vstack([self._places, np.array(places, np.int64).reshape(1, -1)])
        found = [[rows.plan_of(code) for code in new] for rows in self.tables.values()]
        plan, kind = np.array(found, np.int64).reshape(len(self.tables), len(new), 2).transpose(2, 0, 1)
        plan = np.where(plan < 0, -1, plan + self._first_plan[:-1, np.newaxis])
        known = self._plans
        self._plans = known._replace(
            plan=np.hstack([known.plan, plan]),
            kind=np.hstack([known.kind, kind]),
            role=np.append(known.role, [self._ties.role.get(str(code), NEITHER) for code in new]),
        )

    def _claims(self, block: Block, lines: Array, numbers: Array, rest: Array) -> Array:
        """The row of the claim of each line."""
        claim = np.full(len(lines), UNKNOWN, np.int64)
        if self._ties.role:
            if len(self._held) < len(block.buf):
                self._held = np.concatenate([self._held, np.empty(len(block.buf) - len(self._held), np.uint8)])
            at = block.at(lines, numbers)
            care_kernels.tie(at, self._plans.role, self._places, block.row, rest, self._held, self._ends, claim)
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

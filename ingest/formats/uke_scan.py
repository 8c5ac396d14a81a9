"""A block of receipts as arrays: its lines, the receipt each belongs to, and typed columns of chosen lines.

Nothing here knows a rule of a record; ``uke_kernels`` holds the loops, ``uke_claims``, ``uke_diagnoses``
and ``uke_items`` say what the columns mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.formats import uke_kernels as kernels
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.layout_files import layout_cache
from ingest.formats.uke_item_kernel import DENTAL, MEDICAL, PHARMACY
from ingest.formats.uke_layout import fields

Array = NDArray[Any]
LAYOUT_OF_TABLE = {1: MEDICAL, 3: DENTAL, 4: PHARMACY}
"""点数表 to the layout of its records."""


@cache
def era_base() -> Array:
    """The year before the first of each era, by its digit."""
    base = np.zeros(10, np.int64)
    for code, year, _ in ERAS:
        base[int(code)] = year
    return base


@dataclass(frozen=True)
class Scan:
    """Lines of a block (blank ones left out), in their order.

    ``body`` and ``end`` bound a line from its record id on; ``row`` is its number in the file, ``kind`` its
    record id (``kernels.record_code``), ``owner`` the number of its receipt in the block (-1: none), ``donor``
    whether it stands in an organ donor's part, ``head`` the line of the IR or YK over it (-1: none),
    ``layout`` the layout of its receipt. ``receipt_line`` is the RE of each receipt.
    """

    buf: Array
    body: Array
    end: Array
    row: Array
    kind: Array
    owner: Array
    donor: Array
    head: Array
    layout: Array
    receipt_line: Array

    def lines_of(self, record_id: str) -> Array:
        """Numbers of the lines of a record."""
        return np.flatnonzero(self.kind == kernels.record_code(record_id))

    def owned_lines_of(self, record_id: str) -> Array:
        """Those that belong to a receipt."""
        lines = self.lines_of(record_id)
        return lines[self.owner[lines] >= 0]

    def rows_of_receipts(self, owner: Array) -> Array:
        """Line number of the RE of each owner; any number for none."""
        rows = self.row[self.receipt_line]
        return rows[np.maximum(owner, 0)] if len(rows) else np.zeros(len(owner), np.int64)

    def text_of(self, lines: Array) -> pl.Series:
        """Lines as text from their record id on, for rows set aside."""
        return _decoded(self.buf, self.body[lines], (self.end - self.body)[lines])


def scan(data: bytes, first_row: int, line_ends: int, carried: bytes) -> Scan:
    """The arrays of a block of ``line_ends`` lines whose first has the number ``first_row``.

    ``carried`` is the IR or YK in force from an earlier block: it becomes the block's first line.
    """
    buf = np.frombuffer(carried + b"\n" + data if carried else data, np.uint8)
    most = line_ends + 2
    body, end, row = (np.empty(most, np.int64) for _ in range(3))
    kind = np.empty(most, np.int16)
    lines = kernels.find_lines(buf, first_row - bool(carried), body, end, row, kind)
    owner, head, receipt_line = (np.empty(lines, np.int64) for _ in range(3))
    donor, layout = np.empty(lines, np.uint8), np.full(lines, MEDICAL)
    receipts = kernels.find_receipts(kind, lines, owner, donor, head, receipt_line)
    block = Scan(
        buf, body[:lines], end[:lines], row[:lines], kind[:lines], owner, donor, head, layout, receipt_line[:receipts]
    )
    if receipts:
        layout[:] = np.where(owner >= 0, _layouts(block)[np.maximum(owner, 0)], MEDICAL)
    return block


def _layouts(block: Scan) -> Array:
    """Layout of each receipt: by the 点数表 of its IR, a YK, or without either the first digit of its kind."""
    of_line = np.full(len(block.kind) + 1, -1, np.int64)  # the last is for receipts without a head
    of_line[:-1][block.kind == kernels.YK] = PHARMACY
    heads = block.lines_of("IR")
    of_line[heads] = _layout_of(*Columns(block, heads, "IR").number("point_table_code"))
    value, state = Columns(block, block.receipt_line, "RE").number("claim_type_code")
    own = _layout_of(value // 1000, state)
    found = of_line[block.head[block.receipt_line]]
    return np.where(found >= 0, found, np.where(own >= 0, own, MEDICAL))


def _layout_of(table: Array, state: Array) -> Array:
    known = np.full(10, -1, np.int64)
    for number, layout in LAYOUT_OF_TABLE.items():
        known[number] = layout
    return known[np.where((state == kernels.VALID) & (table >= 0) & (table < 10), table, 0)]


class Columns:
    """The named columns of some lines of one record, typed on demand; a line -1 is one that is not there.

    ``layouts`` names the layouts that ``layout`` numbers for each line.
    """

    def __init__(
        self,
        block: Scan,
        lines: Array,
        record_id: str,
        layout: Array | None = None,
        layouts: tuple[str, ...] = ("medical",),
    ) -> None:
        self._buf, self._count = block.buf, len(lines)
        names, order, size = _order(record_id, layouts)
        self._place = {name: place for place, name in enumerate(names)}
        self._offset, self._length = (np.empty((len(names), len(lines)), np.int64) for _ in range(2))
        there = lines >= 0
        kernels.locate(
            block.buf,
            np.where(there, block.body[lines], 0),
            np.where(there, block.end[lines], 0),
            np.zeros(len(lines), np.int64) if layout is None else layout,
            order,
            size,
            self._offset,
            self._length,
        )

    def text(self, name: str) -> pl.Series:
        """The column without blanks around it; null where nothing is left or the record has no such column."""
        offset, length = (part.copy() for part in self._slices(name))
        total = kernels.trim(self._buf, offset, length)
        if total == 0:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self._count)
        if total < 0:
            return _decoded(self._buf, offset, length, length > 0)
        out, starts = np.empty(total, np.uint8), np.empty(len(offset) + 1, np.int64)
        kernels.copy_slices(self._buf, offset, length, 0, out, starts)
        return _strings(out, starts, length > 0)

    def folded(self, name: str) -> pl.Series:
        """The column in half width (NFKC) without blanks around it; null where nothing is left."""
        offset, length = self._slices(name)
        out, starts = np.empty(int(np.maximum(length, 0).sum()), np.uint8), np.empty(self._count + 1, np.int64)
        is_other = np.zeros(self._count, bool)
        kernels.fold(self._buf, offset, length, out, starts, is_other)
        folded = _strings(out, starts, np.diff(starts) > 0)
        if not is_other.any():
            return folded
        text = _decoded(self._buf, offset[is_other], length[is_other]).str.normalize("NFKC").str.strip_chars()
        rest = pl.select(pl.when(text != "").then(text)).to_series()
        return folded.scatter(np.flatnonzero(is_other), rest)

    def number(self, name: str) -> tuple[Array, Array]:
        """(values, states) of whole numbers."""
        value, state = self._typed()
        kernels.numbers(self._buf, *self._slices(name), value, state)
        return value, state

    def date(self, name: str, *, is_month: bool = False) -> tuple[Array, Array]:
        """(days since 1970, states) of dates, or of the first days of months."""
        value, state = self._typed()
        kernels.dates(self._buf, *self._slices(name), is_month, FIRST_YEAR, era_base(), value, state)
        return value, state

    def code(self, name: str, width: int) -> tuple[Array, Array]:
        """(bytes, states) of codes of ``width`` digits."""
        digits, state = np.zeros((self._count, width), np.uint8), np.empty(self._count, np.uint8)
        kernels.digit_codes(self._buf, *self._slices(name), digits, state)
        return digits, state

    def holds(self, name: str, group: str) -> Array:
        """Whether a column of groups of as many characters as ``group`` has that one."""
        found = np.zeros(self._count, bool)
        kernels.holds_group(self._buf, *self._slices(name), np.frombuffer(group.encode(), np.uint8), found)
        return found

    def is_filled(self, name: str) -> Array:
        """Whether the column holds anything but blanks."""
        offset, length = (part.copy() for part in self._slices(name))
        kernels.trim(self._buf, offset, length)
        return length > 0

    def _slices(self, name: str) -> tuple[Array, Array]:
        place = self._place.get(name)
        if place is None:
            return np.zeros(self._count, np.int64), np.full(self._count, -1, np.int64)
        return self._offset[place], self._length[place]

    def _typed(self) -> tuple[Array, Array]:
        return np.empty(self._count, np.int64), np.empty(self._count, np.uint8)


@layout_cache
def _order(record_id: str, layouts: tuple[str, ...]) -> tuple[list[str], Array, Array]:
    """Field names of a record in any of the layouts, and (place, field) by place for each layout."""
    places = [fields(record_id, layout) for layout in layouts]
    names = list(dict.fromkeys(name for own in places for name in own))
    order, size = np.zeros((len(layouts), len(names), 2), np.int64), np.zeros(len(layouts), np.int64)
    for number, own in enumerate(places):
        known = sorted((place, names.index(name)) for name, place in own.items())
        order[number, : len(known)] = np.array(known).reshape(-1, 2)
        size[number] = len(known)
    return names, order, size


def series(values: Array, valid: Array) -> pl.Series:
    """Whole numbers as a column, null where not valid."""
    values = np.ascontiguousarray(values, np.int64)
    return pl.Series(pa.Array.from_buffers(pa.int64(), len(values), [_bitmap(valid), pa.py_buffer(values)]))


def days(values: Array, valid: Array) -> pl.Series:
    """Days since 1970 as a column of dates, null where not valid."""
    narrow = values.astype(np.int32)
    return pl.Series(pa.Array.from_buffers(pa.date32(), len(narrow), [_bitmap(valid), pa.py_buffer(narrow)]))


def decimals(ten_thousandths: Array, valid: Array) -> pl.Series:
    """Numbers in 1/10,000 as decimals of four places, null where not valid."""
    wide = np.empty((len(ten_thousandths), 2), np.int64)
    wide[:, 0], wide[:, 1] = ten_thousandths, ten_thousandths >> 63
    return pl.Series(pa.Array.from_buffers(pa.decimal128(18, 4), len(wide), [_bitmap(valid), pa.py_buffer(wide)]))


def codes(digits: Array, valid: Array) -> pl.Series:
    """Codes of a fixed width, given as one row of bytes each, null where not valid."""
    starts = np.arange(len(digits) + 1, dtype=np.int64) * digits.shape[1]
    return _strings(np.ascontiguousarray(digits).reshape(-1), starts, valid)


def _strings(data: Array, starts: Array, valid: Array) -> pl.Series:
    """Texts of UTF-8 bytes one after the other, null where not valid."""
    buffers = [_bitmap(valid), pa.py_buffer(starts), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(valid), buffers))


def _decoded(buf: Array, offset: Array, length: Array, valid: Array | None = None) -> pl.Series:
    """Slices as text, what CP932 cannot read replaced; a slice that is not there as an empty text."""
    out = np.empty(int(np.maximum(length, 0).sum()) + len(offset), np.uint8)
    kernels.copy_slices(buf, offset, length, 1, out, np.empty(len(offset) + 1, np.int64))
    # Each slice ends with a line end, which stays one byte: that tells where each begins after decoding.
    data = np.frombuffer(out.tobytes().decode("cp932", errors="replace").encode(), np.uint8)
    ends = np.flatnonzero(data == kernels.NEWLINE)
    starts = np.zeros(len(offset) + 1, np.int64)
    starts[1:] = ends - np.arange(len(ends))
    return _strings(data[data != kernels.NEWLINE], starts, np.ones(len(offset), bool) if valid is None else valid)


def _bitmap(valid: Array) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))

"""A block of receipts as arrays: its lines, the receipt each belongs to, and typed columns of chosen lines.

Nothing here knows a rule of a record; ``uke_lines`` and ``uke_columns`` hold the loops, ``uke_claims``,
``uke_diagnoses`` and ``uke_items`` say what the columns mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import uke_lines as lines
from ingest.formats.bits import WIDE, Array
from ingest.formats.eras import ERAS, FIRST_YEAR
from ingest.formats.layout_files import layout_cache
from ingest.formats.uke_arrow import Texts
from ingest.formats.uke_blocks import Block
from ingest.formats.uke_columns import NUMBER, TEXTS, read_columns
from ingest.formats.uke_item_kernel import DENTAL, MEDICAL, PHARMACY
from ingest.formats.uke_layout import fields
from ingest.formats.uke_text import ONLY_BLANKS, OTHER, ROOM, characters, decode_slices
from ingest.formats.uke_values import BLANK, VALID
from ingest.formats.uke_words import SPARE

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
    record id (``uke_lines.record_code``), ``owner`` the number of its receipt in the block (-1: none), ``donor``
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
        return np.flatnonzero(self.kind == lines.record_code(record_id))

    def owned_lines_of(self, record_id: str) -> Array:
        """Those that belong to a receipt."""
        found = self.lines_of(record_id)
        return found[self.owner[found] >= 0]

    def rows_of_receipts(self, owner: Array) -> Array:
        """Line number of the RE of each owner; any number for none."""
        rows = self.row[self.receipt_line]
        return rows[np.maximum(owner, 0)] if len(rows) else np.zeros(len(owner), np.int64)

    def text_of(self, chosen: Array) -> pl.Series:
        """Lines as text from their record id on, for rows set aside."""
        return decoded(self.buf, self.body[chosen], (self.end - self.body)[chosen])


def scan(data: Array, place: Block) -> Scan:
    """The arrays of a block as ``uke_blocks.load`` gives it; a carried head becomes its first line."""
    most = place.line_ends + 2
    body, end, row = (np.empty(most, np.int64) for _ in range(3))
    kind = np.empty(most, np.int16)
    first_row = place.first_row - bool(place.carried)
    count = lines.find_lines(data, len(data) - SPARE, first_row, body, end, row, kind)
    owner, head, receipt_line = (np.empty(count, np.int64) for _ in range(3))
    donor, layout = np.empty(count, np.uint8), np.full(count, MEDICAL)
    receipts = lines.find_receipts(kind, count, owner, donor, head, receipt_line)
    block = Scan(
        data, body[:count], end[:count], row[:count], kind[:count], owner, donor, head, layout, receipt_line[:receipts]
    )
    if receipts:
        layout[:] = np.where(owner >= 0, _layouts(block)[np.maximum(owner, 0)], MEDICAL)
    return block


def _layouts(block: Scan) -> Array:
    """Layout of each receipt: by the 点数表 of its IR, a YK, or without either the first digit of its kind."""
    of_line = np.full(len(block.kind) + 1, -1, np.int64)  # the last is for receipts without a head
    of_line[:-1][block.kind == lines.YK] = PHARMACY
    heads = block.lines_of("IR")
    of_line[heads] = _layout_of(*Columns(block, heads, "IR", {"point_table_code": NUMBER}).value("point_table_code"))
    found = of_line[block.head[block.receipt_line]]
    bare = np.flatnonzero(found < 0)
    value, state = Columns(block, block.receipt_line[bare], "RE", {"claim_type_code": NUMBER}).value("claim_type_code")
    own = _layout_of(value // 1000, state)
    found[bare] = np.where(own >= 0, own, MEDICAL)
    return found


def _layout_of(table: Array, state: Array) -> Array:
    known = np.full(10, -1, np.int64)
    for number, layout in LAYOUT_OF_TABLE.items():
        known[number] = layout
    return known[np.where((state == VALID) & (table >= 0) & (table < 10), table, 0)]


How = int | tuple[int, int] | tuple[int, str]
"""How a column is read: a kind of ``uke_columns``; (CODE, digits); (HOLDS, the group looked for)."""


class Columns:
    """The wanted columns of some lines of one record; a line -1 is one that is not there.

    ``wanted`` says how each column is read; ``layouts`` names the layouts that ``layout`` numbers for each line.
    ``rows`` of the methods chooses among the lines, by number, -1 for none; all of them where it is not given.
    """

    def __init__(
        self,
        block: Scan,
        of_lines: Array,
        record_id: str,
        wanted: Mapping[str, How],
        layout: Array | None = None,
        layouts: tuple[str, ...] = ("medical",),
    ) -> None:
        self._buf, self._count = block.buf, len(of_lines)
        self._slots, order, size = _order(record_id, layouts, tuple(wanted.items()))
        texts = sum(is_text for is_text, _ in self._slots.values())
        values = len(self._slots) - texts
        # The last row is what a line that is not there has: it is found by the number -1.
        self._view = np.zeros((texts, self._count + 1, 2), np.uint64)
        self._value = np.zeros((values, self._count + 1), np.int64)
        self._view_state, self._value_state = (np.full((n, self._count + 1), BLANK, np.uint8) for n in (texts, values))
        if not self._count:
            self._out: list[Array | None] = [None] * texts
            return
        there = of_lines >= 0
        body, end = np.where(there, block.body[of_lines], 0), np.where(there, block.end[of_lines], 0)
        room = int((end - body).sum()) * ROOM + SPARE
        out, used = np.empty(texts * room, np.uint8), np.zeros(texts, np.int64)
        read_columns(
            block.buf, body, end, np.zeros(self._count, np.int64) if layout is None else layout, order, size,
            FIRST_YEAR, era_base(), characters(), self._count + 1, room, self._view.reshape(-1),
            self._view_state.reshape(-1), self._value.reshape(-1), self._value_state.reshape(-1), out, used,
            np.empty(int(order[:, :, 0].max()) + 1 + WIDE + 1, np.int64),
        )  # fmt: skip
        self._out = [
            out[slot * room : slot * room + length].copy() if length else None
            for slot, length in enumerate(used.tolist())
        ]

    def text(self, name: str, rows: Array | None = None) -> Texts:
        """The texts; none where nothing is left of it, it is no such code, or the record has no such column."""
        _, slot = self._slots[name]
        chosen: slice | Array = slice(self._count) if rows is None else rows
        view, state, out = self._view[slot, chosen], self._view_state[slot, chosen], self._out[slot]
        valid = (state == VALID) | (state == ONLY_BLANKS)
        others = np.flatnonzero(state == OTHER)
        if not len(others):
            return Texts(view, valid, out)
        # Anything but digits and letters in full width, as seldom comes: normalised by Polars, held as long texts.
        offset, length = (view[others, part].astype(np.int64) for part in (0, 1))
        text = decoded(self._buf, offset, length).str.normalize("NFKC").str.strip_chars()
        rest = Texts.of([value or None for value in text.to_list()])
        rows = np.arange(len(valid))
        rows[others] = len(valid) + np.arange(len(others))
        return Texts.joined(Texts(view, valid, out), rest).take(rows)

    def value(self, name: str, rows: Array | None = None) -> tuple[Array, Array]:
        """(numbers, states): whole numbers, days since 1970, days of the month, 1 for a group that is there."""
        _, slot = self._slots[name]
        chosen: slice | Array = slice(self._count) if rows is None else rows
        return self._value[slot, chosen], self._value_state[slot, chosen]

    def state(self, name: str) -> Array:
        """States of a code."""
        return self._view_state[self._slots[name][1], : self._count]

    def is_filled(self, name: str) -> Array:
        """Whether a text holds anything but blanks."""
        state = self._view_state[self._slots[name][1], : self._count]
        return (state != BLANK) & (state != ONLY_BLANKS)


@layout_cache
def _order(
    record_id: str, layouts: tuple[str, ...], wanted: tuple[tuple[str, How], ...]
) -> tuple[dict[str, tuple[bool, int]], Array, Array]:
    """Slots of the wanted columns (whether it is one of a text, and its number), and for each layout rows of (place,
    how, slot, width, group) by place, and how many."""
    slots: dict[str, tuple[bool, int]] = {}
    for name, how in wanted:
        is_text = (how if isinstance(how, int) else how[0]) in TEXTS
        slots[name] = is_text, sum(other == is_text for other, _ in slots.values())
    order, size = np.zeros((len(layouts), len(wanted), 5), np.int64), np.zeros(len(layouts), np.int64)
    for number, layout in enumerate(layouts):
        known = fields(record_id, layout)
        rows = sorted(
            (known[column], *_how(how), slots[name][1])
            for name, how in wanted
            if (column := name.partition(":")[0]) in known
        )
        for row, (place, kind, width, group, slot) in enumerate(rows):
            order[number, row] = place, kind, slot, width, group
        size[number] = len(rows)
    return slots, order, size


def _how(how: How) -> tuple[int, int, int]:
    """Kind, width and group as the loop takes them."""
    if isinstance(how, int):
        return how, 0, 0
    kind, what = how
    if isinstance(what, int):
        return kind, what, 0
    return kind, len(what), int.from_bytes(what.encode("ascii"), "little")


def decoded(buf: Array, offset: Array, length: Array) -> pl.Series:
    """Slices as text, what CP932 cannot read replaced."""
    out, starts = np.empty(int(length.sum()) * ROOM, np.uint8), np.empty(len(offset) + 1, np.int64)
    decode_slices(buf, offset, length, characters(), out, starts)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(out[: starts[-1]])]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(offset), buffers))

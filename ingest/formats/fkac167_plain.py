"""The results of FKAC167 from the bytes of plain lines: what a text says is worked out once a file.

Goes in: blocks of lines (``bytecsv``) and the checkups read of them. Comes out: ``checkup_result`` of the lines that
are not odd, and which are: with a text or flag that cannot be read, of which ``fkac167_results`` says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import fkac167_kernels as kernels
from ingest.formats import uke_arrow
from ingest.formats.bits import WIDE, Array
from ingest.formats.bytecsv import Block
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.fkac167_results import STATUSES, Held, Mask, Texts, held_by
from ingest.formats.groups import place_of
from ingest.formats.memory import Room
from ingest.formats.vocabulary import Vocabulary

_KINDS = {
    name: pl.Series([], dtype=dtype).to_arrow(compat_level=pl.CompatLevel.newest()).type
    for name, dtype in CHECKUP_RESULT.plain_schema().items()
}
"""The columns as Arrow has them."""
_FLAGS = (kernels.HAS_NUMBER, kernels.HAS_CODE, kernels.HAS_METHOD, kernels.HAS_UNIT)
SLICE = 4_000
"""Lines that are read before what is new among their texts is worked out."""


class Found(NamedTuple):
    """Results of some lines: the columns, how many they are, those of each line, which lines are odd, the codes."""

    out: kernels.Results
    found: int
    counts: Array
    odd: Mask
    codes: uke_arrow.Texts


class PlainResults:
    """Reads the results of one file, block by block."""

    def __init__(self, headings: Sequence[str], encoding: str) -> None:
        held = held_by(headings)
        kinds = dict.fromkeys([None, *(one.item.read_by for one in held)])
        self._kinds = {codes: number for number, codes in enumerate(kinds)}
        self._names = uke_arrow.Texts.of([one.item.item_id for one in held])
        self._units = uke_arrow.Texts.of([None, *(one.item.unit or None for one in held)])
        self._methods = uke_arrow.Texts.of([code or None for one in held for code in one.methods])
        self._statuses = uke_arrow.Texts.of(STATUSES)
        self._items = kernels.Items(
            *_ragged([[place_of(name) for name in one.values] for one in held]),
            *_ragged([[place_of(name) for name in one.flags] for one in held]),
            np.array([_only([*one.values]) if len(one.flags) <= 1 else -1 for one in held], np.int64),
            np.array([_only([*one.flags]) for one in held], np.int64),
            np.array([self._kinds[one.item.read_by] for one in held], np.int64),
            np.array([_told(one, code) for one in held for code in one.methods], np.int64),
            np.concatenate([_single_bytes(codes) for codes in self._kinds]),
            self._names.view.reshape(-1),
            self._units.view.reshape(-1),
            self._methods.view.reshape(-1),
            self._statuses.view.reshape(-1),
            *self._of_first(held),
        )
        self._room, self._repeated_room, self._zeros = Room(), Room(), np.zeros(0, np.uint8)
        self._picked = np.empty(6 * len(held), np.int64)
        self._words = Vocabulary(encoding)
        self._texts, self._codes = pl.Series([], dtype=pl.String), uke_arrow.Texts.of([])
        nothing, none = np.empty(0, np.uint8), np.empty((len(self._kinds), 0), bool)
        self._says = kernels.Says(nothing, nothing, none, np.frombuffer(b"", np.uint64), self._codes.view.reshape(-1))

    def _of_first(self, held: Sequence[Held]) -> tuple[Array, Array, Array]:
        """By item the views of method and unit of a value of its first field, and which it has."""
        is_measured = np.array([one.item.read_by is None for one in held], bool)
        place = np.cumsum([0, *(len(one.methods) for one in held)])[:-1]
        told = np.array([_told(one, one.methods[0]) for one in held], np.uint8)
        has = np.where(is_measured, kernels.HAS_NUMBER | told, kernels.HAS_CODE | told & kernels.HAS_METHOD)
        unit = np.where(is_measured, np.arange(1, 1 + len(held)), 0)
        return self._methods.view[place].reshape(-1), self._units.view[unit].reshape(-1), has.astype(np.uint8)

    def read(self, block: Block, lines: Array) -> Found:
        """The results of some lines. It may run in a thread, one at a time, and calls Polars but for new texts."""
        at, most = block.at(lines), len(lines) * len(self._items.kind)
        item, number, code, status, method, unit = (self._room.array(2 * most, np.uint64) for _ in range(6))
        row, held = self._room.array(most, np.int64), self._room.array(_words_of(most) * WIDE, np.uint8)
        out = kernels.Results(item, number, code, status, method, unit, row, held)
        counts, odd = np.empty(len(lines), np.int64), np.zeros(len(lines), bool)
        line = found = 0
        while line < len(lines):
            end = min(line + SLICE, len(lines))
            line, found, is_full = kernels.result_lines(
                at,
                block.row,
                line,
                end,
                self._items,
                self._says,
                *self._words.parts(),
                self._picked,
                out,
                found,
                counts,
                odd,
            )
            if is_full:
                self._words.grow(len(block.buf))
            elif line < end:
                self._learn(len(self._words))
        return Found(out, found, counts, odd, self._codes)

    def table(self, read: Found, checkup: pl.DataFrame) -> pl.DataFrame:
        """The table of results, with a checkup for each of the lines; it may be made while others are read."""
        out, found, counts = read.out, read.found, read.counts
        if not found:
            return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema())
        source_row = _column(pa.int64(), found, None, out.row[:found])
        bits = {flag: _bits(out.held, flag, found) for flag in _FLAGS}
        columns = {
            "source_row": source_row,
            "parent_source_row": source_row,
            "exam_month": _column(pa.date32(), found, None, np.repeat(_days(checkup["exam_month"]), counts)),
            "item_id": _texts(out.item, found, None, self._names),
            "numeric_value": _column(pa.decimal128(18, 4), found, bits[kernels.HAS_NUMBER], out.number),
            "code_value": _texts(out.code, found, bits[kernels.HAS_CODE], read.codes),
            "status_code": _texts(out.status, found, None, self._statuses),
            "method_code": _texts(out.method, found, bits[kernels.HAS_METHOD], self._methods),
            "unit_code": _texts(out.unit, found, bits[kernels.HAS_UNIT], self._units),
        }
        columns |= {name: self._repeated(checkup[name], counts, found) for name in ("scheme_code", "insurer_number")}
        # No query of Polars: it wakes threads, which takes longer than all the rest.
        return uke_arrow.table(
            {name: columns[name] if name in columns else self._nothing(kind, found) for name, kind in _KINDS.items()}
        )

    def _nothing(self, kind: pa.DataType, found: int) -> pa.Array:
        """A column of nothing, of memory that all such have in common."""
        if len(self._zeros) < 16 * found:
            self._zeros = np.zeros(16 * found + found // 4, np.uint8)
        return _column(kind, found, self._zeros, self._zeros)

    def _repeated(self, own: pl.Series, counts: Array, found: int) -> pa.Array:
        """Each text of a column so many times."""
        held = own.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        _, views, *others = held.buffers()
        column = self._repeated_room.array(2 * found, np.uint64)
        kernels.repeat(np.frombuffer(views, np.uint64)[2 * held.offset :], counts, column)
        bitmap = None
        if own.has_nulls():
            bitmap = np.packbits(np.repeat(own.is_not_null().to_numpy(), counts), bitorder="little")
        return _column(pa.string_view(), found, bitmap, column, others)

    def _learn(self, end: int) -> None:
        """Works out what the new texts say, up to so many."""
        new = self._words.texts(np.arange(len(self._texts), end))
        self._texts = pl.concat([self._texts, new], rechunk=True)
        known = Texts(self._texts)
        unreadable = known.unreadable(self._kinds)
        none = (
            known.is_blank * kernels.BLANK
            | known.is_not_done * kernels.NOT_DONE
            | known.is_not_measurable * kernels.NOT_MEASURABLE
        )
        number = known.decimal.fill_null(0).to_arrow().buffers()[1]
        self._codes = uke_arrow.Texts.of(known.clean.to_list())
        self._says = kernels.Says(
            none.astype(np.uint8),
            known.flag(),
            np.stack([unreadable[codes] for codes in self._kinds]),
            np.frombuffer(number, np.uint64)[: 2 * len(known.clean)],
            self._codes.view.reshape(-1),
        )


def _single_bytes(codes: tuple[str, ...] | None) -> Mask:
    """Which bytes alone are one of these codes."""
    found = np.zeros(256, bool)
    found[[ord(code) for code in codes or () if len(code) == 1 and "!" <= code <= "~"]] = True
    return found


def _told(item: Held, method: str) -> int:
    """Whether a value of an item has a method and, measured, a unit."""
    return kernels.HAS_METHOD * bool(method) | kernels.HAS_UNIT * bool(item.item.unit)


def _only(names: list[str]) -> int:
    """The place of the one field; -1 of none or several."""
    return place_of(names[0]) if len(names) == 1 else -1


def _ragged(lists: list[list[int]]) -> tuple[Array, Array]:
    """Lists one after the other, and where each begins."""
    return np.array([n for one in lists for n in one], np.int64), np.cumsum([0, *(len(one) for one in lists)])


def _words_of(results: int) -> int:
    """How many words have a bit for each result."""
    return -(-results // WIDE)


def _bits(held: Array, flag: int, found: int) -> Array | None:
    """Which of so many results have a flag; None where all have."""
    bits = np.empty(_words_of(found), np.uint64)
    return None if kernels.bits_of(held, flag, bits) >= len(bits) * WIDE else bits


def _days(column: pl.Series) -> Array:
    """The days of a column of dates, of which none is null."""
    held = column.rechunk().to_arrow()
    return np.frombuffer(held.buffers()[1], np.int32)[held.offset : held.offset + len(held)]


def _texts(view: Array, found: int, bits: Array | None, known: uke_arrow.Texts) -> pa.Array:
    """A column of so many texts, each one of those that are known."""
    return _column(pa.string_view(), found, bits, view, [] if known.out is None else [pa.py_buffer(known.out)])


def _column(
    kind: pa.DataType, found: int, bits: Array | None, values: Array, beside: Sequence[pa.Buffer] = ()
) -> pa.Array:
    """A column of so many values, of which those are there that ``bits`` says."""
    bitmap = None if bits is None else pa.py_buffer(bits)
    return pa.Array.from_buffers(kind, found, [bitmap, pa.py_buffer(values), *beside])

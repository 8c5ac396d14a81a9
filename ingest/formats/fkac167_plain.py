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
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.fkac167_results import STATUSES, Held, Mask, Texts, held_by
from ingest.formats.groups import place_of
from ingest.formats.memory import Room
from ingest.formats.vocabulary import Vocabulary

_SCHEMA = CHECKUP_RESULT.plain_schema()
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
            *(texts.view.reshape(-1) for texts in (self._names, self._units, self._methods, self._statuses)),
        )
        self._room, self._zeros = Room(), np.zeros(0, np.uint8)
        self._picked = np.empty(4 * len(held), np.int64)
        self._words = Vocabulary(encoding)
        self._texts = pl.Series([None], dtype=pl.String)
        self._learn(len(self._words))

    def read(self, block: Block, lines: Array) -> Found:
        """The results of some lines. It calls back nothing from Polars and may run in a thread, one at a time."""
        at, most = block.at(lines), len(lines) * len(self._items.kind)
        pairs = [self._room.array(2 * most, np.uint64) for _ in range(6)]
        row, held = self._room.array(most, np.int64), self._room.array(most, np.uint8)
        out = kernels.Results(*pairs, row, held)  # type: ignore[call-arg]  # mypy does not count them
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
        """The table of results, with a checkup for each of the lines; as ``read`` in a thread."""
        out, found, counts = read.out, read.found, read.counts
        if not found:
            return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema())
        always, held = np.ones(found, bool), out.held[:found]
        source_row = uke_arrow.series(out.row[:found], always)
        days = np.repeat(checkup["exam_month"].to_physical().to_numpy(), counts)
        columns = {
            "source_row": source_row,
            "parent_source_row": source_row,
            "exam_month": uke_arrow.days(days, always),
            "item_id": _text(out.item, always, self._names),
            "numeric_value": _decimal(out.number, held & kernels.HAS_NUMBER != 0),
            "code_value": _text(out.code, held & kernels.HAS_CODE != 0, read.codes),
            "status_code": _text(out.status, always, self._statuses),
            "method_code": _text(out.method, held & kernels.HAS_METHOD != 0, self._methods),
            "unit_code": _text(out.unit, held & kernels.HAS_UNIT != 0, self._units),
        }
        columns |= {name: self._repeated(checkup[name], counts, found) for name in ("scheme_code", "insurer_number")}
        # No query of Polars: it wakes threads, which takes longer than all the rest.
        return pl.DataFrame(
            {name: columns[name] if name in columns else self._nothing(dtype, found) for name, dtype in _SCHEMA.items()}
        )

    def _nothing(self, dtype: pl.DataType, found: int) -> pl.Series:
        """A column of nothing, of memory that all such have in common."""
        if len(self._zeros) < 16 * found:
            self._zeros = np.zeros(16 * found + found // 4, np.uint8)
        kind = pl.Series([], dtype=dtype).to_arrow(compat_level=pl.CompatLevel.newest()).type
        return pl.Series(pa.Array.from_buffers(kind, found, [pa.py_buffer(self._zeros)] * 2))

    def _repeated(self, own: pl.Series, counts: Array, found: int) -> pl.Series:
        """Each text of a column so many times."""
        held = own.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        _, views, *others = held.buffers()
        column = self._room.array(2 * found, np.uint64)
        kernels.repeat(np.frombuffer(views, np.uint64)[2 * held.offset :], counts, column)
        bitmap = None
        if own.has_nulls():
            bitmap = pa.py_buffer(np.packbits(np.repeat(own.is_not_null().to_numpy(), counts), bitorder="little"))
        return pl.Series(pa.Array.from_buffers(pa.string_view(), found, [bitmap, pa.py_buffer(column), *others]))

    def _learn(self, end: int) -> None:
        """Works out what the new texts say, up to so many."""
        new = self._words.texts(np.arange(len(self._texts), end))
        self._texts = pl.concat([self._texts, new], rechunk=True)
        known = Texts(self._texts)
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
            np.stack([known.unreadable(codes) for codes in self._kinds]),
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


def _text(view: Array, has_text: Mask, known: uke_arrow.Texts) -> pl.Series:
    return uke_arrow.Texts(view[: 2 * len(has_text)], has_text, known.out).series()


def _decimal(halves: Array, has_number: Mask) -> pl.Series:
    bitmap = None if has_number.all() else pa.py_buffer(np.packbits(has_number, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(halves)]
    return pl.Series(pa.Array.from_buffers(pa.decimal128(18, 4), len(has_number), buffers))

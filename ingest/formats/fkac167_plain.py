"""The results of FKAC167 from the bytes of plain lines: what a text says is worked out once a file.

Goes in: blocks of lines (``bytecsv``) and the checkups read of them. Comes out: ``checkup_result`` of the lines that
are not odd, and which are: with a text or flag that cannot be read, of which ``fkac167_results`` says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import fkac167_kernels as kernels
from ingest.formats import uke_arrow
from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.fkac167_results import OF_THE_CHECKUP, STATUSES, Mask, Texts, held_by, in_order
from ingest.formats.memory import Room
from ingest.formats.vocabulary import Vocabulary


class PlainResults:
    """Reads the results of one file, block by block."""

    def __init__(self, headings: Sequence[str], encoding: str) -> None:
        held = held_by(headings)
        columns = list(dict.fromkeys(name for one in held for name in (*one.values, *one.flags)))
        place = {name: number for number, name in enumerate(columns)}
        self._fields = np.array([[int(name[1:]) - 1 for name in columns]], np.int64)
        kinds = dict.fromkeys([None, *(one.item.read_by for one in held)])
        self._kinds = {codes: number for number, codes in enumerate(kinds)}
        self._names = uke_arrow.Texts.of([one.item.item_id for one in held])
        self._units = uke_arrow.Texts.of([one.item.unit or None for one in held])
        self._methods = uke_arrow.Texts.of([code or None for one in held for code in one.methods])
        self._statuses = uke_arrow.Texts.of(STATUSES)
        self._items = kernels.Items(
            *_ragged([[place[name] for name in one.values] for one in held]),
            *_ragged([[place[name] for name in one.flags] for one in held]),
            np.array([self._kinds[one.item.read_by] for one in held], np.int64),
            *(texts.view.reshape(-1) for texts in (self._names, self._units, self._methods, self._statuses)),
        )
        self._room = Room()
        self._words = Vocabulary(encoding)
        self._texts = pl.Series([None], dtype=pl.String)
        self._learn(len(self._words))

    def number(self, block: Block, lines: Array) -> Array:
        """The texts of some lines by number; may run in a thread, one at a time."""
        return self._words.of_rows(block.at(lines), self._fields)

    def of(self, ids: Array) -> Callable[[pl.DataFrame], tuple[pl.DataFrame, Mask]]:
        """What makes of the texts of some lines, and of a checkup for each, (the results of the lines that are not odd,
        whether each is odd). It calls back nothing from Polars and may run in a thread, one at a time."""
        came = int(ids.max(initial=0)) + 1
        if came > len(self._texts):
            self._learn(came)
        return partial(self._table, ids, self._says, self._codes)

    def _table(
        self, ids: Array, says: kernels.Says, codes: uke_arrow.Texts, checkup: pl.DataFrame
    ) -> tuple[pl.DataFrame, Mask]:
        most = ids.shape[0] * len(self._items.kind)
        pairs = (self._room.array(2 * most, np.uint64) for _ in range(6))
        out = kernels.Results(*pairs, *(self._room.array(most, bool) for _ in range(4)))
        counts, odd = np.empty(len(ids), np.int64), np.zeros(len(ids), bool)
        found: int = kernels.result_lines(ids, self._items, says, out, counts, odd)
        if not found:
            return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema()), odd
        source_row = pl.Series(np.repeat(checkup["source_row"].to_numpy(), counts))
        always = np.ones(found, bool)
        columns = {
            "source_row": source_row,
            "parent_source_row": source_row,
            "item_id": _text(out.item, always, self._names),
            "numeric_value": _decimal(out.number, out.has_number[:found]),
            "code_value": _text(out.code, out.has_code[:found], codes),
            "status_code": _text(out.status, always, self._statuses),
            "method_code": _text(out.method, out.has_method[:found], self._methods),
            "unit_code": _text(out.unit, out.has_unit[:found], self._units),
        }
        same = []  # held once, however many rows
        for name in OF_THE_CHECKUP:
            own = checkup[name]
            if _is_constant(own):
                same.append(pl.lit(own[0], dtype=own.dtype).alias(name))
            elif own.dtype == pl.Date:
                days = np.repeat(own.to_physical().to_numpy(), counts)
                columns[name] = uke_arrow.days(days, always)
            else:
                columns[name] = own[pl.Series(np.repeat(np.arange(len(ids), dtype=np.uint32), counts))]
        return in_order(pl.DataFrame(columns), same), odd

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


def _ragged(lists: list[list[int]]) -> tuple[Array, Array]:
    """Lists one after the other, and where each begins."""
    return np.array([n for one in lists for n in one], np.int64), np.cumsum([0, *(len(one) for one in lists)])


def _text(view: Array, has_text: Mask, known: uke_arrow.Texts) -> pl.Series:
    return uke_arrow.Texts(view[: 2 * len(has_text)], has_text, known.out).series()


def _decimal(halves: Array, has_number: Mask) -> pl.Series:
    bitmap = None if has_number.all() else pa.py_buffer(np.packbits(has_number, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(halves)]
    return pl.Series(pa.Array.from_buffers(pa.decimal128(18, 4), len(has_number), buffers))


def _is_constant(column: pl.Series) -> bool:
    """Whether a column says one thing, as the insurer of most files does."""
    return not column.has_nulls() and column[0] == column[-1] and bool((column == column[0]).all())

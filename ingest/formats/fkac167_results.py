"""The wide half of FKAC167: one ``checkup_result`` for every item that is not blank, with method and unit.

Goes in: the fields of the rows taken as checkups. Comes out: the results in order of row and item, and those
that cannot be read. Millions of fields hold some thousand different texts, so the texts are numbered once,
each different one is read once, and everything else is looking up numbers. Source: formats.md 2.3, 2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats import cells, fkac167_kernels
from ingest.formats.bytecsv import Block
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.csvlayout import fold, occurrences
from ingest.formats.fkac167_kernels import result_lines
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import empty_set_aside
from ingest.formats.vocabulary import Vocabulary

FLAG_PREFIX = "ＨＬ"
"""What stands before an item's heading in the column of its H/L flag."""

NOT_DONE = ("未実施",)
NOT_MEASURABLE = ("測定不可能", "測定不能")

Numbers = NDArray[Any]
Mask = NDArray[np.bool_]

_STATUSES = ("measured", "not_done", "not_measurable", "high", "low")
_NO_FLAG, _H, _L, _ODD = (
    fkac167_kernels.NO_FLAG,
    fkac167_kernels.FLAG_H,
    fkac167_kernels.FLAG_L,
    fkac167_kernels.ODD_FLAG,
)


@dataclass(frozen=True)
class Item:
    """One item of ``layouts/fkac167_items.csv``: the headings it may have, how its value is read.

    ``method_codes`` has for each heading the 17-digit code of the method that it names, or nothing where it
    names none; ``unit`` is the unit that the item is printed in.
    """

    item_id: str
    headings: tuple[str, ...]
    value_kind: str
    unit: str
    codes: tuple[str, ...]
    method_codes: tuple[str, ...]


@layout_cache
def items() -> tuple[Item, ...]:
    """The examination items and questions that are carried."""
    return tuple(
        Item(
            row["item_id"],
            tuple(row["column_name"].split("|")),
            row["value_kind"],
            row["unit"],
            tuple(row["codes"].split("|")) if row["codes"] else (),
            tuple(row["method_codes"].split("|")),
        )
        for row in layout_rows("fkac167_items")
    )


@dataclass(frozen=True)
class _Held:
    """An item that the file has a column for: its columns in order of preference, those of its flag."""

    number: int
    item: Item
    values: tuple[str, ...]
    methods: tuple[str, ...]
    flags: tuple[str, ...]


def _held(headings: Sequence[str]) -> list[_Held]:
    where = occurrences(headings)
    found = []
    for number, item in enumerate(items()):
        here = [(where.get((fold(name), 1)), code) for name, code in zip(item.headings, item.method_codes, strict=True)]
        values = [(f"f{place}", code) for place, code in here if place is not None]
        flags = [where.get((fold(FLAG_PREFIX + name), 1)) for name in item.headings]
        if values:
            columns, methods = zip(*values, strict=True)
            found.append(_Held(number, item, columns, methods, tuple(f"f{p}" for p in flags if p is not None)))
    return found


def results(fields: pl.DataFrame, headings: Sequence[str], checkup: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(``checkup_result``, results set aside) of the rows of ``fields`` that are in ``checkup``."""
    held = _held(headings)
    if not held or checkup.is_empty():
        return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema()), empty_set_aside()
    is_all = fields.height == checkup.height
    taken = fields if is_all else fields.join(checkup, on="source_row", how="semi", maintain_order="left")
    columns = list(dict.fromkeys(name for one in held for name in (*one.values, *one.flags)))
    texts, numbers = _numbered(taken, columns)
    known = _Texts(texts)
    values, methods = _values(held, numbers, known)
    flags = _flags(held, numbers, known, taken.height)
    is_said = ~known.is_blank[values] | (flags != _NO_FLAG)
    odd_flag = flags == _ODD
    unread = is_said & ~odd_flag & known.unreadable(held)[np.arange(len(held)), values]
    rows, places = np.nonzero(is_said & ~odd_flag & ~unread)
    table = _table(held, known, checkup, rows, places, values[rows, places], methods[rows, places], flags[rows, places])
    bad = {"bad_code": odd_flag, "": unread}
    return table, _set_aside(held, taken, checkup, bad) if any(mask.any() for mask in bad.values()) else (
        empty_set_aside()
    )


def _numbered(taken: pl.DataFrame, columns: list[str]) -> tuple[pl.Series, dict[str, Numbers]]:
    """The different texts of some columns, null last, and each column as numbers of them."""
    long = pl.concat([taken[name].rename("text") for name in columns])
    told = long.cast(pl.Categorical(pl.Categories.random()))
    different = told.unique().drop_nulls()
    order = different.to_physical().to_numpy()
    texts = pl.Series([None] * (int(order.max()) + 2 if len(order) else 1), dtype=pl.String)
    if len(order):
        texts = texts.scatter(order, different.cast(pl.String))
    whole = told.to_physical().fill_null(texts.len() - 1).to_numpy()
    height = taken.height
    return texts, {name: whole[place * height : (place + 1) * height] for place, name in enumerate(columns)}


class _Texts:
    """What each different text says, by its number; the last number stands for a blank field."""

    def __init__(self, texts: pl.Series) -> None:
        self.clean = texts.to_frame("text").select(cells.clean(pl.col("text"))).to_series()
        self.is_blank: Mask = self.clean.is_null().to_numpy()
        self.is_not_done: Mask = self.clean.is_in(NOT_DONE).fill_null(False).to_numpy()
        self.is_not_measurable: Mask = self.clean.is_in(NOT_MEASURABLE).fill_null(False).to_numpy()
        self.is_without: Mask = self.is_not_done | self.is_not_measurable | self.is_blank
        self.decimal = self.clean.to_frame("text").select(cells.decimal_value(pl.col("text"))).to_series()
        self.is_decimal: Mask = self.decimal.is_not_null().to_numpy()

    def flag(self) -> Numbers:
        """H, L, nothing or something else as one number, by the number of the text."""
        upper = self.clean.str.to_uppercase()
        flag = np.where(self.is_blank, _NO_FLAG, _ODD).astype(np.uint8)
        flag[(upper == "H").fill_null(False).to_numpy()] = _H
        flag[(upper == "L").fill_null(False).to_numpy()] = _L
        return flag

    def unreadable(self, held: list[_Held]) -> Mask:
        """For each item, the texts that are no value of it."""
        wrong = np.empty((len(held), self.clean.len()), dtype=np.bool_)
        numeric = ~(self.is_decimal | self.is_without)
        by_codes: dict[tuple[str, ...], Mask] = {}
        for place, one in enumerate(held):
            codes = one.item.codes
            if one.item.value_kind == "numeric":
                wrong[place] = numeric
            else:
                if codes not in by_codes:
                    by_codes[codes] = ~(self.clean.is_in(codes).fill_null(False).to_numpy() | self.is_without)
                wrong[place] = by_codes[codes]
        return wrong


def _values(held: list[_Held], numbers: dict[str, Numbers], known: _Texts) -> tuple[Numbers, Numbers]:
    """(rows x items) the text that counts of each item, and the number of its method: the first that says anything."""
    height = len(next(iter(numbers.values())))
    values = np.empty((height, len(held)), dtype=np.uint32)
    methods = np.zeros((height, len(held)), dtype=np.uint8)
    for place, one in enumerate(held):
        values[:, place] = numbers[one.values[0]]
        for choice, name in enumerate(one.values[1:], start=1):
            blank = known.is_blank[values[:, place]] & ~known.is_blank[numbers[name]]
            values[blank, place] = numbers[name][blank]
            methods[blank, place] = choice
    return values, methods


def _flags(held: list[_Held], numbers: dict[str, Numbers], known: _Texts, height: int) -> Numbers:
    """(rows x items) the H/L flag of each item."""
    told = known.flag()
    flags = np.zeros((height, len(held)), dtype=np.uint8)
    for place, one in enumerate(held):
        for name in reversed(one.flags):
            own = told[numbers[name]]
            flags[:, place] = np.where(own != _NO_FLAG, own, flags[:, place])
    return flags


def _table(
    held: list[_Held], known: _Texts, checkup: pl.DataFrame, rows: Numbers, places: Numbers,
    values: Numbers, methods: Numbers, flags: Numbers,
) -> pl.DataFrame:  # fmt: skip
    """The contract table of the results that can be read."""
    is_numeric = np.array([one.item.value_kind == "numeric" for one in held])[places]
    blank = known.clean.len() - 1
    has_none = known.is_without[values]
    status = np.where(
        known.is_not_done[values], 1,
        np.where(known.is_not_measurable[values], 2, np.where(flags == _H, 3, np.where(flags == _L, 4, 0))),
    )  # fmt: skip
    number = np.where(is_numeric & ~has_none, values, blank)
    code = np.where(is_numeric | has_none, blank, values)
    unit = np.where(is_numeric & ~has_none, places, len(held))
    method = places * _most_methods(held) + methods
    return _Columns(held).table(known, checkup, rows, places, number, code, unit, method, status)


def _most_methods(held: list[_Held]) -> int:
    return max(len(one.methods) for one in held)


class _Columns:
    """The columns of results, looked up by the numbers of items, texts and rows."""

    def __init__(self, held: list[_Held]) -> None:
        most = _most_methods(held)
        self._items = pl.Series([one.item.item_id for one in held])
        self._statuses = pl.Series(_STATUSES)
        self._methods = pl.Series(
            [code or None for one in held for code in (*one.methods, *[""] * (most - len(one.methods)))],
            dtype=pl.String,
        )
        self._units = pl.Series([*(one.item.unit or None for one in held), None], dtype=pl.String)

    def table(
        self, known: _Texts, checkup: pl.DataFrame, rows: Numbers, places: Numbers,
        number: Numbers, code: Numbers, unit: Numbers, method: Numbers, status: Numbers,
    ) -> pl.DataFrame:  # fmt: skip
        """The contract table: of each result the row of its checkup, its item, the text of its number and of its code
        (that of a blank for none), the item whose unit it has, item and method, and status."""
        row = _index(rows)
        source_row = checkup["source_row"][row]
        columns: dict[str, pl.Series] = {
            "source_row": source_row,
            "parent_source_row": source_row,
            "item_id": self._items[_index(places)],
            "numeric_value": known.decimal[_index(number)],
            "code_value": known.clean[_index(code)],
            "status_code": self._statuses[_index(status)],
            "method_code": self._methods[_index(method)],
            "unit_code": self._units[_index(unit)],
        }
        schema = CHECKUP_RESULT.plain_schema()
        same = {name: pl.lit(None, dtype=dtype) for name, dtype in schema.items()}  # held once, however many rows
        for name in ("scheme_code", "insurer_number", "exam_month"):
            own = checkup[name]
            if _is_constant(own):
                same[name] = pl.lit(own[0], dtype=own.dtype)
            else:
                columns[name] = own[row]
        table = pl.DataFrame(columns)
        return table.with_columns(same[name].alias(name) for name in schema if name not in columns).select(*schema)


def _is_constant(column: pl.Series) -> bool:
    """Whether a column says one thing, as the insurer of most files does."""
    return not column.has_nulls() and column[0] == column[-1] and bool((column == column[0]).all())


def _index(numbers: Numbers) -> pl.Series:
    return pl.Series(numbers.astype(np.uint32, copy=False))


class PlainResults:
    """The results of plain lines, read from their bytes: what a text says is worked out once a file.

    A line with a text or flag that cannot be read is odd, and ``results`` says what is wrong with it.
    """

    def __init__(self, headings: Sequence[str], encoding: str) -> None:
        self._held = _held(headings)
        columns = list(dict.fromkeys(name for one in self._held for name in (*one.values, *one.flags)))
        place = {name: number for number, name in enumerate(columns)}
        self._fields = np.array([int(name[1:]) - 1 for name in columns], np.int64)
        self._layout = (
            *_ragged([[place[name] for name in one.values] for one in self._held]),
            *_ragged([[place[name] for name in one.flags] for one in self._held]),
            np.array([one.item.value_kind == "numeric" for one in self._held], bool),
            _most_methods(self._held) if self._held else 0,
        )
        self._columns = _Columns(self._held) if self._held else None
        self._words = Vocabulary(encoding)
        self._texts = pl.Series([None], dtype=pl.String)
        self._scratch = np.empty((7, 0), np.uint32)  # kept, since memory that is new costs more than filling it
        self._learn()

    def number(self, block: Block, lines: Numbers) -> Callable[[pl.DataFrame], tuple[pl.DataFrame, Mask]]:
        """Reads the texts of some lines; gives what makes of it, and of a checkup for each line, (the results of the
        lines that are not odd, whether each is odd).

        What it gives calls back nothing from Polars and may run in a thread, one at a time.
        """
        if self._columns is None:
            return lambda checkup: (pl.DataFrame(schema=CHECKUP_RESULT.plain_schema()), np.zeros(len(lines), bool))
        ids = self._words.of_rows(block, lines, self._fields)
        if len(self._words) > len(self._texts):
            self._learn()
        return partial(self._table, self._columns, ids, self._known, self._said)

    def _table(
        self, columns: _Columns, ids: Numbers, known: _Texts, said: tuple[Numbers, ...], checkup: pl.DataFrame
    ) -> tuple[pl.DataFrame, Mask]:
        odd = np.zeros(len(ids), bool)
        if len(ids) == 0:
            return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema()), odd
        most = len(ids) * len(self._held)
        if self._scratch.shape[1] < most:
            self._scratch = np.empty((7, most), np.uint32)
        read: Callable[..., int] = result_lines
        count = read(ids, *self._layout, *said, *self._scratch, odd)
        rows, places, number, code, unit, method, status = self._scratch[:, :count]
        return columns.table(known, checkup, rows, places, number, code, unit, method, status), odd

    def _learn(self) -> None:
        """Works out what the new texts say."""
        new = self._words.series(len(self._texts), len(self._words))
        self._texts = pl.concat([self._texts, new], rechunk=True)
        self._known = known = _Texts(self._texts)
        says = (
            known.is_blank * fkac167_kernels.BLANK
            | known.is_not_done * fkac167_kernels.NOT_DONE
            | known.is_not_measurable * fkac167_kernels.NOT_MEASURABLE
        )
        self._said = known.unreadable(self._held), says.astype(np.uint8), known.flag()


def _ragged(lists: list[list[int]]) -> tuple[Numbers, Numbers]:
    """Lists one after the other, and where each begins."""
    return np.array([n for one in lists for n in one], np.int64), np.cumsum([0, *(len(one) for one in lists)])


def _set_aside(held: list[_Held], taken: pl.DataFrame, checkup: pl.DataFrame, bad: dict[str, Mask]) -> pl.DataFrame:
    """Results that cannot be read, item by item: a flag that is none, a text that is no value of the item."""
    lines = taken.select("source_row", "text").with_columns(scheme_code=checkup["scheme_code"])
    parts = []
    for place, one in enumerate(held):
        for reason, mask in bad.items():
            rows = np.flatnonzero(mask[:, place])
            if len(rows):
                code = reason or ("bad_number" if one.item.value_kind == "numeric" else "bad_code")
                label = one.item.headings[0]
                parts.append(cells.set_aside(lines[rows], "checkup_result", one.item.item_id, code, label))
    return pl.concat(parts)

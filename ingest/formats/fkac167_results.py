"""The wide half of FKAC167: one ``checkup_result`` for every item that is not blank, with method and unit.

Goes in: the fields of the rows taken as checkups. Comes out: the results in order of row and item, and those
that cannot be read. Millions of fields hold some thousand different texts, so the texts are numbered once,
each different one is read once, and everything else is looking up numbers. Source: formats.md 2.3, 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats import cells, fkac167_kernels
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.csvlayout import fold, occurrences
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import empty_set_aside

FLAG_PREFIX = "ＨＬ"
"""What stands before an item's heading in the column of its H/L flag."""

NOT_DONE = ("未実施",)
NOT_MEASURABLE = ("測定不可能", "測定不能")

Numbers = NDArray[Any]
Mask = NDArray[np.bool_]

STATUSES = ("measured", "not_done", "not_measurable", "high", "low")
OF_THE_CHECKUP = ("scheme_code", "insurer_number", "exam_month")
"""Columns of a result that are those of its checkup."""
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

    @property
    def read_by(self) -> tuple[str, ...] | None:
        """The codes that its value is one of; None where it is a number."""
        return None if self.value_kind == "numeric" else self.codes


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
class Held:
    """An item that the file has a column for: its columns in order of preference, those of its flag."""

    number: int
    item: Item
    values: tuple[str, ...]
    methods: tuple[str, ...]
    flags: tuple[str, ...]


def held_by(headings: Sequence[str]) -> list[Held]:
    where = occurrences(headings)
    found = []
    for number, item in enumerate(items()):
        here = [(where.get((fold(name), 1)), code) for name, code in zip(item.headings, item.method_codes, strict=True)]
        values = [(f"f{place}", code) for place, code in here if place is not None]
        flags = [where.get((fold(FLAG_PREFIX + name), 1)) for name in item.headings]
        if values:
            columns, methods = zip(*values, strict=True)
            found.append(Held(number, item, columns, methods, tuple(f"f{p}" for p in flags if p is not None)))
    return found


def results(fields: pl.DataFrame, headings: Sequence[str], checkup: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(``checkup_result``, results set aside) of the rows of ``fields`` that are in ``checkup``."""
    held = held_by(headings)
    if not held or checkup.is_empty():
        return pl.DataFrame(schema=CHECKUP_RESULT.plain_schema()), empty_set_aside()
    is_all = fields.height == checkup.height
    taken = fields if is_all else fields.join(checkup, on="source_row", how="semi", maintain_order="left")
    columns = list(dict.fromkeys(name for one in held for name in (*one.values, *one.flags)))
    texts, numbers = _numbered(taken, columns)
    known = Texts(texts)
    values, methods = _values(held, numbers, known)
    flags = _flags(held, numbers, known, taken.height)
    is_said = ~known.is_blank[values] | (flags != _NO_FLAG)
    odd_flag = flags == _ODD
    wrong = known.unreadable(one.item.read_by for one in held)
    no_value = np.stack([wrong[one.item.read_by][values[:, place]] for place, one in enumerate(held)], axis=1)
    unread = is_said & ~odd_flag & no_value
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


class Texts:
    """What each different text says, by its number; the last number stands for a blank field."""

    def __init__(self, texts: pl.Series) -> None:
        self.clean = cells.cleaned(texts)
        text = pl.col("text")
        said = self._asked(
            is_blank=text.is_null(),
            is_not_done=text.is_in(NOT_DONE),
            is_not_measurable=text.is_in(NOT_MEASURABLE),
            is_high=text.str.to_uppercase() == "H",
            is_low=text.str.to_uppercase() == "L",
        )
        self.is_blank, self.is_not_done, self.is_not_measurable, self._is_high, self._is_low = said
        self.is_without: Mask = self.is_not_done | self.is_not_measurable | self.is_blank
        self.decimal = self.clean.to_frame("text").select_seq(cells.decimal_value(text)).to_series()
        self.is_decimal: Mask = self.decimal.is_not_null().to_numpy()

    def _asked(self, **questions: pl.Expr) -> list[Mask]:
        """Which texts are what is asked of ``text``, a blank one nothing; all in one query, since a query costs more
        than the texts."""
        told = self.clean.to_frame("text").select_seq(
            asked.fill_null(False).alias(name) for name, asked in questions.items()
        )
        return [column.to_numpy() for column in told]

    def flag(self) -> Numbers:
        """H, L, nothing or something else as one number, by the number of the text."""
        flag = np.where(self.is_blank, _NO_FLAG, _ODD).astype(np.uint8)
        flag[self._is_high], flag[self._is_low] = _H, _L
        return flag

    def unreadable(self, kinds: Iterable[tuple[str, ...] | None]) -> dict[tuple[str, ...] | None, Mask]:
        """For each list of codes, and for what is measured (None), which texts are no value of an item of it."""
        coded = [codes for codes in dict.fromkeys(kinds) if codes is not None]
        are = self._asked(**{str(number): pl.col("text").is_in(codes) for number, codes in enumerate(coded)})
        values: dict[tuple[str, ...] | None, Mask] = {None: self.is_decimal}
        values |= zip(coded, are, strict=True)
        return {codes: ~(is_value | self.is_without) for codes, is_value in values.items()}


def _values(held: list[Held], numbers: dict[str, Numbers], known: Texts) -> tuple[Numbers, Numbers]:
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


def _flags(held: list[Held], numbers: dict[str, Numbers], known: Texts, height: int) -> Numbers:
    """(rows x items) the H/L flag of each item."""
    told = known.flag()
    flags = np.zeros((height, len(held)), dtype=np.uint8)
    for place, one in enumerate(held):
        for name in reversed(one.flags):
            own = told[numbers[name]]
            flags[:, place] = np.where(own != _NO_FLAG, own, flags[:, place])
    return flags


def _table(
    held: list[Held], known: Texts, checkup: pl.DataFrame, rows: Numbers, places: Numbers,
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
    most = max(len(one.methods) for one in held)
    codes = [code or None for one in held for code in (*one.methods, *[""] * (most - len(one.methods)))]
    row = _index(rows)
    source_row = checkup["source_row"][row]
    columns: dict[str, pl.Series] = {
        "source_row": source_row,
        "parent_source_row": source_row,
        "item_id": pl.Series([one.item.item_id for one in held])[_index(places)],
        "numeric_value": known.decimal[_index(number)],
        "code_value": known.clean[_index(code)],
        "status_code": pl.Series(STATUSES)[_index(status)],
        "method_code": pl.Series(codes, dtype=pl.String)[_index(places * most + methods)],
        "unit_code": pl.Series([*(one.item.unit or None for one in held), None], dtype=pl.String)[_index(unit)],
    }
    columns |= {name: checkup[name][row] for name in OF_THE_CHECKUP}
    return _in_order(pl.DataFrame(columns))


def _in_order(columns: pl.DataFrame) -> pl.DataFrame:
    """The contract table of its columns and those that say nothing."""
    schema = CHECKUP_RESULT.plain_schema()
    found = {name: pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items()}
    found |= {name: pl.col(name) for name in columns.columns}
    return columns.select(found.values())


def _index(numbers: Numbers) -> pl.Series:
    return pl.Series(numbers.astype(np.uint32, copy=False))


def _set_aside(held: list[Held], taken: pl.DataFrame, checkup: pl.DataFrame, bad: dict[str, Mask]) -> pl.DataFrame:
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

"""Cells read where they stand say what the expressions say of them, or are left to those."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import bytecsv, cells, csvlayout, plaincells
from ingest.formats.contracts import CARE_CERTIFICATION
from ingest.formats.plaincells import PlainCells

DATES = st.one_of(
    st.dates().map(lambda day: day.strftime("%Y%m%d")),
    st.tuples(st.integers(0, 9), st.integers(0, 999_999)).map(lambda parts: f"{parts[0]}{parts[1]:06}"),
    st.tuples(st.integers(0, 6), st.integers(0, 99), st.integers(0, 13), st.integers(0, 32)).map(
        lambda parts: "{}{:02}{:02}{:02}".format(*parts)
    ),
    st.sampled_from(
        ["", "0", "000000", "0000000", "00000000", "999999", "9999999", "99999999", "99991231", "20240229"]
    ),
    st.sampled_from(
        ["20230229", "19000229", "4311301", "R060501", "令和6年5月1日", "２０２４０５０１", "2024/5/1", " 20240501 "]
    ),
    st.text("0123456789RHS/. 年", max_size=9),
)
ERAS = st.sampled_from(["", "1", "3", "4", "5", "5", "6", "0", "H", "r", "Ｒ", "令和", "x", " 5"])
TEXTS = st.text("ｱｲﾔﾏﾀﾞカナヤマ山田髙 　\t\x1cAZaz09-", max_size=14)


def read(kind: str, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> tuple[list[Any], list[int]]:
    """(values of a cell of each line, lines that are odd); a line has the cell and perhaps its era."""
    name = {"date": "insured_start_date", "integer": "benefit_rate"}.get(kind, "name_kana")
    own = csvlayout.cell(name, kind, pl.col("f1"), "", pl.col("f2") if len(rows[0]) > 1 else None)
    column = replace(CARE_CERTIFICATION.column(name), minimum=None, maximum=None)
    contract = replace(CARE_CERTIFICATION, columns=(column,))
    block = bytecsv.block("".join(f"{','.join(row)},.\n" for row in rows).encode(encoding), 1, encoding)
    table, odd = PlainCells(contract, [own], encoding).read(block, np.arange(len(rows)))
    return table[name].to_list(), np.flatnonzero(odd).tolist()


def meant(kind: str, rows: Sequence[Sequence[str]]) -> tuple[list[Any], list[int]]:
    """The same by the expressions of the cell."""
    own = csvlayout.cell("c", kind, pl.col("f1"), "", pl.col("f2") if len(rows[0]) > 1 else None)
    fields = pl.DataFrame({f"f{place}": column for place, column in enumerate(zip(*rows, strict=True), start=1)})
    told = cells.with_texts(fields, [own]).select(
        value=own.value, is_odd=cells.text_of("c").is_not_null() & own.value.is_null()
    )
    return told.filter(~pl.col("is_odd"))["value"].to_list(), told["is_odd"].arg_true().to_list()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(DATES), min_size=1, max_size=30))
def test_a_date_is_the_day_that_it_says_or_none(rows: list[tuple[str]]) -> None:
    assert read("date", rows) == meant("date", rows)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(DATES, ERAS), min_size=1, max_size=30))
def test_a_date_takes_its_era_from_the_cell_beside_it(rows: list[tuple[str, str]]) -> None:
    assert read("date", rows) == meant("date", rows)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS), min_size=1, max_size=30), st.sampled_from(["printed", "text"]), st.booleans())
def test_a_text_is_read_without_the_blanks_around_it(rows: list[tuple[str]], kind: str, is_cp932: bool) -> None:
    encoding = "cp932" if is_cp932 else "utf-8"
    assert read(kind, rows, encoding) == meant(kind, rows)
    with pytest.MonkeyPatch.context() as patch:  # as if they were many
        patch.setattr(plaincells, "FEW", 0)
        assert read(kind, rows, encoding) == meant(kind, rows)


NUMBERS = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.integers(0, 99_999_999).map(lambda number: f"{number:08}"),
    st.integers(0, 999).map(lambda number: f" {number} "),
    st.text("0123456789+-. ，１", max_size=9),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NUMBERS), min_size=1, max_size=30))
def test_a_number_is_read_or_its_line_is_odd(rows: list[tuple[str]]) -> None:
    found = [re.fullmatch(r" *([-+]?[0-9]{1,18})? *", text) for (text,) in rows]
    values = [one[1] and int(one[1]) for one in found if one]
    assert read("integer", rows) == (values, [row for row, one in enumerate(found) if not one])


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20240229", date(2024, 2, 29)),
        ("18680101", date(1868, 1, 1)),
        ("5060501", date(2024, 5, 1)),
        ("4310430", date(2019, 4, 30)),
        ("19000228", date(1900, 2, 28)),
        ("20001231", date(2000, 12, 31)),
    ],
)
def test_days_of_the_calendar(text: str, day: date) -> None:
    assert read("date", [(text,)]) == ([day], [])


@pytest.mark.parametrize("text", ["19000229", "20230229", "20240431", "20241301", "18671231", "5000101", "6010101"])
def test_what_is_no_day_makes_its_line_odd(text: str) -> None:
    assert read("date", [(text,)]) == ([], [0])

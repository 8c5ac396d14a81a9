"""Values by numbers: as many as there are different ones, whatever the column is made of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingest.formats.numbered import distinct, is_same, numbered

LONG = "国民健康保険団体連合会"
COLUMNS = [
    pl.Series("texts", ["a", "b", "a", "", "b"]),
    pl.Series("long", [LONG + "一", LONG + "二", LONG + "一", "x" * 12, "x" * 13]),
    pl.Series("nulls", ["a", None, LONG, None, LONG]),
    pl.Series("tags", [b"\0" * 16, b"\1" * 16, b"\0" * 16, b"", b"\0"]),
    pl.Series("numbers", [5, -(2**63), 2**63 - 1, 5, 5]),
    pl.Series("small", [1, 2, 2, None, 1], dtype=pl.Int32()),
    pl.Series("days", [date(2024, 1, 1), date(1900, 1, 1), None, None, date(2024, 1, 1)]),
    pl.Series("amounts", [Decimal("1.5"), Decimal("-1.5"), None, Decimal("1.5"), Decimal(0)], dtype=pl.Decimal(18, 4)),
    pl.Series("nothing", [None] * 5, dtype=pl.String()),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_equal_values_have_equal_numbers_and_others_have_others(column: pl.Series) -> None:
    for values in (column, column[1:], column[1:4], pl.concat([column[:2], column[2:]], rechunk=False)):
        found = numbered(values)
        assert found is not None
        there = values.drop_nulls()
        assert there.gather(found.first).gather(found.number).equals(there)
        assert len(found.first) == there.n_unique()
        assert distinct(values).sort().equals(values.unique().sort())


def test_what_has_more_values_than_asked_for_is_not_numbered() -> None:
    many = pl.Series(range(10_001))
    assert numbered(many) is None
    assert numbered(many.cast(pl.String)) is None
    assert distinct(many).sort().equals(many)
    assert numbered(pl.Series([1.5])) is None


def test_texts_of_several_buffers_are_told_apart() -> None:
    parts = [pl.Series([f"{LONG}{n}", LONG]) for n in range(5)]
    found = numbered(pl.concat(parts))
    assert found is not None
    assert len(found.first) == 6


@pytest.mark.parametrize(
    ("values", "same"),
    [
        (["a", "a"], True),
        (["a", "b"], False),
        ([None, None], True),
        (["a", None], False),
        ([], True),
        ([3, 3], True),
        ([3, 4], False),
        ([True, True], True),
        ([True, False], False),
        ([date(2024, 1, 1)] * 2, True),
    ],
)
def test_it_is_told_whether_all_rows_have_one_value(values: list[object], same: bool) -> None:
    assert is_same(pl.Series(values)) is same

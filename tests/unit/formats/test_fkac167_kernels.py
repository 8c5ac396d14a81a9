"""A measured value that is read where it stands is the number that the expressions make of it."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.formats import cells
from ingest.formats.fkac167_kernels import plain_number

DECIMALS = st.tuples(st.integers(0, 99_999), st.integers(0, 9_999)).map(lambda parts: f"{parts[0]}.{parts[1]}"[:8])
TEXTS = st.one_of(
    st.text("0123456789.", min_size=1, max_size=8), DECIMALS, st.text("0123456789.-+ ,H", min_size=1, max_size=8)
)


def read(text: str) -> int:
    return int(plain_number(np.frombuffer(text.encode().ljust(8, b"\0"), np.uint64)[0], len(text)))


def meant(text: str) -> int | None:
    """In 1/10,000."""
    value = pl.DataFrame({"text": [text]}).select(cells.decimal_value(cells.clean(pl.col("text")))).item()
    return None if value is None else int(value * 10_000)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example("99999999")
@example("0")
@example("1.")
@example(".5")
@example("1.2.3")
@example("1.12345")
def test_a_number_is_what_it_says_or_is_left_to_the_expressions(text: str) -> None:
    found = read(text)
    assert found in (-1, meant(text))


def test_the_numbers_of_a_checkup_are_read_where_they_stand() -> None:
    texts = ["169.4", "21", "0.75", "5.4", "0001", "1234.567", "12345678"]
    assert [read(text) for text in texts] == [meant(text) for text in texts]

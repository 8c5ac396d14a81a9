"""The compiled loops under the receipt reader say of any bytes what plain Python says of them."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.formats.bits import WIDE
from ingest.formats.uke_arrow import Texts
from ingest.formats.uke_codes import institutions
from ingest.formats.uke_text import characters, count_characters
from ingest.formats.uke_values import digits
from ingest.formats.uke_words import SPARE, count_commas, line_end, split

BYTES = st.lists(st.sampled_from(b",,,,\n19aZ\x81\x40\xb1\xff"), max_size=3 * WIDE).map(bytes)
CODES = st.none() | st.text("0123456789", min_size=1, max_size=8) | st.text("09 a+-あ", min_size=1, max_size=14)


def buffer(data: bytes) -> np.ndarray:
    """As a block is handed to the loops: what stands behind it may be anything."""
    return np.frombuffer(data + b",\n" * (SPARE // 2), np.uint8)


@settings(deadline=None)  # compiled when first called
@given(BYTES, st.integers(0, 9))
def test_a_line_ends_at_its_line_end_or_with_the_block(data: bytes, at: int) -> None:
    at = min(at, len(data))
    stop = data.find(b"\n", at)
    stop = len(data) if stop < 0 else stop
    assert line_end(buffer(data), at, len(data)) == (stop, data[at:stop].isascii())


@settings(deadline=None)
@given(BYTES, st.integers(1, 200))
def test_columns_begin_behind_commas(data: bytes, most: int) -> None:
    columns = np.zeros(most + WIDE + 1, np.int64)
    count = split(buffer(data), 0, len(data), most, columns)
    parts = data.split(b",")
    assert count == min(len(parts), most)
    assert [data[columns[n] : columns[n + 1] - 1] for n in range(count)] == parts[:count]
    assert count_commas(buffer(data), 0, len(data)) == data.count(b",")


@settings(deadline=None)
@given(st.text("0123456789", max_size=10) | st.text("0189/:;+- \x80", max_size=10).filter(str.isprintable))
@example("000000000")
@example("999999999")
@example("12345678/")
@example(":2345678")
def test_digits_are_a_number_and_anything_else_is_none(text: str) -> None:
    data = text.encode("utf-8")
    expected = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    assert digits(buffer(data), 0, len(data)) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", ",", "あ", "ｱ", "髙", "\ue000"]), max_size=WIDE), st.booleans())
def test_characters_are_counted_as_they_are_decoded(texts: list[str], is_cut: bool) -> None:
    data = "".join(texts).encode("cp932")[: -1 if is_cut else None]
    read = data.decode("cp932", errors="replace")
    unreadable = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" for char in read)
    assert count_characters(buffer(data), 0, len(data), characters()) == (len(read), unreadable)


@settings(deadline=None)
@given(st.lists(st.tuples(CODES, CODES, CODES), min_size=1, max_size=5))
def test_an_institution_is_ten_digits_put_together(parts: list[tuple[str | None, ...]]) -> None:
    found = institutions(*(Texts.of(column) for column in zip(*parts, strict=True)))
    for row, (prefecture, table, number) in enumerate(parts):
        is_there = None not in (prefecture, table, number)
        code = f"{(prefecture or '').zfill(2)}{table}{(number or '').zfill(7)}" if is_there else ""
        is_code = re.fullmatch("[0-9]{10}", code) is not None
        assert found.code.valid[row] == is_there
        assert found.is_code[row] == is_code
        if is_code:
            assert found.code.series()[row] == code


@settings(deadline=None)
@given(st.lists(st.none() | st.text("aあ", max_size=14)), st.lists(st.none() | st.text("bい", max_size=14)))
def test_texts_are_joined_and_filled_as_columns_are(first: list[str | None], second: list[str | None]) -> None:
    of_first, of_second = Texts.of(first), Texts.of(second)
    assert Texts.joined(of_first, of_second).series().to_list() == first + second
    rows = min(len(first), len(second))
    filled = Texts.of(first[:rows]).otherwise(Texts.of(second[:rows])).series().to_list()
    assert filled == [other if text is None else text for text, other in zip(first, second, strict=False)]

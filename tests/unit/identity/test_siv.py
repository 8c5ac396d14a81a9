"""AES-SIV by the column: byte for byte what the library makes of each value alone, or nothing at all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.identity import siv
from ingest.identity.siv import ColumnSiv, SivError, padded

texts = st.lists(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=200))
keys = st.sampled_from([32, 48, 64]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
associated_data = st.lists(st.binary(max_size=40), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(keys, associated_data, texts.filter(len))
def test_every_value_is_encrypted_as_the_library_does_it(
    key: bytes, associated: list[bytes], values: list[str]
) -> None:
    library, column = AESSIV(key), ColumnSiv(key, associated)
    seen = 0
    for width, (places, rows) in padded(pl.Series(values, dtype=pl.String)).items():
        whole, tags = column.encrypt(rows), column.tags(rows)
        for place, ciphertext, tag in zip(places, whole, tags, strict=True):
            content = values[place].encode()
            block = content.ljust(width - 1, b"\0") + bytes([len(content) & 0xFF])
            assert len(content) < width
            assert ciphertext.tobytes() == library.encrypt(block, associated)
            assert tag.tobytes() == ciphertext[:16].tobytes()
            seen += 1
    assert seen == len(values)


def test_a_column_longer_than_one_part_keeps_its_order() -> None:
    values = pl.Series([str(number) for number in range(40_000)])
    (_, rows), *_ = padded(values).values()
    tags = ColumnSiv(bytes(64), [b"a"]).tags(rows)
    alone = [AESSIV(bytes(64)).encrypt(rows[place].tobytes(), [b"a"])[:16] for place in (0, 16_384, 39_999)]
    assert [tags[place].tobytes() for place in (0, 16_384, 39_999)] == alone


def test_a_binary_column_says_its_rows_however_many_buffers_they_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(100 * 32, dtype=np.uint8).reshape(100, 32)
    monkeypatch.setattr(siv, "_BUFFER_BYTES", 7 * 32)
    assert siv.binary(rows).to_list() == [row.tobytes() for row in rows]


def test_a_cipher_that_goes_astray_is_stopped_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    column = ColumnSiv(bytes(64), [b"a"])
    (_, rows), *_ = padded(pl.Series(["1", "2"])).values()
    monkeypatch.setattr(column, "_chain", bytes(16))
    with pytest.raises(SivError):
        column.tags(rows)
    with pytest.raises(SivError):
        column.encrypt(rows)


def test_widths_hide_lengths_in_powers_of_two() -> None:
    found = padded(_of([0, 63, 64, 127, 128]))
    assert all(rows.shape == (len(places), width) for width, (places, rows) in found.items())
    sizes = {width: list(places) for width, (places, _) in found.items()}
    assert sizes == {64: [0, 1], 128: [2, 3], 256: [4]}


def _of(lengths: list[int]) -> pl.Series:
    return pl.Series(["x" * length for length in lengths])

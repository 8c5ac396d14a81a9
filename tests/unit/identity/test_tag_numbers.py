"""Tags by numbers, also when there are more of them than there was room for."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest

from ingest.identity.tag_numbers import TagNumbers, tags, words


def column(numbers: range) -> pl.Series:
    """Tags as good as random in every bit, as a cipher makes them: places are looked for by their bits."""
    tags_of = [hashlib.blake2b(number.to_bytes(4, "big"), digest_size=16).digest() for number in numbers]
    return pl.Series(tags_of, dtype=pl.Binary())


def test_a_tag_keeps_its_number_however_many_come() -> None:
    known = TagNumbers()
    for numbers in (range(5), range(3, 100_000), range(200_000), range(1)):
        assert known.of(words(column(numbers))).tolist() == list(numbers)
    assert len(known) == 200_000


def test_tags_come_back_as_they_were() -> None:
    every = column(range(1000))
    known = TagNumbers()
    assert tags(known.words(known.of(words(every[10:500])))).equals(every[10:500])
    assert tags(np.empty((0, 2), np.uint64)).is_empty()


def test_what_has_not_sixteen_bytes_is_no_tag() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        words(pl.Series([b"short"]))

"""Tags as numbers: 16 bytes are two words, and of a run each distinct tag has a number of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.compiled import loop
from ingest.identity import siv
from ingest.identity.cipher import TAG_BYTES

Words = NDArray[np.uint64]
"""A row of two words a tag."""
Numbers = NDArray[np.int64]
_LEAST = 1 << 16
_SHARE = 4  # slots a tag: a table that is never more than half full, when it grows to twice its size


def words(tags: pl.Series) -> Words:
    """Tags of 16 bytes, none of them null, as words."""
    array = tags.to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    if len(content) != TAG_BYTES * len(tags):
        raise ValueError("tags have 16 bytes each")
    return np.frombuffer(content.tobytes() if content.ctypes.data % 8 else content, np.uint64).reshape(-1, 2)


def tags(of: Words) -> pl.Series:
    """The tags of these words."""
    return siv.binary(of.view(np.uint8).reshape(-1, TAG_BYTES)) if len(of) else pl.Series(dtype=pl.Binary())


class TagNumbers:
    """Numbers from 0 on, in the order in which tags come."""

    def __init__(self) -> None:
        self._tags = np.empty((_LEAST, 2), np.uint64)
        self._slots = np.full(_LEAST * _SHARE, -1, np.int32)
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def of(self, asked: Words) -> Numbers:
        """The number of each tag; those that are new get one."""
        self._make_room(len(asked))
        found = np.empty(len(asked), np.int64)
        self._known = _number(np.ascontiguousarray(asked).reshape(-1), self._tags, self._slots, self._known, found)
        return found

    def words(self, numbers: Numbers) -> Words:
        """The tags with these numbers."""
        return self._tags[numbers]

    def _make_room(self, more: int) -> None:
        size = len(self._tags)
        while size < self._known + more:
            size *= 2
        if size > len(self._tags):
            held = self._tags[: self._known]
            self._tags = np.empty((size, 2), np.uint64)
            self._slots = np.full(size * _SHARE, -1, np.int32)
            _number(held.reshape(-1), self._tags, self._slots, 0, np.empty(len(held), np.int64))


@loop
def _number(asked: Any, tags: Any, slots: Any, known: int, found: Any) -> int:  # pragma: no cover  (compiled)
    """``TagNumbers.of``; a tag is as good as random, so its first word tells its slot."""
    mask = np.uint64(slots.size - 1)
    for row in range(asked.size // 2):
        low, high = asked[2 * row], asked[2 * row + 1]
        place = np.int64(low & mask)
        while slots[place] >= 0 and (tags[slots[place], 0] != low or tags[slots[place], 1] != high):
            place = np.int64((np.uint64(place) + np.uint64(1)) & mask)
        if slots[place] < 0:
            slots[place] = known
            tags[known, 0], tags[known, 1] = low, high
            known += 1
        found[row] = slots[place]
    return known

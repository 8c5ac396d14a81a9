"""The different texts of cells as numbers, so that what a text says is worked out once a file.

Goes in: cells of a block by where they lie (``bytecsv``). Comes out: a number for each, the same for the same text, and
the text of each number. ``vocabulary_kernels`` holds the loops.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ingest.formats import vocabulary_kernels as kernels
from ingest.formats.bits import Array
from ingest.formats.bytecsv_kernels import PADDING, Lines


@dataclass
class Vocabulary:
    """The different texts of some columns, numbered from 1 in the order in which they came; 0 is no text.

    It is kept from block to block, so that what a text says is worked out once a file.
    """

    encoding: str
    _slots: Array = field(default_factory=lambda: np.zeros(4096, np.int32))
    _keys: Array = field(default_factory=lambda: np.zeros(2048, np.uint64))
    _starts: Array = field(default_factory=lambda: np.zeros(2048, np.int64))
    _sizes: Array = field(default_factory=lambda: np.zeros(2048, np.int32))
    _pool: Array = field(default_factory=lambda: np.zeros(1 << 16, np.uint8))
    _counts: Array = field(default_factory=lambda: np.array([1, 0], np.int64))

    def __len__(self) -> int:
        """One more than the texts: the number that the next will have."""
        return int(self._counts[0])

    def of_cells(self, buf: Array, offset: Array, length: Array, ids: Array) -> None:
        """Puts the numbers of some cells into ``ids``."""
        done = 0
        while (done := kernels.number_texts(buf, offset, length, done, ids, *self.parts())) < len(offset):
            self.grow(int(length[done]))

    def of_rows(self, at: Lines, fields: Array) -> Array:
        """The numbers of the cells of some fields of lines (``fields`` a row for each kind of line), one row a line."""
        ids, done = np.empty((len(at.lines), fields.shape[1]), np.int32), 0
        while (done := kernels.number_rows(at, fields, done, ids, *self.parts())) < len(at.lines):
            self.grow(len(at.buf))
        return ids

    def of_tuples(self, numbers: Array) -> Array:
        """The numbers of tuples of numbers (of 32 bits), one row each: they are the texts here."""
        height, width = len(numbers), 4 * numbers.shape[1]
        whole = np.zeros(numbers.size + PADDING // 4, np.int32)
        whole[: numbers.size] = numbers.reshape(-1)
        ids = np.empty(height, np.int32)
        offset = np.arange(0, height * width, width, dtype=np.int32)
        self.of_cells(whole.view(np.uint8), offset, np.full(height, width, np.int32), ids)
        return ids

    def texts(self, numbers: Array) -> pl.Series:
        """The texts with these numbers; number 0 is null."""
        data = self._pool[: int(self._counts[1])].tobytes()
        bounds = zip(self._starts[numbers].tolist(), self._sizes[numbers].tolist(), strict=True)
        texts = [data[at : at + n].decode(self.encoding, errors="replace") if n else None for at, n in bounds]
        return pl.Series(texts, dtype=pl.String)

    def raw(self, begin: int, end: int, width: int) -> Array:
        """The same where the texts are so many numbers each (of 32 bits), one row a text; number 0 is zeros."""
        first = max(begin, 1)
        at = int(self._starts[first]) if first < end else 0
        found = self._pool[at : at + (end - first) * width * 4].copy().view(np.int32).reshape(-1, width)
        return np.concatenate([np.zeros((first - begin, width), np.int32), found]) if first > begin else found

    def words(self) -> kernels.Words:
        """The same as ``parts``, by name."""
        return kernels.Words(*self.parts())

    def parts(self) -> tuple[Array, ...]:
        """What the loops look texts up in, until there is more room."""
        return self._slots, self._keys, self._starts, self._sizes, self._pool, self._counts

    def make_room(self, text: int) -> None:
        """Sees to it that there is room for one more text, of so many bytes."""
        count, used = (int(n) for n in self._counts)
        if count >= len(self._keys) or used + text > len(self._pool):
            self.grow(text)

    def grow(self, text: int) -> None:
        """Makes room for more texts, one of so many bytes among them."""
        count, used = self._counts
        if count >= len(self._keys):
            self._keys, self._starts, self._sizes = (
                np.concatenate([part, np.zeros_like(part)]) for part in (self._keys, self._starts, self._sizes)
            )
            self._slots = np.zeros(2 * len(self._slots), np.int32)
            kernels.rehash(self._slots, self._keys, self._sizes, count)
        else:
            more = np.zeros(max(len(self._pool), text), np.uint8)
            self._pool = np.concatenate([self._pool, more])

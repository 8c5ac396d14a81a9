"""The codes of the records of a care file: few, and worked out once for each different tuple of leading fields."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.careframe import LEADING
from ingest.formats.vocabulary import Vocabulary

MANY_CODES = 1 << 16


class Codes:
    """The codes of a part of a file, numbered; ``code`` makes them of leading fields.

    ``names``      them by number; several numbers may have the same
    ``has_comma``  whether a leading field has one: a file that is cut by its commas alone has other codes
    """

    def __init__(self, encoding: str, code: pl.Expr) -> None:
        self.names: list[str | None] = []
        self.has_comma = False
        self._code = code
        self._fields = [name for name in LEADING if name in code.meta.root_names()]
        self._places = np.array([[LEADING.index(name) for name in self._fields]])
        self._words = Vocabulary(encoding)
        self._number_of: dict[tuple[int, ...], int] = {}
        self._first: list[int] = []
        self._count: list[int] = []

    def of(self, block: Block, lines: Array) -> Array:
        """The number of the code of each line."""
        ids = self._words.of_rows(block.at(lines), self._places)
        whole = np.zeros(len(lines), np.int64)
        for part in ids.T:
            whole = whole * len(self._words) + part
        size = len(self._words) ** len(self._fields)
        if size > MANY_CODES:  # no codes at all: a column has slipped
            _, whole = np.unique(whole, return_inverse=True)
            size = int(whole.max()) + 1
        count, first, number_of = np.bincount(whole, minlength=size), np.zeros(size, np.int64), np.zeros(size, np.int64)
        first[whole[::-1]] = np.arange(len(lines))[::-1]  # of several the last that is put there stands: the first line
        found = np.flatnonzero(count)
        numbers = self._numbers([tuple(key) for key in ids[first[found]].tolist()])
        number_of[found] = numbers
        rows = block.rows_of(lines[first[found]]).tolist()
        for number, row, times in zip(numbers, rows, count[found].tolist(), strict=True):
            self._first[number] = min(self._first[number], row)
            self._count[number] += times
        return number_of[whole]

    def _numbers(self, keys: list[tuple[int, ...]]) -> list[int]:
        """The numbers of the codes of some tuples of texts; those that are new are read together."""
        new = [key for key in keys if key not in self._number_of]
        if new:
            told = [self._words.texts(np.array(texts)).str.strip_chars() for texts in zip(*new, strict=True)]
            self.has_comma = self.has_comma or any(text.str.contains(",", literal=True).any() for text in told)
            self._number_of |= {key: len(self.names) + number for number, key in enumerate(new)}
            self.names += (
                pl.DataFrame(dict(zip(self._fields, told, strict=True))).select(self._code).to_series().to_list()
            )
            self._first += [2**62] * len(new)
            self._count += [0] * len(new)
        return [self._number_of[key] for key in keys]

    def summary(self) -> pl.DataFrame:
        """As ``careframe.summary``, perhaps with several rows of a code."""
        columns = {"code": self.names, "source_row": self._first, "count": self._count}
        return pl.DataFrame(columns, schema={"code": pl.String, "source_row": pl.Int64, "count": pl.Int64})

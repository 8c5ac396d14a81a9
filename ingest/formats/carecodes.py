"""The codes of the records of a care file: few, and worked out once for each different tuple of leading fields."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.careframe import LEADING
from ingest.formats.vocabulary import Vocabulary

_NEVER = 1 << 62


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
        self._words, self._tuples = Vocabulary(encoding), Vocabulary(encoding)
        self._first = np.empty(0, np.int64)
        self._count = np.empty(0, np.int64)

    def of(self, block: Block, lines: Array) -> Array:
        """The number of the code of each line."""
        numbers = self._tuples.of_tuples(self._words.of_rows(block.at(lines), self._places))
        known, size = len(self.names), len(self._tuples)
        self._learn(known, size)
        first = [int(lines[np.argmax(numbers == number)]) + block.row for number in range(max(known, 1), size)]
        self._first = np.concatenate([self._first, [_NEVER] * (known == 0), first]).astype(np.int64)
        count = np.bincount(numbers, minlength=size)
        count[:known] += self._count
        self._count = count
        return numbers

    def _learn(self, begin: int, end: int) -> None:
        """Works out the codes of the tuples from ``begin`` to ``end``; that with number 0 is none."""
        if begin < end:
            tuples = self._tuples.raw(begin, end, len(self._fields))
            told = [self._words.texts(column).str.strip_chars() for column in tuples.T]
            self.has_comma = self.has_comma or any(text.str.contains(",", literal=True).any() for text in told)
            self.names += (
                pl.DataFrame(dict(zip(self._fields, told, strict=True))).select(self._code).to_series().to_list()
            )

    def summary(self) -> pl.DataFrame:
        """As ``careframe.summary``, perhaps with several rows of a code."""
        columns = {"code": self.names, "source_row": self._first, "count": self._count}
        schema = {"code": pl.String, "source_row": pl.Int64, "count": pl.Int64}
        return pl.DataFrame(columns, schema=schema).filter(pl.col("count") > 0)

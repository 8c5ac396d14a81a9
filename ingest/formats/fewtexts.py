"""Contract columns of few different texts: numbered, read once by the expressions of their cells, looked up by number.

Goes in: the cells of a contract (``cells.Cell``) and where the fields of lines lie. Comes out: for each line the number
of what its fields say, and for each number the values of the columns and whether they break a rule. There is one place
that knows how a field is read and what is said of a bad one: ``cells``; here is only how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ingest.formats import bytecsv_kernels as kernels
from ingest.formats.bits import Array
from ingest.formats.cells import Cell
from ingest.formats.contracts import Contract
from ingest.formats.groups import group_of, read_texts
from ingest.formats.vocabulary import Vocabulary
from ingest.formats.vocabulary_kernels import own_numbers


class FewTexts:
    """The columns of a contract's table that are made of the same ``fields``: none where they are constant.

    ``words`` numbers the texts of all fields of the table; of them a group learns what stands in its own.
    """

    def __init__(
        self,
        fields: tuple[str, ...],
        columns: Sequence[str],
        own: Mapping[str, Cell],
        contract: Contract,
        words: Vocabulary,
    ) -> None:
        self.fields, self.columns = fields, columns
        self.values: dict[str, pl.Series] = {}
        self.is_bad = np.empty(0, bool)
        self._group, self._words = group_of(fields, columns, own, contract), words
        self._tuples = Vocabulary(words.encoding)
        self._own_of, self._order, self._known = np.empty(0, np.int32), np.empty(0, np.int32), 0

    def __len__(self) -> int:
        """How many different texts there are, blank ones too."""
        return len(self._tuples) if len(self.fields) > 1 else self._known if self.fields else 1

    def number(self, texts: Sequence[Array], own: Array) -> None:
        """Puts the number of each line into ``own``, by those that ``words`` gave each of its fields."""
        if not self.fields:
            own[:] = 0
        elif len(self.fields) == 1:
            new = len(self._words) - len(self._own_of)
            if new > 0:
                self._own_of = np.concatenate([self._own_of, np.full(new, -1, np.int32)])
                self._order = np.concatenate([self._order, np.zeros(new, np.int32)])
            self._known = own_numbers(texts[0], self._own_of, self._order, self._known, own)
        else:
            width = 4 * len(self.fields)
            whole = np.zeros((len(own) * width + kernels.PADDING) // 4 + 1, np.int32)
            whole[: len(own) * len(self.fields)] = np.stack(texts, axis=1).reshape(-1)
            offset = np.arange(0, len(own) * width, width, dtype=np.int32)
            self._tuples.of_cells(whole.view(np.uint8), offset, np.full(len(own), width, np.int32), own)

    def learn(self) -> None:
        """Works out what the texts say that are new since it was asked last."""
        if len(self.is_bad) < len(self):
            self._learn(len(self.is_bad), len(self))

    def _learn(self, begin: int, end: int) -> None:
        """Works out what the texts from ``begin`` to ``end`` say, by the expressions of the cells."""
        said = read_texts([(self._group, self._texts(begin, end))])
        self.is_bad = np.concatenate([self.is_bad, said.is_bad[self._group]])
        for name in self.columns:
            new = said.values[name]
            self.values[name] = pl.concat([self.values[name], new], rechunk=True) if begin else new

    def _texts(self, begin: int, end: int) -> dict[str, pl.Series]:
        """The texts of each field, for the numbers from ``begin`` to ``end``."""
        if len(self.fields) <= 1:
            return {name: self._words.texts(self._order[begin:end]) for name in self.fields}
        tuples = self._tuples.raw(begin, end, len(self.fields))
        return {name: self._words.texts(tuples[:, place]) for place, name in enumerate(self.fields)}

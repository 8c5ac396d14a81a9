"""Contract columns of few different texts: numbered, read once by the expressions of their cells, looked up by number.

Goes in: the texts of fields by number (``vocabulary``), block by block. Comes out: for each line the number of what its
fields say, and the columns of that. What is new among the texts is worked out by ``groups``; here is only how often.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import uke_arrow
from ingest.formats.bits import Array
from ingest.formats.groups import Group, read_texts
from ingest.formats.sheetcolumns import Values, values_of
from ingest.formats.vocabulary import Vocabulary
from ingest.formats.vocabulary_kernels import own_numbers


class FewTexts:
    """The columns of a contract's table that are made of the same ``fields``.

    ``values`` has what each text says, by its number in this group, and ``is_bad`` whether that breaks a rule. The
    texts are numbered by the ``words`` that many groups share; of them a group learns what stands in its own.
    """

    def __init__(self, group: Group, words: Vocabulary) -> None:
        self.group, self.fields, self.columns = group, group.fields, group.columns
        self.values: dict[str, pl.Series] = {}
        self.is_bad = np.empty(0, bool)
        self._looked_up: dict[str, Values] = {}
        self._words = words
        self._tuples = Vocabulary(words.encoding)
        self._own_of, self._order, self._known = np.empty(0, np.int32), np.empty(0, np.int32), 0

    def __len__(self) -> int:
        """How many different texts there are, blank ones too."""
        return len(self._tuples) if len(self.fields) > 1 else self._known

    def number(self, texts: Sequence[Array], own: Array) -> None:
        """Puts the number of each line into ``own``, by those that ``words`` gave each of its fields."""
        if len(self.fields) == 1:
            new = len(self._words) - len(self._own_of)
            if new > 0:
                self._own_of = np.concatenate([self._own_of, np.full(new, -1, np.int32)])
                self._order = np.concatenate([self._order, np.zeros(new, np.int32)])
            self._known = own_numbers(texts[0], self._own_of, self._order, self._known, own)
        else:
            own[:] = self._tuples.of_tuples(np.stack(texts, axis=1))

    def column(self, name: str, ids: Array) -> pa.Array:
        """A column of the lines with these numbers."""
        own, kind = self._looked_up[name], self.values[name].dtype
        valid = None if own.has_value.all() else own.has_value.take(ids)
        bitmap = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
        if kind == pl.String:
            # A view is two words, which NumPy takes as one where it holds them for one number.
            view = own.value.view(np.complex128).take(ids)
            return pa.Array.from_buffers(pa.string_view(), len(ids), [bitmap, pa.py_buffer(view), *own.held])
        if kind == pl.Date:
            return pa.Array.from_buffers(pa.date32(), len(ids), [bitmap, pa.py_buffer(own.value.take(ids))])
        return uke_arrow.array(self.values[name][pl.Series(ids.view(np.uint32))])

    def new_texts(self) -> dict[str, pl.Series]:
        """The texts of each field that are new since it learned last."""
        begin, end = len(self.is_bad), len(self)
        if len(self.fields) == 1:
            return {self.fields[0]: self._words.texts(self._order[begin:end])}
        tuples = self._tuples.raw(begin, end, len(self.fields))
        return {name: self._words.texts(tuples[:, place]) for place, name in enumerate(self.fields)}

    def add(self, said: dict[str, pl.Series], is_bad: Array) -> None:
        """Learns what the new texts say."""
        self.is_bad = np.concatenate([self.is_bad, is_bad])
        for name, new in said.items():
            self.values[name] = pl.concat([self.values[name], new], rechunk=True) if name in self.values else new
            self._looked_up[name] = values_of(self.values[name])


def learn(groups: Sequence[FewTexts]) -> None:
    """Works out what the texts of some groups say that are new since they learned last, in one query."""
    some = [one for one in groups if len(one.is_bad) < len(one)]
    if not some:
        return
    said = read_texts([(one.group, one.new_texts()) for one in some])
    for one, begin in zip(some, said.begin, strict=True):
        new = slice(begin, begin + len(one) - len(one.is_bad))
        one.add({name: said.values[name][new] for name in one.columns}, said.is_bad[one.group][new])

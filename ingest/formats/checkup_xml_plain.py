"""Plain hc08 documents, many at a time: header fields and observations out of their bytes, no tree for a document.

Goes in: documents. Comes out: which of them are plain and well-formed, the text of their header fields and
free texts, and their observations as numbers of what they say. ``checkup_xml_places`` finds where these stand. What an
observation says is asked of ``checkup_xml_said`` once for each different text, since measurements repeat: there is one
place that knows. A document that is not plain is read as a tree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from ingest.formats.bits import Array
from ingest.formats.checkup_xml_document import DOCUMENT, is_well_formed, tree
from ingest.formats.checkup_xml_header import header_columns
from ingest.formats.checkup_xml_items import text_columns, variant_numbers, variants
from ingest.formats.checkup_xml_kernels import PLAIN, UNKNOWN
from ingest.formats.checkup_xml_names import NONE
from ingest.formats.checkup_xml_places import Places, find
from ingest.formats.checkup_xml_results import Sayings
from ingest.formats.checkup_xml_said import OBSERVATION, Told, told_of
from ingest.formats.layout_files import layout_cache
from ingest.formats.vocabulary import Vocabulary

_PASSED_OVER, _CARRIED, _FIRST_TEXT = -1, 0, 1
"""What becomes of an observation; a free text goes into the column of its number from ``_FIRST_TEXT``."""
_GUIDANCE = ord("2")
_PARSED_AT_ONCE = 10_000
"""So many observations make one tree: a document of nothing else shall not fill the memory."""


@dataclass(frozen=True)
class PlainBlock:
    """What some documents say: which of them are ``is_plain``; of those, numbered through, the text of each column,
    and of their observations ``document`` and the number of what they say, a document's in its own order."""

    is_plain: Array
    texts: dict[str, pl.Series]
    document: Array
    said: Array


class PlainDocuments:
    """Reads plain documents; ``sayings`` numbers what their observations say, ``unknown`` counts codes of no item."""

    def __init__(self, sayings: Sayings, unknown: Counter[str]) -> None:
        self._sayings, self._unknown = sayings, unknown
        self._texts = Vocabulary("utf-8")
        self._times, self._first, self._said = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64)

    def __len__(self) -> int:
        """How many different texts of observations are kept."""
        return len(self._texts)

    def read(self, documents: list[bytes]) -> PlainBlock:
        """The documents of a block, whatever they are."""
        places = find(documents)
        found, observations = places.found, slice(places.observations)
        is_guidance = (found.report_size > 0) & (places.buf[found.report_start] == _GUIDANCE)
        is_plain = (found.kind == PLAIN) & ~is_guidance
        for document in np.flatnonzero(is_plain).tolist():
            is_plain[document] = is_well_formed(documents[document])
        own = np.flatnonzero(is_plain[found.document[observations]])
        variant, number = found.variant[own], np.cumsum(is_plain) - 1
        self._count_unknown(places, own[variant == UNKNOWN])
        use = _uses()[np.maximum(variant, NONE)]
        texts = _texts(places, np.flatnonzero(is_plain), number, own, use)
        carried = own[use == _CARRIED]
        times, said = self._says(places, carried)
        return PlainBlock(is_plain, texts, np.repeat(number[found.document[carried]], times), said)

    def _count_unknown(self, places: Places, unknown: Array) -> None:
        codes, ids = Vocabulary("utf-8"), np.empty(len(unknown), np.int32)
        codes.of_cells(places.buf, places.found.code_start[unknown], places.found.code_size[unknown], ids)
        for place, count in enumerate(np.bincount(ids).tolist()):
            if count:
                self._unknown[codes.texts(np.array([place]))[0] or ""] += count

    def _says(self, places: Places, carried: Array) -> tuple[Array, Array]:
        """(how many things each observation says, the numbers of all of them)."""
        ids, known = np.empty(len(carried), np.int32), len(self._texts)
        self._texts.of_cells(*places.said(carried), ids)
        if known < len(self._texts):
            new = np.flatnonzero(ids >= known)
            _, first = np.unique(ids[new], return_index=True)
            self._learn(known, [places.head(place) for place in places.found.document[carried[new[first]]]])
        times, first = self._times[ids], self._first[ids]
        if (times == 1).all():
            return times, self._said[first]
        begin = np.cumsum(times) - times
        return times, self._said[np.repeat(first - begin, times) + np.arange(int(times.sum()))]

    def _learn(self, known: int, heads: list[bytes]) -> None:
        """Works out what the texts from number ``known`` on say, each of a document that begins with its head."""
        texts = self._texts.texts(np.arange(known, len(self._texts))).to_list()
        by_head: dict[bytes, list[int]] = {}
        for place, head in enumerate(heads):
            by_head.setdefault(head, []).append(place)
        said: list[list[int]] = [[] for _ in texts]
        for head, own in by_head.items():
            for begin in range(0, len(own), _PARSED_AT_ONCE):
                places = own[begin : begin + _PARSED_AT_ONCE]
                for place, told in zip(places, _told(head, [texts[place] for place in places]), strict=True):
                    said[place] = [self._sayings.number(one) for one in told]
        times = np.array([len(one) for one in said], np.int64)
        self._first = np.append(self._first, len(self._said) + np.cumsum(times) - times)
        self._times = np.append(self._times, times)
        self._said = np.append(self._said, np.array([number for one in said for number in one], np.int64))


def _told(head: bytes, texts: list[str]) -> list[list[Told]]:
    """What observations say, given as ``Places.said`` has them: parsed as the children of one document."""
    own = [text.split("\0") for text in texts]
    children = "".join(
        f'<{OBSERVATION} negationInd="{negation}">{"".join(parts)}</{OBSERVATION}>' for _, negation, *parts in own
    )
    root = tree(head + f"{children}</{DOCUMENT}>".encode())
    namespace, numbers = root.tag.removesuffix(DOCUMENT), variant_numbers()
    return [told_of(one, namespace, numbers[code]) for (code, *_), one in zip(own, root, strict=True)]


@layout_cache
def _uses() -> Array:
    """What becomes of an observation by its variant; the last is for one without a code that is known."""
    uses = [
        _CARRIED if v.item is not None
        else _FIRST_TEXT + text_columns().index(v.checkup_column) if v.checkup_column
        else _PASSED_OVER
        for v in variants()
    ]  # fmt: skip
    return np.array([*uses, _PASSED_OVER])


def _texts(places: Places, documents: Array, number: Array, own: Array, use: Array) -> dict[str, pl.Series]:
    """The columns of the plain documents: header fields, and the free text of the first observation that has a value.

    Of the observations ``own`` what becomes of them is ``use``; ``number`` numbers the plain documents through.
    """
    found, columns = places.found, {}
    told = np.flatnonzero((use >= _FIRST_TEXT) & (found.value[own] != NONE))
    for name in dict.fromkeys([*header_columns(), *text_columns()]):
        start, size = places.header(name, documents)
        if name in text_columns():
            of_column = own[told[use[told] == _FIRST_TEXT + text_columns().index(name)]]
            document, first = np.unique(number[found.document[of_column]], return_index=True)
            value = found.value[of_column[first]]
            start[document], size[document] = found.text_start[value], found.text_size[value]
        columns[name] = places.texts(start, size)
    return columns

"""A block of 特定健診 documents as bytes and places: the compiled loop's buffers, and its plan from the layouts.

Goes in: documents. Comes out: ``Places``, where in them header fields and observations stand.
``checkup_xml_kernels`` holds the loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import checkup_xml_kernels as kernels
from ingest.formats.bits import Array
from ingest.formats.bytecsv_kernels import PADDING, copy_slices
from ingest.formats.checkup_xml_header import OID_CHARS, header_fields, header_steps
from ingest.formats.checkup_xml_items import variant_numbers
from ingest.formats.checkup_xml_kernels import FIXED_NAMES, Found, Plan
from ingest.formats.checkup_xml_names import NONE, name_table, words_of
from ingest.formats.layout_files import layout_cache

_SMALLEST_OBSERVATION, _SMALLEST_PART = len("<observation>"), len("<value>")


@dataclass(frozen=True)
class Places:
    """The bytes of documents, and where everything stands in them: ``found`` of so many ``observations`` and ``parts``.

    ``columns`` says which slots of the header make a column: the first that is filled.
    """

    buf: Array
    found: Found
    observations: int
    parts: int
    columns: dict[str, list[int]]

    def head(self, document: int) -> bytes:
        """The start tag of a document."""
        start = int(self.found.head_start[document])
        return self.buf[start : start + int(self.found.head_size[document])].tobytes()

    def header(self, column: str, documents: Array) -> tuple[Array, Array]:
        """(start, size) of the text of a header column of some documents; size 0 where there is none."""
        start, size = (np.zeros(len(documents), np.int32) for _ in range(2))
        for slot in reversed(self.columns.get(column, [])):
            is_filled = self.found.header_size[documents, slot] > 0
            start[is_filled] = self.found.header_start[documents, slot][is_filled]
            size[is_filled] = self.found.header_size[documents, slot][is_filled]
        return start, size

    def texts(self, start: Array, size: Array) -> pl.Series:
        """Slices as a column, null where empty."""
        out, starts = np.empty(int(size.sum()), np.uint8), np.empty(len(size) + 1, np.int64)
        copy_slices(self.buf, start, size, 0, out, starts)
        valid = pa.py_buffer(np.packbits(size > 0, bitorder="little"))
        buffers = [valid, pa.py_buffer(starts), pa.py_buffer(out)]
        return pl.Series(pa.Array.from_buffers(pa.large_string(), len(size), buffers), dtype=pl.String)

    def said(self, chosen: Array) -> tuple[Array, Array, Array]:
        """Code, negation and parts of some observations, a zero byte behind each: (bytes, start, size)."""
        found, parts = self.found, slice(self.parts)
        length = int((found.part_end[parts] - found.part_start[parts]).sum()) + self.parts
        for own in (found.code_size[chosen], found.negation_size[chosen]):
            length += int(np.maximum(own, 0).sum()) + len(own)
        out, start, size = np.empty(length + PADDING, np.uint8), *(np.empty(len(chosen), np.int32) for _ in range(2))
        kernels.join_parts(self.buf, chosen, found, out, start, size)
        return out, start, size


def find(documents: list[bytes]) -> Places:
    """The places in documents; of one that is not well-formed they are any."""
    size = np.array([len(data) for data in documents], np.int64)
    whole = int(size.sum())
    buf = np.empty(whole + PADDING, np.uint8)
    buf[:whole] = np.frombuffer(b"".join(documents), np.uint8)
    buf[whole:] = 0
    names, codes, plan, columns = _layout()
    slots = sum(len(own) for own in columns.values())
    found = _room(len(documents), slots, whole // _SMALLEST_OBSERVATION + 1, whole // _SMALLEST_PART + 1)
    ends = np.cumsum(size)
    observations, parts = kernels.find_places(buf, ends - size, ends, names, codes, plan, found)
    return Places(buf, found, observations, parts, columns)


def _room(documents: int, slots: int, observations: int, parts: int) -> Found:
    """Arrays for what may be found; memory is taken only of what is."""
    shapes = [(documents,)] * 5 + [(documents, slots)] * 2 + [(observations,)] * 9 + [(parts,)] * 4
    return Found(*(np.empty(shape, np.int32) for shape in shapes))


@layout_cache
def _layout() -> tuple[Array, Array, Plan, dict[str, list[int]]]:
    """The names and the codes looked for, the way down to the header fields, and the slots of each column."""
    steps = header_steps()
    names = list(
        dict.fromkeys([*FIXED_NAMES, *(step.name for step in steps), *(field.attribute for field in header_fields())])
    )
    step = np.full((len(steps) + 1, len(names)), NONE, np.int64)
    columns: dict[str, list[int]] = {}
    first, rows, slots = [0, 0], [], 0
    for level, (parent, name, fields) in enumerate(steps, start=1):
        step[parent, names.index(name)] = level
        own: dict[str, int] = {}
        for field in fields.values():
            if field.contract_column not in own:
                own[field.contract_column] = slots
                columns.setdefault(field.contract_column, []).append(slots)
                slots += 1
        for root in sorted(fields, reverse=True):  # the empty one, which stands for any other, is the last
            field = fields[root]
            rows.append((root, names.index(field.attribute), own[field.contract_column]))
        if fields and "" not in fields:
            rows.append(("", 0, NONE))
        first.append(len(rows))
    roots = [root for root, _, _ in rows]
    begins = np.array([len(root) == OID_CHARS for root in roots], bool)
    words = words_of(roots)
    attribute, slot = (np.array([row[place] for row in rows], np.int64) for place in (1, 2))
    plan = Plan(step, np.array(first), words[:, 1:].copy(), words[:, 0].copy(), begins, attribute, slot)
    return name_table(names), name_table(list(variant_numbers())), plan, columns

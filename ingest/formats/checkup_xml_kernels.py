"""The loop over the bytes of 特定健診 documents, compiled: where the header fields and the observations stand.

Documents come one after the other in one buffer. Elements are found by name alone, which is right of a document
without prefixes of elements and with one default namespace; what the loop does not follow (a reference in an attribute
that it looks at, a section of characters within a value) makes a document one of another kind, which is read as a tree
(``checkup_xml_document``). What a value says is not known here, nor whether a document is well-formed: the loop stays
within its bytes whatever they are, but what it finds is right of a well-formed one only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ingest.formats.bits import Array
from ingest.formats.checkup_xml_names import NONE, is_same, number_of, word_from
from ingest.formats.compiled import loop_that_counts

MOST_DEEP = 64
"""Documents with more elements in each other are read as trees; those of the format have some fifteen."""
PLAIN, OTHER = 1, 0
"""Kinds of documents: every place in it was found, or it is read as a tree."""
_DOCUMENT, _OBSERVATION, _CODE, _VALUE, _TOLD, _LOW, _NEGATION, _ROOT = range(8)
FIXED_NAMES = (
    "ClinicalDocument", "observation", "code", "value", "interpretationCode", "low", "negationInd", "root",
)  # fmt: skip
"""Names that the loop knows by their number; those of the layout of the header follow."""
UNKNOWN = -2
_UNSEEN = -3

_LESS, _GREATER, _SLASH, _COLON, _EQUALS = 60, 62, 47, 58, 61
_QUOTE, _APOSTROPHE, _AMPERSAND, _BANG, _ASK, _DASH, _BRACKET, _RETURN = 34, 39, 38, 33, 63, 45, 93, 13
_BLANK = 32
_XMLNS, _FIVE_BYTES = np.uint64(int.from_bytes(b"xmlns", "little")), np.uint64((1 << 40) - 1)


class Plan(NamedTuple):
    """How to go down to the header fields; a level is a path of elements, 0 the document itself.

    ``step`` gives the level of a child by level and name. The fields of a level are the rows from ``first[level]`` to
    ``first[level + 1]``: the text of ``root`` that an id must have (words of eight bytes, and its length; of those in
    ``begins`` only the begin), the name of the attribute, and the slot that it fills; the last row of a level has an
    empty text and stands for any other ``root``, with slot NONE where there is none.
    """

    step: Array
    first: Array
    root: Array
    root_size: Array
    begins: Array
    attribute: Array
    slot: Array


class Found(NamedTuple):
    """Where everything stands, one row a document, an observation, or a part of one (a value, an interpretation).

    Offsets are into the buffer, sizes NONE where there is no such thing. ``head`` is the start tag of the document.
    ``variant`` is the number of an observation's code, NONE without one, UNKNOWN of one that is not looked for.
    The parts of an observation are ``part_count`` from ``first_part`` on; ``value`` is its first value.
    """

    kind: Array
    head_start: Array
    head_size: Array
    report_start: Array
    report_size: Array
    header_start: Array
    header_size: Array
    document: Array
    variant: Array
    code_start: Array
    code_size: Array
    negation_start: Array
    negation_size: Array
    first_part: Array
    part_count: Array
    value: Array
    part_start: Array
    part_end: Array
    text_start: Array
    text_size: Array


@loop_that_counts
def _behind(buf: Any, at: int, end: int, byte: int, count: int) -> int:
    """The place behind ``count`` times ``byte`` and a >, from ``at`` on: the end of a comment, CDATA, instruction."""
    first = at
    while True:
        while at < end and buf[at] != _GREATER:
            at += 1
        if at >= end:
            return end
        held = 0
        while held < count and at - 1 - held >= first and buf[at - 1 - held] == byte:
            held += 1
        at += 1
        if held == count:
            return at


@loop_that_counts
def _is_plain(buf: Any, at: int, end: int) -> bool:
    """Whether an attribute stands for itself: no reference, no blank but the space, no quote."""
    for place in range(at, end):
        byte = buf[place]
        if byte < _BLANK or byte in (_AMPERSAND, _QUOTE):
            return False
    return True


@loop_that_counts
def _is_blank(buf: Any, at: int, size: int) -> int:
    """1 of nothing but spaces, 0 of a text, NONE of one that begins with what may be a blank beyond ASCII."""
    end = at + size
    while at < end and buf[at] == _BLANK:
        at += 1
    if at == end:
        return 1
    lead, second = buf[at], buf[at + 1]
    may_be = lead == 0xC2 or (lead == 0xE1 and second == 0x9A) or (lead == 0xE2 and second <= 0x81)
    return NONE if may_be or (lead == 0xE3 and second == 0x80) else 0


@loop_that_counts
def _text(buf: Any, at: int, end: int) -> int:
    """The size of a text up to the next tag; NONE where it does not stand for itself: it has a reference or a return, a
    comment or CDATA ends it."""
    stop = at
    while stop < end and buf[stop] != _LESS:
        if buf[stop] == _AMPERSAND or buf[stop] == _RETURN:
            return NONE
        stop += 1
    return NONE if buf[stop + 1] == _BANG or buf[stop + 1] == _ASK else stop - at


@loop_that_counts
def _document(
    buf: Any, at: int, end: int, document: int, names: Any, codes: Any, plan: Plan, found: Found,
    observations: int, parts: int, open_elements: Any, start: Any, size: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Fills the rows of one document; gives its kind and how many observations and parts there are with it.

    Of every open element is kept its level among those that lead to header fields, the observation that it is, the
    slot that waits for its ``low`` (NONE each).
    """
    # Taken out of their tuples once: doing so takes longer than most of what follows.
    step, first_field, root, root_size, begins, attribute_of, slot_of = plan
    (
        _, head_start, head_size, report_start, report_size, header_start, header_size,
        document_of, variant_of, code_start, code_size, negation_start, negation_size,
        first_part, part_count, value_of, part_start, part_end, text_start, text_size,
    ) = found  # fmt: skip
    base, root_table, root_width = buf.ctypes.data, root.ctypes.data, 8 * root.shape[1]
    name_table, name_slots, name_width = names.ctypes.data, names.shape[0], 8 * names.shape[1]
    code_table, code_slots, code_width = codes.ctypes.data, codes.shape[0], 8 * codes.shape[1]
    level_of, owner_of, low_of = open_elements[0], open_elements[1], open_elements[2]
    report_start[document], report_size[document] = 0, NONE
    for slot in range(header_size.shape[1]):
        header_size[document, slot] = 0
    depth, has_report = 0, False
    open_part, part_depth = NONE, NONE
    while True:
        while at < end and buf[at] != _LESS:
            at += 1
        if at >= end:
            break
        mark = buf[at + 1]
        if mark == _SLASH:
            while at < end and buf[at] != _GREATER:
                at += 1
            at += 1
            depth -= 1
            if depth == part_depth and open_part != NONE:
                part_end[open_part], open_part = at, NONE
            if depth <= 0:
                break
            continue
        if mark == _BANG:
            if buf[at + 2] == _DASH:
                at = _behind(buf, at + len("<!--"), end, _DASH, 2)
            else:
                at = _behind(buf, at + len("<![CDATA["), end, _BRACKET, 2)
            continue
        if mark == _ASK:
            at = _behind(buf, at + len("<?"), end, _ASK, 1)
            continue
        begin = at
        at += 1
        while at < end and buf[at] > _BLANK and buf[at] != _SLASH and buf[at] != _GREATER:
            if buf[at] == _COLON:
                return OTHER, 0, 0
            at += 1
        name = number_of(base + begin + 1, at - begin - 1, name_table, name_slots, name_width)
        level, owner, low = NONE, NONE, NONE
        if depth == 0:
            if name != _DOCUMENT:
                return OTHER, 0, 0
            level = 0
        else:
            owner, low = owner_of[depth - 1], low_of[depth - 1]
            if name != NONE and level_of[depth - 1] != NONE:
                level = step[level_of[depth - 1], name]
        has_fields = level != NONE and first_field[level] < first_field[level + 1]
        is_code = name == _CODE and (owner != NONE or depth == 1)
        is_low = name == _LOW and low != NONE
        if is_low and has_fields:
            return OTHER, 0, 0  # a field of its own beside that which it stands in for
        is_wanted = has_fields or is_code or is_low or name == _OBSERVATION
        if is_wanted:
            for known in range(size.size):
                size[known] = NONE
        is_empty = False
        while at < end:
            byte = buf[at]
            if byte <= _BLANK:
                at += 1
                continue
            if byte == _GREATER:
                at += 1
                break
            if byte == _SLASH:
                at += 2
                is_empty = True
                break
            label = at
            while at < end and buf[at] != _EQUALS and buf[at] > _BLANK:
                at += 1
            length = at - label
            if depth and length >= 5 and word_from(base + label) & _FIVE_BYTES == _XMLNS:
                return OTHER, 0, 0  # another namespace from here on
            while at < end and buf[at] != _QUOTE and buf[at] != _APOSTROPHE:
                at += 1
            quote = buf[at]
            at += 1
            opened = at
            while at < end and buf[at] != quote:
                at += 1
            if is_wanted:
                known = number_of(base + label, length, name_table, name_slots, name_width)
                if known != NONE:
                    if not _is_plain(buf, opened, at):
                        return OTHER, 0, 0
                    start[known], size[known] = opened, at - opened
            at += 1
        if at > end or depth == MOST_DEEP:
            return OTHER, 0, 0
        if depth == 0:
            head_start[document], head_size[document] = begin, at - begin
        elif depth == 1 and is_code and not has_report:
            has_report = True
            report_start[document], report_size[document] = start[_CODE], size[_CODE]
        own, waits = NONE, NONE
        if owner != NONE:
            if is_code:
                if variant_of[owner] == _UNSEEN:
                    variant_of[owner], code_start[owner], code_size[owner] = NONE, start[_CODE], size[_CODE]
                    if size[_CODE] != NONE:
                        known = number_of(base + start[_CODE], size[_CODE], code_table, code_slots, code_width)
                        variant_of[owner] = known if known != NONE else UNKNOWN
            elif name in (_VALUE, _TOLD):
                part = parts
                parts += 1
                if part_count[owner] == 0:
                    first_part[owner] = part
                elif first_part[owner] + part_count[owner] != part:
                    return OTHER, 0, 0  # an observation within stands between the parts
                part_count[owner] += 1
                part_start[part], part_end[part], text_size[part] = begin, at, 0
                if not is_empty:
                    open_part, part_depth = part, depth
                if name == _VALUE:
                    if value_of[owner] == NONE:
                        value_of[owner] = part
                    if not is_empty:
                        text_start[part], text_size[part] = at, _text(buf, at, end)
                        if text_size[part] == NONE:
                            return OTHER, 0, 0
        slot, of_slot = NONE, _VALUE
        if is_low:
            slot = low
            low_of[depth - 1] = NONE  # only the first one counts
        elif has_fields:
            oid, oid_size = base + start[_ROOT], max(size[_ROOT], 0)
            row = last = first_field[level + 1] - 1
            for field in range(last - 1, first_field[level] - 1, -1):
                text, length = root_table + field * root_width, root_size[field]
                if oid_size == length and is_same(oid, text, length):
                    row = field
                    break
                if row == last and begins[field] and oid_size > length and is_same(oid, text, length):
                    row = field  # unless another has the whole text
            slot, of_slot = slot_of[row], attribute_of[row]
            if size[of_slot] <= 0 and of_slot == _VALUE:
                waits = slot
        if slot != NONE and size[of_slot] > 0 and header_size[document, slot] == 0:
            blank = _is_blank(buf, start[of_slot], size[of_slot])
            if blank == NONE:
                return OTHER, 0, 0
            if blank == 0:
                header_start[document, slot], header_size[document, slot] = start[of_slot], size[of_slot]
        if name == _OBSERVATION:
            if open_part != NONE:
                return OTHER, 0, 0  # its bytes are those of the part as well
            own = observations
            observations += 1
            document_of[own], variant_of[own] = document, _UNSEEN
            negation_start[own], negation_size[own] = start[_NEGATION], size[_NEGATION]
            part_count[own], value_of[own] = 0, NONE
        if is_empty:
            if depth == 0:
                break
            continue
        level_of[depth], owner_of[depth], low_of[depth] = level, own, waits
        depth += 1
    return PLAIN, observations, parts


@loop_that_counts
def find_places(buf: Any, begins: Any, ends: Any, names: Any, codes: Any, plan: Plan, found: Found) -> tuple[int, int]:
    """Fills ``found`` of documents; gives the number of observations and of parts."""
    open_elements = np.empty((3, MOST_DEEP), np.int64)
    start, size = np.empty(plan.step.shape[1], np.int64), np.empty(plan.step.shape[1], np.int64)
    observations: Any = np.int64(0)  # of the type that it becomes: else the loop is compiled twice
    parts: Any = np.int64(0)
    for document in range(begins.size):
        kind, more, more_parts = _document(
            buf, begins[document], ends[document], document, names, codes, plan, found, observations, parts,
            open_elements, start, size,
        )  # fmt: skip
        found.kind[document] = kind
        if kind == PLAIN:
            observations, parts = more, more_parts
    return observations, parts


@loop_that_counts
def _copy(buf: Any, at: int, size: int, out: Any, to: int) -> int:
    """Copies a slice and a zero byte behind it; gives the place behind that."""
    for place in range(size):
        out[to + place] = buf[at + place]
    to += max(size, 0)
    out[to] = 0
    return to + 1


@loop_that_counts
def join_parts(buf: Any, chosen: Any, found: Found, out: Any, start: Any, size: Any) -> None:
    """What some observations say, one after the other in ``out``: code, negation and parts, a zero byte behind each."""
    at = 0
    for row in range(chosen.size):
        one = chosen[row]
        start[row] = at
        at = _copy(buf, found.code_start[one], found.code_size[one], out, at)
        at = _copy(buf, found.negation_start[one], found.negation_size[one], out, at)
        for part in range(found.first_part[one], found.first_part[one] + found.part_count[one]):
            at = _copy(buf, found.part_start[part], found.part_end[part] - found.part_start[part], out, at)
        size[row] = at - start[row]

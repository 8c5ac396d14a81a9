"""The loop over the results of an examination, compiled: which items it has, and what each says.

Texts are numbers here (``vocabulary.Vocabulary``, 0 a blank field); what a text says comes in as tables by number.
A value of text is an Arrow *view* of two words (``uke_text``), a number one of 128 bits in two.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.formats.bits import Array
from ingest.formats.compiled import loop

BLANK, NOT_DONE, NOT_MEASURABLE = 1, 2, 4
"""What a text says that is no value."""
NO_FLAG, FLAG_H, FLAG_L, ODD_FLAG = 0, 1, 2, 3
NUMERIC = 0
"""The kind of an item that is measured; others are the lists of codes."""


class Items(NamedTuple):
    """The items that a file has columns for.

    The fields of item ``i`` are ``value_fields[value_bounds[i]:value_bounds[i + 1]]``, the first that is not blank
    counts; so for its flags. ``kind`` is NUMERIC or the number of its list of codes. The others are views: ``name`` and
    ``unit`` by item, ``method`` by place in ``value_fields``, ``status`` as ``STATUSES``; one of nothing is empty.
    """

    value_fields: Array
    value_bounds: Array
    flag_fields: Array
    flag_bounds: Array
    kind: Array
    name: Array
    unit: Array
    method: Array
    status: Array


class Says(NamedTuple):
    """What each text says: no value (``none``), a flag, for each kind of item whether it is no value of it, its number
    and the view of it as a code."""

    none: Array
    flag: Array
    unread: Array
    number: Array
    code: Array


class Results(NamedTuple):
    """Columns of results, and of which there is a value."""

    item: Array
    number: Array
    code: Array
    status: Array
    method: Array
    unit: Array
    has_number: Array
    has_code: Array
    has_method: Array
    has_unit: Array


@loop
def _put(column: Array, row: int, table: Array, at: int) -> None:
    """Copies a value of two words."""
    column[2 * row], column[2 * row + 1] = table[2 * at], table[2 * at + 1]


@loop
def _clear(column: Array, row: int) -> None:
    column[2 * row] = column[2 * row + 1] = 0


@loop
def result_lines(ids: Array, items: Items, says: Says, out: Results, counts: Array, odd: Array) -> int:
    """Results of the rows of ``ids`` (rows x fields) into ``out``, in order of row and item; gives how many.

    ``counts`` gets the results of each row. A row with a text that is no value of its item or with a flag that is none
    is ``odd`` and has no results.
    """
    found = 0
    for line in range(ids.shape[0]):
        begin = found
        for item in range(items.kind.size):
            value, place = 0, items.value_bounds[item]
            for at in range(items.value_bounds[item], items.value_bounds[item + 1]):
                text = ids[line, items.value_fields[at]]
                if text and not says.none[text] & BLANK:
                    value, place = text, at
                    break
            flag = NO_FLAG
            for at in range(items.flag_bounds[item], items.flag_bounds[item + 1]):
                text = ids[line, items.flag_fields[at]]
                if text and says.flag[text] != NO_FLAG:
                    flag = says.flag[text]
                    break
            if value == 0 and flag == NO_FLAG:
                continue
            kind = items.kind[item]
            if flag == ODD_FLAG or says.unread[kind, value]:
                odd[line] = True
                break
            none = says.none[value]
            _put(out.item, found, items.name, item)
            _put(out.method, found, items.method, place)
            out.has_method[found] = items.method[2 * place] != 0
            if none == 0 and kind == NUMERIC:
                _put(out.number, found, says.number, value)
                _put(out.unit, found, items.unit, item)
                _clear(out.code, found)
                out.has_number[found], out.has_code[found] = True, False
                out.has_unit[found] = items.unit[2 * item] != 0
            else:
                _clear(out.number, found)
                _clear(out.unit, found)
                out.has_number[found] = out.has_unit[found] = False
                out.has_code[found] = none == 0
                if none == 0:
                    _put(out.code, found, says.code, value)
                else:
                    _clear(out.code, found)
            told = 3 if flag == FLAG_H else 4 if flag == FLAG_L else 0
            _put(out.status, found, items.status, 1 if none & NOT_DONE else 2 if none & NOT_MEASURABLE else told)
            found += 1
        if odd[line]:
            found = begin
        counts[line] = found - begin
    return found

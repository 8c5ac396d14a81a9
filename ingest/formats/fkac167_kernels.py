"""The loop over the results of an examination, compiled: which items it has, and what each says.

A number of digits with at most a point, and a code of one byte, are read where they stand: nearly all cells are such.
Any other text is numbered (``vocabulary.Vocabulary``), and what it says comes in as tables by number. A value of text
is an Arrow *view* of two words (``uke_text``), a number one of 128 bits in two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ingest.formats.bits import Array, lowest, word_at
from ingest.formats.bytecsv_kernels import Lines, cell
from ingest.formats.compiled import loop
from ingest.formats.vocabulary_kernels import FULL, find

BLANK, NOT_DONE, NOT_MEASURABLE = 1, 2, 4
"""What a text says that is no value."""
NO_FLAG, FLAG_H, FLAG_L, ODD_FLAG = 0, 1, 2, 3
NUMERIC = 0
"""The kind of an item that is measured; others are the lists of codes."""
PLACES = 4
"""Decimals of a number."""
_NO_TEXT = 0
_BYTE_H, _BYTE_L = 72, 76
_SCALE = np.array([10_000, 1_000, 100, 10, 1], np.int64)
_ZERO, _ONE, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(8)
_LOWEST, _HIGH, _POINTS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x2E2E2E2E2E2E2E2E)
_HIGH_NIBBLES, _DIGITS, _SIXES = (
    np.uint64(0xF0F0F0F0F0F0F0F0),
    np.uint64(0x3030303030303030),
    np.uint64(0x0606060606060606),
)


class Items(NamedTuple):
    """The items that a file has columns for.

    The fields of item ``i`` are ``value_fields[value_bounds[i]:value_bounds[i + 1]]``, the first that is not blank
    counts; so for its flags. ``kind`` is NUMERIC or the number of its list of codes; ``codes`` has for each kind which
    bytes alone are a code of it. The others are views: ``name`` and ``unit`` by item, ``method`` by place in
    ``value_fields``, ``status`` as ``STATUSES``; one of nothing is empty.
    """

    value_fields: Array
    value_bounds: Array
    flag_fields: Array
    flag_bounds: Array
    kind: Array
    codes: Array
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

    row: Array
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
def plain_number(word: Any, size: int) -> int:
    """A cell of ``size`` bytes (1 to 8, the first the lowest of ``word``, zeros behind them) as a number in 1/10,000:
    digits, or digits, a point and one to four of them; -1 for anything else."""
    places = 0
    other = word ^ _POINTS
    points = (other - _LOWEST) & ~other & _HIGH
    if points != _ZERO:
        before = lowest(points) >> 3
        places = size - 1 - before
        if before == 0 or places == 0 or places > PLACES:
            return -1
        first = (_ONE << np.uint64(8 * before)) - _ONE
        word = (word & first) | ((word >> _EIGHT) & ~first)
        size -= 1
    lacking = np.uint64(8 * (8 - size))
    word = (word << lacking) | (_DIGITS & ((_ONE << lacking) - _ONE))
    if (word & _HIGH_NIBBLES) != _DIGITS or ((word + _SIXES) & _HIGH_NIBBLES) != _DIGITS:
        return -1
    word = ((word - _DIGITS) * np.uint64(10 * 0x100 + 1)) >> _EIGHT
    word = ((word & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(100 * 0x10000 + 1)) >> np.uint64(16)
    word = ((word & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(10_000 * 0x100000000 + 1)) >> np.uint64(32)
    number: int = np.int64(word) * _SCALE[places]  # type: ignore[assignment]
    return number


@loop
def result_lines(
    at: Lines, row: int, begin: int, end: int, items: Items, says: Says,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
    out: Results, found: int, results: Array, odd: Array,
) -> tuple[int, int, bool]:  # fmt: skip
    """Results of the lines from ``begin`` to ``end`` into ``out`` from ``found`` on, in order of line and item.

    ``row`` is the number in the file of the block's first line. ``results`` gets the results of each line. A line with
    a text that is no value of its item or with a flag that is none is ``odd`` and has no results. Gives the line where
    to go on, how many results are found up to it, and whether the vocabulary must grow first; where that line is not
    ``end``, it has a text of which ``says`` does not tell yet, but which is in the vocabulary now.
    """
    buf, sep = at.buf, at.sep
    stopped, kept = -1, 0
    for number in range(begin, end):
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        first = found
        odd[number] = False
        for item in range(items.kind.size):
            kind = items.kind[item]
            none, text, place, value = BLANK, _NO_TEXT, items.value_bounds[item], _ZERO
            for choice in range(items.value_bounds[item], items.value_bounds[item + 1]):
                start, stop = cell(buf, sep, base, last, items.value_fields[choice])
                size = stop - start
                if size == 0:
                    continue
                if size <= 8:
                    word = word_at(buf, start)
                    if size < 8:
                        word &= (_ONE << np.uint64(8 * size)) - _ONE
                    if kind == NUMERIC:
                        read = plain_number(word, size)
                        if read >= 0:
                            none, place, value = 0, choice, np.uint64(read)
                            break
                    elif size == 1 and items.codes[kind, word]:
                        none, place, value = 0, choice, word
                        break
                text = find(buf, start, size, slots, keys, starts, sizes, pool, counts)
                if text == FULL or text >= says.none.size:
                    if stopped < 0:
                        stopped, kept = number, first
                    if text == FULL:
                        return stopped, kept, True
                    text = _NO_TEXT
                elif says.none[text] & BLANK:
                    text = _NO_TEXT
                else:
                    none, place = says.none[text], choice
                    break
            flag = NO_FLAG
            for choice in range(items.flag_bounds[item], items.flag_bounds[item + 1]):
                start, stop = cell(buf, sep, base, last, items.flag_fields[choice])
                size = stop - start
                if size == 0:
                    continue
                if size == 1 and (buf[start] == _BYTE_H or buf[start] == _BYTE_L):
                    flag = FLAG_H if buf[start] == _BYTE_H else FLAG_L
                    break
                told = find(buf, start, size, slots, keys, starts, sizes, pool, counts)
                if told == FULL or told >= says.none.size:
                    if stopped < 0:
                        stopped, kept = number, first
                    if told == FULL:
                        return stopped, kept, True
                elif says.flag[told] != NO_FLAG:
                    flag = says.flag[told]
                    break
            if none == BLANK and flag == NO_FLAG:
                continue
            if flag == ODD_FLAG or says.unread[kind, text]:
                odd[number] = True
                break
            out.row[found] = row + at.lines[number]
            _put(out.item, found, items.name, item)
            _put(out.method, found, items.method, place)
            out.has_method[found] = items.method[2 * place] != 0
            out.has_number[found] = has_number = none == 0 and kind == NUMERIC
            out.has_code[found] = has_code = none == 0 and kind != NUMERIC
            out.has_unit[found] = has_number and items.unit[2 * item] != 0
            _clear(out.number, found)
            _clear(out.code, found)
            _clear(out.unit, found)
            if has_number:
                _put(out.unit, found, items.unit, item)
                if text != _NO_TEXT:
                    _put(out.number, found, says.number, text)
                else:
                    out.number[2 * found] = value
            elif has_code:
                if text != _NO_TEXT:
                    _put(out.code, found, says.code, text)
                else:
                    out.code[2 * found] = _ONE | value << np.uint64(32)
            told_by = 3 if flag == FLAG_H else 4 if flag == FLAG_L else 0
            _put(out.status, found, items.status, 1 if none & NOT_DONE else 2 if none & NOT_MEASURABLE else told_by)
            found += 1
        if odd[number]:
            found = first
        results[number] = found - first
    return (end, found, False) if stopped < 0 else (stopped, kept, False)

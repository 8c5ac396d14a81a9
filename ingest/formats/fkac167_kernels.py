"""The loop over the results of an examination, compiled: which items it has, and what each says.

A number of digits with at most a point, and a code of one byte, are read where they stand: nearly all cells are such.
Any other text is numbered (``vocabulary.Vocabulary``), and what it says comes in as tables by number. A value of text
is an Arrow *view* of two words (``uke_text``), a number one of 128 bits in two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ingest.formats.bits import (
    WIDE,
    Array,
    how_many,
    item_at,
    lowest,
    put_item,
    put_pair,
    put_words,
    which_have,
    word_at,
)
from ingest.formats.bytecsv_kernels import QUOTE, Lines, cell
from ingest.formats.compiled import loop
from ingest.formats.vocabulary_kernels import FULL, find

BLANK, NOT_DONE, NOT_MEASURABLE = 1, 2, 4
"""What a text says that is no value."""
NO_FLAG, FLAG_H, FLAG_L, ODD_FLAG, UNKNOWN = 0, 1, 2, 3, 4
NUMERIC = 0
"""The kind of an item that is measured; others are the lists of codes."""
HAS_NUMBER, HAS_CODE, HAS_METHOD, HAS_UNIT = 1, 2, 4, 8
PLACES = 4
"""Decimals of a number."""
_NO_TEXT = 0
_BYTE, _QUOTE = np.uint64(255), np.uint64(34)
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
    counts; so for its flags. Of an item with one field and at most one flag these are ``value`` and ``flag`` too; -1
    stands for none there, and as its ``value`` for several of either. ``kind`` is NUMERIC or the number of its list of
    codes; ``codes`` has for each kind (256 of each) which bytes alone are a code of it. ``told`` says by place in
    ``value_fields`` whether a value has a method (HAS_METHOD) and a unit (HAS_UNIT). The others are views: ``name`` by
    item, ``unit`` by item from 1 on and nothing before, ``method`` by place in ``value_fields``, ``status`` as
    ``STATUSES``; one of nothing is empty. ``first_method``, ``first_unit`` and ``first_held`` are by item those of a
    value of its first field.
    """

    value_fields: Array
    value_bounds: Array
    flag_fields: Array
    flag_bounds: Array
    value: Array
    flag: Array
    kind: Array
    told: Array
    codes: Array
    name: Array
    unit: Array
    method: Array
    status: Array
    first_method: Array
    first_unit: Array
    first_held: Array


class Says(NamedTuple):
    """What each text says: no value (``none``), a flag, for each kind of item whether it is no value of it, its number
    and the view of it as a code."""

    none: Array
    flag: Array
    unread: Array
    number: Array
    code: Array


class Results(NamedTuple):
    """Columns of results, ``row`` the lines of the file; ``held`` says which there are (``HAS_NUMBER``, ...)."""

    item: Array
    number: Array
    code: Array
    status: Array
    method: Array
    unit: Array
    row: Array
    held: Array


@loop
def _is_blank(buf: Any, sep: Any, base: int, field: int) -> bool:
    """Whether there is no field (-1) or nothing in it but perhaps quotes."""
    if field < 0:
        return True
    start, stop = item_at(sep, base + field) + 1, item_at(sep, base + field + 1)
    return start == stop or (start + 2 == stop and item_at(buf, start) == QUOTE)


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
    number: int = np.int64(word) * item_at(_SCALE, places)
    return number


@loop
def _said(
    at: Lines, base: int, last: int, item: int, items: Items, says: Says,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """What an item of a line says by its texts: (text that counts or 0, where of its value fields, flag).

    The flag is UNKNOWN for a text of which ``says`` does not tell yet, FULL where the vocabulary must grow.
    """
    text, place, is_unknown = _NO_TEXT, items.value_bounds[item], False
    for choice in range(items.value_bounds[item], items.value_bounds[item + 1]):
        start, stop = cell(at.buf, at.sep, base, last, items.value_fields[choice])
        if start == stop:
            continue
        found = find(at.buf, start, stop - start, slots, keys, starts, sizes, pool, counts)
        if found == FULL:
            return _NO_TEXT, place, FULL
        if found >= says.none.size:
            is_unknown = True
        elif not says.none[found] & BLANK:
            text, place = found, choice
            break
    flag = NO_FLAG
    for choice in range(items.flag_bounds[item], items.flag_bounds[item + 1]):
        start, stop = cell(at.buf, at.sep, base, last, items.flag_fields[choice])
        if start == stop:
            continue
        found = find(at.buf, start, stop - start, slots, keys, starts, sizes, pool, counts)
        if found == FULL:
            return _NO_TEXT, place, FULL
        if found >= says.none.size:
            is_unknown = True
        elif says.flag[found] != NO_FLAG:
            flag = says.flag[found]
            break
    return text, place, UNKNOWN if is_unknown else flag


@loop
def result_lines(
    at: Lines, row: int, begin: int, end: int, items: Items, says: Says,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
    picked: Array, out: Results, found: int, results: Array, odd: Array,
) -> tuple[int, int, bool]:  # fmt: skip
    """Results of the lines from ``begin`` to ``end`` into ``out`` from ``found`` on, in order of line and item.

    ``row`` is the number in the file of the block's first line; ``picked`` has room for six numbers an item: it holds
    the items of a line's results, and behind them what those say that are not read where they stand. ``results`` gets
    the results of each line. A line with a text that is no value of its item or with a flag that is none is ``odd`` and
    has no results. Gives the line where to go on, how many results are found up to it, and whether the vocabulary must
    grow first; where that line is not ``end``, it has a text of which ``says`` does not tell yet, but which is in the
    vocabulary now.
    """
    buf, sep = at.buf, at.sep
    stopped, kept = -1, 0
    measured_low, measured_high = item_at(items.status, 0), item_at(items.status, 1)
    for number in range(begin, end):
        line = item_at(at.lines, number)
        base, last = item_at(at.first, line), item_at(at.first, line + 1)
        here, others, is_odd = 0, 0, False
        for item in range(items.kind.size):
            kind, field = item_at(items.kind, item), item_at(items.value, item)
            if field >= 0 and _is_blank(buf, sep, base, item_at(items.flag, item)):
                start, stop = item_at(sep, base + field) + 1, item_at(sep, base + field + 1)
                word = word_at(buf, start)
                if word & _BYTE == _QUOTE:
                    start, stop, word = start + 1, stop - 1, word_at(buf, start + 1)
                size = stop - start
                if size == 0:
                    continue
                if kind == NUMERIC:
                    read = plain_number(word & (~_ZERO >> np.uint64(64 - 8 * size)), size) if size <= 8 else -1
                    if read >= 0:
                        put_words(out.number, found + here, np.uint64(read), _ZERO)
                        put_words(out.code, found + here, _ZERO, _ZERO)
                        put_item(picked, here, item)
                        here += 1
                        continue
                elif size == 1 and item_at(items.codes, 256 * kind + np.int64(word & _BYTE)):
                    put_words(out.number, found + here, _ZERO, _ZERO)
                    put_words(out.code, found + here, _ONE | (word & _BYTE) << np.uint64(32), _ZERO)
                    put_item(picked, here, item)
                    here += 1
                    continue
            text, place, flag = _said(at, base, last, item, items, says, slots, keys, starts, sizes, pool, counts)
            if flag in (FULL, UNKNOWN):
                if stopped < 0:
                    stopped, kept = number, found
                if flag == FULL:
                    return stopped, kept, True
                continue
            if text == _NO_TEXT and flag == NO_FLAG:
                continue
            if flag == ODD_FLAG or says.unread[kind, text]:
                is_odd = True
                break
            none = says.none[text]
            is_number, is_code = none == 0 and kind == NUMERIC, none == 0 and kind != NUMERIC
            put_pair(out.number, found + here, says.number, text if is_number else 0)
            put_pair(out.code, found + here, says.code, text if is_code else 0)
            status = 3 if flag == FLAG_H else 4 if flag == FLAG_L else 0
            status = 1 if none & NOT_DONE else 2 if none & NOT_MEASURABLE else status
            told = item_at(items.told, place)
            held = HAS_NUMBER | told if is_number else HAS_CODE | told & HAS_METHOD if is_code else told & HAS_METHOD
            put_item(picked, here, item)
            noted = items.kind.size + 5 * others
            put_item(picked, noted, here)
            put_item(picked, noted + 1, place)
            put_item(picked, noted + 2, item + 1 if is_number else 0)
            put_item(picked, noted + 3, status)
            put_item(picked, noted + 4, held)
            here, others = here + 1, others + 1
        if is_odd:
            here = others = 0
        for one in range(here):
            put_pair(out.item, found + one, items.name, item_at(picked, one))
        for one in range(here):
            put_pair(out.method, found + one, items.first_method, item_at(picked, one))
        for one in range(here):
            put_pair(out.unit, found + one, items.first_unit, item_at(picked, one))
        for one in range(found, found + here):
            put_words(out.status, one, measured_low, measured_high)
        for one in range(here):
            put_item(out.held, found + one, item_at(items.first_held, item_at(picked, one)))
        for one in range(found, found + here):
            put_item(out.row, one, row + line)
        for noted in range(items.kind.size, items.kind.size + 5 * others, 5):
            one = found + item_at(picked, noted)
            put_pair(out.method, one, items.method, item_at(picked, noted + 1))
            put_pair(out.unit, one, items.unit, item_at(picked, noted + 2))
            put_pair(out.status, one, items.status, item_at(picked, noted + 3))
            put_item(out.held, one, item_at(picked, noted + 4))
        odd[number], results[number] = is_odd, here
        found += here
    return (end, found, False) if stopped < 0 else (stopped, kept, False)


@loop
def bits_of(held: Array, flag: int, bits: Array) -> int:
    """Puts into ``bits`` which bytes of ``held`` have a flag, ``WIDE`` of them a word; gives how many have.

    There are bytes for every bit of ``bits``; those behind the last word are left.
    """
    found = 0
    for word in range(bits.size):
        put_item(bits, word, which_have(held, word * WIDE, flag))
        found += how_many(item_at(bits, word))
    return found


@loop
def repeat(table: Array, counts: Array, column: Array) -> None:
    """Each value of two words of a table so many times, one after the other."""
    row = 0
    for at in range(counts.size):
        for _ in range(counts[at]):
            put_pair(column, row, table, at)
            row += 1

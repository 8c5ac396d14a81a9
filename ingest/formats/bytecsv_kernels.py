"""The loops over the bytes of a CSV file, compiled: where fields end, where a cell lies, which texts are the same.

In CP932 and in UTF-8 no byte of a longer character is a comma, a quote or a line end, so that fields are found
without decoding. Every function is a plain loop over arrays and knows positions only from its arguments; what a
line or a cell means is said elsewhere (``bytecsv``, ``fkac167_fast``, ``care_fast``). A line that is not plain (quotes
that do not stand around a whole field, doubled quotes) is marked as odd and read by Polars (``csvtext``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ingest.formats.uke_words import word_at

COMMA, NEWLINE, QUOTE, RETURN, BLANK_BYTE = 44, 10, 34, 13, 32
VALID, BLANK, OTHER = 0, 1, 2
"""States of a cell: read, nothing there, or something that takes more than a loop over bytes."""
PADDING = 16
"""Bytes behind the end of every buffer: words are loaded beyond the last byte."""
_HIGH = np.uint64(0x8080808080808080)
_ONES = np.uint64(0x0101010101010101)
_ZERO, _ONE, _TWO, _THREE, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(8)
_LAST = np.uint64(56)
_MIX = np.uint64(0x9E3779B97F4A7C15)
FULL = -1
"""``number_texts``: the vocabulary must grow before it can go on."""


def _trailing_zeros_of(typingctx: Any, word: Any) -> Any:  # pragma: no cover  (code of the compiler)
    """How many of the lowest bits of a word are zero."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), build


_trailing_zeros: Any = intrinsic(_trailing_zeros_of)


@njit(cache=True, nogil=True)
def is_readable(buf: Any, single: Any, pair: Any) -> bool:
    """Whether every character above ASCII is one of CP932 (tables: ``bytecsv._readable``)."""
    at, size = 0, buf.size
    while at < size:
        if at + 8 <= size and word_at(buf, at) & _HIGH == 0:
            at += 8
            continue
        byte = buf[at]
        at += 1
        if byte < 128 or single[byte] == 1:
            continue
        if at >= size or not pair[byte * 256 + buf[at]]:
            return False
        at += 1
    return True


@njit(cache=True, nogil=True)
def after_last_line(buf: Any, size: int) -> int:
    """How many of the first ``size`` bytes are whole lines."""
    while size > 0 and buf[size - 1] != NEWLINE:
        size -= 1
    return size


@njit(cache=True, nogil=True)
def classify(buf: Any, kind: Any) -> tuple[int, int, int]:
    """One bit for each byte that says something: 1 comma, 2 line end, 4 quote, 8 return.

    Gives how many are commas or line ends, line ends, and returns.
    """
    for at in range(buf.size):
        byte = buf[at]
        kind[at] = (byte == 44) | ((byte == 10) << 1) | ((byte == 34) << 2) | ((byte == 13) << 3)
    commas, ends, returns = 0, 0, 0
    for at in range(buf.size):
        commas += kind[at] & 1
        ends += (kind[at] >> 1) & 1
        returns += kind[at] >> 3
    return commas + ends, ends, returns


@njit(cache=True, nogil=True)
def separators(kinds: Any, sep: Any, first: Any, odd: Any) -> int:
    """Where the fields of lines end; gives the number of lines.

    ``kinds`` are the bits of ``classify``, eight a word; the last byte that says something ends a line. ``sep`` gets
    a -1 and then the place of every comma between fields and of every line end; the fields of line ``i`` end at
    ``sep[first[i] + 1]`` to ``sep[first[i + 1]]``. ``odd`` is set for lines whose quotes are not plain.
    """
    sep[0], first[0] = -1, 0
    found, line = 0, 0
    inside, after_end, after_quote = _ZERO, _ONE, _ZERO
    for number in range(kinds.size):
        word = kinds[number]
        if word == _ZERO:
            after_end = after_quote = _ZERO
            continue
        base = number << 3
        comma, end, quote = word & _ONES, (word >> _ONE) & _ONES, (word >> _TWO) & _ONES
        within = ((quote * _ONES) & _ONES) ^ (inside * _ONES)  # the parity of the quotes up to each byte
        cut = (comma | end) & ~within
        closing = quote & (within ^ quote)
        behind_cut = (cut << _EIGHT) | after_end
        behind_closing = (closing << _EIGHT) | after_quote
        returned = (word >> _THREE) & _ONES
        strange = (quote & within & ~behind_cut) | (behind_closing & ~(cut | returned)) | (end & within)
        if strange == _ZERO:
            while cut != _ZERO:
                lane = _trailing_zeros(cut)
                found += 1
                sep[found] = base + np.int64(lane >> _THREE)
                if (end >> lane) & _ONE:
                    line += 1
                    first[line] = found
                    odd[line] = 0
                cut &= cut - _ONE
            inside, after_end, after_quote = within >> _LAST, ((comma | end) & ~within) >> _LAST, closing >> _LAST
            continue
        for place in range(8):
            kind = (word >> np.uint64(place * 8)) & np.uint64(0xF)
            is_end, was_quote = False, after_quote
            after_quote = _ZERO
            if was_quote and kind == _ZERO:
                odd[line] = 1
            if kind == np.uint64(4):
                if inside == _ZERO:
                    if after_end == _ZERO:
                        odd[line] = 1
                    inside = _ONE
                else:
                    inside, after_quote = _ZERO, _ONE
            elif kind == _TWO:
                if inside:
                    odd[line] = 1
                inside = _ZERO
                found, line = found + 1, line + 1
                sep[found], first[line], odd[line], is_end = base + place, found, 0, True
            elif kind == _ONE and inside == _ZERO:
                found += 1
                sep[found], is_end = base + place, True
            after_end = _ONE if is_end else _ZERO
    return line


@njit(cache=True, nogil=True)
def mark_returns(buf: Any, sep: Any, first: Any, lines: int, odd: Any) -> None:
    """Marks lines with a return that is not the last byte before the line end."""
    for line in range(lines):
        start, stop = sep[first[line]] + 1, sep[first[line + 1]]
        for at in range(start, stop - 1):
            if buf[at] == RETURN:
                odd[line] = 1


@njit(cache=True, nogil=True)
def locate(buf: Any, sep: Any, first: Any, lines: Any, fields: Any, offset: Any, length: Any) -> None:
    """Where the cells of some fields (from 0) of some lines lie, quotes left out; one row a field.

    A field that the line does not have is empty.
    """
    for number in range(lines.size):
        base, last = first[lines[number]], first[lines[number] + 1]
        for place in range(fields.size):
            field = base + fields[place]
            if field >= last:
                offset[place, number] = length[place, number] = 0
                continue
            start, stop = sep[field] + 1, sep[field + 1]
            if field + 1 == last and stop > start and buf[stop - 1] == RETURN:
                stop -= 1
            if stop > start and buf[start] == QUOTE:
                start, stop = start + 1, stop - 1
            offset[place, number], length[place, number] = start, stop - start


@njit(cache=True, nogil=True)
def _slot(key: Any, size: int, slots: int) -> int:
    """Where to look for a text first."""
    place: int = np.int64(((key ^ np.uint64(size)) * _MIX) >> np.uint64(32)) & (slots - 1)  # type: ignore[assignment]
    return place


@njit(cache=True, nogil=True)
def _text_key(buf: Any, at: int, size: int) -> Any:
    """A number for a text: the same for the same text. Of texts of up to 16 bytes with the same number and the same
    last eight bytes the first eight are the same too."""
    key = word_at(buf, at)
    if size <= 8:
        return key if size == 8 else key & ((_ONE << np.uint64(size * 8)) - _ONE)
    for step in range(8, size - 8, 8):
        key = (key ^ (key >> np.uint64(29))) * _MIX + word_at(buf, at + step)
    return key ^ (word_at(buf, at + size - 8) * _MIX)


@njit(cache=True, nogil=True)
def _learn(
    buf: Any, at: int, size: int, key: Any, slot: int,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
) -> int:  # fmt: skip
    """Gives a text that is not in the vocabulary the next number; FULL where there is no room."""
    known, free = counts[0], counts[1]
    if known >= keys.size or free + size > pool.size:
        return FULL
    slots[slot], keys[known], starts[known], sizes[known] = known, key, free, size
    for step in range(size):
        pool[free + step] = buf[at + step]
    counts[0], counts[1] = known + 1, free + size
    return known


@njit(cache=True, nogil=True)
def _find(buf: Any, at: int, size: int, slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any) -> int:
    """The number of a text in a vocabulary (see ``bytecsv.Vocabulary``), which learns it; FULL where it cannot."""
    key = _text_key(buf, at, size)
    slot = _slot(key, size, slots.size)
    while slots[slot]:
        known = slots[slot]
        if keys[known] == key and sizes[known] == size:
            same = True
            for step in range(size):
                same = same and pool[starts[known] + step] == buf[at + step]
            if same:
                return known
        slot = (slot + 1) & (slots.size - 1)
    return _learn(buf, at, size, key, slot, slots, keys, starts, sizes, pool, counts)


@njit(cache=True, nogil=True)
def rehash(slots: Any, keys: Any, sizes: Any, count: int) -> None:
    """Fills the empty ``slots`` of a vocabulary that grew."""
    mask = slots.size - 1
    for known in range(1, count):
        slot = _slot(keys[known], sizes[known], slots.size)
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = known


@njit(cache=True, nogil=True)
def number_texts(
    buf: Any, offset: Any, length: Any, begin: int, ids: Any,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
) -> int:  # fmt: skip
    """The numbers of cells from ``begin`` on in a vocabulary, 0 for an empty cell; gives where it stopped: at the
    end, or where the vocabulary must grow."""
    for place in range(begin, offset.size):
        size, at = length[place], offset[place]
        if size == 0:
            ids[place] = 0
            continue
        known = 0
        if size <= 16:  # as nearly all: looked up here, since a call costs more than the search
            key = word_at(buf, at)
            if size < 8:
                key &= (_ONE << np.uint64(size * 8)) - _ONE
            tail = word_at(buf, at + size - 8) if size > 8 else _ZERO
            key ^= tail * _MIX
            slot = _slot(key, size, slots.size)
            known = slots[slot]
            while known and (
                keys[known] != key
                or sizes[known] != size
                or (size > 8 and word_at(pool, np.int64(starts[known] + size - 8)) != tail)
            ):
                slot = (slot + 1) & (slots.size - 1)
                known = slots[slot]
        if known == 0:
            known = _find(buf, at, size, slots, keys, starts, sizes, pool, counts)
            if known == FULL:
                return place
        ids[place] = known
    return offset.size


@njit(cache=True, nogil=True)
def number_rows(
    buf: Any, sep: Any, first: Any, lines: Any, fields: Any, begin: int, ids: Any,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
) -> int:  # fmt: skip
    """The same of many fields of lines that have them all, one row a line."""
    for number in range(begin, lines.size):
        base, last = first[lines[number]], first[lines[number] + 1]
        for place in range(fields.size):
            field = base + fields[place]
            start, stop = sep[field] + 1, sep[field + 1]
            if field + 1 == last and stop > start and buf[stop - 1] == RETURN:
                stop -= 1
            if stop > start and buf[start] == QUOTE:
                start, stop = start + 1, stop - 1
            size, known = stop - start, 0
            if 0 < size < 8:  # as nearly all: looked up here, since a call costs more than the search
                key = word_at(buf, start) & ((_ONE << np.uint64(size * 8)) - _ONE)
                slot = _slot(key, size, slots.size)
                known = slots[slot]
                while known and (keys[known] != key or sizes[known] != size):
                    slot = (slot + 1) & (slots.size - 1)
                    known = slots[slot]
            if known == 0 and size > 0:
                known = _find(buf, start, size, slots, keys, starts, sizes, pool, counts)
                if known == FULL:
                    return number
            ids[number, place] = known
    return lines.size


@njit(cache=True, nogil=True)
def plain_texts(buf: Any, offset: Any, length: Any, view: Any, held: Any, state: Any) -> int:
    """Cells of ASCII as Arrow views without blanks around them; longer ones lie in ``held``, of which the bytes used
    are given. States are VALID, BLANK and OTHER: a cell with any other byte, whose view stays empty."""
    used = 0
    for number in range(offset.size):
        at, stop = offset[number], offset[number] + length[number]
        while at < stop and buf[at] == BLANK_BYTE:
            at += 1
        while stop > at and buf[stop - 1] == BLANK_BYTE:
            stop -= 1
        size = stop - at
        view[number, 0] = view[number, 1] = 0
        if size == 0:
            state[number] = BLANK
            continue
        state[number] = VALID
        for place in range(at, stop):
            if buf[place] < 32 or buf[place] > 126:
                state[number] = OTHER
                break
        if state[number] != VALID:
            continue
        if size <= 12:
            start = word_at(buf, at)
            low = start & np.uint64(0xFFFFFFFF)
            if size < 4:
                low &= (_ONE << np.uint64(size * 8)) - _ONE
            view[number, 0] = np.uint64(size) | (low << np.uint64(32))
            if size > 4:
                high = word_at(buf, at + 4)
                if size < 12:
                    high &= (_ONE << np.uint64((size - 4) * 8)) - _ONE
                view[number, 1] = high
        else:
            for place in range(size):
                held[used + place] = buf[at + place]
            view[number, 0] = np.uint64(size) | ((word_at(buf, at) & np.uint64(0xFFFFFFFF)) << np.uint64(32))
            view[number, 1] = np.uint64(used) << np.uint64(32)
            used += size
    return used


@njit(cache=True, nogil=True)
def whole_numbers(buf: Any, offset: Any, length: Any, value: Any, state: Any) -> None:
    """Cells of at most 18 digits with at most a sign as numbers; states as those of ``plain_texts``."""
    for number in range(offset.size):
        at, stop = offset[number], offset[number] + length[number]
        while at < stop and buf[at] == BLANK_BYTE:
            at += 1
        while stop > at and buf[stop - 1] == BLANK_BYTE:
            stop -= 1
        value[number], state[number] = 0, BLANK
        if stop == at:
            continue
        negative = buf[at] == 45
        if negative or buf[at] == 43:
            at += 1
        state[number] = VALID if 0 < stop - at <= 18 else OTHER
        found: Any = 0
        for place in range(at, min(stop, at + 18)):
            digit: Any = np.int64(buf[place]) - 48
            if digit < 0 or digit > 9:
                state[number] = OTHER
                break
            found = found * 10 + digit
        value[number] = found * (1 - 2 * negative)


@njit(cache=True, nogil=True)
def first_filled(buf: Any, offset: Any, length: Any, odd: Any) -> None:
    """Puts into the first row of cells the first of each column that holds anything; where one of blanks or with a
    byte that is not ASCII comes before it, the line is marked as odd."""
    for number in range(offset.shape[1]):
        for choice in range(offset.shape[0]):
            size = length[choice, number]
            if size == 0:
                continue
            if buf[offset[choice, number]] <= 32 or buf[offset[choice, number]] > 126:
                odd[number] = True
            offset[0, number], length[0, number] = offset[choice, number], size
            break


@njit(cache=True, nogil=True)
def copy_slices(buf: Any, offset: Any, length: Any, gap: int, out: Any, starts: Any) -> int:
    """The slices one after the other, each followed by ``gap`` line ends; ``starts`` where each begins."""
    at = 0
    for i in range(offset.size):
        starts[i] = at
        for place in range(offset[i], offset[i] + max(length[i], 0)):
            out[at] = buf[place]
            at += 1
        for _ in range(gap):
            out[at] = NEWLINE
            at += 1
    starts[offset.size] = at
    return at

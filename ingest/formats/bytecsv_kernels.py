"""The loops over the bytes of a CSV file, compiled: where fields end and where a cell lies.

In CP932 and in UTF-8 no byte of a longer character is a comma, a quote or a line end, so that fields are found
without decoding. Every function is a plain loop over arrays and knows positions only from its arguments; what a
line or a cell means is said elsewhere (``plaincells``, ``fkac167_plain``, ``careplain``). A line that is not plain
(quotes that do not stand around a whole field, doubled quotes) is marked as odd and read by Polars (``csvtext``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ingest.formats.uke_words import word_at

COMMA, NEWLINE, QUOTE, RETURN = 44, 10, 34, 13
PADDING = 16
"""Bytes behind the end of every buffer: words are loaded beyond the last byte."""
_HIGH = np.uint64(0x8080808080808080)
_ONES = np.uint64(0x0101010101010101)
_ZERO, _ONE, _TWO, _THREE, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(8)
_LAST = np.uint64(56)


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

"""The loops over the bytes of a CSV file, compiled: where fields end and where a cell lies.

In CP932 and in UTF-8 no byte of a longer character is a comma, a quote or a line end, so that fields are found
without decoding. Every function is a plain loop over arrays and knows positions only from its arguments; what a
line or a cell means is said elsewhere (``plaincells``, ``fkac167_plain``, ``careplain``). A line that is not plain
(quotes that do not stand around a whole field, doubled quotes) is marked as odd and read by Polars (``csvtext``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ingest.formats.bits import WIDE, Array, how_many, item_at, lowest, prefetch, put_item, which_are, which_are_high
from ingest.formats.compiled import loop, part_of_loop

COMMA, NEWLINE, QUOTE, RETURN = 44, 10, 34, 13
PADDING = WIDE
"""Bytes behind the end of every buffer: so many are loaded from any place on."""
AT_ONCE = 8
"""Places of separators that are put at a time."""
AHEAD = 6
"""Lines that are fetched from memory before they are read."""
_ZERO, _ONE, _LAST = np.uint64(0), np.uint64(1), np.uint64(63)


@loop
def is_ascii(buf: Any) -> bool:
    """Whether all bytes are ASCII. The size of ``buf`` is so many times ``WIDE``."""
    high = _ZERO
    for at in range(0, buf.size, WIDE):
        high |= which_are_high(buf, at)
    is_plain: bool = high == _ZERO
    return is_plain


@loop
def is_readable(buf: Any, single: Any, pair: Any) -> bool:
    """Whether every character above ASCII is one of CP932 (tables: ``bytecsv._readable``)."""
    at, size = 0, buf.size
    while at < size:
        if at + WIDE <= size:
            high = which_are_high(buf, at)
            if high == _ZERO:
                at += WIDE
                continue
            at += lowest(high)
        elif buf[at] < 128:
            at += 1
            continue
        while at < size and buf[at] >= 128:  # characters seldom stand alone
            byte = buf[at]
            at += 1
            if single[byte] != 1:
                if at >= size or not pair[byte * 256 + buf[at]]:
                    return False
                at += 1
    return True


@loop
def after_last_line(buf: Any, size: int) -> int:
    """How many of the first ``size`` bytes are whole lines."""
    while size > 0 and buf[size - 1] != NEWLINE:
        size -= 1
    return size


@loop
def count(buf: Any) -> tuple[int, int]:
    """How many bytes are commas or line ends, and how many line ends. The size of ``buf`` is so many times ``WIDE``."""
    commas, ends = 0, 0
    for at in range(0, buf.size, WIDE):
        commas += how_many(which_are(buf, at, COMMA))
        ends += how_many(which_are(buf, at, NEWLINE))
    return commas + ends, ends


@loop
def separators(buf: Any, sep: Any, first: Any, odd: Any) -> int:
    """Where the fields of lines end; gives the number of lines. The last byte that is not zero ends a line.

    ``sep`` gets a -1 and then the place of every comma between fields and of every line end; the fields of line ``i``
    end at ``sep[first[i] + 1]`` to ``sep[first[i + 1]]``. ``odd`` is set for lines whose quotes are not plain, or with
    a return that is not the last byte before the line end.
    """
    sep[0], first[0], odd[0] = -1, 0, 0
    found, line = 0, 0
    inside, after_cut, after_quote, after_return = _ZERO, _ONE, _ZERO, _ZERO
    for base in range(0, buf.size, WIDE):
        comma, end = which_are(buf, base, COMMA), which_are(buf, base, NEWLINE)
        quote, returned = which_are(buf, base, QUOTE), which_are(buf, base, RETURN)
        cut = comma | end
        strange = ((returned << _ONE) | after_return) & ~end
        within, closing = _ZERO, _ZERO
        if quote | inside | after_quote:
            within = _parity(quote) ^ (_ZERO - inside)
            cut &= ~within
            closing = quote & ~within
            strange |= quote & within & ~((cut << _ONE) | after_cut)
            strange |= ((closing << _ONE) | after_quote) & ~(cut | returned)
            strange |= end & within
        if strange == _ZERO:
            after_cut = cut >> _LAST
            inside, after_quote, after_return = within >> _LAST, closing >> _LAST, returned >> _LAST
            while end != _ZERO:
                line += 1
                first[line], odd[line] = found + how_many(cut & (end ^ (end - _ONE))), 0
                end &= end - _ONE
            found = _put_places(sep, found, base, cut)
            continue
        for at in range(base, base + WIDE):
            byte = buf[at]
            is_cut, was_quote = False, after_quote
            after_quote = _ZERO
            if after_return and byte != NEWLINE:
                odd[line] = 1
            after_return = _ONE if byte == RETURN else _ZERO
            if byte == QUOTE:
                if inside == _ZERO:
                    if after_cut == _ZERO:
                        odd[line] = 1
                    inside = _ONE
                else:
                    inside, after_quote = _ZERO, _ONE
            elif byte == NEWLINE:
                if inside:
                    odd[line] = 1
                inside = _ZERO
                found, line = found + 1, line + 1
                sep[found], first[line], odd[line], is_cut = at, found, 0, True
            elif byte == COMMA and inside == _ZERO:
                found += 1
                sep[found], is_cut = at, True
            elif was_quote and byte != RETURN and byte != COMMA:
                odd[line] = 1
            after_cut = _ONE if is_cut else _ZERO
    return line


@part_of_loop
def _put_places(sep: Any, found: int, base: int, places: Any) -> int:
    """Puts the places of a word's bits behind the ``found`` ones; gives how many there are then.

    ``AT_ONCE`` are put without a look at how many are left: what stands behind the last is put over, or room.
    """
    after: int = found + how_many(places)
    while places != _ZERO:
        for step in range(1, 1 + AT_ONCE):
            put_item(sep, found + step, base + lowest(places))
            places &= places - _ONE
        found += AT_ONCE
    return after


@loop
def _parity(bits: Any) -> Any:
    """For each bit whether so many are set up to it, itself among them, that their number is odd."""
    for step in (1, 2, 4, 8, 16, 32):
        bits ^= bits << np.uint64(step)
    return bits


class Lines(NamedTuple):
    """Lines of a block (``buf``, ``sep`` and ``first`` as ``separators`` has them) by their numbers, and the kind of
    each, or nothing where there is but one kind."""

    buf: Array
    sep: Array
    first: Array
    lines: Array
    kinds: Array


@loop
def fetch_ahead(at: Lines, number: int) -> None:
    """Has the fields and bytes fetched of lines that come soon."""
    if number + 2 * AHEAD < at.lines.size:
        place = at.first[at.lines[number + 2 * AHEAD]]
        for line in range(0, 96, 16):
            prefetch(at.sep, place + line)
        place = at.sep[at.first[at.lines[number + AHEAD]]] + 1
        for line in range(0, 320, 64):
            prefetch(at.buf, place + line)


@part_of_loop
def cell(buf: Any, sep: Any, base: int, last: int, field: int) -> tuple[int, int]:
    """Both ends of a cell, quotes left out, of the line whose fields end at ``sep[base + 1]`` to ``sep[last]``.

    A field (from 0) that the line does not have, or that is none (-1), is empty.
    """
    field += base
    if field < base or field >= last:
        return 0, 0
    start, stop = item_at(sep, field) + 1, item_at(sep, field + 1)
    if field + 1 == last and stop > start and buf[stop - 1] == RETURN:
        stop -= 1
    if stop > start and item_at(buf, start) == QUOTE:
        start, stop = start + 1, stop - 1
    return start, stop


@loop
def locate(at: Lines, fields: Array, offset: Array, length: Array) -> None:
    """Where the cells of some fields of some lines lie; one row a field. ``fields`` has a row for each kind of line."""
    for number in range(at.lines.size):
        fetch_ahead(at, number)
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        kind = at.kinds[number] if at.kinds.size else 0
        for place in range(fields.shape[1]):
            start, stop = cell(at.buf, at.sep, base, last, fields[kind, place])
            offset[place, number], length[place, number] = start, stop - start


@loop
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

"""Texts of receipts as Arrow takes them, by compiled loops: CP932 to UTF-8, blanks off, full width folded.

A text is a *view* of Arrow, two numbers of 64 bits: its length and its first twelve bytes, or for a longer one its
first four and where it stands in the bytes beside. Codes are short, so that most columns need no bytes of their own.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.formats.bits import NOTHING, WIDE, first_bits, lowest, which_are_high, word_at
from ingest.formats.compiled import loop
from ingest.formats.uke_values import BLANK, VALID
from ingest.formats.uke_words import is_ascii

OTHER, ONLY_BLANKS = 3, 4
"""States of a folded text: not to be folded here (its view holds place and length in the block), and tabs alone."""
INLINE = 12
"""Bytes that a view holds itself."""
ROOM = 3
"""Bytes of UTF-8 at most for one byte of CP932."""
_REPLACEMENT = 0xFFFD


class Characters(NamedTuple):
    """CP932 as Python reads it: code points by byte, and by first byte × 256 + second; 0 where there is none.

    ``folded`` has for each pair its character in half width (NFKC), where that is one character, no kind of blank but
    the ideographic one, and made of this alone; CP932 has none that would join with the one before it but half-width
    kana, which are no pairs.
    """

    single: NDArray[np.uint16]
    pair: NDArray[np.uint16]
    folded: NDArray[np.uint16]


@cache
def characters() -> Characters:
    """The tables, made from Python's own decoder."""
    single, pair, folded = np.zeros(256, np.uint16), np.zeros(65536, np.uint16), np.zeros(65536, np.uint16)
    for byte in range(256):
        read = bytes([byte]).decode("cp932", errors="replace")
        if read != "\ufffd":
            single[byte] = ord(read)
            continue
        for second in range(64, 256):
            read = bytes([byte, second]).decode("cp932", errors="replace")
            if len(read) == 1:
                pair[byte * 256 + second] = ord(read)
                half = unicodedata.normalize("NFKC", read)
                if len(half) == 1 and (not half.isspace() or read == "\u3000"):
                    folded[byte * 256 + second] = ord(half)
    return Characters(single, pair, folded)


@loop
def _character(buf: Any, at: int, last: int, table: Characters) -> tuple[int, int]:
    """(code point, bytes) of the character at ``at``; what cannot be read is one byte and U+FFFD."""
    byte = buf[at]
    point = table.single[byte]
    if point > 0 or byte < 128:
        return int(point), 1
    if at + 1 < last:
        point = table.pair[int(byte) * 256 + buf[at + 1]]
        if point > 0:
            return int(point), 2
    return _REPLACEMENT, 1


@loop
def count_characters(buf: Any, at: int, last: int, table: Characters) -> tuple[int, int]:
    """Characters of a slice and those that cannot be read: no CP932, or of one's own (外字)."""
    found, unreadable = 0, 0
    while at < last:
        high = which_are_high(buf, at) & first_bits(last - at)
        plain = lowest(high) if high != NOTHING else min(last - at, WIDE)
        found, at = found + plain, at + plain
        if high != NOTHING:
            point, width = _character(buf, at, last, table)
            unreadable += point == _REPLACEMENT or 0xE000 <= point <= 0xF8FF
            found, at = found + 1, at + width
    return found, unreadable


@loop
def _put_character(point: int, out: Any, to: int) -> int:
    """A character as UTF-8 into ``out``; gives its end."""
    if point < 0x80:
        out[to] = point
        return to + 1
    if point < 0x800:
        out[to], out[to + 1] = 0xC0 | point >> 6, 0x80 | point & 0x3F
        return to + 2
    out[to], out[to + 1], out[to + 2] = 0xE0 | point >> 12, 0x80 | point >> 6 & 0x3F, 0x80 | point & 0x3F
    return to + 3


@loop
def decode(buf: Any, at: int, last: int, table: Characters, out: Any, to: int) -> int:
    """The slice as UTF-8 into ``out`` from ``to`` on; gives its end."""
    while at < last:
        point, width = int(buf[at]), 1
        if point >= 128:
            point, width = _character(buf, at, last, table)
        at += width
        to = _put_character(point, out, to)
    return to


@loop
def decode_slices(buf: Any, offset: Any, length: Any, table: Characters, out: Any, starts: Any) -> None:
    """The slices as UTF-8 one after the other; ``starts`` where each begins, and the end of the last."""
    to = 0
    for i in range(offset.size):
        starts[i] = to
        to = decode(buf, offset[i], offset[i] + length[i], table, out, to)
    starts[offset.size] = to


@loop
def trim(buf: Any, at: int, last: int) -> tuple[int, int]:
    """Both ends of the slice without blanks around it (ideographic ones too)."""
    if at >= last:
        return at, at
    # An ideographic blank is 0x81 0x40; no blank stands at an end that has none of these bytes.
    begins, ends = buf[at], buf[last - 1]
    if begins != 32 and begins != 9 and begins != 0x81 and ends != 32 and ends != 9 and ends != 0x40:
        return at, last
    first, stop = last, last
    while at < last:
        byte = buf[at]
        width = 1
        if byte >= 128 and (byte <= 0x9F or 0xE0 <= byte <= 0xFC) and at + 1 < last and buf[at + 1] >= 64:
            width = 2
        is_blank = byte == 32 or byte == 9 or (width == 2 and byte == 0x81 and buf[at + 1] == 0x40)
        if not is_blank:
            first, stop = min(first, at), at + width
        at += width
    return (first, stop) if first < last else (last, last)


@loop
def _low(word: Any, count: int) -> Any:
    """The lowest ``count`` bytes of a word, of 0 to 8."""
    if count >= 8:
        return word
    return word & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1))


@loop
def put_short(buf: Any, at: int, size: int, view: Any, row: int) -> None:
    """The view of at most twelve bytes of UTF-8, from 1 on."""
    view[2 * row] = np.uint64(size) | _low(word_at(buf, at), min(size, 4)) << np.uint64(32)
    view[2 * row + 1] = _low(word_at(buf, at + 4), size - 4) if size > 4 else np.uint64(0)


@loop
def _put_long(out: Any, at: int, size: int, base: int, view: Any, row: int) -> None:
    """The view of more than twelve bytes that stand in ``out``, where those of its column begin at ``base``."""
    view[2 * row] = np.uint64(size) | _low(word_at(out, at), 4) << np.uint64(32)
    view[2 * row + 1] = np.uint64(at - base) << np.uint64(32)


@loop
def put_text(
    buf: Any, at: int, last: int, table: Characters, view: Any, row: int, out: Any, base: int, to: int
) -> tuple[int, int]:
    """The slice without blanks around it: (its state, end of the bytes used of ``out``).

    ``view[2 * row]`` and the next get the view; the bytes of the column begin in ``out`` at ``base``, the next at
    ``to``.
    """
    at, last = trim(buf, at, last)
    if at == last:
        return BLANK, to
    if not is_ascii(buf, at, last):
        stop = decode(buf, at, last, table, out, to)
        if stop - to > INLINE:
            _put_long(out, to, stop - to, base, view, row)
            return VALID, stop
        put_short(out, to, stop - to, view, row)
        return VALID, to
    if last - at <= INLINE:
        put_short(buf, at, last - at, view, row)
        return VALID, to
    for place in range(last - at):
        out[to + place] = buf[at + place]
    _put_long(out, to, last - at, base, view, row)
    return VALID, to + last - at


@loop
def put_folded(
    buf: Any, at: int, last: int, table: Characters, view: Any, row: int, out: Any, base: int, to: int
) -> tuple[int, int]:
    """The slice in half width (NFKC) without blanks around it, as ``put_text``.

    A slice with a character that does not fold by itself is told as ``OTHER``.
    """
    begin, stop = to, to
    start, is_wide = at, False
    while at < last:
        byte = buf[at]
        if byte < 128:
            out[stop] = byte
            at, stop = at + 1, stop + 1
            continue
        second = buf[at + 1] if at + 1 < last else 0
        point = int(table.folded[int(byte) * 256 + second])
        if point == 0:
            view[2 * row], view[2 * row + 1] = np.uint64(start), np.uint64(last - start)
            return OTHER, to
        stop = _put_character(point, out, stop)
        at += 2
        is_wide |= point >= 128 or not (byte == 0x82 or (byte == 0x81 and (second == 0x40 or second == 0x7C)))
    while stop > begin and out[stop - 1] == 32:
        stop -= 1
    while begin < stop and out[begin] == 32:
        begin += 1
    if begin == stop:
        return BLANK, to
    if is_wide and (9 <= out[begin] <= 13 or 9 <= out[stop - 1] <= 13):  # left to who knows every kind of blank
        view[2 * row], view[2 * row + 1] = np.uint64(start), np.uint64(last - start)
        return OTHER, to
    state = ONLY_BLANKS
    for place in range(begin, stop):
        if out[place] != 32 and out[place] != 9:
            state = VALID
            break
    if stop - begin > INLINE:
        _put_long(out, begin, stop - begin, base, view, row)
        return state, stop
    put_short(out, begin, stop - begin, view, row)
    return state, to

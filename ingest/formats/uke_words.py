"""Receipts many bytes at a time, for compiled loops: the next line end, where columns begin.

A block is handed to the loops with ``SPARE`` bytes behind its end, so that ``WIDE`` bytes may be taken from any place
in it. Commas and line ends are never the second byte of a CP932 character.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.bits import NOTHING, ONE, WIDE, first_bits, how_many, lowest, which_are, which_are_high, word_at
from ingest.formats.compiled import loop

NEWLINE, COMMA = 10, 44
SPARE = WIDE
"""Bytes behind the end of a block that are its own but none of the file's."""
_HIGH = np.uint64(0x8080808080808080)


@loop
def line_end(buf: Any, at: int, size: int) -> tuple[int, bool]:
    """Place of the next line end from ``at`` on, or ``size``; and whether all up to there is ASCII."""
    is_ascii = True
    while at < size:
        found, high = which_are(buf, at, NEWLINE), which_are_high(buf, at)
        if found != NOTHING:
            stop = lowest(found)
            return min(at + stop, size), is_ascii and high & first_bits(min(stop, size - at)) == NOTHING
        is_ascii = is_ascii and high & first_bits(size - at) == NOTHING
        at += WIDE
    return size, is_ascii


@loop
def is_ascii(buf: Any, at: int, stop: int) -> bool:
    """Whether a slice is ASCII (or else perhaps not: the last word may reach beyond)."""
    seen = NOTHING
    while at < stop:
        seen |= word_at(buf, at)
        at += 8
    return seen & _HIGH == NOTHING


@loop
def split(buf: Any, at: int, last: int, most: int, columns: Any) -> int:
    """Where each column begins, and one past the end of the last; gives their number.

    No more than ``most`` of them; ``columns`` has room for ``most + WIDE + 1``.
    """
    columns[0], found = at, 1
    while at < last:
        commas = which_are(buf, at, COMMA) & first_bits(last - at)
        while commas != NOTHING:
            columns[found] = at + lowest(commas) + 1
            found += 1
            commas &= commas - ONE
        if found > most:
            return most
        at += WIDE
    columns[found] = last + 1
    return found


@loop
def count_commas(buf: Any, at: int, last: int) -> int:
    """Commas of a slice."""
    found = 0
    while at < last:
        found += how_many(which_are(buf, at, COMMA) & first_bits(last - at))
        at += WIDE
    return found

"""The loops that read cells where they stand, compiled: texts, whole numbers and days in the form nearly all have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.bits import Array, word_at
from ingest.formats.compiled import loop, part_of_loop
from ingest.formats.uke_text import INLINE, decode, put_short, trim

BLANK, VALID, OTHER = 0, 1, 2
"""States of a cell: nothing there, read, or something that takes more than a loop over bytes."""
BLANK_BYTE = 32
_ONE = np.uint64(1)
_BYTES = np.uint64(0xFF)
_HIGH, _BLANKS = np.uint64(0x8080808080808080), np.uint64(0x2020202020202020)
_HIGH_NIBBLES, _DIGITS, _SIXES = (
    np.uint64(0xF0F0F0F0F0F0F0F0),
    np.uint64(0x3030303030303030),
    np.uint64(0x0606060606060606),
)
_NINES, _NEVER = np.uint64(0x3939393939393939), np.uint64(0x3133323139393939)
"""99999999 and 99991231 as words."""
_DAYS_BEFORE_1970 = 719_468
"""Days from 1 March of the year 0 to 1 January 1970."""


@loop
def _without_blanks(buf: Any, at: int, stop: int) -> tuple[int, int]:
    """Both ends of a cell without the blanks around it."""
    while at < stop and buf[at] == BLANK_BYTE:
        at += 1
    while stop > at and buf[stop - 1] == BLANK_BYTE:
        stop -= 1
    return at, stop


@loop
def _is_ascii(buf: Any, at: int, stop: int) -> bool:
    """Whether a cell holds nothing but blanks and what is printed of ASCII."""
    while at < stop:
        word = word_at(buf, at)
        if stop - at < 8:
            own = (_ONE << np.uint64(8 * (stop - at))) - _ONE
            word = (word & own) | (_BLANKS & ~own)
        if (word | ((word - _BLANKS) & ~word)) & _HIGH:
            return False
        at += 8
    return True


@part_of_loop
def put_plain_text(
    buf: Any, at: int, stop: int, is_printed: bool, characters: Any, view: Any, row: int, held: Any, used: int
) -> tuple[int, int]:
    """A cell as an Arrow view without blanks around it, a longer one in ``held`` from ``used`` on: (bytes used then,
    state).

    Cells of ASCII, and where ``is_printed`` those of CP932 too, by its table (``uke_text.characters``). A cell with
    any other byte is OTHER, and its view empty.
    """
    at, stop = _without_blanks(buf, at, stop)
    size = stop - at
    view[2 * row] = view[2 * row + 1] = 0
    if size == 0:
        return used, BLANK
    if _is_ascii(buf, at, stop):
        if size <= INLINE:
            put_short(buf, at, size, view, row)
            return used, VALID
        for place in range(size):
            held[used + place] = buf[at + place]
    elif is_printed and _has_no_control(buf, at, stop):
        at, stop = trim(buf, at, stop)
        size = decode(buf, at, stop, characters, held, used) - used
        if size == 0:
            return used, BLANK
    else:
        return used, OTHER
    _put_held(held, used, size, view, row)
    return used + size, VALID


@loop
def _has_no_control(buf: Any, at: int, stop: int) -> bool:
    """Whether no byte is one that may count as a blank but for blanks (CP932 has the no-break one as 0xA0)."""
    found = False
    for place in range(at, stop):
        found |= buf[place] < BLANK_BYTE or buf[place] == 0xA0
    return not found


@loop
def _put_held(held: Any, at: int, size: int, view: Any, row: int) -> None:
    """The view of a text that stands in ``held``."""
    start = np.uint64(0)
    for place in range(4):
        start |= np.uint64(held[at + place]) << np.uint64(8 * place) if place < size else np.uint64(0)
    view[2 * row] = np.uint64(size) | start << np.uint64(32)
    view[2 * row + 1] = np.uint64(at) << np.uint64(32)
    if size <= INLINE:
        rest = np.uint64(0)
        for place in range(4, size):
            rest |= np.uint64(held[at + place]) << np.uint64(8 * (place - 4))
        view[2 * row + 1] = rest


@loop
def whole_number(buf: Any, at: int, stop: int) -> tuple[int, int]:
    """A cell of at most 18 digits with at most a sign as (number, state)."""
    if 0 < stop - at <= 8:  # as nearly all: digits in pairs, fours, eight
        lacking = np.uint64(8 * (8 - (stop - at)))
        word = (word_at(buf, at) << lacking) | (_DIGITS & ((_ONE << lacking) - _ONE))
        if (word & _HIGH_NIBBLES) == _DIGITS and ((word + _SIXES) & _HIGH_NIBBLES) == _DIGITS:
            word = ((word - _DIGITS) * np.uint64(10 * 0x100 + 1)) >> np.uint64(8)
            word = ((word & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(100 * 0x10000 + 1)) >> np.uint64(16)
            word = ((word & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(10_000 * 0x100000000 + 1)) >> np.uint64(32)
            number: int = np.int64(word)  # type: ignore[assignment]
            return number, VALID
    at, stop = _without_blanks(buf, at, stop)
    if stop == at:
        return 0, BLANK
    negative = buf[at] == 45
    if negative or buf[at] == 43:
        at += 1
    if stop == at or stop - at > 18:
        return 0, OTHER
    found: Any = 0
    for place in range(at, stop):
        digit: Any = np.int64(buf[place]) - 48
        if digit < 0 or digit > 9:
            return 0, OTHER
        found = found * 10 + digit
    return found * (1 - 2 * negative), VALID


@loop
def day_of(buf: Any, at: int, stop: int, era: int, year_before: Array) -> tuple[int, int]:
    """A cell of YYYYMMDD, GYYMMDD or YYMMDD as (days from 1 January 1970, state): BLANK for an open date too (zeros,
    nines, 99991231).

    ``era`` counts where the cell names none; ``year_before`` has by the digit of an era the year before its first, the
    first year of all at 0.
    """
    at, stop = _without_blanks(buf, at, stop)
    size = stop - at
    if size == 0:
        return 0, BLANK
    if size < 6 or size > 8:
        return 0, OTHER
    lacking = np.uint64(8 * (8 - size))
    word = (word_at(buf, at) << lacking) | (_DIGITS & ((_ONE << lacking) - _ONE))
    if (word & _HIGH_NIBBLES) != _DIGITS or ((word + _SIXES) & _HIGH_NIBBLES) != _DIGITS:
        return 0, OTHER
    if word in (_DIGITS, _NEVER) or word >> lacking == _NINES >> lacking:
        return 0, BLANK
    pairs = word - _DIGITS
    pairs = pairs * np.uint64(10) + (pairs >> np.uint64(8))
    first: Any = np.int64(pairs & _BYTES)
    year: Any = np.int64((pairs >> np.uint64(16)) & _BYTES)
    month: Any = np.int64((pairs >> np.uint64(32)) & _BYTES)
    day: Any = np.int64((pairs >> np.uint64(48)) & _BYTES)
    if size == 8:
        year += first * 100
        if year < year_before[0]:
            return 0, OTHER
    else:
        era = first if size == 7 else era
        if era < 1 or era >= year_before.size or year == 0:
            return 0, OTHER
        year += year_before[era]
    if month < 1 or month > 12 or day < 1 or day > _days_of(year, month):
        return 0, OTHER
    since = year - (month < 3)
    within = (153 * (month + (9 if month < 3 else -3)) + 2) // 5
    found: int = 365 * since + since // 4 - since // 100 + since // 400 + within + day - 1 - _DAYS_BEFORE_1970
    return found, VALID


@loop
def era_of(buf: Any, at: int, stop: int) -> int:
    """The digit of an era written as one digit or letter; 0 for anything else."""
    if stop - at != 1:
        return 0
    byte: Any = np.int64(buf[at])
    if 48 <= byte <= 57:
        return byte - 48
    upper = byte & 0xDF
    return 1 if upper == 77 else 2 if upper == 84 else 3 if upper == 83 else 4 if upper == 72 else 5 * (upper == 82)


@loop
def _days_of(year: int, month: int) -> int:
    if month == 2:
        return 28 + (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return 31 - (month == 4 or month == 6 or month == 9 or month == 11)

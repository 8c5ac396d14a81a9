"""Numbers and dates of receipts, read from their bytes where they stand, and what states they may be in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.bits import NOTHING, word_at
from ingest.formats.compiled import loop
from ingest.formats.rowcheck import LARGEST

VALID, BLANK, UNREADABLE = 0, 1, 2
"""States of a typed value: read, nothing there, and text that is no such value."""
_ZEROS, _ABOVE_NINE, _HIGH = (np.uint64(0x0101010101010101 * byte) for byte in (0x30, 0x76, 0x80))
_PAIRS = np.uint64(0x000000FF000000FF)
"""Where every second number of two digits stands in a word."""
_LOW_PAIRS, _HIGH_PAIRS = np.uint64(100 | 1_000_000 << 32), np.uint64(1 | 10_000 << 32)
"""What the numbers of two digits count for, the first and third, the second and fourth."""


@loop
def strip(buf: Any, at: int, size: int) -> tuple[int, int]:
    """The slice without blanks around it (ideographic ones too)."""
    last = at + size
    while at < last:
        if buf[at] == 32 or buf[at] == 9:
            at += 1
        elif at + 1 < last and buf[at] == 0x81 and buf[at + 1] == 0x40:
            at += 2
        else:
            break
    while last > at:
        if buf[last - 1] == 32 or buf[last - 1] == 9:
            last -= 1
        elif last - 1 > at and buf[last - 2] == 0x81 and buf[last - 1] == 0x40:
            last -= 2
        else:
            break
    return at, last - at


@loop
def digits(buf: Any, at: int, size: int) -> int:
    """The number that a slice of one to nine digits is; -1 where it is anything else.

    Eight digits at a time, as one word: neighbours are put together to numbers of two digits, of four, of eight.
    """
    if size < 1 or size > 9:
        return -1
    last = 0
    if size == 9:
        last = buf[at + 8] - 48
        if last < 0 or last > 9:
            return -1
    unused = np.uint64(8 * (8 - min(size, 8)))
    word = (word_at(buf, at) << unused) ^ (_ZEROS << unused)
    if ((word + _ABOVE_NINE) | word) & _HIGH != NOTHING:
        return -1
    word = word * np.uint64(10) + (word >> np.uint64(8))
    low, high = word & _PAIRS, (word >> np.uint64(16)) & _PAIRS
    value: int = np.int64((low * _LOW_PAIRS + high * _HIGH_PAIRS) >> np.uint64(32))  # type: ignore[assignment]
    return value * 10 + last if size == 9 else value


@loop
def number(buf: Any, at: int, size: int) -> tuple[int, int]:
    """(value, state) of a whole number with at most a sign; a receipt has none above ``LARGEST``."""
    value = digits(buf, at, size)
    if value >= 0:
        return value, VALID
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    negative = buf[at] == 45
    if negative or buf[at] == 43:
        at, size = at + 1, size - 1
    if size == 0 or size > 18:
        return 0, UNREADABLE
    value = 0
    for place in range(at, at + size):
        digit = buf[place] - 48
        if digit < 0 or digit > 9:
            return 0, UNREADABLE
        value = value * 10 + digit
    if value > LARGEST:
        return 0, UNREADABLE
    return (-value if negative else value), VALID


@loop
def ten_thousandths(buf: Any, at: int, size: int) -> tuple[int, int]:
    """(value in 1/10,000, state) of a number with at most a decimal point; further places are rounded half up."""
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    negative = buf[at] == 45
    if negative or buf[at] == 43:
        at, size = at + 1, size - 1
    value, places, digits, point = 0, 0, 0, False
    for place in range(at, at + size):
        byte = buf[place]
        if byte == 46 and not point:
            point = True
            continue
        digit = byte - 48
        if digit < 0 or digit > 9:
            return 0, UNREADABLE
        digits += 1
        if not point or places < 4:
            value = value * 10 + digit
            places += point
        elif places == 4:
            value += digit >= 5
            places += 1
        if value > 10**17:
            return 0, UNREADABLE
    if digits == 0:
        return 0, UNREADABLE
    while places < 4:
        value *= 10
        places += 1
    if value >= 10**18:
        return 0, UNREADABLE
    return (-value if negative else value), VALID


@loop
def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a day of the Gregorian calendar; a day that is none gives -10_000_000."""
    if month < 1 or month > 12 or day < 1 or day > 31:
        return -10_000_000
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    longest = 31
    if month == 2:
        longest = 29 if leap else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        longest = 30
    if day > longest:
        return -10_000_000
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@loop
def date(buf: Any, at: int, size: int, is_month: bool, first_year: int, era_base: Any) -> tuple[int, int]:
    """(days since 1970, state) of YYYYMMDD or GYYMMDD, or the first day of YYYYMM or GYYMM.

    ``era_base[G]`` is the year before the first of the era, 0 where G is no era.
    """
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    value = digits(buf, at, size)
    if value < 0 or size > 8:
        return 0, UNREADABLE
    if is_month:
        value, size = value * 100 + 1, size + 2
    if size == 8:
        year = value // 10_000
    elif size == 7 and era_base[value // 1_000_000] > 0:
        year = era_base[value // 1_000_000] + value // 10_000 % 100
    else:
        return 0, UNREADABLE
    if year < first_year:
        return 0, UNREADABLE
    days = day_number(year, value // 100 % 100, value % 100)
    return (days, VALID) if days > -10_000_000 else (0, UNREADABLE)

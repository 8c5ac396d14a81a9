"""Days of a month as bits: bit 2^(day-1) for each day on which something happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
MONTH_DAYS = 31


def count(bits: Ints) -> Ints:
    """How many days."""
    return sum(((bits >> day) & 1 for day in range(MONTH_DAYS)), np.zeros_like(bits))


def lowest(bits: Ints, number: Ints) -> Ints:
    """The first ``number`` days of each, all of them where there are fewer."""
    kept, seen = np.zeros_like(bits), np.zeros_like(bits)
    for day in range(MONTH_DAYS):
        here = ((bits >> day) & 1) * (seen < number)
        kept |= here << day
        seen += here
    return kept


def first_of(bits: Ints) -> Ints:
    """The first day (0 for the first of the month); -1 where there is none."""
    low = bits & -bits
    return np.where(bits > 0, np.log2(np.maximum(low, 1)).astype(np.int64), -1)


def last_of(bits: Ints) -> Ints:
    """The last day (0 for the first of the month); -1 where there is none."""
    return np.where(bits > 0, np.log2(np.maximum(bits, 1)).astype(np.int64), -1)


def in_a_row(start: Ints, days: Ints, length: int) -> Ints:
    """``days`` days one after the other from the 0-based ``start``, earlier where the month is too short."""
    begin = np.minimum(start, length - days)
    return ((np.int64(1) << days) - 1) << begin


def spread(start: Ints, visits: Ints, length: int) -> Ints:
    """``visits`` days spread evenly over the month from ``start`` on, earlier where there is no room."""
    begin = np.minimum(start, length - visits)
    room = length - begin
    bits = np.zeros_like(start)
    for visit in range(int(visits.max(initial=0))):
        day = begin + visit * room // np.maximum(visits, 1)
        bits |= np.where(visit < visits, np.int64(1) << np.minimum(day, length - 1), 0)
    return bits

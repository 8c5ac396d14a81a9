"""The compiled loops that number the values of a column: equal ones alike, in the order in which they come.

Source: Arrow's columnar format (views).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.bits import word_at
from ingest.formats.compiled import loop

INLINE = 12
"""Bytes of the longest text that lies in its view."""
_MIX, _ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
SIZE, _HALF, _NOTHING = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(0)


@loop
def _place(mixed: Any, mask: int) -> Any:
    return np.int64((mixed * _ODD) >> np.uint64(33)) & mask


@loop
def _at(high: Any, base: Any) -> Any:
    """Where a text that does not lie in its view stands in the content."""
    return base[np.int64(high & SIZE)] + np.int64(high >> _HALF)


@loop
def _mixed(content: Any, at: int, size: int) -> Any:
    mixed = np.uint64(size)
    for _ in range(size // 8):
        mixed = (mixed ^ word_at(content, at)) * _MIX
        mixed ^= mixed >> _HALF
        at += 8
    for place in range(size % 8):
        mixed = (mixed ^ np.uint64(content[at + place])) * _MIX
    return mixed


@loop
def _is_same(content: Any, one: int, other: int, size: int) -> bool:
    same = 0
    while same < size and content[one + same] == content[other + same]:
        same += 1
    return same == size


@loop
def number_texts(view: Any, valid: Any, content: Any, base: Any, slots: Any, number: Any, first: Any) -> int:
    """Numbers the texts of a column from 0 on in the order in which they come; gives how many are different, or -1
    where they are more than ``first`` has places.

    ``view`` has two words a row; ``valid`` a byte, or is empty where every row has a text. Texts that do not lie in
    their view stand in ``content``, those of buffer n from ``base[n]`` on. ``slots`` is a power of two of -1, more than
    twice the places of ``first``. ``number`` gets a number for each row that has a text, one after the other, ``first``
    the row of each text.
    """
    known, to, mask = 0, 0, slots.size - 1
    is_begun, before_low, before_high = False, _NOTHING, _NOTHING
    for row in range(view.size // 2):
        if valid.size and not valid[row]:
            continue
        low, high = view[2 * row], view[2 * row + 1]
        if is_begun and low == before_low and high == before_high:
            number[to] = number[to - 1]
            to += 1
            continue
        is_begun, before_low, before_high = True, low, high
        size = np.int64(low & SIZE)
        at = np.int64(0)
        if size > INLINE:
            at = _at(high, base)
            mixed = _mixed(content, at, size)
        else:
            mixed = low ^ (high * _MIX)
        place = _place(mixed, mask)
        while slots[place] >= 0:
            other = first[slots[place]]
            if view[2 * other] == low:
                if size <= INLINE:
                    if view[2 * other + 1] == high:
                        break
                elif _is_same(content, at, _at(view[2 * other + 1], base), size):
                    break
            place = (place + 1) & mask
        if slots[place] < 0:
            if known == first.size:
                return -1
            slots[place], first[known] = known, row
            known += 1
        number[to] = slots[place]
        to += 1
    return known


@loop
def number_words(words: Any, slots: Any, number: Any, first: Any) -> int:
    """The same of a column of numbers, of which every row has one."""
    known, mask = 0, slots.size - 1
    for row in range(words.size):
        word = words[row]
        if row and word == words[row - 1]:
            number[row] = number[row - 1]
            continue
        place = _place(np.uint64(word), mask)
        while slots[place] >= 0 and words[first[slots[place]]] != word:
            place = (place + 1) & mask
        if slots[place] < 0:
            if known == first.size:
                return -1
            slots[place], first[known] = known, row
            known += 1
        number[row] = slots[place]
    return known

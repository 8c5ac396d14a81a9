"""The loops that number texts, compiled: which cells hold the same text (``vocabulary.Vocabulary``)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ingest.formats.bits import Array, item_at, put_item, word_at
from ingest.formats.bytecsv_kernels import QUOTE, Lines, cell, fetch_ahead
from ingest.formats.compiled import loop, part_of_loop

FULL = -1
"""``number_texts``: the vocabulary must grow before it can go on."""
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)


@loop
def _slot(key: Any, size: int, slots: int) -> int:
    """Where to look for a text first: by the highest bits of a product, which alone every byte of it has a part in."""
    high = ((key ^ np.uint64(size)) * _MIX) >> np.uint64(32)
    place: int = np.int64((high * np.uint64(slots)) >> np.uint64(32))  # type: ignore[assignment]
    return place


@loop
def _text_key(buf: Any, at: int, size: int) -> Any:
    """A number for a text: the same for the same text. Of texts of up to 16 bytes with the same number and the same
    last eight bytes the first eight are the same too."""
    key = word_at(buf, at)
    if size <= 8:
        return key if size == 8 else key & ((_ONE << np.uint64(size * 8)) - _ONE)
    for step in range(8, size - 8, 8):
        key = (key ^ (key >> np.uint64(29))) * _MIX + word_at(buf, at + step)
    return key ^ (word_at(buf, at + size - 8) * _MIX)


@loop
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


@loop
def find(buf: Any, at: int, size: int, slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any) -> int:
    """The number of a text in a vocabulary (``vocabulary.Vocabulary``), which learns it; FULL where it has no room."""
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


class Words(NamedTuple):
    """A vocabulary as the loops take it."""

    slots: Array
    keys: Array
    starts: Array
    sizes: Array
    pool: Array
    counts: Array


@part_of_loop
def number_of(buf: Any, at: int, size: int, words: Words) -> int:
    """The number of a text, 0 for an empty one, in a vocabulary, which learns it; FULL where it cannot."""
    if size == 0:
        return 0
    if size <= 16:  # as nearly all
        key = word_at(buf, at)
        if size < 8:
            key &= (_ONE << np.uint64(size * 8)) - _ONE
        tail = word_at(buf, at + size - 8) if size > 8 else _ZERO
        key ^= tail * _MIX
        slot = _slot(key, size, words.slots.size)
        known = item_at(words.slots, slot)
        while known:
            if (
                item_at(words.keys, known) == key
                and item_at(words.sizes, known) == size
                and (size <= 8 or word_at(words.pool, item_at(words.starts, known) + size - 8) == tail)
            ):
                return known
            slot = (slot + 1) & (words.slots.size - 1)
            known = item_at(words.slots, slot)
    return find(buf, at, size, words.slots, words.keys, words.starts, words.sizes, words.pool, words.counts)


@loop
def rehash(slots: Any, keys: Any, sizes: Any, count: int) -> None:
    """Fills the empty ``slots`` of a vocabulary that grew."""
    mask = slots.size - 1
    for known in range(1, count):
        slot = _slot(keys[known], sizes[known], slots.size)
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = known


@loop
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
            known = find(buf, at, size, slots, keys, starts, sizes, pool, counts)
            if known == FULL:
                return place
        ids[place] = known
    return offset.size


@loop
def number_rows(
    at: Lines, fields: Array, begin: int, ids: Array,
    slots: Any, keys: Any, starts: Any, sizes: Any, pool: Any, counts: Any,
) -> int:  # fmt: skip
    """The same of many fields of lines, one row a line; ``fields`` has a row for each kind of line."""
    buf, sep, width = at.buf, at.sep, fields.shape[1]
    for number in range(begin, at.lines.size):
        fetch_ahead(at, number)
        line = item_at(at.lines, number)
        base, last = item_at(at.first, line), item_at(at.first, line + 1)
        kind = item_at(at.kinds, number) if at.kinds.size else 0
        for place in range(width):
            field = fields[kind, place]
            start, stop = 0, 0
            if 0 <= field < last - base:
                start, stop = item_at(sep, base + field) + 1, item_at(sep, base + field + 1)
                if item_at(buf, start) == QUOTE or base + field + 1 == last:
                    start, stop = cell(buf, sep, base, last, field)
            size, known = stop - start, 0
            if 0 < size <= 16:  # as nearly all: looked up here, since a call costs more than the search
                key, tail = word_at(buf, start), _ZERO
                if size < 8:
                    key &= (_ONE << np.uint64(size * 8)) - _ONE
                elif size > 8:
                    tail = word_at(buf, start + size - 8)
                key ^= tail * _MIX
                slot = _slot(key, size, slots.size)
                known = item_at(slots, slot)
                while known and (
                    item_at(keys, known) != key
                    or item_at(sizes, known) != size
                    or (size > 8 and word_at(pool, item_at(starts, known) + size - 8) != tail)
                ):
                    slot = (slot + 1) & (slots.size - 1)
                    known = item_at(slots, slot)
            if known == 0 and size > 0:
                known = find(buf, start, size, slots, keys, starts, sizes, pool, counts)
                if known == FULL:
                    return number
            put_item(ids, number * width + place, known)
    return int(at.lines.size)


@loop
def own_numbers(ids: Array, own_of: Array, order: Array, known: int, own: Array) -> int:
    """Numbers of texts as those of a column of its own: ``own_of`` has that of each text, or -1 where it is new.

    New ones are numbered from ``known`` on and put into ``order``; gives how many are known then.
    """
    for place in range(ids.size):
        text = ids[place]
        if own_of[text] < 0:
            own_of[text], order[known] = known, text
            known += 1
        own[place] = own_of[text]
    return known

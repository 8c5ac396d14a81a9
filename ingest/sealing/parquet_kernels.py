"""The compiled loops of Parquet's encodings: numbers and differences packed into bits.

Source: Apache Parquet, Encodings.md (RLE / bit packing hybrid; DELTA_BINARY_PACKED).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.compiled import loop

BLOCK = 128
"""Differences that share a smallest one, in four miniblocks that have each a width of their own."""
MINIBLOCK = 32
GROUP = 8
"""Numbers are packed eight at a time, so that a group ends with a byte."""
_REPEATED = 8
"""So many equal numbers in a row are told once with their count."""
_ONE, _NOTHING = np.uint64(1), np.uint64(0)


@loop
def put_varint(value: Any, out: Any, to: int) -> Any:
    """A whole number, seven bits a byte; gives the place behind it."""
    rest = np.uint64(value)
    while rest >= np.uint64(128):
        out[to] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
        rest >>= np.uint64(7)
        to += 1
    out[to] = np.uint8(rest)
    return to + 1


@loop
def _run(number: Any, begin: int, most: int) -> int:
    """How many numbers are the same from ``begin`` on, at most ``most``."""
    end = min(number.size, begin + most)
    at = begin + 1
    while at < end and number[at] == number[begin]:
        at += 1
    return at - begin


@loop
def put_hybrid(number: Any, width: int, out: Any) -> int:
    """Numbers of ``width`` bits as runs of equal ones and packed groups; gives how many bytes of ``out`` that took."""
    to, at, count = 0, 0, number.size
    while at < count:
        run = _run(number, at, count)
        if run >= _REPEATED:
            to = put_varint(run << 1, out, to)
            for shift in range(0, width, 8):
                out[to] = np.uint8((number[at] >> shift) & 255)
                to += 1
            at += run
            continue
        end = at + GROUP
        while end < count and _run(number, end, _REPEATED) < _REPEATED:
            end += GROUP
        to = put_varint(((end - at) // GROUP) << 1 | 1, out, to)
        held, bits = _NOTHING, 0
        for place in range(at, end):
            if place < count:
                held |= np.uint64(number[place]) << np.uint64(bits)
            bits += width
            while bits >= 8:
                out[to] = np.uint8(held & np.uint64(255))
                held >>= np.uint64(8)
                bits -= 8
                to += 1
        at = end
    return to


@loop
def _bits(value: Any) -> int:
    bits = 0
    while value:
        value >>= _ONE
        bits += 1
    return bits


@loop
def _zigzag(value: Any) -> Any:
    return np.uint64(value << 1) ^ np.uint64(value >> 63)


@loop
def put_differences(values: Any, packed: Any, out: Any) -> int:
    """Whole numbers by their differences (DELTA_BINARY_PACKED); gives how many bytes of ``out`` that took.

    ``packed`` is room for a miniblock: 65 words.
    """
    count = values.size
    to = put_varint(BLOCK, out, 0)
    to = put_varint(BLOCK // MINIBLOCK, out, to)
    to = put_varint(count, out, to)
    to = put_varint(_zigzag(values[0]) if count else _NOTHING, out, to)
    for begin in range(1, count, BLOCK):
        end = min(count, begin + BLOCK)
        least = values[begin] - values[begin - 1]
        for at in range(begin + 1, end):
            least = min(least, values[at] - values[at - 1])
        to = put_varint(_zigzag(least), out, to)
        widths = to
        to += BLOCK // MINIBLOCK
        for mini in range(BLOCK // MINIBLOCK):
            first = begin + mini * MINIBLOCK
            last = min(end, first + MINIBLOCK)
            every = _NOTHING
            for at in range(first, last):
                every |= np.uint64(values[at] - values[at - 1] - least)
            width = _bits(every)
            out[widths + mini] = np.uint8(width)
            if first >= last or not width:
                continue
            for word in range((width + 1) // 2):
                packed[word] = _NOTHING
            for at in range(first, last):
                over = np.uint64(values[at] - values[at - 1] - least)
                bit = (at - first) * width
                word, shift = bit >> 6, bit & 63
                packed[word] |= over << np.uint64(shift)
                if shift + width > 64:
                    packed[word + 1] |= over >> np.uint64(64 - shift)
            for byte in range(width * MINIBLOCK // 8):
                out[to] = np.uint8((packed[byte >> 3] >> np.uint64(8 * (byte & 7))) & np.uint64(255))
                to += 1
    return to

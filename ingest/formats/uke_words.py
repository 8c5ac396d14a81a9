"""Bytes of receipts eight at a time, for compiled loops: the next line end, the columns passed over.

A block is handed to the loops with ``SPARE`` bytes behind its end, so that eight bytes may be taken from any place
in it. Commas and line ends are never the second byte of a CP932 character.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from ingest.formats.compiled import loop

Array = NDArray[Any]

NEWLINE, COMMA = 10, 44
SPARE = 8
"""Bytes behind the end of a block that are its own but none of the file's."""
_LOW7, _HIGH = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)
_NEWLINES, COMMAS = np.uint64(0x0A0A0A0A0A0A0A0A), np.uint64(0x2C2C2C2C2C2C2C2C)
NOTHING = np.uint64(0)


_intrinsic: Any = intrinsic  # for mypy: what it makes is called without the typing context


@_intrinsic
def word_at(typing_context: Any, buf: Any, at: Any) -> Any:
    """Eight bytes of ``buf`` from ``at`` on, the first the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        word = ir.IntType(64)
        place = builder.bitcast(builder.gep(data, [arguments[1]]), word.as_pointer())
        return builder.load(place, align=1)

    return types.uint64(buf, types.int64), generate


@_intrinsic
def first_byte(typing_context: Any, marks: Any) -> Any:
    """Number of the lowest byte with a mark; ``marks`` is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.lshr(bits, ir.Constant(ir.IntType(64), 3))

    return types.int64(types.uint64), generate


@_intrinsic
def _how_many(typing_context: Any, marks: Any) -> Any:
    """How many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@_intrinsic
def prefetch(typing_context: Any, buf: Any, at: Any) -> Any:
    """Has the bytes at ``at`` fetched beside what follows: lines of one record lie far apart."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place, number = builder.gep(data, [arguments[1]]), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(buf, types.int64), generate


@loop
def marks(word: Any, bytes_wanted: Any) -> Any:
    """The highest bit of each byte of ``word`` that equals the byte that ``bytes_wanted`` repeats."""
    other = word ^ bytes_wanted
    return ~(((other & _LOW7) + _LOW7) | other | _LOW7)


@loop
def line_end(buf: Any, at: int, size: int) -> tuple[int, bool]:
    """Place of the next line end from ``at`` on, or ``size``; and whether all up to there is ASCII (or else perhaps
    not: the last word may reach beyond)."""
    seen = NOTHING
    while at < size:
        word = word_at(buf, at)
        seen |= word
        found = marks(word, _NEWLINES)
        if found != NOTHING:
            at += first_byte(found)
            break
        at += 8
    return min(at, size), seen & _HIGH == NOTHING


@loop
def is_ascii(buf: Any, at: int, stop: int) -> bool:
    """Whether a slice is ASCII (or else perhaps not: the last word may reach beyond)."""
    seen = NOTHING
    while at < stop:
        seen |= word_at(buf, at)
        at += 8
    return seen & _HIGH == NOTHING


@loop
def skip_columns(buf: Any, at: int, last: int, columns: int) -> tuple[int, int]:
    """The place behind the ``columns``-th comma from ``at`` on, and 0; or ``last`` and how many are missing."""
    while at + 8 <= last:
        found = _how_many(marks(word_at(buf, at), COMMAS))
        if found >= columns:
            break
        columns -= found
        at += 8
    while columns > 0 and at < last:
        columns -= buf[at] == COMMA
        at += 1
    return at, columns


@loop
def column_end(buf: Any, at: int, last: int) -> int:
    """Place of the comma that ends the column from ``at`` on, or ``last``."""
    while at < last:
        found = marks(word_at(buf, at), COMMAS)
        if found != NOTHING:
            return min(at + first_byte(found), last)
        at += 8
    return last


@loop
def count_commas(buf: Any, at: int, last: int) -> int:
    """Commas of a slice."""
    found = 0
    while at + 8 <= last:
        found += _how_many(marks(word_at(buf, at), COMMAS))
        at += 8
    while at < last:
        found += buf[at] == COMMA
        at += 1
    return found

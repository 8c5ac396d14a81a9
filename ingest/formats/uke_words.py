"""Bytes of receipts many at a time, for compiled loops: the next line end, where columns begin, bits of bytes.

A block is handed to the loops with ``SPARE`` bytes behind its end, so that ``WIDE`` bytes may be taken from any place
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
WIDE = 64
"""Bytes that are compared at a time, of which each gives a bit."""
SPARE = WIDE
"""Bytes behind the end of a block that are its own but none of the file's."""
_HIGH = np.uint64(0x8080808080808080)
NOTHING, ONE = np.uint64(0), np.uint64(1)


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
def which_are(typing_context: Any, buf: Any, at: Any, byte: Any) -> Any:
    """Which of the ``WIDE`` bytes from ``at`` on are ``byte``: a bit each, the first the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = _wide(context, builder, signature, arguments)
        one = builder.trunc(arguments[2], ir.IntType(8))
        wanted = builder.insert_element(ir.Constant(held.type, ir.Undefined), one, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDE), [0] * WIDE)
        wanted = builder.shuffle_vector(wanted, wanted, everywhere)
        return builder.bitcast(builder.icmp_unsigned("==", held, wanted), ir.IntType(WIDE))

    return types.uint64(buf, types.int64, types.int64), generate


@_intrinsic
def which_are_high(typing_context: Any, buf: Any, at: Any) -> Any:
    """Which of the ``WIDE`` bytes from ``at`` on are no ASCII: a bit each, the first the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = _wide(context, builder, signature, arguments)
        nothing = ir.Constant(held.type, [0] * WIDE)
        return builder.bitcast(builder.icmp_signed("<", held, nothing), ir.IntType(WIDE))

    return types.uint64(buf, types.int64), generate


def _wide(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The bytes from a place on as one vector."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    vector = ir.VectorType(ir.IntType(8), WIDE)
    return builder.load(builder.bitcast(builder.gep(data, [arguments[1]]), vector.as_pointer()), align=1)


@_intrinsic
def lowest(typing_context: Any, bits: Any) -> Any:
    """Number of the lowest bit that is set; ``bits`` is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@_intrinsic
def how_many(typing_context: Any, bits: Any) -> Any:
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
def first_bits(count: int) -> Any:
    """The lowest ``count`` bits set, all of them from ``WIDE`` on."""
    return ~NOTHING if count >= WIDE else (ONE << np.uint64(count)) - ONE


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

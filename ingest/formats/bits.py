"""Bytes many at a time, for compiled loops: eight as a word, or which of sixty-four are a certain one.

Whoever calls sees to it that so many bytes may be read from any place on.
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

WIDE = 64
"""Bytes that are compared at a time, of which each gives a bit."""
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
        wanted = _everywhere(builder, held.type, arguments[2])
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


@_intrinsic
def which_have(typing_context: Any, buf: Any, at: Any, flag: Any) -> Any:
    """Which of the ``WIDE`` bytes from ``at`` on have a bit of ``flag``: a bit each, the first the lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = _wide(context, builder, signature, arguments)
        wanted = _everywhere(builder, held.type, arguments[2])
        nothing = ir.Constant(held.type, [0] * WIDE)
        return builder.bitcast(builder.icmp_unsigned("!=", builder.and_(held, wanted), nothing), ir.IntType(WIDE))

    return types.uint64(buf, types.int64, types.int64), generate


def _everywhere(builder: Any, kind: Any, byte: Any) -> Any:
    """A vector of ``WIDE`` times one byte."""
    one = builder.trunc(byte, ir.IntType(8))
    wanted = builder.insert_element(ir.Constant(kind, ir.Undefined), one, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), WIDE), [0] * WIDE)
    return builder.shuffle_vector(wanted, wanted, places)


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
def prefetch(typing_context: Any, array: Any, at: Any) -> Any:
    """Has the value at ``at`` fetched beside what follows: lines of one kind lie far apart."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place, number = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer()), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(array, types.int64), generate


@_intrinsic
def item_at(typing_context: Any, array: Any, at: Any) -> Any:
    """The value at ``at``, which is no place from the end: numba would look for that at every value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return context.unpack_value(builder, array.dtype, builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.int64), generate


@_intrinsic
def put_pair(typing_context: Any, column: Any, row: Any, table: Any, at: Any) -> Any:
    """Copies the value ``at`` of a table of values of two words into that of a column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair = ir.VectorType(ir.IntType(64), 2)
        places = []
        for which in (0, 2):
            data = context.make_array(signature.args[which])(context, builder, arguments[which]).data
            place = builder.gep(data, [builder.shl(arguments[which + 1], ir.IntType(64)(1))])
            places.append(builder.bitcast(place, pair.as_pointer()))
        builder.store(builder.load(places[1], align=8), places[0], align=8)
        return context.get_dummy_value()

    return types.none(column, types.int64, table, types.int64), generate


@_intrinsic
def put_words(typing_context: Any, column: Any, row: Any, low: Any, high: Any) -> Any:
    """Puts a value of two words into a column."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        value = ir.Constant(ir.VectorType(ir.IntType(64), 2), ir.Undefined)
        for step in (0, 1):
            value = builder.insert_element(value, arguments[2 + step], ir.IntType(32)(step))
        place = builder.gep(data, [builder.shl(arguments[1], ir.IntType(64)(1))])
        builder.store(value, builder.bitcast(place, value.type.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.none(column, types.int64, types.uint64, types.uint64), generate


@_intrinsic
def put_item(typing_context: Any, column: Any, at: Any, value: Any) -> Any:
    """Puts a value at ``at``, which is no place from the end."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        context.pack_value(builder, column.dtype, arguments[2], builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return types.none(column, types.int64, column.dtype), generate


@loop
def first_bits(count: int) -> Any:
    """The lowest ``count`` bits set, all of them from ``WIDE`` on."""
    return ~NOTHING if count >= WIDE else (ONE << np.uint64(count)) - ONE

"""Thrift's compact protocol, as far as it writes the headers and the footer of a Parquet file.

A structure is its fields by number: whole numbers, texts and bytes, truth values, lists of one kind, structures again.
What is None is left out. Source: Apache Thrift, thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

_TRUE, _FALSE, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 2, 5, 6, 8, 9, 12
_MANY = 15


@dataclass(frozen=True)
class Wide:
    """A whole number of 64 bits; others have 32."""

    value: int


Value: TypeAlias = "int | bytes | str | Wide | Sequence[Value] | Structure | None"
Structure: TypeAlias = Mapping[int, Value]


def structure(fields: Structure) -> bytes:
    """The bytes of a structure."""
    parts, before = [], 0
    for number in sorted(fields):
        value = fields[number]
        if value is None:
            continue
        kind = _kind(value)
        step = number - before
        parts.append(bytes([step << 4 | kind]) if step < _MANY + 1 else bytes([kind]) + _signed(number))
        if kind not in (_TRUE, _FALSE):
            parts.append(_content(value))
        before = number
    return b"".join([*parts, b"\0"])


def _kind(value: Value) -> int:
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        return _I32
    if isinstance(value, Wide):
        return _I64
    if isinstance(value, bytes | str):
        return _BINARY
    return _STRUCT if isinstance(value, Mapping) else _LIST


def _content(value: Value) -> bytes:
    if isinstance(value, Wide):
        return _signed(value.value)
    if isinstance(value, int):
        return _signed(value)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, Mapping):
        return structure(value)
    assert value is not None
    kind = _kind(value[0]) if value else _STRUCT
    head = bytes([len(value) << 4 | kind]) if len(value) < _MANY else bytes([_MANY << 4 | kind]) + varint(len(value))
    return head + b"".join(_content(one) for one in value)


def varint(number: int) -> bytes:
    """A whole number from 0 on, seven bits a byte."""
    found = bytearray()
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _signed(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)

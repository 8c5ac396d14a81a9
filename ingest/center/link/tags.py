"""Tags as numbers: a 16-byte tag is two words, most significant first, so that words sort as the bytes do."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.center.errors import CenterError

Words = NDArray[np.uint64]
Raw = NDArray[np.uint64]
"""A row a tag, its bytes as they lie in memory: to find equal ones and to hand on, not to sort."""
Nodes = NDArray[np.int32]

TAG_BYTES = 16
ROW_GROUP = 122_880
"""Rows of which DuckDB takes one part a thread."""
INCIDENCE_SCHEMA = {
    "linkage_domain": pl.String(),
    "purpose": pl.String(),
    "pass_tag": pl.Binary(),
    "identity_tag": pl.Binary(),
    "pass_id": pl.String(),
}
"""An identity carries a token of a purpose, by a pass of the site."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of one purpose: ``node`` carries the tag of words ``first`` and ``second``; in any order."""

    node: Nodes
    first: Words
    second: Words

    def __len__(self) -> int:
        return len(self.node)


def raw(tags: pa.Array) -> Raw:
    """The bytes of each tag as two numbers; CenterError for a tag that is missing or has another length."""
    if pa.types.is_fixed_size_binary(tags.type):
        width, content, begin = tags.type.byte_width, tags.buffers()[1], tags.offset * tags.type.byte_width
        is_whole = width == TAG_BYTES
    else:
        kind = np.int64 if pa.types.is_large_binary(tags.type) else np.int32
        offsets = np.frombuffer(tags.buffers()[1], kind)[tags.offset : tags.offset + len(tags) + 1]
        is_whole, content, begin = bool((np.diff(offsets) == TAG_BYTES).all()), tags.buffers()[2], int(offsets[0])
    if tags.null_count or not is_whole:
        raise CenterError(f"a tag has {TAG_BYTES} bytes")
    return np.frombuffer(content or b"", np.uint64, count=2 * len(tags), offset=begin).reshape(-1, 2)


def ordered(tags: Raw) -> tuple[Words, Words]:
    """The two words of each tag."""
    first, second = (np.ascontiguousarray(tags[:, half]) for half in range(2))
    if sys.byteorder == "little":
        return first.byteswap(), second.byteswap()
    return first, second


def words(tags: pl.Series) -> tuple[Words, Words]:
    """The two words of each tag of a column."""
    return ordered(raw(tags.rechunk().to_arrow().cast(pa.large_binary())))


def blobs(tags: Raw, known: NDArray[np.bool_] | None = None) -> pa.Array:
    """The tags as a column of Arrow, missing where they are not ``known``."""
    kept = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    content = pa.py_buffer(np.ascontiguousarray(tags))
    return pa.Array.from_buffers(pa.binary(TAG_BYTES), len(tags), [kept, content])


def tokens(node: pl.Series, tags: pl.Series) -> Tokens:
    """The tokens of a purpose from nodes and 16-byte tags side by side."""
    return Tokens(node.to_numpy().astype(np.int32), *words(tags))

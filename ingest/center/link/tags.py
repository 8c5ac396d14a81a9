"""Tags as numbers: a 16-byte tag is two words, most significant first, so that words sort as the bytes do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.center.errors import CenterError

Words = NDArray[np.uint64]
Nodes = NDArray[np.int32]

TAG_BYTES = 16
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


def words(tags: pl.Series) -> tuple[Words, Words]:
    """The two words of each tag; CenterError for one that is missing or has another length."""
    array = tags.rechunk().to_arrow().cast(pa.large_binary())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    if array.null_count or (np.diff(offsets) != TAG_BYTES).any():
        raise CenterError(f"a tag has {TAG_BYTES} bytes")
    content = np.frombuffer(array.buffers()[2] or b"", ">u8")[offsets[0] // 8 : offsets[-1] // 8]
    both = content.reshape(-1, 2)
    return both[:, 0].astype(np.uint64), both[:, 1].astype(np.uint64)


def tokens(node: pl.Series, tags: pl.Series) -> Tokens:
    """The tokens of a purpose from nodes and 16-byte tags side by side."""
    return Tokens(node.to_numpy().astype(np.int32), *words(tags))

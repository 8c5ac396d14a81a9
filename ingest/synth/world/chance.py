"""Random numbers by topic: each topic draws from its own stream, so that one more draw in one topic
changes nothing in another."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def stream(seed: int, topic: str, *numbers: int) -> np.random.Generator:
    """The generator of a topic (and month, town …) of a world."""
    return np.random.default_rng([seed, zlib.crc32(topic.encode()), *numbers])


def fixed(seed: int, topic: str, *keys: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """A uniform number in [0, 1) that belongs to the keys for good (SplitMix64 of the keys)."""
    value = np.uint64(seed * 0x9E3779B97F4A7C15 + zlib.crc32(topic.encode()) & 0xFFFFFFFFFFFFFFFF)
    mixed: NDArray[np.uint64] = np.asarray(value)
    with np.errstate(over="ignore"):
        for key in keys:
            mixed = mixed ^ (np.asarray(key).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
            mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
            mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
            mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def pick(u: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index drawn by weight from uniform numbers."""
    edges = np.cumsum(weights) / np.sum(weights)
    return np.minimum(np.searchsorted(edges, u, side="right"), len(weights) - 1)


class Dice:
    """Uniform numbers of a topic that belong to the rows' own keys: what befalls a row depends on no other row,
    nor on how many there are or what else was drawn."""

    def __init__(self, seed: int, topic: str, keys: NDArray[np.int64] | pl.Series) -> None:
        self._seed, self._topic = seed, topic
        self._keys = keys.to_numpy() if isinstance(keys, pl.Series) else keys

    def __len__(self) -> int:
        return len(self._keys)

    def roll(self, what: str) -> NDArray[np.float64]:
        """A number in [0, 1) a row; the same ``what`` gives the same again."""
        return fixed(self._seed, f"{self._topic} {what}", self._keys)

    def befalls(self, what: str, rate: float) -> NDArray[np.bool_]:
        """Which rows something of a rate befalls."""
        return self.roll(what) < rate

    def number(self, what: str, low: int, high: int) -> NDArray[np.int64]:
        """A whole number a row, ``low`` to ``high`` - 1."""
        return low + (self.roll(what) * (high - low)).astype(np.int64)

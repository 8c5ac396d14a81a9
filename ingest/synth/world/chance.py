"""Random numbers by topic: each topic draws from its own stream, so that one more draw in one topic
changes nothing in another."""

from __future__ import annotations

import zlib

import numpy as np
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

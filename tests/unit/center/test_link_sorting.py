"""Keys put in order by their upper bits lie in the bundles, and in the order, in which comparing them puts them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.center.link import keys, sorting
from ingest.center.link.tags import Nodes, Tokens

Starts = NDArray[np.int64]


def bundles(found: tuple[Starts, Nodes]) -> list[list[int]]:
    start, node = found
    return [sorted(node[low:high].tolist()) for low, high in zip(start, start[1:], strict=False)]


def told(rows: int, spread: int, seed: int, first_bits: int) -> Tokens:
    """Rows of so many different keys, of which the first words of some are alike where they have few bits."""
    dice = np.random.default_rng(seed)
    words = dice.integers(0, 1 << 63, (spread, 2), np.uint64) * np.uint64(2)
    words[:, 0] >>= np.uint64(64 - first_bits)
    words[:, 0] <<= np.uint64(64 - first_bits)
    key = words[dice.integers(0, spread, rows)] if rows else words[:0]
    node = dice.integers(0, max(1, rows // 2), rows).astype(np.int32)
    return Tokens(node, np.ascontiguousarray(key[:, 0]), np.ascontiguousarray(key[:, 1]))


@pytest.mark.parametrize("first_bits", [64, 10])
@pytest.mark.parametrize(("rows", "spread"), [(0, 1), (1, 1), (2, 1), (3000, 1000), (3000, 30_000)])
def test_keys_lie_together_and_in_the_order_of_their_words(rows: int, spread: int, first_bits: int) -> None:
    given, domain = told(rows, spread, rows, first_bits), np.full(max(1, rows), 0x5A5A << 48, np.uint64)
    by_words = keys._bundled_by_comparing(given.first ^ domain[given.node], given.second, given.node)
    assert bundles(keys._bundled(given, domain)) == bundles(by_words)


def test_keys_that_begin_alike_are_put_in_order_all_the_same() -> None:
    rows = 4 * sorting.MOST
    node, second = np.arange(rows, dtype=np.int32), np.arange(rows, dtype=np.uint64)[::-1] // np.uint64(2)
    given = Tokens(node, np.full(rows, 7, np.uint64), second)
    found = bundles(keys._bundled(given, np.zeros(rows, np.uint64)))
    assert found == [[one, one + 1] for one in range(rows - 2, -1, -2)]


def test_rows_of_each_node_stand_together() -> None:
    node = np.array([2, 0, 2, 4, 0], np.int32)
    low, order = np.zeros(7, np.int64), np.empty(5, np.int32)
    sorting.by_node(node, low, order)
    assert [order[begin:end].tolist() for begin, end in zip(low, low[1:6], strict=False)] == [
        [1, 4],
        [],
        [0, 2],
        [],
        [3],
    ]

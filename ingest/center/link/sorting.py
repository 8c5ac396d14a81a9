"""The loops that make keys and put them in order.

Keys are as good as random in every bit, so one look at the upper bits brings each nearly to its place, and a few
neighbours are left to compare: two thirds of the time of a general sort.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.compiled import loop

MOST = 256  # keys of one place that are compared with one another
TOO_MANY = -1


@loop  # type: ignore[untyped-decorator]  # Numba has no types that mypy could follow
def gather(  # pragma: no cover  (compiled)
    first: Any, second: Any, node: Any, shift: Any, bucket: Any, key: Any, row: Any, start: Any, member: Any,
) -> Any:  # fmt: skip
    """Gather the nodes of each key (words ``first``, ``second``) that stands in two rows or more, in the order of the
    keys: into ``member``, and into ``start`` where each key's begin and the last's end.

    Returns how many such keys there are, TOO_MANY where the bits above ``shift`` tell too few apart. ``bucket`` (zeros)
    has a place for each value of those bits, and one; ``key`` and ``row`` are room for a row each.
    """
    for at in range(first.size):
        bucket[(first[at] >> shift) + np.uint64(1)] += 1
    for place in range(1, bucket.size):
        if bucket[place] > MOST:
            return TOO_MANY
        bucket[place] += bucket[place - 1]
    for at in range(first.size):
        place = first[at] >> shift
        to = bucket[place]
        bucket[place] += 1
        key[to], row[to] = first[at], at
    found, members, low = 0, 0, 0
    start[0] = 0
    for place in range(bucket.size - 1):
        high = bucket[place]
        for at in range(low + 1, high):
            word, of = key[at], row[at]
            to = at
            while to > low and (key[to - 1] > word or (key[to - 1] == word and second[row[to - 1]] > second[of])):
                key[to], row[to] = key[to - 1], row[to - 1]
                to -= 1
            key[to], row[to] = word, of
        at = low
        while at < high:
            end = at + 1
            while end < high and key[end] == key[at] and second[row[end]] == second[row[at]]:
                end += 1
            if end - at > 1:
                for one in range(at, end):
                    member[members] = node[row[one]]
                    members += 1
                found += 1
                start[found] = members
            at = end
        low = high
    return found


@loop  # type: ignore[untyped-decorator]
def by_node(node: Any, low: Any, order: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``order`` the rows of each node, those of the least first; into ``low`` (zeros, two more than there are
    nodes) where those of each begin."""
    for at in range(node.size):
        low[node[at] + 2] += 1
    for place in range(2, low.size):
        low[place] += low[place - 1]
    for at in range(node.size):
        order[low[node[at] + 1]] = at
        low[node[at] + 1] += 1


@loop  # type: ignore[untyped-decorator]
def fold(  # pragma: no cover  (compiled)
    node: Any, first: Any, second: Any, other_first: Any, other_second: Any, low: Any, order: Any, odd: Any,
    other_odd: Any, to_node: Any, to_first: Any, to_second: Any,
) -> None:  # fmt: skip
    """A key of the words of every row and each of the other rows of its node, which stand in ``order`` from ``low`` on;
    ``odd`` numbers keep the words of two rows from falling together."""
    to = 0
    for row in range(node.size):
        for place in range(low[node[row]], low[node[row] + 1]):
            of = order[place]
            to_node[to] = node[row]
            to_first[to] = first[row] * odd ^ other_first[of]
            to_second[to] = second[row] * other_odd ^ other_second[of]
            to += 1

"""The loops that find, in tokens told over and over, those that each identity carries: each once, with its passes.

A site names an identity in every batch that speaks of it and brings its tokens again. Tags are the two numbers of
``tags.raw``; who carries a token is known by its node.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.compiled import loop

NONE = -1


@loop  # type: ignore[untyped-decorator]  # Numba has no types that mypy could follow
def _slot(tag: Any, size: Any) -> Any:  # pragma: no cover  (compiled)
    """Where to look for a tag first; tags are as good as random in every bit."""
    return np.int64((tag ^ (tag >> np.uint64(32))) & np.uint64(size - 1))


@loop  # type: ignore[untyped-decorator]
def enter(known: Any, slots: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``slots`` (a power of two, more than there are tags; all NONE) the place of each of the ``known`` tags."""
    for place in range(known.shape[0]):
        at = _slot(known[place, 0], slots.size)
        while slots[at] != NONE:
            at = (at + 1) % slots.size
        slots[at] = place


@loop  # type: ignore[untyped-decorator]
def _place(one: Any, two: Any, known: Any, slots: Any) -> Any:  # pragma: no cover  (compiled)
    """The place of a tag among the ``known``, NONE where it is not there."""
    at = _slot(one, slots.size)
    while slots[at] != NONE:
        place = slots[at]
        if known[place, 0] == one and known[place, 1] == two:
            return place
        at = (at + 1) % slots.size
    return NONE


@loop  # type: ignore[untyped-decorator]
def take(  # pragma: no cover  (compiled)
    identity: Any, token: Any, by: Any, low: Any, known: Any, slots: Any, first: Any, follows: Any, node: Any,
    tag: Any, passes: Any, count: Any,
) -> Any:  # fmt: skip
    """Take in tokens of one purpose and pass; returns how many different ones (node, tag) there are now.

    ``known`` identities (with ``slots``) are the nodes from ``low`` on; who is not known is passed over. ``first`` of a
    node's tokens and the one that ``follows`` each; ``node``, ``tag`` and ``passes`` of a token, the latter with the
    bit ``by`` for this pass.
    """
    for row in range(identity.shape[0]):
        place = _place(identity[row, 0], identity[row, 1], known, slots)
        if place == NONE:
            continue
        carrier = low + place
        at = first[carrier]
        while at != NONE and (tag[at, 0] != token[row, 0] or tag[at, 1] != token[row, 1]):
            at = follows[at]
        if at == NONE:
            at = count
            follows[at], first[carrier] = first[carrier], at
            node[at], passes[at] = carrier, by
            tag[at, 0], tag[at, 1] = token[row, 0], token[row, 1]
            count += 1
        else:
            passes[at] |= by
    return count


@loop  # type: ignore[untyped-decorator]
def least(node: Any, passes: Any, by: Any, one: Any, two: Any, found: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``found`` (by node, all NONE) the token with the least words ``one``, ``two`` that came by a pass."""
    for token in range(node.size):
        if passes[token] & by:
            at = found[node[token]]
            if at == NONE or one[token] < one[at] or (one[token] == one[at] and two[token] < two[at]):
                found[node[token]] = token

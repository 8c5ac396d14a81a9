"""The loops that find the node of a tag, and in tokens told over and over those that each carries: each once.

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
def find(tag: Any, low: Any, known: Any, slots: Any, found: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``found`` the node of each tag, NONE where it is not among the ``known``, which are the nodes from ``low``
    on."""
    for row in range(tag.shape[0]):
        place = _place(tag[row, 0], tag[row, 1], known, slots)
        found[row] = NONE if place == NONE else low + place


@loop  # type: ignore[untyped-decorator]
def take(  # pragma: no cover  (compiled)
    carrier: Any, token: Any, kind: Any, purpose: Any, bit: Any, first: Any, begin: Any, count: Any, follows: Any,
    node: Any, tag: Any, passes: Any,
) -> None:  # fmt: skip
    """Take in the ``token`` of each ``carrier``; rows of nobody (NONE) are passed over.

    ``kind`` of a row says the ``purpose`` and the ``bit`` of its pass. Tokens of a purpose stand from its ``begin`` on,
    so many as ``count`` says; ``node``, ``tag`` and ``passes`` are those of a token, the latter the bits of all passes
    that it came by. By purpose and node, ``first`` is the first of a node's tokens; the one after each ``follows``.
    """
    for row in range(carrier.size):
        if carrier[row] == NONE:
            continue
        of = purpose[kind[row]]
        base = begin[of]
        at = first[of, carrier[row]]
        while at != NONE and (tag[base + at, 0] != token[row, 0] or tag[base + at, 1] != token[row, 1]):
            at = follows[base + at]
        if at == NONE:
            at = count[of]
            follows[base + at], first[of, carrier[row]] = first[of, carrier[row]], at
            node[base + at], passes[base + at] = carrier[row], bit[kind[row]]
            tag[base + at, 0], tag[base + at, 1] = token[row, 0], token[row, 1]
            count[of] += 1
        else:
            passes[base + at] |= bit[kind[row]]


@loop  # type: ignore[untyped-decorator]
def least(node: Any, passes: Any, by: Any, one: Any, two: Any, found: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``found`` (by node, all NONE) the token with the least words ``one``, ``two`` that came by a pass."""
    for token in range(node.size):
        if passes[token] & by:
            at = found[node[token]]
            if at == NONE or one[token] < one[at] or (one[token] == one[at] and two[token] < two[at]):
                found[node[token]] = token

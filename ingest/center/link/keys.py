"""From tokens to bundles: the nodes whose tokens agree as a rule asks lie in one bundle.

A rule that asks for all tokens of several purposes gets keys of them: the words of the tokens folded into one. Nodes of
one key share all those tokens, so no two nodes need be laid side by side. Where only so many of the purposes must
agree, the pairs of nodes in the bundles of each purpose are counted, and every pair of enough purposes is a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ingest.center.link import sorting
from ingest.center.link.rules import Rule, Rules
from ingest.center.link.tags import Nodes, Tokens, Words

_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd: times them no two words fall together
_NODE_BITS = 31
_THREADS = 2


@dataclass(frozen=True)
class Bundles:
    """Nodes by bundle in canonical order (rank of the rule, then the key): bundle i has ``node[start[i]:start[i + 1]]``
    and came by the rule of rank ``rank[i]``. A node may stand twice in one."""

    start: NDArray[np.int64]
    node: Nodes
    rank: NDArray[np.int16]

    def by_node(self, rank: int, nodes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which bundles of a rule each of so many nodes lies in: those of node n stand in the second array from place
        n of the first on, up to place n + 1."""
        low, high = np.searchsorted(self.rank, [rank, rank + 1])
        member = self.node[self.start[low] : self.start[high]]
        first, order = np.zeros(nodes + 2, np.int64), np.empty(len(member), np.int32)
        sorting.by_node(member, first, order)
        bundle = np.repeat(np.arange(low, high), np.diff(self.start[low : high + 1]))
        return first, bundle[order]


def bundles(rules: Rules, tokens: Mapping[str, Tokens], domain: Words) -> Bundles:
    """The bundles of every rule; ``domain`` is a word for the linkage domain of each node: keys of two never meet."""
    starts, nodes, ranks = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int16)]
    held = 0
    asked = {(rule.purposes, rule.agree): rule for rule in rules.rules}  # several rules ask for the same
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        found = pool.map(lambda rule: _agreeing(tokens, rule, domain), asked.values())
        known = dict(zip(asked, found, strict=True))
    for rank, rule in enumerate(rules.rules):
        start, node = known[rule.purposes, rule.agree]
        starts.append(start[1:] + held)
        nodes.append(node)
        ranks.append(np.full(len(start) - 1, rank, np.int16))
        held += len(node)
    return Bundles(np.concatenate(starts), np.concatenate(nodes), np.concatenate(ranks))


def _agreeing(tokens: Mapping[str, Tokens], rule: Rule, domain: Words) -> tuple[NDArray[np.int64], Nodes]:
    """Starts and nodes of the bundles of a rule."""
    purposes = [tokens[purpose] for purpose in rule.purposes if purpose in tokens]
    if rule.agree == 1:
        return _bundled(_all_of(purposes), domain)
    if rule.agree == len(rule.purposes):
        keys = _folded(purposes, len(domain)) if len(purposes) == rule.agree else _all_of([])
        return _bundled(keys, domain)
    return _counted([_bundled(one, domain) for one in purposes], rule.agree)


def _all_of(purposes: list[Tokens]) -> Tokens:
    """The tokens of several purposes as one."""
    return Tokens(
        np.concatenate([np.zeros(0, np.int32), *(one.node for one in purposes)]),
        np.concatenate([np.zeros(0, np.uint64), *(one.first for one in purposes)]),
        np.concatenate([np.zeros(0, np.uint64), *(one.second for one in purposes)]),
    )


def _folded(purposes: list[Tokens], nodes: int) -> Tokens:
    """A key for every choice of a token of each purpose that one of so many nodes carries."""
    return reduce(lambda one, other: _both(one, other, nodes), purposes)


def _both(one: Tokens, other: Tokens, nodes: int) -> Tokens:
    """A key for every pair of tokens of the two purposes that one node carries."""
    low, order = np.zeros(nodes + 2, np.int64), np.empty(len(other), np.int32)
    sorting.by_node(other.node, low, order)
    rows = int((low[1:] - low[:-1])[one.node].sum())
    both = Tokens(np.empty(rows, np.int32), np.empty(rows, np.uint64), np.empty(rows, np.uint64))
    sorting.fold(
        one.node, one.first, one.second, other.first, other.second, low, order, _ODD[0], _ODD[1], both.node,
        both.first, both.second,
    )  # fmt: skip
    return both


def _bundled(keys: Tokens, domain: Words) -> tuple[NDArray[np.int64], Nodes]:
    """Starts and nodes of the bundles of keys that two nodes share, in the order of the keys."""
    first, rows = keys.first ^ domain[keys.node], len(keys)
    bits = max(1, rows.bit_length() - 2)  # four keys a place, about
    start, member = np.empty(rows // 2 + 1, np.int64), np.empty(rows, np.int32)
    key, row, bucket = np.empty(rows, np.uint64), np.empty(rows, np.int32), np.zeros((1 << bits) + 1, np.int64)
    found = sorting.gather(first, keys.second, keys.node, np.uint64(64 - bits), bucket, key, row, start, member)
    if found != sorting.TOO_MANY:
        start = start[: found + 1].copy()
        return start, member[: start[-1]].copy()
    return _bundled_by_comparing(first, keys.second, keys.node)


def _bundled_by_comparing(first: Words, second: Words, node: Nodes) -> tuple[NDArray[np.int64], Nodes]:
    """The same of keys of which many begin alike: there may be a key that very many share."""
    order = np.lexsort((second, first))
    first, second, node = first[order], second[order], node[order]
    follows = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
    begins, goes_on = np.append([True], ~follows), np.append(follows, [False])
    kept = ~begins[: len(node)] | goes_on[: len(node)]  # a key that one node has alone ties nobody
    start, node = np.flatnonzero(begins[: len(node)][kept]), node[kept]
    return np.append(start, len(node)), node


def _counted(bundled: list[tuple[NDArray[np.int64], Nodes]], agree: int) -> tuple[NDArray[np.int64], Nodes]:
    """Pairs of nodes that lie in one bundle of so many of the purposes, each a bundle, in their order."""
    pairs = np.concatenate([np.zeros(0, np.int64), *(np.unique(_pairs(*one)) for one in bundled)])
    pair, purposes = np.unique(pairs, return_counts=True)
    pair = pair[purposes >= agree]
    node = np.column_stack([pair >> _NODE_BITS, pair & ((1 << _NODE_BITS) - 1)]).astype(np.int32).ravel()
    return np.arange(0, len(node) + 1, 2), node


def _pairs(start: NDArray[np.int64], node: Nodes) -> NDArray[np.int64]:
    """Every two nodes of a bundle in one number, the lesser first."""
    found = [np.zeros(0, np.int64)]
    size = np.diff(start)
    for step in range(1, int(size.max(initial=0))):  # each node with the one so many places after it
        here = np.arange(len(node) - step)
        within = np.repeat(start[1:], size)[: len(here)] > here + step
        one, other = node[here[within]].astype(np.int64), node[here[within] + step].astype(np.int64)
        pair = np.minimum(one, other) << _NODE_BITS | np.maximum(one, other)
        found.append(pair[one != other])
    return np.concatenate(found)

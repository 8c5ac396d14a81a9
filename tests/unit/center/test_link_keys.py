"""From tokens to bundles: who agrees as a rule asks lies in one, and nobody else."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ingest.center.errors import CenterError
from ingest.center.link.keys import bundles
from ingest.center.link.rules import Rule, Rules
from ingest.center.link.tags import Tokens, words

ONE_DOMAIN = np.zeros(10, np.uint64)


def carried(*pairs: tuple[int, int] | tuple[int, int, int]) -> Tokens:
    """Tokens of a purpose: node, first word, and second word where it matters."""
    node, first, second = zip(*((*pair, 7)[:3] for pair in pairs), strict=True)
    return Tokens(np.array(node, np.int32), np.array(first, np.uint64), np.array(second, np.uint64))


def found(rule: Rule, tokens: dict[str, Tokens], domain: object = ONE_DOMAIN) -> list[list[int]]:
    made = bundles(Rules((rule,), ""), tokens, domain)  # type: ignore[arg-type]
    return sorted(
        sorted(made.node[low:high].tolist()) for low, high in zip(made.start[:-1], made.start[1:], strict=True)
    )


def rule(*purposes: str, agree: int) -> Rule:
    return Rule("r", "strong", purposes, agree, "month", "all", "told")


def test_one_token_ties_all_who_carry_it_and_nobody_alone() -> None:
    tokens = {"number": carried((0, 5), (1, 5), (2, 6), (3, 5))}
    assert found(rule("number", agree=1), tokens) == [[0, 1, 3]]


def test_where_all_must_agree_one_token_is_not_enough() -> None:
    tokens = {"number": carried((0, 5), (1, 5), (2, 5)), "name": carried((0, 8), (1, 9), (2, 8))}
    assert found(rule("number", "name", agree=2), tokens) == [[0, 2]]


def test_who_carries_two_tokens_of_a_purpose_agrees_by_either() -> None:
    tokens = {"number": carried((0, 5), (0, 6), (1, 6), (2, 5)), "name": carried((0, 8), (1, 8), (2, 8))}
    assert found(rule("number", "name", agree=2), tokens) == [[0, 1], [0, 2]]


def test_of_several_purposes_so_many_must_agree_whichever_they_are() -> None:
    tokens = {
        "a": carried((0, 1), (1, 1), (2, 1)),
        "b": carried((0, 2), (1, 2), (3, 9)),
        "c": carried((0, 3), (2, 3), (3, 4)),
    }
    assert found(rule("a", "b", "c", agree=2), tokens) == [[0, 1], [0, 2]]
    assert found(rule("a", "b", "c", agree=3), tokens) == []


def test_a_rule_whose_tokens_nobody_sent_ties_nobody() -> None:
    assert found(rule("number", "name", agree=2), {"number": carried((0, 5), (1, 5))}) == []
    assert found(rule("name", agree=1), {}) == []


def test_two_tags_that_begin_alike_are_two() -> None:
    tokens = {"number": carried((0, 5, 1), (1, 5, 2), (2, 5, 1), (3, 5, 2), (4, 5, 3))}
    assert found(rule("number", agree=1), tokens) == [[0, 2], [1, 3]]


def test_one_tag_in_two_linkage_domains_ties_nobody() -> None:
    domain = np.array([1, 2, 1], np.uint64)
    assert found(rule("number", agree=1), {"number": carried((0, 5), (1, 5), (2, 5))}, domain) == [[0, 2]]


def test_words_sort_as_the_bytes_of_tags_do() -> None:
    tags = [bytes([1] * 16), bytes([0] * 15 + [9]), bytes([255] * 16), bytes([1] * 8 + [0] * 8)]
    first, second = words(pl.Series(tags))
    assert sorted(range(4), key=lambda n: (first[n], second[n])) == sorted(range(4), key=lambda n: tags[n])


@pytest.mark.parametrize("tags", [[b"short"], [None], [bytes(16), b""]])
def test_a_tag_that_is_none_is_refused(tags: list[bytes | None]) -> None:
    with pytest.raises(CenterError, match="16 bytes"):
        words(pl.Series(tags, dtype=pl.Binary))

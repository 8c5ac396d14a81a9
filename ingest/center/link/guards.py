"""Guards: facts that forbid two identities to be one person; ``union.objection`` compares them.

Sex and month of birth must agree, the month as far as the rule asks; a person has one number of a scheme on a day (one
insurer at a time: 国民健康保険法 6条, 高齢者医療確保法 50条, 介護保険法 9条; a move or a 75th birthday rightly
gives two numbers in one month, for ends are exclusive), and none that begins after the day of death. Two of one
household number and day of birth whose enrolments overlap, one without branch, are two where their names differ.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ingest.center.link import union
from ingest.center.link.tags import TAG_BYTES, Nodes, Tokens, words

LIMITS_FILE = Path(__file__).with_name("guards.csv")
NODE_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "sex_code": pl.String(),
    "birth_month": pl.Date(),
}
LIVE_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "scheme_code": pl.String(),
    "start_date": pl.Date(),
    "end_date": pl.Date(),  # exclusive; 9999-12-31 while in force
    "is_death": pl.Boolean(),  # ended by death
    "number_tag": pl.Binary(),
    "number_birth_tag": pl.Binary(),
    "name_tag": pl.Binary(),
}
NAME = "name"
"""The purpose of the tokens that say that a name is known."""
NUMBER = "number"
"""The purpose of the tokens over a number that is one person's own."""
_SCHEMES = {"care": union.CARE} | dict.fromkeys(("kokuho", "kumiai", "koki"), union.MEDICAL)
_NO_TAG = bytes(TAG_BYTES)


@cache
def limits() -> dict[str, int]:
    """The limits of the guards by name (``guards.csv``)."""
    with LIMITS_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["guard"]: int(row["limit"]) for row in csv.DictReader(handle)}


def carriers(tokens: Mapping[str, Tokens]) -> dict[str, Nodes]:
    """By purpose who carries a token, of the ``tokens`` of which that is a fact."""
    return {purpose: tokens[purpose].node for purpose in (NAME, NUMBER) if purpose in tokens}


@dataclass(frozen=True)
class Facts:
    """What the guards compare, as the arrays that ``union.unite`` works on (and changes)."""

    facts: Any
    births: Any
    birth_next: Any
    life: Any
    life_word: Any
    life_first: Any
    life_last: Any
    life_next: Any

    def arrays(self) -> tuple[Any, ...]:
        """In the order in which ``union.unite`` takes them."""
        return (
            self.facts, self.births, self.birth_next, self.life, self.life_word, self.life_first, self.life_last,
            self.life_next,
        )  # fmt: skip

    @classmethod
    def of(cls, nodes: pl.DataFrame, named: Mapping[str, Nodes], lives: pl.DataFrame, decided: pl.DataFrame) -> Facts:
        """Facts of ``nodes`` (numbered), each a group of its own; ``named`` as by ``carriers``, ``decided`` with nodes
        ``one`` and ``other``."""
        count = nodes.height
        facts = np.zeros((count, union.FACTS), np.int32)
        facts[:, union.SIZE] = 1
        facts[:, union.SEXES] = (
            nodes.get_column("sex_code").replace_strict({"1": 1, "2": 2}, default=0).fill_null(0).to_numpy()
        )
        facts[:, union.DEATH], facts[:, union.LAST_START] = union.NEVER, -union.NEVER
        for purpose, fact in ((NAME, union.HAS_NAME), (NUMBER, union.HAS_NUMBER)):
            if purpose in named:
                facts[named[purpose], fact] = 1
        facts[decided["one", "other"].to_numpy().ravel(), union.IS_DECIDED] = 1
        month = pl.col("birth_month")
        births = nodes.select((month.dt.year() * 100 + month.dt.month()).fill_null(0)).to_series().to_numpy()

        lives = lives.sort("node", "start_date", "end_date", "scheme_code")
        node = lives.get_column("node").to_numpy().astype(np.int64)
        life = np.column_stack(
            [
                lives.get_column("scheme_code").replace_strict(_SCHEMES, return_dtype=pl.Int32).to_numpy(),
                *(lives.get_column(name).cast(pl.Int32).to_numpy() for name in ("start_date", "end_date")),
            ]
        ).astype(np.int32)
        word = np.column_stack(
            [words(lives.get_column(f"{name}_tag").fill_null(_NO_TAG))[0] for name in ("number", "number_birth", NAME)]
        )
        died = lives.get_column("is_death").to_numpy()
        np.minimum.at(facts[:, union.DEATH], node[died], life[died, 2])
        np.maximum.at(facts[:, union.LAST_START], node, life[:, 1])
        place = np.arange(len(node))
        first, last = np.full(count, union.NONE, np.int64), np.full(count, union.NONE, np.int64)
        first[node[::-1]], last[node] = place[::-1], place
        follows = np.append(place[1:], union.NONE)
        follows[last[last >= 0]] = union.NONE
        return cls(
            facts, births.astype(np.int32), np.full(count, union.NONE, np.int64), life, word, first, last, follows
        )

"""The rules of linkage as data (``rules.csv``): which tokens must agree before two identities may be one person.

A rule names purposes of tokens and how many of them must agree; its place in the table is its rank, the surest
first. Which tokens there are is the site's table (``ingest/identity/passes.csv``).
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ingest.center.errors import CenterError
from ingest.center.link import union

RULES_FILE = Path(__file__).with_name("rules.csv")
BIRTHS = {
    "month": union.BIRTH_SAME,  # the same month
    "digit": union.BIRTH_DIGIT,  # all digits of year and month but one
    "part": union.BIRTH_PART,  # the year or the month
    "any": union.BIRTH_ANY,
}
"""How far months of birth must agree; the day is not told."""
APPLIES_TO = {
    "all": union.ALL,
    "nameless": union.NAMELESS,  # one of the two has no name
    "branchless": union.BRANCHLESS,  # one of the two has no number of its own
    "enrolled": union.ENROLLED,  # of both it is told when they were insured
}
NOTICES = {"told": union.TOLD, "late": union.LATE, "unheard": union.UNHEARD}
"""What is made of a number without an end beside one that began later. told: it is in force. late: it may have ended,
and the two may be one person. unheard: it is in force; but where it may have ended, and both have one name (``NAME``),
the later one may be of that person and is given to no other."""
NAME = ("name",)
"""What the rule asks for whose bundles hold all of one name; where a rule has doubts there is one."""
STRENGTHS = ("strong", "name", "weak")


@dataclass(frozen=True)
class Rule:
    """Identities of which ``agree`` tokens of different ``purposes`` are the same may be one person."""

    rule_id: str
    strength: str
    purposes: tuple[str, ...]
    agree: int
    birth: str  # one of BIRTHS
    applies_to: str  # one of APPLIES_TO
    notice: str  # one of NOTICES


@dataclass(frozen=True)
class Rules:
    """The rules in the order of their rank, and the hash of the table that they stand in."""

    rules: tuple[Rule, ...]
    table_hash: str

    def purposes(self) -> list[str]:
        """The purposes of which any rule asks a token."""
        return sorted({purpose for one in self.rules for purpose in one.purposes})

    def modes(self) -> Any:
        """By rank, as ``union.unite`` takes them: how far births must agree, whom the rule is for, notices."""
        return np.array(
            [(BIRTHS[one.birth], APPLIES_TO[one.applies_to], NOTICES[one.notice]) for one in self.rules], np.int64
        )

    def name_rank(self) -> int:
        """The rank of the rule that asks for a name alone; -1 where none does."""
        return next((rank for rank, one in enumerate(self.rules) if one.purposes == NAME and one.agree == 1), -1)


def read_rules(path: Path) -> Rules:
    """The rules of a table; CenterError for one that cannot be followed."""
    content = path.read_bytes()
    found = tuple(
        Rule(
            row["rule_id"],
            row["strength"],
            tuple(row["purposes"].split()),
            int(row["agree"]),
            row["birth"],
            row["applies_to"],
            row["notice"],
        )
        for row in csv.DictReader(content.decode().splitlines())
    )
    for one in found:
        if one.strength not in STRENGTHS:
            raise CenterError(f"rule {one.rule_id} has strength '{one.strength}'; known: {', '.join(STRENGTHS)}")
        if one.birth not in BIRTHS or one.applies_to not in APPLIES_TO or one.notice not in NOTICES:
            raise CenterError(f"rule {one.rule_id} asks for '{one.birth}', '{one.applies_to}', '{one.notice}'")
        if not 1 <= one.agree <= len(set(one.purposes)):
            raise CenterError(f"rule {one.rule_id} wants {one.agree} of {len(set(one.purposes))} tokens to agree")
    if any(one.notice == "unheard" for one in found) and not any(one.purposes == NAME for one in found):
        raise CenterError("a rule asks who of one name may have left unheard, and no rule asks for the name alone")
    if len({one.rule_id for one in found}) != len(found):
        raise CenterError("a rule stands twice")
    if [STRENGTHS.index(one.strength) for one in found] != sorted(STRENGTHS.index(one.strength) for one in found):
        raise CenterError("a weaker rule stands before a stronger one")
    return Rules(found, hashlib.sha256(content).hexdigest())


@cache
def rules() -> Rules:
    """The rules that this version of Tsumugi links by."""
    return read_rules(RULES_FILE)

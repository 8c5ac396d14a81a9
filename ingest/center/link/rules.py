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

from ingest.center.errors import CenterError

RULES_FILE = Path(__file__).with_name("rules.csv")
STRENGTHS = ("strong", "name", "weak")


@dataclass(frozen=True)
class Rule:
    """Identities of which ``agree`` tokens of different ``purposes`` are the same may be one person."""

    rule_id: str
    strength: str
    purposes: tuple[str, ...]
    agree: int


@dataclass(frozen=True)
class Rules:
    """The rules in the order of their rank, and the hash of the table that they stand in."""

    rules: tuple[Rule, ...]
    table_hash: str


def read_rules(path: Path) -> Rules:
    """The rules of a table; CenterError for one that cannot be followed."""
    content = path.read_bytes()
    found = tuple(
        Rule(row["rule_id"], row["strength"], tuple(row["purposes"].split()), int(row["agree"]))
        for row in csv.DictReader(content.decode().splitlines())
    )
    for one in found:
        if one.strength not in STRENGTHS:
            raise CenterError(f"rule {one.rule_id} has strength '{one.strength}'; known: {', '.join(STRENGTHS)}")
        if not 1 <= one.agree <= len(set(one.purposes)):
            raise CenterError(f"rule {one.rule_id} wants {one.agree} of {len(set(one.purposes))} tokens to agree")
    if len({one.rule_id for one in found}) != len(found):
        raise CenterError("a rule stands twice")
    if [STRENGTHS.index(one.strength) for one in found] != sorted(STRENGTHS.index(one.strength) for one in found):
        raise CenterError("a weaker rule stands before a stronger one")
    return Rules(found, hashlib.sha256(content).hexdigest())


@cache
def rules() -> Rules:
    """The rules that this version of Tsumugi links by."""
    return read_rules(RULES_FILE)

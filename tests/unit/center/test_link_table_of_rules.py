"""The table of rules: what it says is followed, what cannot be followed is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.center.errors import CenterError
from ingest.center.link.components import SUCCESSION
from ingest.center.link.rules import RULES_FILE, read_rules, rules
from ingest.identity.passes import passes

HEADER = "rule_id,strength,purposes,agree,birth,applies_to,notice,valid_from,source\n"
GOOD = "a,strong,number,1,month,all,told,2025-04-01,x\n"


def test_every_rule_asks_for_tokens_that_sites_make() -> None:
    assert set(rules().purposes()) - {SUCCESSION} <= {one.purpose for one in passes()}


def test_another_table_is_another_set_of_rules(tmp_path: Path) -> None:
    changed = tmp_path / "rules.csv"
    changed.write_text(RULES_FILE.read_text("utf-8").replace(",part,", ",digit,"), "utf-8")
    assert read_rules(changed).table_hash != rules().table_hash


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("a,sure,number,1,month,all,told,2025-04-01,x\n", "strength 'sure'"),
        ("a,strong,number,2,month,all,told,2025-04-01,x\n", "wants 2 of 1"),
        ("a,strong,number,0,month,all,told,2025-04-01,x\n", "wants 0 of 1"),
        ("a,strong,number,1,year,all,told,2025-04-01,x\n", "'year'"),
        ("a,strong,number,1,month,some,told,2025-04-01,x\n", "'some'"),
        ("a,strong,number,1,month,all,never,2025-04-01,x\n", "'never'"),
        (GOOD + GOOD, "twice"),
        ("b,weak,name,1,month,all,told,2025-04-01,x\n" + GOOD, "weaker rule stands before"),
        ("a,weak,name succession,2,month,enrolled,unheard,2025-04-01,x\n", "no rule asks for the name alone"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(tmp_path: Path, rows: str, reason: str) -> None:
    table = tmp_path / "rules.csv"
    table.write_text(HEADER + rows, "utf-8")
    with pytest.raises(CenterError, match=reason):
        read_rules(table)

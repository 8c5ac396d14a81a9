"""Every field of a pass, strength of a rule and reason of a guard has its word on the page of an explanation."""

from __future__ import annotations

import io

from rich.console import Console

from ingest.center.explain_page import REASONS
from ingest.center.link import union
from ingest.center.link.rules import rules
from ingest.tie_page import render_ties


def test_every_rule_can_be_told() -> None:
    ties = [
        {"one": 1, "other": 2, "pass_id": rule.rule_id, "purposes": list(rule.purposes), "strength": rule.strength}
        for rule in rules().rules
    ]
    decided = {"one": 1, "other": 3, "pass_id": "decision", "purposes": [], "strength": "decision"}
    screen = io.StringIO()
    render_ties(Console(file=screen, width=200), {"ties": [*ties, decided], "weakest": decided})
    page = screen.getvalue()
    assert [rule.rule_id for rule in rules().rules if rule.rule_id not in page] == []
    assert "人の判断" in page and "← 最も弱い" in page and "被保険者番号" in page and "資格の終わり" in page


def test_every_reason_of_a_refusal_has_a_word() -> None:
    assert [reason for reason in union.REASONS if reason and reason not in REASONS] == []

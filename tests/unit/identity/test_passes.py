"""The table of passes refuses what would give a field away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.identity.passes import EVIDENCE_COLUMNS, PassError, passes, read_passes

HEADER = "pass_id,purpose,scheme_codes,fields,strength,used_by\n"


def test_every_pass_joins_at_least_two_known_fields() -> None:
    assert {one.pass_id for one in passes()} == {
        "number",
        "number_birth",
        "resident",
        "previous",
        "related",
        "name_town",
        "name",
    }
    assert all(len(set(one.fields)) >= 2 and set(one.fields) <= set(EVIDENCE_COLUMNS) for one in passes())


def test_the_ledger_passes_match_the_number_of_before() -> None:
    purposes = {one.pass_id: (one.purpose, len(one.fields)) for one in passes() if one.purpose == "number_birth"}
    assert purposes == dict.fromkeys(("number_birth", "previous", "related"), ("number_birth", 5))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("birth,birth,kokuho,birth_date,weak,x", "fewer than 2"),
        ("birth,birth,kokuho,birth_date birth_date,weak,x", "fewer than 2"),
        ("birth,birth,kokuho,,weak,x", "fewer than 2"),
        ("birth,birth,kokuho,birth_date shoe_size,weak,x", "unknown fields: shoe_size"),
        ("birth,birth,kokuho,birth_date sex_code,sure,x", "strength"),
        ("birth,birth,shaho,birth_date sex_code,weak,x", "known schemes"),
        ("birth,,kokuho,birth_date sex_code,weak,x", "purpose"),
        ("birth,b,kokuho,birth_date sex_code,weak,x\nbirth,b,kokuho,birth_date branch,weak,x", "twice"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "passes.csv"
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(PassError, match=reason):
        read_passes(path)

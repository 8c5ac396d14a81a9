"""The table of passes refuses what would give a field away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.identity.passes import EVIDENCE_COLUMNS, PassError, expected_values, most_sharers, passes, read_passes

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
        ("birth,birth,kokuho,birth_date sex_code,weak,x", "72000 values"),
        ("name,name,kokuho,birth_date name_kana,sure,x", "strength"),
        ("name,name,shaho,birth_date name_kana,weak,x", "known schemes"),
        ("name,,kokuho,birth_date name_kana,weak,x", "purpose"),
        ("name,n,kokuho,birth_date name_kana,weak,x\nname,n,kokuho,name_kana address_number,weak,x", "twice"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "passes.csv"
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(PassError, match=reason):
        read_passes(path)


def test_every_field_says_how_many_values_it_may_have() -> None:
    assert set(expected_values()) == set(EVIDENCE_COLUMNS)
    assert min(expected_values().values()) >= 2


@pytest.mark.parametrize(("identities", "most"), [(0, 8), (89_999, 8), (90_000, 9), (1_000_000, 100)])
def test_a_token_may_be_shared_by_eight_or_by_one_in_ten_thousand(identities: int, most: int) -> None:
    assert most_sharers(identities) == most

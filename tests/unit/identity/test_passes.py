"""The table of passes refuses what would give a field away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.identity.passes import EVIDENCE_COLUMNS, PassError, expected_values, most_sharers, passes, read_passes

HEADER = "pass_id,purpose,scheme_codes,fields,used_by\n"


def test_every_pass_joins_at_least_two_known_fields() -> None:
    assert {one.pass_id for one in passes()} == {
        "number",
        "number_birth",
        "number_name",
        "resident",
        "previous",
        "related",
        "name_town",
        "name",
        "given_birth",
    }
    assert all(len(set(one.fields)) >= 2 and set(one.fields) <= set(EVIDENCE_COLUMNS) for one in passes())


def test_the_ledger_passes_match_the_number_of_before() -> None:
    purposes = {one.pass_id: (one.purpose, len(one.fields)) for one in passes() if one.purpose == "number_birth"}
    assert purposes == dict.fromkeys(("number_birth", "previous", "related"), ("number_birth", 5))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("birth,birth,kokuho,birth_date,x", "fewer than 2"),
        ("birth,birth,kokuho,birth_date birth_date,x", "fewer than 2"),
        ("birth,birth,kokuho,,x", "fewer than 2"),
        ("birth,birth,kokuho,birth_date shoe_size,x", "unknown fields: shoe_size"),
        ("birth,birth,kokuho,birth_date sex_code,x", "72000 values"),
        ("name,name,shaho,birth_date name_kana,x", "known schemes"),
        ("name,,kokuho,birth_date name_kana,x", "purpose"),
        ("name,n,kokuho,birth_date name_kana,x\nname,n,kokuho,name_kana address_number,x", "twice"),
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


@pytest.mark.parametrize(("identities", "most"), [(0, 16), (169_999, 16), (170_000, 17), (1_000_000, 100)])
def test_a_token_may_be_shared_by_sixteen_or_by_one_in_ten_thousand(identities: int, most: int) -> None:
    assert most_sharers(identities) == most

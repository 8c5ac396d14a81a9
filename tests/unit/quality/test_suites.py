"""The suites at the door: every rule of a contract is found at its row, and no value is told."""

from __future__ import annotations

import os
import socket
from datetime import date
from typing import Any

import polars as pl
import pytest

from ingest.formats.contracts import CONTRACTS, Column
from ingest.quality import checks, suites
from tests.handmade import frame, month

ITEM = {
    "scheme_code": "kokuho",
    "insurer_number": "160028",
    "parent_source_row": 1,
    "service_month": month(2024, 5),
    "points": 10,
}
CLAIM = {
    "scheme_code": "kokuho",
    "insurer_number": "160028",
    "number": "1234567",
    "birth_date": date(1950, 5, 6),
    "sex_code": "1",
    "search_number": "1",
    "service_month": month(2024, 5),
    "adjudication_month": month(2024, 6),
    "points": 100,
    "institution_code": "1610123455",  # with a valid check digit
}


def items(*changes: dict[str, Any]) -> pl.DataFrame:
    return frame("claim_item", [ITEM | change for change in changes])


def test_rows_that_hold_their_contract_give_no_finding() -> None:
    assert suites.check("claim_item", items({}, {"category_code": None, "points": None})).is_empty()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"insurer_number": None}, "insurer_number"),
        ({"item_kind_code": "XX"}, "item_kind_code"),
        ({"item_code": "11200741"}, "item_code"),
        ({"item_code": "112007410\n"}, "item_code"),
        ({"times_count": -1}, "times_count"),
    ],
)
def test_a_broken_rule_is_found_at_its_row_and_column(change: dict[str, Any], field: str) -> None:
    found = suites.check("claim_item", items({}, {}, change, {}))
    assert found.select("row_number", "field").rows() == [(2, field)]


def test_a_number_above_its_range_is_found_beside_missing_ones() -> None:
    rows = frame("claim", [CLAIM, CLAIM | {"days_count": 32}, CLAIM | {"original_points": -1}])
    assert suites.check("claim", rows).filter(severity="set_aside").select("row_number", "field").rows() == [
        (1, "days_count"),
        (2, "original_points"),
    ]


def test_of_several_broken_columns_the_first_of_the_contract_is_told() -> None:
    found = suites.check("claim_item", items({"times_count": -1, "item_code": "x", "scheme_code": "?"}))
    assert found.select("row_number", "field").rows() == [(0, "scheme_code")]


def test_every_rule_of_every_contract_is_checked() -> None:
    for name, contract in CONTRACTS.items():
        stated = sum(
            column.required
            + (column.codes is not None)
            + (column.pattern is not None)
            + (column.minimum is not None or column.maximum is not None)
            for column in contract.columns
        )
        assert len([one for one in checks.checks(name) if one.rule is None]) == stated, name


def test_rows_of_several_tables_are_judged_at_once_each_at_its_own_place() -> None:
    found = suites.Gate().check_tables(
        {"claim": frame("claim", [CLAIM, CLAIM | {"sex_code": "3"}]), "claim_item": items({"times_count": -1}, {})}
    )
    assert found["claim"].select("row_number", "field").rows() == [(1, "sex_code")]
    assert found["claim_item"].select("row_number", "field").rows() == [(0, "times_count")]


def test_a_value_is_judged_by_the_rule_of_its_own_column() -> None:
    found = suites.check("claim_item", items({"scheme_code": "SI", "item_kind_code": "SI"}))
    assert found["field"].to_list() == ["scheme_code"]


def test_a_finding_never_holds_the_value_that_broke_the_rule() -> None:
    planted = "紡木糸世"
    found = suites.check("claim_item", items({"item_code": planted}))
    assert planted not in found.write_csv()
    case = {"required": "-", "codes": None, "pattern": f"claim_item.item_code.pattern\x1f{planted}", "range": 0,
            "plausible": True, "row_number": 0}  # fmt: skip
    results = suites._validate(
        suites._definition().get_batch(batch_parameters={"dataframe": pl.DataFrame([case]).to_pandas()}), suites.KINDS
    )
    assert [result.success for result in results] == [True, True, False, True, True]
    assert planted not in str([result.to_json_dict() for result in results])


def test_a_gate_judges_the_rows_of_every_part_though_it_saw_their_values_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = suites.Gate()
    parts = [items({}, {"item_code": "x"}), items({"item_code": "x"}, {}), items({}, {"item_code": None})]
    found = [
        gate.check_tables({"claim_item": part})["claim_item"].select("row_number", "field").rows() for part in parts
    ]
    assert found == [[(1, "item_code")], [(0, "item_code")], [(1, "item_code")]]
    asked: list[object] = []
    monkeypatch.setattr(suites, "_validate", lambda *what: asked.append(what))
    assert gate.check_tables({"claim_item": parts[0]})["claim_item"]["row_number"].to_list() == [1]
    assert asked == []


def test_a_gate_finds_in_every_part_what_a_new_gate_finds_there() -> None:
    """Values that were right before are not looked at again, whatever else stands beside them."""
    right, wrong_digit = CLAIM["institution_code"], "1610123456"
    claims: list[list[dict[str, Any]]] = [
        [{}, {"days_count": None}, {"institution_code": wrong_digit}],
        [{"days_count": 32}, {"days_count": 3}, {"institution_code": right}],
        [{"days_count": 3}, {"institution_code": wrong_digit}, {"institution_code": "1"}, {"institution_code": None}],
        [{"days_count": 32}, {"sex_code": "9"}, {"sex_code": None}, {"birth_date": date(2024, 7, 1)}],
        [],
        [{}, {"days_count": 32}, {"institution_code": "1"}, {"points": -1}, {"insurer_number": "160027"}],
    ]
    parts = [frame("claim", [CLAIM | change for change in part]) for part in claims]
    gate = suites.Gate()
    found = [gate.check_tables({"claim": part})["claim"].rows() for part in parts]
    assert found == [suites.check("claim", part).rows() for part in parts]
    assert [len(part) > 0 for part in found] == [True, True, True, True, False, True]


def test_a_gate_does_not_remember_a_column_of_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "_FEW", 1)
    gate = suites.Gate()
    for _ in range(2):
        found = gate.check_tables({"claim_item": items({"times_count": 1}, {"times_count": 2}, {"times_count": -1})})
        assert found["claim_item"]["row_number"].to_list() == [2]


def test_a_gate_that_has_seen_too_many_values_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "_REMEMBERED", 3)
    gate = suites.Gate()
    for _ in range(2):
        assert gate.check_tables({"claim_item": items({"item_code": "x"})})["claim_item"].height == 1


@pytest.mark.parametrize(("value", "rows"), [(100.0, 0), (100.25, 1)])
def test_a_number_just_above_its_range_is_found_though_it_is_less_than_one_above(value: float, rows: int) -> None:
    column = Column("share", "decimal", "clear", "", maximum=100)
    check = checks.Check("claim", 0, "range", column)
    cases = check.cases(pl.DataFrame({"share": [value]}, schema={"share": pl.Decimal(18, 4)}))
    assert (cases > 0).sum() == rows


def test_another_type_than_the_contracts_is_our_own_fault_and_stops() -> None:
    with pytest.raises(suites.ContractMismatch, match="points"):
        suites.check("claim_item", items({}).with_columns(pl.col("points").cast(pl.String)))


def test_nothing_is_told_to_the_makers_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *where: calls.append(where))
    suites.check("claim_item", items({"times_count": -1}))
    assert os.environ["GX_ANALYTICS_ENABLED"] == "False"
    assert calls == []

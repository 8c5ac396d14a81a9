"""75th birthdays followed and planted pairs merged, told from groups made by hand."""

from __future__ import annotations

from typing import Any

import polars as pl

from ingest.evaluation.identities import UNIT_SCHEMA
from ingest.evaluation.planted import PLANTED_SCHEMA, merged
from ingest.evaluation.truth import followed


def units(rows: list[dict[str, Any]]) -> pl.DataFrame:
    whole = [
        {"linkage_domain": "16", "identity_tag": bytes([number]), "rows": 1, "is_register": True} | row
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(whole, schema=UNIT_SCHEMA | {"group": pl.Int64()})


def kokuho(person: int, group: int, number: str = "8123", **more: Any) -> dict[str, Any]:
    return {
        "person": person, "group": group, "scheme_group": "kokuho", "insurer_number": "160010",
        "insured_number": f"国0000{number}",
    } | more  # fmt: skip


def koki(person: int, group: int, **more: Any) -> dict[str, Any]:
    return {"person": person, "group": group, "scheme_group": "koki", "insurer_number": "3916"} | more


def turns(*persons: int) -> pl.DataFrame:
    rows = [("16", person, "160010", "8123") for person in persons]
    return pl.DataFrame(rows, schema=["linkage_domain", "person", "insurer_number", "number"], orient="row")


def test_a_birthday_is_followed_where_the_last_number_and_the_new_one_are_one_person() -> None:
    told = units([kokuho(1, 10), koki(1, 10), kokuho(2, 20), koki(2, 21), kokuho(3, 30, "7777"), koki(3, 30)])
    assert followed(told, turns(1, 2)) == {"turned_75": 2, "followed": 1}


def test_an_earlier_number_or_a_receipt_does_not_follow_a_birthday() -> None:
    earlier = [kokuho(1, 10, "7777"), kokuho(1, 11), koki(1, 10)]
    receipt = [kokuho(2, 20, is_register=False), kokuho(2, 21), koki(2, 20)]
    assert followed(units([*earlier, *receipt]), turns(1, 2)) == {"turned_75": 2, "followed": 0}


def test_a_birthday_of_which_no_register_tells_is_not_counted() -> None:
    assert followed(units([kokuho(1, 10)]), turns(1)) == {"turned_75": 0, "followed": 0}


def test_planted_pairs_are_merged_where_what_their_registers_say_shares_a_group() -> None:
    planted = pl.DataFrame(
        [("twins", 1, 2, True, True), ("twins", 3, 4, True, True)], schema=PLANTED_SCHEMA, orient="row"
    )
    told = units([kokuho(1, 1), kokuho(2, 2), kokuho(3, 3), kokuho(4, 4), koki(4, 3)])
    (of_twins,) = merged(told, planted)
    assert of_twins == {
        "kind": "twins", "overlaps": True, "is_seen": True, "pairs": 2, "merged": 1, "strayed": 0,
    }  # fmt: skip


def test_a_receipt_of_one_twin_with_the_other_is_told_apart_from_two_that_are_merged() -> None:
    planted = pl.DataFrame(
        [("twins", 1, 2, True, True), ("twins", 3, 4, True, True)], schema=PLANTED_SCHEMA, orient="row"
    )
    told = units([kokuho(1, 1), kokuho(2, 2), kokuho(1, 2, is_register=False), kokuho(3, 3), kokuho(4, 4)])
    (of_twins,) = merged(told, planted)
    assert (of_twins["merged"], of_twins["strayed"]) == (0, 1)


def test_of_a_pair_whose_overlap_nobody_sees_any_identity_in_one_group_merges_it() -> None:
    planted = pl.DataFrame([("apart", 5, 6, False, False)], schema=PLANTED_SCHEMA, orient="row")
    (of_apart,) = merged(units([kokuho(5, 5), kokuho(6, 5, is_register=False)]), planted)
    assert of_apart == {
        "kind": "apart", "overlaps": False, "is_seen": False, "pairs": 1, "merged": 1, "strayed": 0,
    }  # fmt: skip

"""The figures of evaluation against plain Python that builds every pair."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from ingest.evaluation.identities import UNIT_SCHEMA
from ingest.evaluation.metrics import AGE_BANDS, KINDS, PEOPLE_SCHEMA, figures
from ingest.evaluation.mixed import mixed

Unit = dict[str, Any]
Pair = tuple[Unit, Unit]


def invented(seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sixty people in two domains with up to nine identities each, some in a wrong group."""
    random = np.random.default_rng(seed)
    people = pl.DataFrame(
        [
            {
                "person": person,
                "birth_date": date(1930 + person, 5, 1 + person % 3),
                "age": 94 - person,
                "household": person // 2,
                "name": f"名{person % 5}",
                "is_twin": person % 7 < 2,
                "is_renamed": person % 4 == 0,
            }
            for person in range(60)
        ],
        schema=PEOPLE_SCHEMA,
    )
    rows = []
    for person, born in people.select("person", "birth_date").iter_rows():
        for _ in range(random.integers(1, 10)):
            scheme = str(random.choice(["kokuho", "koki", "care"]))
            domain = str(random.choice(["16", "31"], p=[0.9, 0.1]))
            wrong = random.random() < 0.2
            rows.append(
                {
                    "linkage_domain": domain,
                    "identity_tag": len(rows).to_bytes(2, "big"),
                    "person": person,
                    "rows": int(random.integers(1, 50)),
                    "is_register": bool(random.random() < 0.5),
                    "scheme_group": scheme,
                    "insurer_number": str(random.choice(["160010", "160028"])),
                    "insured_number": str(random.choice(["1", "2", "3"])),
                    "branch": random.choice(["01", None]),
                    "name_kana": random.choice(["ア", "イ", None]),
                    "birth_date": str(born.replace(day=28) if wrong else born),
                    "sex_code": "1",
                    "group": (person if random.random() < 0.8 else int(random.integers(0, 60))) + 1000 * int(domain),
                }
            )
    return pl.DataFrame(rows, schema=UNIT_SCHEMA | {"group": pl.Int64()}), people


def brute(units: pl.DataFrame, people: pl.DataFrame) -> tuple[list[Unit], list[Pair], list[Pair], list[Pair]]:
    """All units, true pairs, pairs in a group, and pairs of one person across domains."""
    born = {row["person"]: row for row in people.iter_rows(named=True)}
    all_units = [unit | {"of": born[unit["person"]]} for unit in units.iter_rows(named=True)]
    true, grouped, across = [], [], []
    for one, other in combinations(all_units, 2):
        if one["group"] == other["group"]:
            grouped.append((one, other))
        if one["person"] == other["person"]:
            (true if one["linkage_domain"] == other["linkage_domain"] else across).append((one, other))
    return all_units, true, grouped, across


def is_found(pair: Pair) -> bool:
    return bool(pair[0]["group"] == pair[1]["group"] and pair[0]["person"] == pair[1]["person"])


def differing(field: Callable[[Unit], Any], pair: Pair) -> bool:
    return bool(field(pair[0]) != field(pair[1]))


def test_pairs_precision_and_recall_are_those_of_every_pair_built() -> None:
    units, people = invented()
    told = figures(units, people)
    all_units, true, grouped, across = brute(units, people)
    found = [pair for pair in true if is_found(pair)]
    assert (told["pairs"], told["found"], told["wrong"]) == (len(true), len(found), len(grouped) - len(found))
    assert told["wrong"] > 0 and told["found"] < told["pairs"]
    assert told["precision"] == len(found) / len(grouped)
    assert told["recall"] == len(found) / len(true)
    assert told["cross_domain_pairs"] == len(across)
    records = [unit for unit in all_units for _ in range(unit["rows"] % 4 + 1)]
    few = units.with_columns(rows=pl.col("rows") % 4 + 1)
    same = [pair for pair in combinations(records, 2) if pair[0]["group"] == pair[1]["group"]]
    right = [pair for pair in same if pair[0]["person"] == pair[1]["person"]]
    assert figures(few, people)["record_precision"] == len(right) / len(same)


def test_split_persons_and_mixed_groups_are_counted() -> None:
    units, people = invented(2)
    told = figures(units, people)
    groups: dict[Any, set[int]] = {}
    persons: dict[Any, set[int]] = {}
    for unit in units.iter_rows(named=True):
        groups.setdefault(unit["group"], set()).add(unit["person"])
        persons.setdefault((unit["linkage_domain"], unit["person"]), set()).add(unit["group"])
    assert told["groups_mixed"] == sum(len(of) > 1 for of in groups.values())
    assert told["persons_split"] == sum(len(of) > 1 for of in persons.values())


def test_pairs_by_kind_of_event_are_those_that_differ_in_it() -> None:
    units, people = invented(3)
    told = {row["kind"]: row for row in figures(units, people)["by_kind"]}
    _, true, _, _ = brute(units, people)

    def expected(of: Callable[[Unit], bool], within: tuple[str, ...], field: Callable[[Unit], Any]) -> tuple[int, int]:
        own = [
            pair
            for pair in true
            if of(pair[0]) and of(pair[1]) and differing(field, pair)
            and all(pair[0][name] == pair[1][name] for name in within)
        ]  # fmt: skip
        return len(own), sum(is_found(pair) for pair in own)

    kokuho = lambda unit: unit["scheme_group"] == "kokuho"  # noqa: E731
    care = lambda unit: unit["scheme_group"] == "care"  # noqa: E731
    anybody = lambda unit: True  # noqa: E731
    named = lambda unit: unit["name_kana"] is not None  # noqa: E731
    number = ("insurer_number", "insured_number")
    wanted = {
        "scheme": expected(lambda u: not care(u), (), lambda u: u["scheme_group"]),
        "move": expected(kokuho, (), lambda u: u["insurer_number"]),
        "rejoining": expected(kokuho, ("insurer_number",), lambda u: u["insured_number"]),
        "care": expected(anybody, (), care),
        "care_move": expected(care, (), lambda u: u["insurer_number"]),
        "rename": expected(lambda u: named(u) and u["of"]["is_renamed"], (), lambda u: u["name_kana"]),
        "kana": expected(lambda u: named(u) and not u["of"]["is_renamed"], (), lambda u: u["name_kana"]),
        "no_name": expected(anybody, (), named),
        "missing_branch": expected(kokuho, number, lambda u: u["branch"] is None),
        "wrong_birth": expected(anybody, (), lambda u: u["birth_date"] == str(u["of"]["birth_date"])),
        "twin": (
            sum(pair[0]["of"]["is_twin"] for pair in true),
            sum(pair[0]["of"]["is_twin"] and is_found(pair) for pair in true),
        ),
    }
    assert set(wanted) == {kind.kind for kind in KINDS} | {"twin"}
    for kind, (pairs, found) in wanted.items():
        assert pairs > 0, kind
        assert (told[kind]["pairs"], told[kind]["found"]) == (pairs, found), kind


def test_every_pair_is_of_one_age_band() -> None:
    units, people = invented(4)
    told = figures(units, people)
    _, true, grouped, _ = brute(units, people)

    def band(unit: Unit) -> str:
        return [name for low, name in AGE_BANDS if unit["of"]["age"] >= low][-1]

    assert sum(row["pairs"] for row in told["by_age"]) == told["pairs"]
    for row in told["by_age"]:
        own = [pair for pair in grouped if {band(pair[0]), band(pair[1])} == {row["age_band"]}]
        assert row["wrong"] == sum(pair[0]["person"] != pair[1]["person"] for pair in own)
        assert row["found"] == sum(is_found(pair) for pair in true if band(pair[0]) == row["age_band"])


def test_mixed_groups_say_who_the_two_are_to_each_other() -> None:
    units, people = invented(5)
    _, _, grouped, _ = brute(units, people)
    wrong = [pair for pair in grouped if pair[0]["person"] != pair[1]["person"]]
    told = mixed(units, people)
    assert sum(row["pairs"] for row in told) == len(wrong)
    homes = sum(one["of"]["household"] == other["of"]["household"] for one, other in wrong)
    at_home = {"twins", "one household"}
    assert sum(row["pairs"] for row in told if row["relation"] in at_home) == homes

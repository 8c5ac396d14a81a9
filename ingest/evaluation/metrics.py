"""How well groups agree with persons: pairs, split persons, mixed groups, by kind of event and by age.

The unit is a *distinct identity of a person*: one way in which records name the person (a number, with or without
枝番, a name, a birth date). A pair is two units. A true pair is of one person within one linkage domain; it is found
where both lie in one group. Precision is the share of true pairs among all pairs in a group, recall the share of true
pairs that are found. ``record_…`` counts pairs of records instead, those of the same identity included: the measure
of shared/domain/security.md B3, which the many records under a person's usual number weigh up.

Everything is counted by group_by on person and group: of n units n·(n-1)/2 are pairs, and pairs that differ in
something are all pairs less those that agree in it. No pair is ever built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

AGE_BANDS = ((0, "0-19"), (20, "20-39"), (40, "40-64"), (65, "65-74"), (75, "75-84"), (85, "85+"))
PEOPLE_SCHEMA: dict[str, pl.DataType] = {
    "person": pl.Int64(),
    "birth_date": pl.Date(),
    "age": pl.Int64(),
    "household": pl.Int64(),
    "name": pl.String(),
    "is_twin": pl.Boolean(),
    "is_renamed": pl.Boolean(),
}
_TRUTH = ("linkage_domain", "person")
_INSURED = ("kokuho", "koki")


@dataclass(frozen=True)
class Kind:
    """Pairs of one person that agree ``within`` these fields and differ in ``differ``: what an event did to them."""

    kind: str
    what: str
    of: pl.Expr
    within: tuple[str, ...]
    differ: str


KINDS = (
    Kind("scheme", "国保と後期 (75歳・障害認定)", pl.col("scheme_group").is_in(_INSURED), (), "scheme_group"),
    Kind("move", "国保の保険者が異なる (転居)", pl.col("scheme_group") == "kokuho", (), "insurer_number"),
    Kind(
        "rejoining", "同じ保険者で番号が異なる (再加入)", pl.col("scheme_group") == "kokuho", ("insurer_number",),
        "insured_number",
    ),
    Kind("care", "介護と医療", pl.lit(True), (), "is_care"),
    Kind("care_move", "介護の保険者が異なる", pl.col("is_care"), (), "insurer_number"),
    Kind("rename", "氏名の変更", pl.col("is_renamed") & pl.col("name_kana").is_not_null(), (), "name_kana"),
    Kind("kana", "カナの表記ゆれ", ~pl.col("is_renamed") & pl.col("name_kana").is_not_null(), (), "name_kana"),
    Kind("no_name", "氏名のある記録とない記録", pl.lit(True), (), "has_name"),
    Kind(
        "missing_branch", "枝番の欠落", pl.col("scheme_group") == "kokuho", ("insurer_number", "insured_number"),
        "has_branch",
    ),
    Kind("wrong_birth", "生年月日の誤り", pl.lit(True), (), "is_birth_right"),
)  # fmt: skip


def figures(units: pl.DataFrame, people: pl.DataFrame) -> dict[str, Any]:
    """Counts and rates of one run.

    ``units``: ``UNIT_SCHEMA`` with ``group`` (a number; null where the identity is in none). ``people``:
    ``PEOPLE_SCHEMA``.
    """
    told = _told(units, people)
    true = pairs(told, *_TRUTH)
    found = pairs(told, *_TRUTH, "group")
    grouped = pairs(told, "group")
    record_true = record_pairs(told, *_TRUTH)
    record_found = record_pairs(told, *_TRUTH, "group")
    record_grouped = record_pairs(told, "group")
    by_person = told.group_by(_TRUTH).agg(groups=pl.col("group").n_unique())
    by_group = told.group_by("group").agg(persons=pl.col("person").n_unique())
    return {
        "persons": by_person.height,
        "groups": by_group.height,
        "identities": told.height,
        "records": int(told["rows"].sum()),
        "pairs": true,
        "found": found,
        "wrong": grouped - found,
        "precision": _rate(found, grouped),
        "recall": _rate(found, true),
        "record_precision": _rate(record_found, record_grouped),
        "record_recall": _rate(record_found, record_true),
        "persons_split": by_person.filter(pl.col("groups") > 1).height,
        "groups_mixed": by_group.filter(pl.col("persons") > 1).height,
        "cross_domain_pairs": pairs(told, "person") - true,
        "by_kind": [_of_kind(told, kind) for kind in KINDS] + [_of_twins(told)],
        "by_age": _by_age(told),
    }


def pairs(units: pl.DataFrame, *by: str) -> int:
    """Pairs of units that agree in ``by``."""
    counts = units.group_by(by).agg(n=pl.len().cast(pl.Int64))["n"]
    return int((counts * (counts - 1) // 2).sum())


def record_pairs(units: pl.DataFrame, *by: str) -> int:
    """Pairs of records that agree in ``by``, those of one identity included."""
    counts = units.group_by(by).agg(n=pl.col("rows").sum())["n"]
    return int((counts * (counts - 1) // 2).sum())


def across(units: pl.DataFrame, within: Sequence[str], differ: str, *more: str) -> int:
    """Pairs of one person that agree ``within`` (and in ``more``) and differ in ``differ``."""
    agreeing = (*_TRUTH, *more, *within)
    return pairs(units, *agreeing) - pairs(units, *agreeing, differ)


def _told(units: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    told = units.join(people, on="person", how="left")
    right = pl.col("birth_date") == pl.col("birth_date_right").cast(pl.String)
    return told.with_columns(
        is_care=pl.col("scheme_group") == "care",
        has_name=pl.col("name_kana").is_not_null(),
        has_branch=pl.col("branch").is_not_null(),
        is_birth_right=right,
        # What is compared often is compared as numbers.
        name_kana=pl.when(pl.col("name_kana").is_not_null()).then(pl.col("name_kana").hash()),
        insured_number=pl.col("insured_number").hash(),
        insurer_number=pl.col("insurer_number").hash(),
    )


def _of_kind(told: pl.DataFrame, kind: Kind) -> dict[str, Any]:
    own = told.filter(kind.of)
    true, found = across(own, kind.within, kind.differ), across(own, kind.within, kind.differ, "group")
    return _row(kind.kind, kind.what, true, found)


def _of_twins(told: pl.DataFrame) -> dict[str, Any]:
    own = told.filter("is_twin")
    return _row("twin", "双子の記録", pairs(own, *_TRUTH), pairs(own, *_TRUTH, "group"))


def _row(kind: str, what: str, true: int, found: int) -> dict[str, Any]:
    lost, recall = true - found, _rate(found, true)
    return {"kind": kind, "what": what, "pairs": true, "found": found, "lost": lost, "recall": recall}


def _by_age(told: pl.DataFrame) -> list[dict[str, Any]]:
    """By age at the month of reference; wrong pairs are those of two persons of one band."""
    band = pl.lit(None, pl.String)
    for low, name in AGE_BANDS:
        band = pl.when(pl.col("age") >= low).then(pl.lit(name)).otherwise(band)
    parts = told.with_columns(band=band).partition_by("band", as_dict=True)
    rows = []
    for _, name in AGE_BANDS:
        if (name,) not in parts:
            continue
        own = parts[name,]
        true, found, grouped = pairs(own, *_TRUTH), pairs(own, *_TRUTH, "group"), pairs(own, "group")
        rows.append(
            {
                "age_band": name, "pairs": true, "found": found, "wrong": grouped - found,
                "precision": _rate(found, grouped), "recall": _rate(found, true),
            }
        )  # fmt: skip
    return rows


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None

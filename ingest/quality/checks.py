"""What each table is checked for: every rule of its contract and of ``rules.csv``, as cases to be judged.

A rule of one column is a function of the value, so it is judged over *cases*: the distinct values of the column, or
whether there is one, by how much a number leaves its range, whether a rule of several columns holds. They are few
however many the rows, and those of all rules of a table are worked out in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import polars as pl

from ingest.formats.contracts import CONTRACTS, Column
from ingest.formats.numbered import distinct
from ingest.formats.reading import reasons
from ingest.quality.rules import PARENT, Rule, rules_of

FILE = "_file"  # beside the contract's columns where rows of several files are judged together
KINDS = ("required", "codes", "pattern", "range", "plausible")  # in order of telling
_MESSAGES = {
    "required": "必須の項目が空です",
    "codes": "コード表にないコードです",
    "pattern": "定められた形式ではありません",
    "range": "定められた範囲の数値ではありません",
}


@dataclass(frozen=True)
class Check:
    """One rule of one table: a column's ``kind`` of contract rule, or a plausibility ``rule``; ``order`` of telling."""

    table: str
    order: int
    kind: str
    column: Column | None
    rule: Rule | None = None

    @property
    def name(self) -> str:
        """Tells the check from every other one."""
        if self.rule is not None:
            return self.rule.rule_id
        assert self.column is not None
        return f"{self.table}.{self.column.name}.{self.kind}"

    def cases(self, frame: pl.DataFrame) -> pl.Series:
        """Per row of ``frame`` its case."""
        if self.rule is not None and self.rule.is_of_items:
            return ~self.rule.broken_items(frame, [FILE, PARENT] if FILE in frame.columns else [PARENT])
        return frame.select(self._case).to_series()

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that a case is made of; none of a rule of items."""
        return frozenset() if _looks_at_rows(self) else frozenset(self._case.meta.root_names())

    def distinct(self, values: pl.DataFrame) -> list[Any]:
        """The distinct cases of a frame of ``columns``, in which nothing needs to stand twice."""
        return values.select(self._case.unique()).to_series().to_list()

    def words(self) -> dict[str, str]:
        """What a finding says."""
        if self.rule is not None:
            rule = self.rule
            return {
                "rule_id": rule.rule_id,
                "severity": rule.severity,
                "field": rule.field,
                "reason_code": rule.reason_code,
                "message": rule.message_ja,
                "remedy": rule.remedy_ja,
            }
        assert self.column is not None
        return {
            "rule_id": self.name,
            "severity": "set_aside",
            "field": self.column.name,
            "reason_code": "contract",
            "message": _MESSAGES[self.kind],
            "remedy": reasons()["contract"].remedy_ja,
        }

    @cached_property
    def _case(self) -> pl.Expr:
        if self.rule is not None:
            return ~self.rule.broken()
        assert self.column is not None
        value = pl.col(self.column.name)
        if self.kind == "required":
            return value.is_not_null()
        if self.kind == "range":
            low, high = self.column.minimum, self.column.maximum
            over = value - high if high is not None else pl.lit(0)
            under = low - value if low is not None else pl.lit(0)
            return pl.max_horizontal(over, under, 0).cast(pl.Float64)
        return value


@cache
def checks(table: str) -> tuple[Check, ...]:
    """Everything that ``table`` is checked for: its contract in the order of the columns, then ``rules.csv``."""
    found: list[Check] = []
    for column in CONTRACTS[table].columns:
        stated = {
            "required": column.required,
            "codes": column.codes is not None,
            "pattern": column.pattern is not None,
            "range": column.minimum is not None or column.maximum is not None,
        }
        found += [Check(table, len(found) + at, kind, column) for at, kind in enumerate(k for k in stated if stated[k])]
    return (*found, *(Check(table, len(found) + at, "plausible", None, r) for at, r in enumerate(rules_of(table))))


def distinct_cases(
    table: str, frame: pl.DataFrame, right: Mapping[tuple[str, str], pl.Series] | None = None
) -> tuple[list[tuple[Check, list[Any]]], dict[str, pl.Series]]:
    """Every check of ``table`` with its distinct cases among the rows of ``frame``, and by column the values of which
    the cases of one column were made.

    ``right`` has by table and column values of which is known that they break no rule of their column: they are left
    out.
    """
    values = {name: distinct(frame.get_column(name)) for name in _judged_by_value(table)}
    for name, known in values.items():
        held = (right or {}).get((table, name))
        if held is not None:
            values[name] = known.filter(~known.is_in(held.implode(), nulls_equal=True))
    return [(one, _distinct(one, frame, values)) for one in checks(table)], values


@cache
def _judged_by_value(table: str) -> tuple[str, ...]:
    """The columns that have rules about their values alone."""
    single = [one.columns for one in checks(table) if one.kind != "required"]
    return tuple(dict.fromkeys(name for columns in single for name in columns if len(columns) == 1))


def _looks_at_rows(one: Check) -> bool:
    return one.rule is not None and one.rule.is_of_items


def _distinct(one: Check, frame: pl.DataFrame, values: Mapping[str, pl.Series]) -> list[Any]:
    if _looks_at_rows(one):
        return one.cases(frame).unique().to_list()
    if one.kind == "required":
        missing = frame.get_column(*one.columns).null_count()
        return [True] * (missing < frame.height) + [False] * (missing > 0)
    if len(one.columns) > 1:
        return one.distinct(frame.select(sorted(one.columns)))
    (name,) = one.columns
    return one.distinct(values[name].to_frame(name)) if len(values[name]) else []

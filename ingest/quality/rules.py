"""Plausibility rules as data (``rules.csv``): what is checked, how severely, with what words and source.

``severity`` decides: ``refuse`` the file, ``set_aside`` the row, or ``warn`` (the row is loaded and told of).
A rule whose value is missing holds: that something is required is said by the contract. Kinds:

* ``between``, ``item_between``  a number (of one examination item) within ``min`` and ``max``
* ``not_after``, ``month_not_after``  the first date is not after the second (of whose month all days count)
* ``since``          the date is not before ``date``
* ``age_at_most``    the second date is at most ``years`` after the first
* ``equal``          two numbers are the same
* ``check_digit``    the last digit checks the others (after ``skip`` digits), where the number has one of ``lengths``
* ``days_in_month``  a count of days is at most those of the month
* ``care_amount``    請求額 of care: units times the price of one (1/100 yen), times the rate (percent; 100 for the
  kinds of service in ``full``), each rounded down, within ``tolerance`` yen
* ``items_greater``, ``items_bmi``, ``items_calculated``  items of one examination held against each other; told at
  the first item. ``items_calculated``: the value of a ``method`` that calculates is the second item less a fifth of
  the third, within ``tolerance``, where the third is under ``limit``
* ``items_calculable``  the first item is not of that ``method`` where another one is ``limit`` or more
* ``share``          at most ``limit`` of the rows of a table and file set aside, where it has ``rows`` or more

``unless`` names a boolean column whose rows are left out; ``dated_by`` the date that ``valid_from`` and
``valid_to`` (both inclusive) speak of.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

RULES_FILE = Path(__file__).with_name("rules.csv")
SEVERITIES = ("refuse", "set_aside", "warn")
PARENT = "parent_source_row"


@dataclass(frozen=True)
class Rule:
    """One row of ``rules.csv``; see the module for what ``kind`` and ``parameters`` mean."""

    rule_id: str
    table_name: str
    kind: str
    fields: tuple[str, ...]
    parameters: dict[str, str]
    severity: str
    reason_code: str
    message_ja: str
    remedy_ja: str
    source: str
    mark: str
    dated_by: str
    valid_from: date | None
    valid_to: date | None

    @property
    def field(self) -> str:
        """The column that a finding names."""
        return "numeric_value" if self.kind.startswith("item") else self.fields[0]

    @property
    def is_of_items(self) -> bool:
        """Whether it holds several rows of one examination against each other."""
        return self.kind.startswith("items_")

    def broken(self) -> pl.Expr:
        """Whether a row breaks the rule; not of a rule of items."""
        holds = _HOLDS[self.kind](self)
        if self.valid_from is not None:
            holds |= pl.col(self.dated_by) < self.valid_from
        if self.valid_to is not None:
            holds |= pl.col(self.dated_by) > self.valid_to
        if "unless" in self.parameters:
            holds |= pl.col(self.parameters["unless"]).fill_null(False)
        return (~holds).fill_null(False)

    def broken_items(self, frame: pl.DataFrame, examination: list[str]) -> pl.Series:
        """Per row of ``frame`` whether it breaks a rule of items; rows of the same ``examination`` belong together."""
        return _broken_items(self, frame, examination)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of ``rules.csv``, in its order."""
    with RULES_FILE.open(encoding="utf-8", newline="") as handle:
        return tuple(_parsed(row) for row in csv.DictReader(handle))


def rules_of(table: str) -> list[Rule]:
    """The rules about rows of ``table``."""
    return [rule for rule in rules() if rule.table_name == table]


def share_rules() -> list[Rule]:
    """The rules about the share of a file's rows that are set aside."""
    return [rule for rule in rules() if rule.kind == "share"]


def _parsed(row: dict[str, str]) -> Rule:
    parameters = dict(part.split("=", 1) for part in row["parameters"].split(";") if part)
    days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("valid_from", "valid_to")}
    fields = tuple(name for name in row["fields"].split("|") if name)
    return Rule(**(row | days | {"parameters": parameters, "fields": fields}))  # type: ignore[arg-type]


# -- rules of one row --------------------------------------------------------------------------------
def _between(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]).is_between(float(rule.parameters["min"]), float(rule.parameters["max"]))


def _item_between(rule: Rule) -> pl.Expr:
    low, high = float(rule.parameters["min"]), float(rule.parameters["max"])
    return (pl.col("item_id") != rule.fields[0]) | pl.col("numeric_value").cast(pl.Float64).is_between(low, high)


def _not_after(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]) <= pl.col(rule.fields[1])


def _month_not_after(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]).dt.truncate("1mo") <= pl.col(rule.fields[1])


def _since(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]) >= date.fromisoformat(rule.parameters["date"])


def _age_at_most(rule: Rule) -> pl.Expr:
    birth, day = (pl.col(name) for name in rule.fields)
    month_and_day = birth.dt.month().cast(pl.Int32) * 100 + birth.dt.day()
    before_birthday = day.dt.month().cast(pl.Int32) * 100 + day.dt.day() < month_and_day
    return day.dt.year() - birth.dt.year() - before_birthday.cast(pl.Int32) <= int(rule.parameters["years"])


def _days_in_month(rule: Rule) -> pl.Expr:
    days, month = (pl.col(name) for name in rule.fields)
    return days <= month.dt.month_end().dt.day()


def _care_amount(rule: Rule) -> pl.Expr:
    benefit, units, price, rate, kind = (pl.col(name) for name in rule.fields)
    own = pl.when(kind.is_in(rule.parameters["full"].split("|"))).then(100).otherwise(rate)
    amount = (units * price // 100) * own // 100
    return (benefit - amount).abs() <= int(rule.parameters["tolerance"])


def _equal(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]) == pl.col(rule.fields[1])


def _check_digit(rule: Rule) -> pl.Expr:
    """From the right, the check digit apart, digits times 2, 1, 2, …; digits of the products summed to tens."""
    number = pl.col(rule.fields[0])
    skip = int(rule.parameters.get("skip", "0"))
    holds = pl.lit(None, dtype=pl.Boolean)
    for length in (int(text) for text in rule.parameters["lengths"].split("|")):
        total = pl.lit(0)
        for place in range(skip, length):
            digit = number.str.slice(place, 1).cast(pl.Int32, strict=False)
            doubled = digit * 2 - pl.when(digit > 4).then(9).otherwise(0)
            total = total + (doubled if (length - 1 - place) % 2 else digit)
        holds = pl.when(number.str.len_chars() == length).then(total % 10 == 0).otherwise(holds)
    return holds


_HOLDS: dict[str, Callable[[Rule], pl.Expr]] = {
    "between": _between,
    "item_between": _item_between,
    "not_after": _not_after,
    "month_not_after": _month_not_after,
    "since": _since,
    "age_at_most": _age_at_most,
    "days_in_month": _days_in_month,
    "care_amount": _care_amount,
    "equal": _equal,
    "check_digit": _check_digit,
}


# -- rules of several items of one examination -------------------------------------------------------
def _greater(rule: Rule) -> pl.Expr:
    return pl.col(rule.fields[0]) > pl.col(rule.fields[1])


def _bmi(rule: Rule) -> pl.Expr:
    bmi, height, weight = (pl.col(name) for name in rule.fields)
    # The printed value has one place, so a computed one may lie half a place beside it.
    return (bmi - weight / (height / 100) ** 2).abs() <= float(rule.parameters["tolerance"]) + 0.05


def _calculated(rule: Rule) -> pl.Expr:
    """Friedewald: LDL = 総コレステロール − HDL − 中性脂肪 / 5, where the first two make the non-HDL."""
    value, whole, fat = (pl.col(name) for name in rule.fields)
    is_measured = (pl.col(_METHOD) != rule.parameters["method"]).fill_null(True)
    return (
        is_measured
        | (fat >= float(rule.parameters["limit"]))
        | ((value - (whole - fat / 5)).abs() <= float(rule.parameters["tolerance"]))
    )


def _calculable(rule: Rule) -> pl.Expr:
    most = pl.max_horizontal(rule.fields[1:])
    return (pl.col(_METHOD) != rule.parameters["method"]).fill_null(True) | (most < float(rule.parameters["limit"]))


_METHOD = "_method"  # method of the first item
_HOLDS_OF_ITEMS: dict[str, Callable[[Rule], pl.Expr]] = {
    "items_greater": _greater,
    "items_bmi": _bmi,
    "items_calculated": _calculated,
    "items_calculable": _calculable,
}


def _broken_items(rule: Rule, frame: pl.DataFrame, examination: list[str]) -> pl.Series:
    named = frame.with_row_index("_row").filter(pl.col("item_id").is_in(list(rule.fields)))
    value = pl.col("numeric_value").cast(pl.Float64)
    found = (
        named.group_by(examination)
        .agg(
            *(value.filter(pl.col("item_id") == item).first().alias(item) for item in rule.fields),
            pl.col("_row").filter(pl.col("item_id") == rule.fields[0]).first().alias("_at"),
            pl.col("method_code").filter(pl.col("item_id") == rule.fields[0]).first().alias(_METHOD),
        )
        .filter(~_HOLDS_OF_ITEMS[rule.kind](rule))
    )
    return pl.Series(
        rule.rule_id, pl.int_range(frame.height, eager=True, dtype=pl.UInt32).is_in(found["_at"].implode())
    )

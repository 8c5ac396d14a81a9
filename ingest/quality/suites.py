"""The gate: Great Expectations over what the contracts and ``rules.csv`` state.

An expectation costs some 20 ms however few its rows, and a second for a million of them. So rules are
judged over *cases*: the distinct values of each ruled column (a rule of one column is a function of the
value), stacked for all tables under each other, each kind of rule one column of the stack. Five
expectations then judge a whole delivery, and a broken case leads back to its rows.

Results give row numbers of cases, never a value: the result format leaves the values out, so that no
name or number can reach a log through a validation result. Types are held by the frame itself
(``Contract.plain_schema``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.formats.contracts import CONTRACTS, Column
from ingest.formats.reading import reasons
from ingest.quality.rules import Rule, rules_of

if TYPE_CHECKING:
    from great_expectations.core.batch_definition import BatchDefinition

RESULT_FORMAT: dict[str, Any] = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": ["row_number"],
    "exclude_unexpected_values": True,
}

FINDINGS_SCHEMA: dict[str, pl.DataType] = {
    "row_number": pl.Int64(),
    "rule_id": pl.String(),
    "severity": pl.String(),
    "field": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "remedy": pl.String(),
}
FILE = "_file"  # beside the contract's columns where rows of several files are judged together
KINDS = ("required", "codes", "pattern", "range", "plausible")  # each a column of the stack, in order of telling
_CASE_SCHEMA: dict[str, pl.DataType] = {
    "required": pl.String(),
    "codes": pl.String(),
    "pattern": pl.String(),
    "range": pl.Int64(),
    "plausible": pl.Boolean(),
}
_FREE = {"required": pl.lit("-")}  # what another kind's expectation sees of a case: nothing to say against it
_MESSAGES = {
    "required": "必須の項目が空です",
    "codes": "コード表にないコードです",
    "pattern": "定められた形式ではありません",
    "range": "定められた範囲の数値ではありません",
}
_OF = "\x1f"  # between a column's name and its value in a stacked case


class ContractMismatch(Exception):
    """A reader gave a table whose columns or types are not those of its contract: a fault of ours."""


@dataclass(frozen=True)
class Check:
    """One rule of one table: a column's ``kind`` of contract rule, or a plausibility ``rule``."""

    table: str
    order: int
    kind: str
    column: Column | None
    rule: Rule | None = None

    def cases(self, frame: pl.DataFrame) -> pl.Series:
        """Per row of ``frame`` the case that the expectation of this kind judges."""
        if self.rule is not None:
            return ~self.rule.broken(frame, FILE if FILE in frame.columns else None)
        assert self.column is not None
        values = frame.get_column(self.column.name)
        if self.kind == "required":
            return values.is_null()
        if self.kind == "range":
            low, high = self.column.minimum, self.column.maximum
            value = pl.col(self.column.name)
            over = value - high if high is not None else pl.lit(0)
            under = low - value if low is not None else pl.lit(0)
            return frame.select(pl.max_horizontal(over, under, 0).alias(self.column.name)).to_series()
        return values

    def stacked(self, case: pl.Expr) -> pl.Expr:
        """A distinct case as it stands in the stack."""
        if self.kind == "required":
            return pl.when(~case).then(pl.lit("-"))
        if self.kind in ("codes", "pattern"):
            return pl.lit(self.place) + case.cast(pl.String)
        return case

    @property
    def place(self) -> str:
        return f"{self.table}.{self.column.name if self.column else ''}{_OF}"

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
            "rule_id": f"{self.table}.{self.column.name}.{self.kind}",
            "severity": "set_aside",
            "field": self.column.name,
            "reason_code": "contract",
            "message": _MESSAGES[self.kind],
            "remedy": reasons()["contract"].remedy_ja,
        }


def prepare() -> None:
    """Load the library, which takes seconds, while something else is being waited for."""
    _definition()
    _suite()


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


def check(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """``check_tables`` of one table."""
    return check_tables({table: frame})[table]


def check_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Rows of each frame (the plain form of its table, ``_file`` allowed beside it) that break a rule.

    Gives ``FINDINGS_SCHEMA``, sorted by ``row_number`` (position in the frame, from 0): of the rules that set a
    row aside the first one broken, and every rule that warns. Raises ContractMismatch on other columns or types.
    """
    stack: list[pl.DataFrame] = []
    judged: list[tuple[Check, pl.Series]] = []
    for table, frame in tables.items():
        _hold_schema(table, frame)
        if frame.is_empty():
            continue
        for one in checks(table):
            cases = one.cases(frame)
            distinct = cases.unique()
            judged.append((one, cases))
            others = [_FREE.get(kind, pl.lit(None)).alias(kind) for kind in KINDS if kind != one.kind]
            stack.append(
                distinct.alias("case")
                .to_frame()
                .with_columns(one.stacked(pl.col("case")).alias(one.kind), *others)
                .select(pl.lit(len(judged) - 1).alias("check"), pl.col("case").cast(pl.String), *KINDS)
                .cast(_CASE_SCHEMA)  # type: ignore[arg-type]
            )
    found: dict[str, list[pl.DataFrame]] = {table: [] for table in tables}
    if stack:
        whole = pl.concat(stack)
        for (number,), bad in whole[_broken(whole.select(*KINDS))].group_by(["check"], maintain_order=True):
            one, cases = judged[int(number)]
            rows = _rows_of(cases, bad.get_column("case"))
            found[one.table].append(
                pl.DataFrame({"row_number": rows}).with_columns(
                    pl.lit(one.order).alias("order"), *(pl.lit(text).alias(name) for name, text in one.words().items())
                )
            )
    return {table: _told(parts) for table, parts in found.items()}


def _hold_schema(table: str, frame: pl.DataFrame) -> None:
    schema = CONTRACTS[table].plain_schema()
    given = {name: dtype for name, dtype in frame.schema.items() if name != FILE}
    if given != schema:
        wrong = sorted({name for name, _ in set(schema.items()) ^ set(given.items())})
        raise ContractMismatch(f"{table}: columns or types differ: {', '.join(wrong)}")


def _rows_of(cases: pl.Series, broken: pl.Series) -> pl.Series:
    """Positions of the rows whose case is among the broken ones."""
    is_broken = cases.is_in(broken.cast(cases.dtype).implode()) if cases.dtype != pl.Boolean() else (
        cases == (broken[0] == "true")
    )  # fmt: skip
    return is_broken.fill_null(False).arg_true().cast(pl.Int64)


def _told(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    found = pl.concat(parts).sort("row_number", "order")
    stops = pl.col("severity") != "warn"
    first = found.filter(stops).unique("row_number", keep="first", maintain_order=True)
    return pl.concat([first, found.filter(~stops)]).sort("row_number", "order").select(*FINDINGS_SCHEMA)


def _broken(cases: pl.DataFrame) -> list[int]:
    """Numbers of the cases that break the expectation of their kind."""
    batch = _definition().get_batch(batch_parameters={"dataframe": cases.with_row_index("row_number").to_pandas()})
    numbers: set[int] = set()
    for result in _validate(batch):
        if result.exception_info.get("raised_exception", True):
            raise ContractMismatch(f"{result.expectation_config.kwargs['column']}: the rules could not be run")
        if not result.success:
            numbers.update(_row_numbers(result.result))
    return sorted(numbers)


def _validate(batch: Any) -> list[Any]:
    return list(batch.validate(_suite(), result_format=RESULT_FORMAT).results)


@cache
def _suite() -> Any:
    """One expectation a kind, made from the rules of every table."""
    gx = _great_expectations()
    gxe = gx.expectations
    every = [one for table in CONTRACTS for one in checks(table)]
    allowed = [
        one.place + code for one in every if one.kind == "codes" and one.column for code in one.column.codes or ()
    ]
    forms = [
        f"{re.escape(one.place)}(?:{_inner(one.column.pattern)})"
        for one in every
        if one.kind == "pattern" and one.column and one.column.pattern
    ]
    return gx.ExpectationSuite(
        name="gate",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="required"),
            gxe.ExpectColumnValuesToBeInSet(column="codes", value_set=allowed),
            gxe.ExpectColumnValuesToMatchRegex(column="pattern", regex=rf"^(?:{'|'.join(forms)})\Z"),
            gxe.ExpectColumnValuesToBeBetween(column="range", min_value=0, max_value=0),
            gxe.ExpectColumnValuesToBeInSet(column="plausible", value_set=[True]),
        ],
    )


def _inner(pattern: str) -> str:
    """The pattern without its ends: ``$`` alone lets a line break at the end pass."""
    return re.sub(r"\((?!\?)", "(?:", pattern.removeprefix("^").removesuffix("$"))


def _row_numbers(result: dict[str, Any]) -> list[int]:
    """Row numbers of a result; an index list is one dictionary of lists or one dictionary a row."""
    numbers: list[int] = []
    for entry in result["unexpected_index_list"]:
        number = entry["row_number"]
        if isinstance(number, list):
            numbers.extend(number)
        else:
            numbers.append(number)
    return numbers


@cache
def _great_expectations() -> Any:
    """The library, imported on first use (8 s) and with its usage statistics off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    import great_expectations

    return great_expectations


@cache
def _definition() -> BatchDefinition:
    """One ephemeral context for the process: nothing of it is written to disk."""
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("contracts").add_dataframe_asset("table")
    definition: BatchDefinition = asset.add_batch_definition_whole_dataframe("batch")
    return definition

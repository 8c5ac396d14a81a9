"""The gate: Great Expectations over what the contracts and ``rules.csv`` state.

An expectation costs some 20 ms however few its rows, and a second for a million of them. So rules are
judged over *cases* (``checks``), stacked for all tables under each other, each kind of rule one column of the
stack. Five expectations then judge a whole delivery, and a broken case leads back to its rows. A case that was
judged stands for the whole run: parts of a delivery that hold no new values are not held against the library again.

Results give row numbers of cases, never a value: the result format leaves the values out, so that no
name or number can reach a log through a validation result. Types are held by the frame itself
(``Contract.plain_schema``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.quality.checks import FILE, KINDS, Check, checks, distinct_cases

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
_OF = "\x1f"  # between a column's name and its value in a stacked case
_COLUMNS: dict[str, pl.DataType] = {
    "required": pl.String(),
    "codes": pl.String(),
    "pattern": pl.String(),
    "range": pl.Float64(),
    "plausible": pl.Boolean(),
}
"""A kind of rule is a column of the stack; what it sees of the cases of other kinds says nothing against them."""
_FREE: dict[str, Any] = {"required": "-"}
_FEW = 10_000  # values of a column: to find a value among more of them costs more than its case
_REMEMBERED = 1_000_000  # cases: a column full of wrong values shall not fill the memory


class ContractMismatch(Exception):
    """A reader gave a table whose columns or types are not those of its contract: a fault of ours."""


def prepare() -> None:
    """Load the library, which takes seconds, while something else is being waited for."""
    _definition()
    _suite(KINDS)


def check(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """``Gate.check_tables`` of one table, by a gate of its own."""
    return Gate().check_tables({table: frame})[table]


class Gate:
    """The rules, and what was found of each case: what was judged once is not judged again."""

    def __init__(self) -> None:
        self._holds: dict[tuple[str, Any], bool] = {}
        self._right: dict[tuple[str, str], pl.Series] = {}  # by table and column values that break no rule of it

    def check_tables(self, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Rows of each frame (the plain form of its table, ``_file`` allowed beside it) that break a rule.

        Gives ``FINDINGS_SCHEMA``, sorted by ``row_number`` (position in the frame, from 0): of the rules that set a
        row aside the first one broken, and every rule that warns. Raises ContractMismatch on other columns or types.
        """
        for table, frame in tables.items():
            _hold_schema(table, frame)
        every: list[tuple[Check, list[Any]]] = []
        new: dict[tuple[str, str], pl.Series] = {}
        for table, frame in tables.items():
            asked, values = distinct_cases(table, frame, self._right)
            every += asked
            new |= {(table, name): found for name, found in values.items() if len(found)}
        self._judge([(one, case) for one, cases in every for case in cases if (one.name, case) not in self._holds])
        found: dict[str, list[pl.DataFrame]] = {table: [] for table in tables}
        for one, cases in every:
            broken = [case for case in cases if not self._holds[one.name, case]]
            if broken:
                for name in one.columns:
                    new.pop((one.table, name), None)
                found[one.table].append(_findings(one, one.cases(tables[one.table]).is_in(broken, nulls_equal=True)))
        self._note_right(new)
        if len(self._holds) > _REMEMBERED:
            self._holds.clear()
        return {table: _told(parts) for table, parts in found.items()}

    def _note_right(self, new: Mapping[tuple[str, str], pl.Series]) -> None:
        """Values of which no rule of their column was broken need not be looked at again, where they are few."""
        for place, values in new.items():
            known = pl.concat([self._right[place], values]) if place in self._right else values
            if len(known) <= _FEW:
                self._right[place] = known

    def _judge(self, new: list[tuple[Check, Any]]) -> None:
        broken = _broken(new) if new else set()
        self._holds.update({(one.name, case): number not in broken for number, (one, case) in enumerate(new)})


def _hold_schema(table: str, frame: pl.DataFrame) -> None:
    schema = CONTRACTS[table].plain_schema()
    given = {name: dtype for name, dtype in frame.schema.items() if name != FILE}
    if given != schema:
        wrong = sorted({name for name, _ in set(schema.items()) ^ set(given.items())})
        raise ContractMismatch(f"{table}: columns or types differ: {', '.join(wrong)}")


def _findings(one: Check, is_broken: pl.Series) -> pl.DataFrame:
    """The rows where it is so, as findings of a check, with its order of telling."""
    rows = is_broken.arg_true().cast(pl.Int64).alias("row_number").to_frame()
    words = (pl.lit(text).alias(name) for name, text in one.words().items())
    return rows.with_columns(pl.lit(one.order).alias("order"), *words)


def _told(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    found = pl.concat(parts).sort("row_number", "order")
    stops = pl.col("severity") != "warn"
    first = found.filter(stops).unique("row_number", keep="first", maintain_order=True)
    return pl.concat([first, found.filter(~stops)]).sort("row_number", "order").select(*FINDINGS_SCHEMA)


def _broken(cases: list[tuple[Check, Any]]) -> set[int]:
    """Numbers of the cases that break the expectation of their kind."""
    kinds = tuple(kind for kind in KINDS if any(one.kind == kind for one, _ in cases))
    batch = _definition().get_batch(batch_parameters={"dataframe": _stack(cases, kinds).to_pandas()})
    numbers: set[int] = set()
    for result in _validate(batch, kinds):
        if result.exception_info.get("raised_exception", True):
            raise ContractMismatch(f"{result.expectation_config.kwargs['column']}: the rules could not be run")
        if not result.success:
            numbers.update(_row_numbers(result.result))
    return numbers


def _stack(cases: list[tuple[Check, Any]], kinds: tuple[str, ...]) -> pl.DataFrame:
    """The cases under each other, each in the column of its kind, with their numbers."""
    columns = {
        kind: [_stacked(one, case) if one.kind == kind else _FREE.get(kind) for one, case in cases] for kind in kinds
    }
    stack = pl.DataFrame(columns, schema={kind: _COLUMNS[kind] for kind in kinds})
    return stack.with_row_index("row_number")


def _stacked(one: Check, case: Any) -> Any:
    """A case as it stands in the stack: a value beside its column, since each column has values of its own."""
    if one.kind == "required":
        return "-" if case else None
    if one.kind in ("codes", "pattern"):
        return None if case is None else _place(one) + case
    return case


def _place(one: Check) -> str:
    return f"{one.name}{_OF}"


def _validate(batch: Any, kinds: tuple[str, ...]) -> list[Any]:
    return list(batch.validate(_suite(kinds), result_format=RESULT_FORMAT).results)


@cache
def _suite(kinds: tuple[str, ...]) -> Any:
    """The expectations of these kinds, one each."""
    return _great_expectations().ExpectationSuite(name="gate", expectations=[_expectations()[kind] for kind in kinds])


@cache
def _expectations() -> dict[str, Any]:
    """One expectation a kind, made from the rules of every table."""
    gxe = _great_expectations().expectations
    every = [one for table in CONTRACTS for one in checks(table)]
    allowed = [
        _place(one) + code for one in every if one.kind == "codes" and one.column for code in one.column.codes or ()
    ]
    forms = [
        f"{re.escape(_place(one))}(?:{_inner(one.column.pattern)})"
        for one in every
        if one.kind == "pattern" and one.column and one.column.pattern
    ]
    return {
        "required": gxe.ExpectColumnValuesToNotBeNull(column="required"),
        "codes": gxe.ExpectColumnValuesToBeInSet(column="codes", value_set=allowed),
        "pattern": gxe.ExpectColumnValuesToMatchRegex(column="pattern", regex=rf"^(?:{'|'.join(forms)})\Z"),
        "range": gxe.ExpectColumnValuesToBeBetween(column="range", min_value=0, max_value=0),
        "plausible": gxe.ExpectColumnValuesToBeInSet(column="plausible", value_set=[True]),
    }


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

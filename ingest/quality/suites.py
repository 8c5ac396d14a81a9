"""Great Expectations suites made from the contract tables: the rules are stated once, there.

``check`` runs the suite of one table over one pandas batch and says which rows break which rule. It
gives row numbers and column names, never a value: the result format leaves the values out, so that
no name or number can reach a log through a validation result.

Types are held by the frame itself (``Contract.plain_schema``), the rest by expectations: not null
(``required``), codes, pattern, range.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from ingest.formats.contracts import CONTRACTS, Column

if TYPE_CHECKING:
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations import Expectation

RESULT_FORMAT: dict[str, Any] = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": ["row_number"],
    "exclude_unexpected_values": True,
}

FINDINGS_SCHEMA: dict[str, pl.DataType] = {"row_number": pl.Int64(), "field": pl.String(), "message": pl.String()}


class ContractMismatch(Exception):
    """A reader gave a table whose columns or types are not those of its contract: a fault of ours."""


def prepare() -> None:
    """Load the library, which takes seconds, while something else is being waited for."""
    _definition()


def expectations(table: str) -> list[Expectation]:
    """The expectations that the contract of ``table`` states, in the order of its columns."""
    return [expectation for column in CONTRACTS[table].columns for expectation in _of_column(column)]


def check(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``frame`` (the plain form of ``table``) that break its contract.

    Gives row_number (position in ``frame``, from 0), field and message, one row a broken row: the
    first broken column in the order of the contract. Raises ContractMismatch on other columns or types.
    """
    schema = CONTRACTS[table].plain_schema()
    if dict(frame.schema) != schema:
        wrong = sorted(set(schema.items()) ^ set(frame.schema.items()), key=str)
        raise ContractMismatch(f"{table}: columns or types differ: {', '.join(sorted({name for name, _ in wrong}))}")
    rules = expectations(table)
    if frame.is_empty() or not rules:
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    ruled = list(dict.fromkeys(str(rule.column) for rule in rules))  # type: ignore[attr-defined]
    batch = _definition().get_batch(
        batch_parameters={"dataframe": frame.select(ruled).with_row_index("row_number").to_pandas()}
    )
    found: list[pl.DataFrame] = []
    for order, result in enumerate(_validate(batch, table, rules)):
        if result.exception_info.get("raised_exception", True):
            raise ContractMismatch(f"{table}.{result.expectation_config.kwargs['column']}: the rule could not be run")
        if result.success:
            continue
        column = result.expectation_config.kwargs["column"]
        found.append(
            pl.DataFrame({"row_number": _row_numbers(result.result)}, schema={"row_number": pl.Int64()}).with_columns(
                order=pl.lit(order),
                field=pl.lit(column),
                message=pl.lit(_MESSAGES[result.expectation_config.type]),
            )
        )
    if not found:
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    return (
        pl.concat(found)
        .sort("row_number", "order")
        .unique("row_number", keep="first", maintain_order=True)
        .select(*FINDINGS_SCHEMA)
    )


_MESSAGES = {
    "expect_column_values_to_not_be_null": "必須の項目が空です",
    "expect_column_values_to_be_in_set": "コード表にないコードです",
    "expect_column_values_to_match_regex": "定められた形式ではありません",
    "expect_column_values_to_be_between": "定められた範囲の数値ではありません",
}


def _of_column(column: Column) -> list[Expectation]:
    gxe = _great_expectations().expectations
    rules: list[Expectation] = []
    if column.required:
        rules.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name))
    if column.codes is not None:
        rules.append(gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.codes)))
    if column.pattern is not None:
        rules.append(gxe.ExpectColumnValuesToMatchRegex(column=column.name, regex=_whole(column.pattern)))
    if column.minimum is not None or column.maximum is not None:
        rules.append(
            gxe.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.minimum, max_value=column.maximum)
        )
    return rules


def _whole(pattern: str) -> str:
    """The pattern over the whole value: ``$`` alone lets a line break at the end pass."""
    ungrouped = re.sub(r"\((?!\?)", "(?:", pattern.removeprefix("^").removesuffix("$"))
    return rf"^(?:{ungrouped})\Z"


def _validate(batch: Any, table: str, rules: list[Expectation]) -> list[Any]:
    suite = _great_expectations().ExpectationSuite(name=table, expectations=rules)
    return list(batch.validate(suite, result_format=RESULT_FORMAT).results)


def _row_numbers(result: dict[str, Any]) -> list[int]:
    """Row numbers of a result; an index list is one dictionary of lists or one dictionary a row."""
    listed = result["unexpected_index_list"]
    numbers: list[int] = []
    for entry in listed:
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

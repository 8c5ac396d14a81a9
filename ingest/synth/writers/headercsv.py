"""Writes a contract table as a CSV with a heading, in the order and spellings of its layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ingest.formats.contracts import Contract
from ingest.formats.csvlayout import LayoutColumn, layout
from ingest.synth.writers.text import (
    DateStyle,
    Encoding,
    date_text,
    heading_text,
    month_text,
    plain,
    save,
    table_text,
    wide,
)

OPEN_ENDED = ("lost_date", "applied_end_date")
WIDE_COLUMNS = ("symbol", "number", "previous_symbol", "previous_number")


def write_header_csv(
    table: pl.DataFrame,
    path: Path,
    contract: Contract,
    layout_name: str,
    *,
    dates: DateStyle,
    encoding: Encoding,
    is_quoted: bool,
    is_wide: bool,
    spelling: int,
    headings: Mapping[str, str] | None = None,
) -> None:
    """The rows of ``table`` in their order; ``spelling`` picks the heading's how-manieth spelling.

    ``headings`` by contract column, in their order, stand in place of those of the layout.

    ValueError where the table holds a value that the layout has no column for.
    """
    columns = [c for c in layout(layout_name) if c.contract_column and ":" not in c.contract_column]
    if headings:
        by_name = {c.contract_column: c for c in columns}
        columns = [by_name[name] for name in headings]
    derived = {"source_row", "scheme_code", "previous_scheme_code"}
    held = {c.contract_column for c in columns} | derived
    lost = [name for name in contract.names() if name not in held and table[name].null_count() < table.height]
    if lost:
        raise ValueError(f"layout {layout_name} has no column for {lost}")
    text = table.select(
        _text(c, contract, dates, is_wide=is_wide).alias(f"f{number}") for number, c in enumerate(columns)
    )
    named = headings or {c.contract_column: c.spellings[min(spelling, len(c.spellings) - 1)] for c in columns}
    save(
        heading_text(list(named.values()), is_quoted=is_quoted) + table_text(text, is_quoted=is_quoted), path, encoding
    )


def _text(column: LayoutColumn, contract: Contract, dates: DateStyle, *, is_wide: bool) -> pl.Expr:
    name = column.contract_column
    value = pl.col(name)
    if column.kind == "month":
        return month_text(value)
    if contract.column(name).dtype == "date":
        return date_text(value, dates, is_birth=name == "birth_date", is_open_ended=name in OPEN_ENDED)
    if column.kind == "deleted":
        return value.cast(pl.Int8).cast(pl.String).fill_null("")
    if column.kind == "age_band":
        band = value.str.replace(r"^0?(\d+)-0?(\d+)$", "${1}～${2}歳")
        return band.str.replace(r"^(\d+)\+$", "${1}歳以上").fill_null("")
    if is_wide and name in WIDE_COLUMNS:
        return wide(plain(value))
    return plain(value)

"""Writes FKAC167, the wide CSV of 健診 results, in the editions of 2013, 2018 and 2024."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.csvlayout import LayoutColumn, fold, layout
from ingest.formats.fkac167 import FILE_NAME
from ingest.formats.fkac167_results import FLAG_PREFIX, NOT_DONE, NOT_MEASURABLE, items
from ingest.synth.writers.text import (
    DateStyle,
    Encoding,
    date_text,
    decimal_text,
    heading_text,
    plain,
    save,
    table_text,
    wide,
)

Edition = Literal["term2", "term3", "term4"]


def items_of(edition: Edition) -> list[str]:
    """The items that an edition has a column for."""
    return list(_item_columns(edition))


def _columns(edition: Edition) -> list[LayoutColumn]:
    return [c for c in layout("fkac167") if c.edition == edition]


def _item_columns(edition: Edition) -> dict[str, str]:
    """The heading of each item of an edition."""
    headings = {fold(c.column_name): c.column_name for c in _columns(edition) if c.occurrence == 1}
    found: dict[str, str] = {}
    for item in items():
        for name in item.headings:
            if fold(name) in headings:
                found.setdefault(item.item_id, headings[fold(name)])
    return found


def write_fkac167(
    checkup: pl.DataFrame,
    results: pl.DataFrame,
    path: Path,
    *,
    edition: Edition = "term4",
    dates: Literal["seireki", "wareki"] = "wareki",
    encoding: Encoding = "cp932",
    is_quoted: bool = False,
    is_wide: bool = False,
) -> None:
    """Plain frames of ``checkup`` and ``checkup_result`` (``parent_source_row`` = ``source_row`` of its checkup).

    The file has one 作成年月日: ValueError where ``created_date`` differs between rows, where a result is of
    an item that the edition has no column for, or a value stands where the edition has none (枝番 in term2).
    """
    created = checkup["created_date"].unique()
    if created.len() != 1:
        raise ValueError("a file has one created_date")
    by_item = _item_columns(edition)
    strange = set(results["item_id"].unique()) - set(by_item)
    if strange:
        raise ValueError(f"edition {edition} has no column for {sorted(strange)}")
    columns = _columns(edition)
    held = {c.contract_column for c in columns}
    lost = [name for name in ("branch", "is_deleted") if name not in held and _says_something(checkup[name])]
    if lost:
        raise ValueError(f"edition {edition} has no column for {lost}")
    cells = _wide_results(results)
    rows = checkup.join(cells, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left")
    item_of = {heading: item for item, heading in by_item.items()}
    fields = [
        _field(c, item_of, set(rows.columns), dates, is_wide=is_wide).alias(f"f{number}")
        for number, c in enumerate(columns)
    ]
    title = heading_text(["1", FILE_NAME, created[0].strftime("%Y%m%d")], is_quoted=is_quoted)
    heading = heading_text([c.column_name for c in columns], is_quoted=is_quoted)
    save(title + heading + table_text(rows.select(fields), is_quoted=is_quoted), path, encoding)


def _says_something(column: pl.Series) -> bool:
    return bool(column.any()) if column.dtype == pl.Boolean else column.null_count() < column.len()


def _wide_results(results: pl.DataFrame) -> pl.DataFrame:
    """One row a checkup: ``value_<item>`` and ``flag_<item>`` as printed."""
    status = pl.col("status_code")
    value = (
        pl.when(status == "not_done")
        .then(pl.lit(NOT_DONE[0]))
        .when(status == "not_measurable")
        .then(pl.lit(NOT_MEASURABLE[0]))
        .otherwise(pl.coalesce(decimal_text(pl.col("numeric_value")), pl.col("code_value")))
    )
    flag = pl.when(status == "high").then(pl.lit("H")).when(status == "low").then(pl.lit("L"))
    return results.select("parent_source_row", "item_id", value.alias("value"), flag.alias("flag")).pivot(
        on="item_id", index="parent_source_row", values=["value", "flag"]
    )


def _field(
    column: LayoutColumn, item_of: dict[str, str], present: set[str], dates: DateStyle, *, is_wide: bool
) -> pl.Expr:
    name = column.contract_column
    heading = column.column_name
    if name in ("insurer_number", "insurer_number:union"):
        is_union = pl.col("scheme_code") == "koki"
        if name == "insurer_number:union":
            # 広域連合: 39, prefecture, 0000 in place of the municipality's part (unverified).
            return pl.when(is_union).then(pl.col("insurer_number").str.slice(0, 4) + "0000").otherwise(pl.lit(""))
        return pl.col("insurer_number").str.zfill(8).fill_null("")
    if name == "birth_date:era":
        era = date_text(pl.col("birth_date"), "wareki").str.slice(0, 1)
        return era if dates == "wareki" else pl.lit("")
    if name == "birth_date":
        printed = date_text(pl.col("birth_date"), dates)
        return printed.str.slice(1) if dates == "wareki" else printed
    if name == "exam_date":
        return date_text(pl.col("exam_date"), "seireki")
    if name == "is_deleted":
        return pl.col("is_deleted").cast(pl.Int8).cast(pl.String)
    if name in ("symbol", "number") and is_wide:
        return wide(plain(pl.col(name)))
    if name:
        return plain(pl.col(name))
    kind = "flag" if heading.startswith(FLAG_PREFIX) else "value"
    item = item_of.get(heading.removeprefix(FLAG_PREFIX)) if column.occurrence == 1 else None
    printed_name = f"{kind}_{item}"
    return pl.col(printed_name).fill_null("") if printed_name in present else pl.lit("")

"""Layouts of CSV formats as data: which column of a file is which column of a contract, and its kind.

A layout is a CSV file in ``layouts/``. Most are written from general knowledge of the field and marked
``is_verified`` false: whoever holds the specification corrects the file, not the code.

By heading (extracts of municipal systems, FKAC167): ``column_name`` holds the spellings a heading may
have, the printed one first, joined by ``|``; ``occurrence`` tells equal headings apart.
By position (国保連 interchange records): ``record_code`` and ``position``, 1-based.
``preference`` orders the columns that may fill one contract column: the first that is not blank counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from ingest.formats import cells
from ingest.formats.cells import Cell
from ingest.formats.eras import FIRST_YEAR
from ingest.formats.layout_files import layout_cache, layout_rows


@dataclass(frozen=True)
class LayoutColumn:
    """One column of a layout; ``contract_column`` is empty where the column is known but not carried."""

    column_name: str
    contract_column: str
    kind: str
    is_verified: bool
    source: str
    spellings: tuple[str, ...]
    occurrence: int = 1
    is_needed: bool = False
    record_code: str = ""
    position: int = 0
    preference: int = 1
    edition: str = ""


@layout_cache
def layout(name: str) -> tuple[LayoutColumn, ...]:
    """The layout ``layouts/<name>.csv``, or the one that a site has put in its place."""
    return tuple(_column(row) for row in layout_rows(name))


def _column(row: dict[str, str]) -> LayoutColumn:
    spellings = tuple(row["column_name"].split("|"))
    return LayoutColumn(
        column_name=spellings[0],
        contract_column=row["contract_column"],
        kind=row["type"],
        is_verified=row["is_verified"] == "true",
        source=row["source"],
        spellings=spellings,
        occurrence=int(row.get("occurrence") or 1),
        is_needed=row.get("is_needed") == "true",
        record_code=row.get("record_code", ""),
        position=int(row.get("position") or 0),
        preference=int(row.get("preference") or 1),
        edition=row.get("edition", ""),
    )


@lru_cache(maxsize=4096)  # every reader asks of every file, and the headings are the same each month
def fold(heading: str) -> str:
    """A heading as compared: NFKC, no blanks, one kind of dash, upper case."""
    text = unicodedata.normalize("NFKC", heading)
    return re.sub(r"[‐‑‒–—―−ー－~〜]", "-", re.sub(r"\s", "", text)).upper()


def occurrences(headings: Sequence[str]) -> dict[tuple[str, int], int]:
    """1-based position of each (folded heading, its how-manieth occurrence)."""
    seen: dict[str, int] = {}
    found: dict[tuple[str, int], int] = {}
    for position, heading in enumerate(headings, start=1):
        name = fold(heading)
        seen[name] = seen.get(name, 0) + 1
        found[(name, seen[name])] = position
    return found


def place(columns: Sequence[LayoutColumn], headings: Sequence[str]) -> dict[str, tuple[LayoutColumn, int]]:
    """Layout column and position in the file of each contract column that the headings hold."""
    where = occurrences(headings)
    placed: dict[str, tuple[LayoutColumn, int]] = {}
    for column in columns:
        for spelling in column.spellings:
            position = where.get((fold(spelling), column.occurrence))
            if position is not None and column.contract_column:
                placed.setdefault(column.contract_column, (column, position))
    return placed


def holds_needed(columns: Sequence[LayoutColumn], headings: Sequence[str]) -> bool:
    """Whether the headings hold every column that the layout needs to recognise the format."""
    placed = place(columns, headings)
    return all(column.contract_column in placed for column in columns if column.is_needed)


def unknown_headings(columns: Sequence[LayoutColumn], headings: Sequence[str]) -> list[str]:
    """Headings that the layout does not know at all."""
    known = {fold(spelling) for column in columns for spelling in column.spellings}
    return [heading for heading in headings if heading.strip() and fold(heading) not in known]


PLAIN_KINDS = {
    "text": cells.CLEANED,
    "symbol_and_number": cells.CLEANED,
    "printed": cells.PRINTED,
    "integer": cells.WHOLE,
    "date": cells.DAY,
}
"""Types whose value is the field itself, or a whole number or a date that it holds."""


def cell(column: str, kind: str, text: pl.Expr, label: str, era: pl.Expr | None = None) -> Cell:
    """The cell of a contract column from its raw text, by the layout's ``type``.

    Types: text, printed, symbol_and_number, integer, decimal, date, month, insurer, sex, municipality,
    branch, deleted, address_exception, age_band, care_level, insured_class, year, service_type and
    service_item (サービスコード of 6 characters: kind of service and item). KeyError on a type that we do
    not know.
    """
    tidy = cells.printed(text) if kind == "printed" else cells.clean(text)
    if kind in ("service_type", "service_item"):
        tidy = tidy.str.slice(0, 2) if kind == "service_type" else tidy.str.slice(2)
    if kind in ("date", "month"):
        tidy = cells.blank_where_open(tidy)
    if kind == "date" and era is not None:
        tidy = cells.joined_with_era(tidy, cells.clean(era))
    own = cells.text_of(column)
    values: dict[str, Callable[[], pl.Expr]] = {
        "text": lambda: own,
        "printed": lambda: own,
        "symbol_and_number": lambda: own,
        "integer": lambda: cells.integer_value(own),
        "decimal": lambda: cells.decimal_value(own),
        "date": lambda: cells.date_value(own),
        "month": lambda: cells.month_value(own),
        "insurer": lambda: cells.insurer_value(own),
        "sex": lambda: cells.sex_value(own),
        "municipality": lambda: cells.municipality_value(own),
        "branch": lambda: own.str.zfill(2),
        "deleted": lambda: cells.flag_value(own, ("1", "9", "削除"), ("0",)),
        "address_exception": lambda: cells.flag_value(own, ("1",), ("0", "2")),
        "age_band": lambda: age_band_value(own),
        "care_level": lambda: own.str.zfill(2),
        "insured_class": lambda: own.str.replace(r"^第?([12])号(?:被保険者)?$", "$1"),
        "year": lambda: year_value(own),
        "service_type": lambda: own,
        "service_item": lambda: own,
    }
    plain = PLAIN_KINDS.get(kind, "")
    fields = [name for part in (text, era) if part is not None for name in part.meta.root_names()]
    return Cell(column, tidy, values[kind](), label, plain, tuple(fields) if plain else ())


def year_value(text: pl.Expr) -> pl.Expr:
    """Western year of 2024, 2024年, 令和6年, R6; null where it is none, or one before the first era."""
    western = text.str.extract(r"^(\d{4})年?$", 1).cast(pl.Int64, strict=False)
    era = cells.date_value(text.str.strip_suffix("年") + "年1月1日").dt.year().cast(pl.Int64)
    year = pl.coalesce(western, era)
    return pl.when(year >= FIRST_YEAR).then(year)


def age_band_value(text: pl.Expr) -> pl.Expr:
    """年齢階級 as 40-44 or 95+ of 40～44歳, 40-44, 95歳以上, 95+; null where it is none."""
    bare = text.str.replace_all(r"[歳才\s]", "").str.replace(r"[~〜‐−ー－]", "-")
    first = bare.str.extract(r"^(\d{1,3})(?:-|\+|以上|$)", 1)
    last = bare.str.extract(r"^\d{1,3}-(\d{1,3})$", 1)
    return (
        pl.when(last.is_not_null())
        .then(first.str.zfill(2) + "-" + last.str.zfill(2))
        .when(bare.str.contains(r"^\d{1,3}(?:\+|以上)$"))
        .then(first + "+")
    )

"""The shape of a table of counts: columns of its file, and of the sealed tables that it becomes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

COLUMNS = Path(__file__).with_name("columns.csv")
STREAM = "statistics"
FORMAT = "statistics_csv"
KIND = "statistics"
"""Kind of the batch, and the stream of its files."""
EVERYWHERE = "00"
"""Prefecture of a sender that may speak of the whole country (public tables); it has no insurers, so no persons."""
_BOM = "\ufeff"  # so that a spreadsheet opens the template as UTF-8

CELL: dict[str, pl.DataType] = {
    "indicator_id": pl.String(),
    "definition_version": pl.Int64(),
    "period_kind": pl.String(),
    "period": pl.Date(),
    "scheme_code": pl.String(),
    "class_code": pl.String(),
    "area_level": pl.String(),
    "area_id": pl.String(),
    "sex_code": pl.String(),
    "age_band_code": pl.String(),
}
"""What names one figure."""

MEASURES = (
    "numerator", "denominator", "contributor_count", "denominator_contributor_count", "largest_contribution",
    "insurers_count",
)  # fmt: skip
SUMMED = MEASURES[:4]
"""Measures whose sums are signed into the control totals."""

STATISTIC: dict[str, pl.DataType] = (
    {"source_file_id": pl.String(), "source_row": pl.Int64()} | CELL | {name: pl.Int64() for name in MEASURES}
)
"""One figure of a sender, as it is sealed."""

SOURCE: dict[str, pl.DataType] = {
    "source_id": pl.String(),
    "source_name": pl.String(),
    "publisher": pl.String(),
    "source_url": pl.String(),
    "source_year": pl.Int64(),
    "created_date": pl.Date(),
    "version_number": pl.Int64(),
    "is_generated": pl.Boolean(),
}
STATISTIC_SOURCE: dict[str, pl.DataType] = {"source_file_id": pl.String()} | SOURCE
"""Where the figures of one file come from; a file has one source."""


@dataclass(frozen=True)
class FileColumn:
    """One column of the file: ``headings`` in the order of preference, ``kind`` of what stands in it."""

    column_name: str
    headings: tuple[str, ...]
    kind: str  # text, count, period, date, flag
    is_needed: bool
    example: str
    note_ja: str
    note_en: str

    @property
    def heading(self) -> str:
        """The heading as the template prints it."""
        return self.headings[0]


@cache
def columns() -> tuple[FileColumn, ...]:
    """The columns of a file, in the order of the template."""
    with COLUMNS.open(encoding="utf-8", newline="") as stream:
        return tuple(
            FileColumn(
                row["column_name"], tuple(row["headings"].split("|")), row["kind"], row["is_needed"] == "true",
                row["example"], row["note_ja"], row["note_en"],
            )
            for row in csv.DictReader(stream)
        )  # fmt: skip


def heading(column_name: str) -> str:
    """How a column is called in messages."""
    return next(column.heading for column in columns() if column.column_name == column_name)


def template() -> str:
    """A CSV with the headings and one line as an example."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.heading for column in columns()])
    writer.writerow([column.example for column in columns()])
    return _BOM + stream.getvalue()

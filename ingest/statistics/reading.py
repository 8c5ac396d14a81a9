"""From the bytes of a table of counts to its rows, or its refusal with every fault.

A file is taken whole or not at all: it takes the place of what stood of its source, so a row left out would be an area
that is missing from every sum above it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from ingest.formats import csvtext
from ingest.formats.csvlayout import fold
from ingest.formats.reading import FileRefused
from ingest.reference.errors import Fault, ReferenceRefused
from ingest.statistics import checks
from ingest.statistics.columns import CELL, MEASURES, SOURCE, FileColumn, columns
from ingest.statistics.faults import TEXT, Finding, faults_of

HEAD_BYTES = 4096
_SPREADSHEET = "表計算ソフトで CSV UTF-8 として保存し直してください"
_TEMPLATE = "`tsumugi statistics template` の見出しに合わせてください"
_MARKS = tuple(
    spelling.encode(encoding)
    for column in columns()
    if column.column_name == "largest_contribution"
    for spelling in column.headings
    for encoding in csvtext.READ_ENCODINGS
)


class StatisticsRefused(ReferenceRefused):
    """Nothing of the file was taken; ``records`` says how many rows it has."""

    def __init__(self, file_name: str, faults: Iterable[Fault], rows: int = 0) -> None:
        super().__init__(file_name, list(faults))
        self.records = {"statistic": rows}


@dataclass(frozen=True)
class StatisticsFile:
    """A table of counts as read.

    ``rows``    ``source_row`` (line), the columns of ``CELL`` and ``MEASURES``
    ``source``  one row of ``SOURCE``
    """

    file_name: str
    sha256: str
    rows: pl.DataFrame
    source: pl.DataFrame

    @property
    def months(self) -> list[str]:
        """Periods that the file speaks of, by their first month: YYYY-MM."""
        return sorted({f"{day:%Y-%m}" for day in self.rows["period"].to_list()})


def is_statistics(head: bytes) -> bool:
    """Whether the first bytes of a file are the heading of a table of counts."""
    if not any(mark in head for mark in _MARKS):
        return False

    def accepts(rows: list[list[str]]) -> bool:
        names = {fold(name) for name in next((row for row in rows if any(row)), [])}
        needed = [column for column in columns() if column.is_needed]
        there = sum(bool(names & _spellings(column)) for column in needed)
        return there * 2 > len(needed)  # a heading that lacks some is refused by name, not passed over

    return csvtext.head_text(head, accepts) in csvtext.READ_ENCODINGS


def read(data: bytes, file_name: str, *, prefecture_code: str, reference_month: date) -> StatisticsFile:
    """The rows of a file of the sender in ``prefecture_code`` ("00" speaks of the whole country).

    Raises StatisticsRefused with all that is wrong, each with its line, column and remedy.
    """
    fields, height = _fields(data, file_name)
    findings: list[Finding] = []
    typed = fields.select("source_row", *(_typed(column) for column in columns()), *TEXT.columns())
    findings += checks.of_fields(typed)
    if not findings:
        findings += checks.of_rows(typed, prefecture_code, reference_month)
    if not findings:
        findings += checks.of_sums(typed)
    if findings:
        raise StatisticsRefused(file_name, faults_of(findings), height)
    rows = typed.select("source_row", *CELL, *MEASURES).with_columns(pl.col("class_code").fill_null(""))
    source = typed.select(*SOURCE).head(1).with_columns(pl.col("source_url").fill_null(""))
    return StatisticsFile(file_name, hashlib.sha256(data).hexdigest(), rows, source)


@cache
def _spellings(column: FileColumn) -> frozenset[str]:
    return frozenset(fold(spelling) for spelling in column.headings)


def _fields(data: bytes, file_name: str) -> tuple[pl.DataFrame, int]:
    """Every line as texts (``TEXT`` columns, blanks null), and how many lines there are below the heading."""
    try:
        lines = csvtext.lines_of(data)
        heading = csvtext.split_line(str(lines.frame["text"][0]))
        body = lines.below(1)
    except FileRefused as refused:
        raise _refused(file_name, refused.reason_code, refused.message, refused.line, _SPREADSHEET) from None
    height = body.frame.height
    if lines.replaced:
        told = f"読めない文字が{lines.replaced}字あります"
        raise StatisticsRefused(file_name, [Fault("encoding", told, remedy=_SPREADSHEET)], height)
    places = _places(heading, file_name, height)
    if not height:
        told = "見出しの下に行がありません"
        raise StatisticsRefused(file_name, [Fault("truncated", told, remedy="雛形に数値を記入してください")])
    fields, misfits = csvtext.fit(body.frame, len(heading))
    if misfits.height:
        told = f"列の数が見出しの{len(heading)}と違います"
        remedy = "数値の桁区切りや名前の中のカンマを除くか、引用符で囲んでください"
        raise StatisticsRefused(
            file_name, [Fault("contract", told, line, remedy=remedy) for line in misfits["source_row"]], height
        )
    nothing = pl.lit(None, dtype=pl.String)
    texts = [
        _tidy(pl.col(f"f{places[column.column_name]}") if column.column_name in places else nothing).alias(
            TEXT.of(column.column_name)
        )
        for column in columns()
    ]
    return fields.select("source_row", *texts), height


def _tidy(text: pl.Expr) -> pl.Expr:
    tidy = text.str.normalize("NFKC").str.strip_chars()
    return pl.when(tidy != "").then(tidy)


def _places(heading: list[str], file_name: str, rows: int) -> dict[str, int]:
    """Position (from 1) of each column; headings that are not known are read past."""
    folded = [fold(name) for name in heading]
    faults = []
    found: dict[str, int] = {}
    for column in columns():
        at = [place for place, name in enumerate(folded, start=1) if name in _spellings(column)]
        if len(at) > 1:
            told = "同じ見出しの列が二つあります"
            faults.append(Fault("contract", told, 1, column.heading, "一つにしてください"))
        elif at:
            found[column.column_name] = at[0]
        elif column.is_needed:
            faults.append(Fault("unrecognised", f"「{column.heading}」の列がありません", 1, remedy=_TEMPLATE))
    if faults:
        raise StatisticsRefused(file_name, faults, rows)
    return found


def _refused(file_name: str, reason: str, message: str, line: int | None, remedy: str) -> StatisticsRefused:
    return StatisticsRefused(file_name, [Fault(reason, message, line, remedy=remedy)])


def _typed(column: FileColumn) -> pl.Expr:
    """The value of a column from its text; null where it is blank or none."""
    text = pl.col(TEXT.of(column.column_name))
    if column.kind == "count":
        grouped = text.str.contains(r"^\d{1,3}(,\d{3})+$")
        bare = pl.when(grouped).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
        value = pl.when(bare.str.contains(r"^\d{1,14}$")).then(bare).cast(pl.Int64)
        if column.column_name == "version_number":
            value = pl.when(text.is_null()).then(pl.lit(1, dtype=pl.Int64)).otherwise(value)
        if column.column_name == "insurers_count":
            is_one = pl.col(TEXT.of("area_level")).is_in(["insurer", "municipality"]) & text.is_null()
            value = pl.when(is_one).then(pl.lit(1, dtype=pl.Int64)).otherwise(value)
        return value.alias(column.column_name)
    if column.kind == "date":
        day = text.str.replace_all(r"[/.]", "-")
        return day.str.to_date("%Y-%m-%d", strict=False).alias(column.column_name)
    if column.kind == "period":
        return _period(text).alias(column.column_name)
    if column.kind == "flag":
        truth = {"1": True, "true": True, "0": False, "false": False}
        return (
            text.str.to_lowercase()
            .replace_strict(truth, default=None, return_dtype=pl.Boolean)
            .alias(column.column_name)
        )
    return text.alias(column.column_name)


def _period(text: pl.Expr) -> pl.Expr:
    """First day: 1 April of a fiscal year (2024, 2024年度, 2024-04-01), else of a month (2024-05, 2024-05-01)."""
    is_year = pl.col(TEXT.of("period_kind")) == "fiscal_year"
    year = pl.concat_str(text.str.extract(r"^(\d{4})(?:年度?|-04-01|-04)?$", 1), pl.lit("-04-01"))
    month = pl.concat_str(
        text.str.extract(r"^(\d{4})[-/]?(\d{2})(?:[-/]?01)?$", 1), pl.lit("-"),
        text.str.extract(r"^(\d{4})[-/]?(\d{2})(?:[-/]?01)?$", 2), pl.lit("-01"),
    )  # fmt: skip
    return pl.when(is_year).then(year).otherwise(month).str.to_date("%Y-%m-%d", strict=False)

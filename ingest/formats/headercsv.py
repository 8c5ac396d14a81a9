"""CSV files that say in a heading what their columns are: extracts of municipal systems, counts.

The heading may stand below a title or two, in any order of columns, in any of the spellings that the
layout knows. One line is one row of one contract table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.cells import Cell
from ingest.formats.contracts import CONTRACTS
from ingest.formats.csvlayout import LayoutColumn, cell, holds_needed, layout, place, unknown_headings
from ingest.formats.reading import FileRefused, Problem, Reading, empty_set_aside
from ingest.formats.rowcheck import Fault, split_faulty

HEADING_SEARCH = 6
"""The heading is looked for among this many first lines."""
HEADINGS_NAMED = 20
"""So many unknown headings are named in one problem."""

Finish = Callable[[list[Cell]], list[Cell]]
Warnings = Callable[[pl.DataFrame], list[Problem]]


def find_heading(data: bytes, columns: Sequence[LayoutColumn]) -> tuple[csvtext.Lines, list[str]]:
    """The lines below the heading, and the heading.

    Raises FileRefused ``encoding`` where the heading shows only in an encoding that we do not read,
    ``unrecognised`` where there is none, ``truncated`` where the file ends in it.
    """
    lines = csvtext.lines_of(data)
    for number, text in enumerate(lines.frame["text"].head(HEADING_SEARCH)):
        headings = csvtext.split_line(text)
        if holds_needed(columns, headings):
            return lines.below(number + 1), headings
    encoding = csvtext.head_text(data[: csvtext.HEAD_BYTES], lambda rows: _holds_heading(columns, rows))
    if encoding is not None and encoding not in csvtext.READ_ENCODINGS:
        raise FileRefused("encoding", f"{encoding}で書かれています", line=1)
    raise FileRefused("unrecognised", "必要な見出しが揃っていません", line=1)


def _holds_heading(columns: Sequence[LayoutColumn], rows: list[list[str]]) -> bool:
    return any(holds_needed(columns, row) for row in rows)


_IS_VALUE = re.compile(r"[0-9]{4}|^[-+0-9./]+$")
"""What a heading never holds: a long number, or nothing but a number or a date."""


def column_problems(
    table: str, columns: Sequence[LayoutColumn], headings: Sequence[str], *, fits: bool
) -> list[Problem]:
    """One problem telling the headings that the layout does not know (they are read past).

    Where a line end was lost, the first row stands in the heading: then no row ``fits`` under it, or it holds
    values, and columns are told by their place, so that no value of a person is.
    """
    unknown = unknown_headings(columns, headings)
    if not unknown:
        return []
    if not fits or any(_IS_VALUE.search(unicodedata.normalize("NFKC", name).strip()) for name in unknown):
        names = set(unknown)
        unknown = [f"{place}列目" for place, name in enumerate(headings, start=1) if name in names]
    return [
        Problem(
            table,
            None,
            "、".join(unknown[:HEADINGS_NAMED]) + ("…" if len(unknown) > HEADINGS_NAMED else ""),
            "unknown_record",
            f"様式の表にない列が{len(unknown)}列あります",
            "必要な列であれば layouts の表に見出しを足してください",
        )
    ]


def line_end_problem(table: str, lines: csvtext.Lines) -> list[Problem]:
    """A problem where the last line has all its fields but no line end: it may be cut in its last field."""
    if lines.is_complete or lines.frame.is_empty():
        return []
    return [no_line_end(table, int(lines.frame["source_row"][-1]))]


def no_line_end(table: str, line: int) -> Problem:
    """The problem of a last line without its end."""
    return Problem(
        table, line, "", "truncated", "最後の行に改行がありません", "最後の行が途中で切れていないか確かめてください"
    )


def headed_cells(columns: Sequence[LayoutColumn], headings: Sequence[str]) -> list[Cell]:
    """The cells of the contract columns that the headings hold; a ``<column>:era`` joins its date."""
    placed = place(columns, headings)
    era_of = {
        name.removesuffix(":era"): pl.col(f"f{position}")
        for name, (_, position) in placed.items()
        if name.endswith(":era")
    }
    return [
        cell(name, column.kind, pl.col(f"f{position}"), column.column_name, era_of.get(name))
        for name, (column, position) in placed.items()
        if ":" not in name
    ]


@dataclass
class HeaderCsv:
    """Reader of one contract table from a CSV with a heading.

    ``finish`` adds to the cells of the file those that follow from them (the scheme from the insurer).
    ``month_column`` is the date, or the year of a 1 January, whose months the file speaks of. ``broken``
    are rules between columns of the contract; a row that breaks one is set aside. ``warnings`` tells
    what is odd among the rows that are taken.
    """

    format: str
    stream: str
    table: str
    layout_name: str
    month_column: str
    finish: Finish
    broken: tuple[Fault, ...] = ()
    warnings: Warnings | None = None

    def recognise(self, head: bytes) -> str | None:
        """``default`` when the heading holds what the layout needs."""
        columns = layout(self.layout_name)
        found = csvtext.head_text(head, lambda rows: _holds_heading(columns, rows))
        return "default" if found else None

    def read(self, path: Path) -> Reading:
        """The file's rows; raises FileRefused as ``find_heading`` does, and ``truncated`` for a torn file."""
        return self.read_as(path, layout(self.layout_name), self.finish)

    def read_as(self, path: Path, columns: Sequence[LayoutColumn], finish: Finish, edition: str = "default") -> Reading:
        """The same with another layout than the reader's own."""
        lines, headings = find_heading(path.read_bytes(), columns)
        parts = csvtext.split(lines, len(headings))
        own = headed_cells(columns, headings)
        contract = CONTRACTS[self.table]
        table, aside = cells.typed(parts.fields, contract, finish(own))
        table, unsound = self._sound(table, parts.fields)
        aside = pl.concat([aside, unsound, cells.misfits(parts.misfits, self.table)]).sort("source_row")
        records = {self.table: lines.frame.height}
        if parts.torn_line is not None:
            raise FileRefused(
                "truncated",
                "最後の行が途中で切れています",
                line=parts.torn_line,
                records=records,
                tables={self.table: table},
                set_aside=aside,
            )
        month = table[self.month_column]
        dates = month if month.dtype == pl.Date else table.select(pl.date(pl.col(self.month_column), 1, 1)).to_series()
        return Reading(
            format=self.format,
            edition=edition,
            months=cells.months_of(dates),
            records=records,
            tables={self.table: table},
            set_aside=aside,
            problems=[
                *lines.problems(self.table),
                *column_problems(self.table, columns, headings, fits=not parts.fields.is_empty()),
                *line_end_problem(self.table, lines),
                *(self.warnings(table) if self.warnings else ()),
            ],
        )

    def _sound(self, table: pl.DataFrame, fields: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows that break no rule between columns, and the others set aside."""
        if not self.broken:
            return table, empty_set_aside()
        known = table.join(fields.select("source_row", line="text"), on="source_row", how="left", maintain_order="left")
        scheme = "scheme_code" if "scheme_code" in known.columns else None
        good, aside = split_faulty(known, self.table, list(self.broken), scheme=scheme)
        return good.select(table.columns), aside

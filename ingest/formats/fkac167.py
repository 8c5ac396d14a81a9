"""FKAC167: 特定健診・後期高齢者健診 results as the 連合会 exports them, one wide row an examination.

The first line names the file (its second field is FKAC167), the second holds the headings, which are
folded by NFKC and told apart by occurrence: the editions of 2013, 2018 and 2024 (第2期, 第3期, 第4期)
place their columns differently. A row becomes one ``checkup`` and one ``checkup_result`` for every item
that is not blank. Sources: formats.md 2.4 (headings seen in public programs), kdb.md 4.4-4.6 (codes).

Codes are kept as printed: 喫煙 2 means いいえ until 2023 and 以前は吸っていた from 2024, 飲酒 has three classes
until 2023 and eight from 2024. Whoever reads them looks at the examination's fiscal year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ingest.formats import bytecsv, cells, csvtext
from ingest.formats.bytecsv import Head, PlainFile
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import CHECKUP
from ingest.formats.csvlayout import LayoutColumn, fold, layout, occurrences, place, unknown_headings
from ingest.formats.fkac167_blocks import plain_blocks
from ingest.formats.fkac167_results import FLAG_PREFIX, items, results
from ingest.formats.headercsv import column_problems, headed_cells, line_end_problem, no_line_end
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import FileRefused, Problem, Reader, Reading, empty_set_aside, empty_tables

FILE_NAME = "FKAC167"
EDITIONS = ("term2", "term3", "term4")


@layout_cache
def _columns() -> tuple[LayoutColumn, ...]:
    return layout("fkac167")


def _known_columns() -> list[LayoutColumn]:
    """The layout's columns and the spellings of the items, for naming what we do not know."""
    spellings = [heading for item in items() for heading in item.headings]
    extra = [LayoutColumn(name, "", "text", False, "", (name, FLAG_PREFIX + name)) for name in spellings]
    return [*_columns(), *extra]


def edition_of(headings: Sequence[str]) -> str:
    """term4 where the 2024 columns stand, term3 where those of 2018 do, else term2."""
    known = {fold(heading) for heading in headings}
    if known & {fold("特定保健指導の受診歴"), fold("随時中性脂肪（トリグリセリド）"), fold("随時中性脂肪")}:
        return "term4"
    if known & {fold("咀嚼"), fold("血清クレアチニン"), fold("ｅＧＦＲ")}:
        return "term3"
    return "term2"


class Fkac167:
    """Reader of FKAC167.csv."""

    format = "fkac167_csv"
    stream = "checkup"
    calls_back = True

    def recognise(self, head: bytes) -> str | None:
        """term2, term3 or term4 when the first line names the file (term2 where its headings are unreadable)."""
        if not _may_be_named(head):
            return None
        found: list[str] = []

        def accepts(rows: list[list[str]]) -> bool:
            headings = rows[1] if len(rows) > 1 else []
            is_read = bool(headings) and len(unknown_headings(_known_columns(), headings)) < len(headings)
            if _is_named(rows[0]) and is_read:
                found.append(edition_of(headings))
            return bool(found)

        csvtext.head_text(head, accepts)
        if not found and csvtext.head_text(head, lambda rows: _is_named(rows[0])) is not None:
            return EDITIONS[0]
        return found[0] if found else None

    def read(self, path: Path) -> Reading:
        """Checkups and their results.

        Raises FileRefused: ``unrecognised`` without the file's name, ``encoding`` where the headings do
        not show in CP932 or UTF-8, ``truncated`` for a torn last line, ``missing_field`` where a column
        that every row needs is absent.
        """
        parts = list(self.parts(path))
        whole = parts[-1]
        whole.tables = {name: pl.concat([part.tables[name] for part in parts]) for name in whole.tables}
        whole.set_aside = pl.concat([part.set_aside for part in parts])
        return whole

    def parts(self, path: Path) -> Iterator[Reading]:
        """The same some rows at a time; the last part has no rows, but the records, months and problems.

        Raises FileRefused before the first part, or not at all. A file with characters that cannot be read, without
        its 作成年月日 or with a torn last line is read whole.
        """
        with ThreadPoolExecutor(max_workers=1) as pool:
            surveying = pool.submit(bytecsv.survey, path)
            layouts = {outline: _Layout.of(path, outline) for outline in bytecsv.outlines(path)}
            file = surveying.result()
        layout = None if file is None else layouts[file]
        if file is not None and layout is not None and layout.is_plain:
            self._check_headings(layout.headings)
            if file.is_complete or bytecsv.ends_with(path, file, len(layout.headings)):
                yield from self._plain_parts(path, file, layout)
                return
        whole = self._read_whole(path)
        yield Reading(self.format, whole.edition, [], {}, whole.tables, whole.set_aside)
        whole.tables, whole.set_aside = empty_tables("checkup", "checkup_result"), empty_set_aside()
        yield whole

    def _plain_parts(self, path: Path, file: PlainFile, layout: _Layout) -> Iterator[Reading]:
        """The parts of a file of which nearly every line is plain; the others are read as ``_read_whole`` does."""
        head, headings, own = layout.head, layout.headings, layout.own
        rows, last_row, fits, nothing_aside = 0, 0, False, empty_set_aside()
        days, edition = np.empty(0, np.int32), edition_of(headings)
        for block, lines, checkup, found in plain_blocks(
            bytecsv.blocks(path, file, head.begin, head.row, bytecsv.BLOCK_BYTES), headings, own, file.encoding
        ):
            aside, others = nothing_aside, block.text_of(block.other_lines(lines))
            if not others.is_empty():
                fields, misfits = csvtext.fit(others, len(headings))
                tables, aside = _rows(fields, misfits, headings, own)
                fits = fits or not fields.is_empty()
                checkup, found = (
                    pl.concat(both).sort("source_row", maintain_order=True)
                    for both in ((checkup, tables["checkup"]), (found, tables["checkup_result"]))
                )
            fits = fits or len(lines) > 0
            rows += len(lines) + others.height
            last_row = max([last_row, *block.rows_of(lines[-1:]).tolist(), *others["source_row"].tail(1)])
            days = np.unique(np.concatenate([days, checkup["exam_month"].to_physical().to_numpy()]))
            yield Reading(self.format, edition, [], {}, {"checkup": checkup, "checkup_result": found}, aside)
        problems = column_problems("checkup", _known_columns(), headings, fits=fits)
        if not file.is_complete and rows:
            problems.append(no_line_end("checkup", last_row))
        yield Reading(
            format=self.format,
            edition=edition,
            months=cells.months_of(pl.Series(days).cast(pl.Date)),
            records={"checkup": rows},
            tables=empty_tables("checkup", "checkup_result"),
            problems=problems,
        )

    def _read_whole(self, path: Path) -> Reading:
        lines = csvtext.lines_of(path.read_bytes())
        title = csvtext.split_line(lines.frame["text"][0])
        if not _is_named(title):
            raise FileRefused("unrecognised", "1行目に様式名FKAC167がありません", line=1)
        if lines.frame.height < 2:
            raise FileRefused("truncated", "見出しの行がありません", line=1)
        body = lines.below(2)
        headings = csvtext.split_line(lines.frame["text"][1])
        self._check_headings(headings)
        parts = csvtext.split(body, len(headings))
        own, problems = _checkup_cells(headings, title, parts.fields)
        tables, aside = _rows(parts.fields, parts.misfits, headings, own)
        records = {"checkup": body.frame.height}
        if parts.torn_line is not None:
            raise FileRefused(
                "truncated",
                "最後の行が途中で切れています",
                line=parts.torn_line,
                records=records,
                tables=tables,
                set_aside=aside,
            )
        return Reading(
            format=self.format,
            edition=edition_of(headings),
            months=cells.months_of(tables["checkup"]["exam_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[
                *lines.problems("checkup"),
                *problems,
                *column_problems("checkup", _known_columns(), headings, fits=not parts.fields.is_empty()),
                *line_end_problem("checkup", body),
            ],
        )

    def _check_headings(self, headings: Sequence[str]) -> None:
        """Raises FileRefused unless every needed column stands in the heading."""
        missing = _missing(headings)
        if not missing:
            return
        if headings and len(unknown_headings(_known_columns(), headings)) == len(headings):
            raise FileRefused("encoding", "見出しを読めません", line=2)
        raise FileRefused("missing_field", f"見出しがありません: {'、'.join(missing)}", line=2)


def _rows(
    fields: pl.DataFrame, misfits: pl.DataFrame, headings: Sequence[str], own: list[Cell]
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """(``checkup`` and ``checkup_result``, rows set aside) of lines that fit, as fields, and of those that do not."""
    checkup, aside = cells.typed(fields, CHECKUP, own)
    found, results_aside = results(fields, headings, checkup)
    aside = pl.concat([aside, cells.misfits(misfits, "checkup"), results_aside])
    return {"checkup": checkup, "checkup_result": found}, aside.sort("source_row", maintain_order=True)


@dataclass(frozen=True)
class _Layout:
    """The first lines of a file, the cells of ``checkup`` by its headings, and whether the first line is plain: it
    names the file and has its 作成年月日."""

    head: Head
    headings: Sequence[str]
    own: list[Cell]
    is_plain: bool

    @staticmethod
    def of(path: Path, file: PlainFile) -> _Layout | None:
        """Those of a file in this encoding; None where it is another, or its first lines are not plain."""
        try:
            head = bytecsv.head(path, file, 2)
        except UnicodeDecodeError:
            return None
        if head is None:
            return None
        title, headings = (csvtext.split_line(line) for line in head.lines)
        is_plain = _is_named(title) and bool(_dates_of(title))
        own = _checkup_cells(headings, title, pl.DataFrame())[0] if is_plain and not _missing(headings) else []
        return _Layout(head, headings, own, is_plain)


def _missing(headings: Sequence[str]) -> list[str]:
    """The columns that every row needs and that stand in no heading."""
    where = occurrences(headings)
    return sorted(
        {c.column_name for c in _columns() if c.is_needed and (fold(c.column_name), c.occurrence) not in where}
    )


def _may_be_named(head: bytes) -> bool:
    """Whether the file's name is among its first bytes: to decode them in every encoding takes longer than to look."""
    return b"\x1b" in head or FILE_NAME.encode() in head.translate(None, b"\0\r")


def _is_named(first_row: Sequence[str]) -> bool:
    return len(first_row) > 1 and first_row[1].strip() == FILE_NAME


def _checkup_cells(
    headings: Sequence[str], title: Sequence[str], fields: pl.DataFrame
) -> tuple[list[Cell], list[Problem]]:
    """The cells of ``checkup``; 広域連合番号 stands in for a blank 保険者番号."""
    by_name = {cell.column: cell for cell in headed_cells(_columns(), headings)}
    insurer = by_name["insurer_number"]
    union = place(_columns(), headings).get("insurer_number:union")
    if union is not None:
        text = pl.coalesce(insurer.text, cells.clean(pl.col(f"f{union[1]}")))
        insurer = Cell("insurer_number", text, insurer.value, insurer.label)
        by_name["insurer_number"] = insurer
    by_name["scheme_code"] = derived("scheme_code", cells.scheme_value(insurer.value))
    exam = by_name["exam_date"].value
    by_name["exam_month"] = derived("exam_month", exam.dt.truncate("1mo"))
    by_name.setdefault("is_deleted", derived("is_deleted", pl.lit(False)))
    created, problems = _created_date(title, fields, by_name["exam_date"])
    by_name["created_date"] = derived("created_date", created)
    return list(by_name.values()), problems


def _created_date(title: Sequence[str], fields: pl.DataFrame, exam: Cell) -> tuple[pl.Expr, list[Problem]]:
    """作成年月日 of the first line; where it has none, the file's last examination stands in for it."""
    dates = _dates_of(title)
    if dates:
        return pl.lit(dates[0], dtype=pl.Date), []
    last = cells.with_texts(fields, [exam]).select(exam.value.max()).item()
    problem = Problem(
        "checkup",
        1,
        "作成年月日",
        "missing_field",
        "1行目に作成年月日がないため、最後の健診実施年月日で代えました",
        "訂正の前後を決める日付です。作成年月日のあるファイルを取り直してください",
    )
    return pl.lit(last, dtype=pl.Date), [problem]


def _dates_of(title: Sequence[str]) -> list[date]:
    """The dates of the first line."""
    rest = pl.DataFrame({"text": list(title[2:])}, schema={"text": pl.String})
    return rest.select(cells.date_value(cells.clean(pl.col("text")))).to_series().drop_nulls().to_list()


READERS: tuple[Reader, ...] = (Fkac167(),)

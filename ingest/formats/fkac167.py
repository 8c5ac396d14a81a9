"""FKAC167: 特定健診・後期高齢者健診 results as the 連合会 exports them, one wide row an examination.

The first line names the file (its second field is FKAC167), the second holds the headings, which are
folded by NFKC and told apart by occurrence: the editions of 2013, 2018 and 2024 (第2期, 第3期, 第4期)
place their columns differently. A row becomes one ``checkup`` and one ``checkup_result`` for every item
that is not blank. Sources: formats.md 2.4 (headings seen in public programs), kdb.md 4.4-4.6 (codes).

Codes are kept as printed: 喫煙 2 means いいえ until 2023 and 以前は吸っていた from 2024, 飲酒 has three classes
until 2023 and eight from 2024. Whoever reads them looks at the examination's fiscal year.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.cells import LAYOUTS, Cell, derived
from ingest.formats.contracts import CHECKUP, CHECKUP_RESULT
from ingest.formats.csvlayout import LayoutColumn, fold, layout, occurrences, place, unknown_headings
from ingest.formats.headercsv import column_problems, headed_cells, line_end_problem
from ingest.formats.reading import FileRefused, Problem, Reader, Reading, empty_set_aside
from ingest.formats.rowcheck import Fault, split_faulty

FILE_NAME = "FKAC167"
EDITIONS = ("term2", "term3", "term4")
FLAG_PREFIX = "ＨＬ"
"""What stands before an item's heading in the column of its H/L flag."""

NOT_DONE = ("未実施",)
NOT_MEASURABLE = ("測定不可能", "測定不能")


@dataclass(frozen=True)
class Item:
    """One item of ``layouts/fkac167_items.csv``: the headings it may have, how its value is read."""

    item_id: str
    headings: tuple[str, ...]
    value_kind: str
    unit: str
    codes: tuple[str, ...]


@cache
def items() -> tuple[Item, ...]:
    """The examination items and questions that are carried."""
    with (LAYOUTS / "fkac167_items.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(
            Item(
                row["item_id"],
                tuple(row["column_name"].split("|")),
                row["value_kind"],
                row["unit"],
                tuple(row["codes"].split("|")) if row["codes"] else (),
            )
            for row in csv.DictReader(handle)
        )


@cache
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

    def recognise(self, head: bytes) -> str | None:
        """term2, term3 or term4 when the first line names the file (term2 where its headings are unreadable)."""
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
        checkup, aside = cells.typed(parts.fields, CHECKUP, own)
        results, results_aside = _results(parts.fields, headings, checkup)
        records = {"checkup": body.frame.height}
        tables = {"checkup": checkup, "checkup_result": results}
        aside = pl.concat([aside, cells.misfits(parts.misfits, "checkup"), results_aside])
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
            months=cells.months_of(checkup["exam_month"]),
            records=records,
            tables=tables,
            set_aside=aside.sort("source_row", maintain_order=True),
            problems=[
                *lines.problems("checkup"),
                *problems,
                *column_problems("checkup", _known_columns(), headings, parts.fields),
                *line_end_problem("checkup", body),
            ],
        )

    def _check_headings(self, headings: Sequence[str]) -> None:
        """Raises FileRefused unless every needed column stands in the heading."""
        where = occurrences(headings)
        missing = sorted(
            {c.column_name for c in _columns() if c.is_needed and (fold(c.column_name), c.occurrence) not in where}
        )
        if not missing:
            return
        if headings and len(unknown_headings(_known_columns(), headings)) == len(headings):
            raise FileRefused("encoding", "見出しを読めません", line=2)
        raise FileRefused("missing_field", f"見出しがありません: {'、'.join(missing)}", line=2)


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
    rest = pl.DataFrame({"text": list(title[2:])}, schema={"text": pl.String})
    dates = rest.select(cells.date_value(cells.clean(pl.col("text")))).to_series().drop_nulls()
    if not dates.is_empty():
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


def _results(fields: pl.DataFrame, headings: Sequence[str], checkup: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row of ``checkup_result`` for every item that is not blank, of the rows taken as checkups."""
    where = occurrences(headings)
    keys = checkup.select("source_row", "scheme_code", "insurer_number", "exam_month")
    taken = fields.join(keys, on="source_row", how="inner", maintain_order="left")
    tables: list[pl.DataFrame] = []
    asides: list[pl.DataFrame] = []
    for item in items():
        values = [f"f{where[(fold(name), 1)]}" for name in item.headings if (fold(name), 1) in where]
        flags = [
            f"f{where[(fold(FLAG_PREFIX + name), 1)]}"
            for name in item.headings
            if (fold(FLAG_PREFIX + name), 1) in where
        ]
        if values:
            table, aside = _item_results(taken, item, values, flags)
            tables.append(table)
            asides.append(aside)
    order = {item.item_id: number for number, item in enumerate(items())}
    schema = CHECKUP_RESULT.plain_schema()
    results = pl.concat([pl.DataFrame(schema=schema), *tables])
    results = results.sort(
        "source_row", pl.col("item_id").replace_strict(order, return_dtype=pl.Int64), maintain_order=True
    )
    return results, pl.concat(asides) if asides else empty_set_aside()


def _item_results(
    taken: pl.DataFrame, item: Item, values: list[str], flags: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The results of one item, and those whose value cannot be read."""
    text = pl.coalesce(*(cells.clean(pl.col(name)) for name in values))
    flag = pl.coalesce(pl.lit(None, dtype=pl.String), *(cells.clean(pl.col(name)).str.to_uppercase() for name in flags))
    rows = taken.select(
        "source_row",
        "text",
        "scheme_code",
        "insurer_number",
        "exam_month",
        value=text,
        flag=flag,
    ).filter(pl.col("value").is_not_null() | pl.col("flag").is_not_null())
    is_numeric = item.value_kind == "numeric"
    said = pl.col("value").is_in([*NOT_DONE, *NOT_MEASURABLE])
    numeric = cells.decimal_value(pl.col("value")) if is_numeric else pl.lit(None, dtype=pl.Decimal(18, 4))
    code = pl.lit(None, dtype=pl.String) if is_numeric else pl.when(~said).then(pl.col("value"))
    status = (
        pl.when(pl.col("value").is_in(NOT_DONE))
        .then(pl.lit("not_done"))
        .when(pl.col("value").is_in(NOT_MEASURABLE))
        .then(pl.lit("not_measurable"))
        .when(pl.col("flag") == "H")
        .then(pl.lit("high"))
        .when(pl.col("flag") == "L")
        .then(pl.lit("low"))
        .otherwise(pl.lit("measured"))
    )
    rows = rows.rename({"text": "line"}).with_columns(
        parent_source_row=pl.col("source_row"),
        item_id=pl.lit(item.item_id),
        numeric_value=numeric,
        code_value=code,
        status_code=status,
    )
    faults = [Fault(item.item_id, "bad_code", ~pl.col("flag").is_in(["H", "L"]))]
    if is_numeric:
        unread = pl.col("value").is_not_null() & pl.col("numeric_value").is_null() & ~said
        faults.append(Fault(item.item_id, "bad_number", unread))
    else:
        faults.append(Fault(item.item_id, "bad_code", ~pl.col("code_value").is_in(list(item.codes))))
    good, aside = split_faulty(rows, "checkup_result", faults, scheme="scheme_code")
    table = good.select(pl.col(name).cast(dtype) for name, dtype in CHECKUP_RESULT.plain_schema().items())
    return table, cells.name_fields(aside, {item.item_id: item.headings[0]})


READERS: tuple[Reader, ...] = (Fkac167(),)

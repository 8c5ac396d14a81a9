"""The frame of the 国保連 interchange files of 介護: control record, data records, end record.

``1,レコード番号,ボリューム通番,レコード件数,データ種別,…`` then ``2,レコード番号,交換情報識別番号,…`` and at last
``3,レコード番号``. Record numbers run from 1 without a gap; the end record and the count tell a whole file
from one that was cut. Data items may stand in quotes. Source: formats.md 3.1 (seen, unverified).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.cells import Cell
from ingest.formats.csvlayout import LayoutColumn, cell, layout
from ingest.formats.reading import FileRefused, Problem, reasons

CONTROL, DATA, END = "1", "2", "3"
LEADING = ("record_kind", "record_number", "exchange_code", "form_code", "type_code")
_COUNT = re.compile(r"^[0-9]{1,9}$")
_CODE = r"^[0-9A-Z]{2,4}$"
OTHER = "(other)"
"""What is told of a record whose code looks like none: a column may have slipped, and a number or name stand there."""


@dataclass(frozen=True)
class CareFile:
    """A care file in its frame.

    ``lines``     the file's lines with their leading fields: record_kind, record_number, exchange_code
                  (交換情報識別番号), form_code (4th field), type_code (5th field)
    ``control``   the fields of the control record
    ``fault``     why the file as a whole cannot be taken, or None
    ``fault_line`` the line where it shows
    """

    lines: pl.DataFrame
    control: Sequence[str]
    fault: str | None
    fault_line: int | None
    problems: list[Problem]

    def data(self) -> pl.DataFrame:
        """The data records."""
        return self.lines.filter(pl.col("record_kind") == DATA)

    def refuse(self, records: dict[str, int], tables: dict[str, pl.DataFrame], set_aside: pl.DataFrame) -> None:
        """Raises FileRefused ``truncated`` with what could be read, where the frame is not whole."""
        if self.fault is not None:
            raise FileRefused(
                "truncated", self.fault, line=self.fault_line, records=records, tables=tables, set_aside=set_aside
            )


def data_kind(head: bytes) -> str | None:
    """データ種別 (3 characters) of the control record that begins the file, or None."""
    kinds: list[str] = []

    def accepts(rows: list[list[str]]) -> bool:
        first = [field.strip() for field in rows[0]]
        if len(first) < 5 or first[0] != CONTROL or not first[1].isdigit() or not first[3].isdigit():
            return False
        kinds.append(first[4])
        return True

    return kinds[-1] if csvtext.head_text(head, accepts) else None


def exchange_code(head: bytes) -> str | None:
    """交換情報識別番号 of the first data record, or None where there is none or it looks like no code."""
    lines = head.decode("cp932", errors="replace").split("\n", 2)
    if len(lines) < 2:
        return None
    second = csvtext.split_line(lines[1])
    code = second[2].strip() if len(second) > 2 and second[0].strip() == DATA else ""
    return code if re.match(_CODE, code) else None


def open_frame(path: Path, table: str) -> CareFile:
    """The lines of a care file and what is wrong with its frame. Raises FileRefused as ``lines_of`` does."""
    text = csvtext.lines_of(path.read_bytes())
    frame = with_leading(text.frame)
    control = csvtext.split_line(text.frame["text"][0])
    fault, line = _fault(frame, control)
    return CareFile(frame, control, fault, line, text.problems(table))


def with_leading(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines (``source_row``, ``text``) with their leading fields, as ``CareFile.lines`` has them."""
    leading = pl.col("text").str.splitn(",", len(LEADING) + 1).struct.rename_fields([*LEADING, "rest"])
    frame = lines.with_columns(leading.alias("leading")).unnest("leading").drop("rest")
    # Of a field in quotes they are taken off; what else stands in it is no code of ours.
    bare = pl.col(*LEADING)
    if frame["text"].str.contains('"', literal=True).any():
        bare = bare.str.strip_chars('"')
    return frame.with_columns(bare.str.strip_chars()).with_columns(pl.col("record_number").cast(pl.Int64, strict=False))


def count_fits(control: Sequence[str], data: int) -> bool:
    """Whether レコード件数 is that of the data records; some senders count the control and end records too."""
    count = control[3].strip() if len(control) > 3 else ""
    return bool(_COUNT.match(count)) and int(count) in (data, data + 2)


def _fault(frame: pl.DataFrame, control: Sequence[str]) -> tuple[str | None, int | None]:
    kinds = frame["record_kind"]
    last_line = int(frame["source_row"][-1])
    if kinds[0] != CONTROL:
        return "先頭がコントロールレコードではありません", 1
    if kinds[-1] != END:
        return "エンドレコードがありません", last_line
    expected = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    gaps = frame.filter((pl.col("record_number") != expected).fill_null(True))
    if not gaps.is_empty():
        return "レコード番号が連番ではありません", int(gaps["source_row"][0])
    count = control[3].strip() if len(control) > 3 else ""
    if not _COUNT.match(count):
        return "コントロールレコードのレコード件数を読めません", 1
    data = frame.filter(pl.col("record_kind") == DATA).height
    if not count_fits(control, data):
        return f"レコード件数{count}に対してデータレコードが{data}件です", last_line
    if data != frame.height - 2:
        return "レコード種別が1、2、3のいずれでもない行があります", last_line
    return None, None


def told_code(code: str) -> pl.Expr:
    """The code of a record as messages may say it."""
    return pl.when(pl.col(code).str.contains(_CODE)).then(pl.col(code)).otherwise(pl.lit(OTHER))


def edition(data: pl.DataFrame, otherwise: str) -> str:
    """交換情報識別番号 of the first data record; ``otherwise`` where there is none."""
    return str(data.select(told_code("exchange_code").first()).item()) if not data.is_empty() else otherwise


def summary(data: pl.DataFrame) -> pl.DataFrame:
    """Each ``code`` of data records with its first ``source_row`` and its ``count``."""
    return data.group_by("code").agg(pl.col("source_row").min(), pl.len().cast(pl.Int64).alias("count"))


def record_counts(codes: pl.DataFrame) -> dict[str, int]:
    """Data records by their code (``codes`` as ``summary`` gives it)."""
    counts = codes.group_by(told_code("code").alias("code")).agg(pl.col("count").sum()).sort("code")
    return {str(name): int(count) for name, count in counts.iter_rows()}


def unknown_records(codes: pl.DataFrame, name: str, table: str) -> list[Problem]:
    """One problem for each record type that the layout does not know; its records are read past."""
    known = sorted({column.record_code for column in layout(name)})
    unknown = codes.filter(~pl.col("code").fill_null("").is_in(known))
    first = (
        unknown.group_by(told_code("code").alias("code"))
        .agg(pl.col("source_row").min(), pl.col("count").sum())
        .sort("source_row")
    )
    return [
        Problem(
            table,
            int(line),
            str(found),
            "unknown_record",
            f"様式の表にないレコードが{count}件あります",
            reasons()["unknown_record"].remedy_ja,
        )
        for found, line, count in first.iter_rows()
    ]


def record_columns(name: str, record_code: str) -> list[LayoutColumn]:
    """The columns of one record type."""
    return [column for column in layout(name) if column.record_code == record_code]


def positions(name: str, record_code: str) -> list[int]:
    """Places of the columns of one record type that are carried, ascending."""
    return sorted({c.position for c in record_columns(name, record_code) if c.contract_column})


def record_fields(
    data: pl.DataFrame, name: str, record_code: str, column: str = "type_code"
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Cell]]:
    """Fields of one record type, the records too short for it, and its cells by contract column.

    Later editions append columns: what stands behind the last column that is carried is read past.
    """
    fields, misfits = csvtext.fit_some(data.filter(pl.col(column) == record_code), positions(name, record_code))
    return fields, misfits, record_cells(record_columns(name, record_code))


def record_cells(columns: Sequence[LayoutColumn]) -> dict[str, Cell]:
    """The cells of one record type; where several columns fill one, the first that is not blank counts."""
    filled: dict[str, list[LayoutColumn]] = {}
    for column in sorted((c for c in columns if c.contract_column), key=lambda c: c.preference):
        filled.setdefault(column.contract_column, []).append(column)
    return {name: _first_filled(name, choices) for name, choices in filled.items()}


def _first_filled(name: str, choices: list[LayoutColumn]) -> Cell:
    parts = [cell(name, c.kind, pl.col(f"f{c.position}"), c.column_name) for c in choices]
    value = by_distinct(name, parts[0].value, choices[0].kind)
    plain = parts[0].plain if len({part.plain for part in parts}) == 1 else ""
    if len(parts) > 1 and plain != cells.WHOLE:
        plain = ""
    fields = tuple(name for part in parts for name in part.fields) if plain else ()
    return Cell(name, pl.coalesce(*(part.text for part in parts)), value, choices[0].column_name, plain, fields)


def by_distinct(name: str, value: pl.Expr, kind: str) -> pl.Expr:
    """The value of a cell, made once for each distinct text where it is dear to read: insurers are few. (Dates and
    months see to it themselves.)"""
    if kind in ("integer", "text", "printed", "symbol_and_number", "date", "month"):
        return _number(name) if kind == "integer" else value
    text = f"text:{name}"

    def apply(column: pl.Series) -> pl.Series:
        texts = column.rename(text).to_frame()
        if column.len() <= cells.FEW:
            return texts.select(value).to_series()
        known = texts.unique().with_columns(value.alias("value"))
        return texts.join(known, on=text, how="left", nulls_equal=True, maintain_order="left")["value"]

    return pl.col(text).map_batches(apply)


def _number(name: str) -> pl.Expr:
    """``cells.integer_value``, by a plain cast where every text is a plain number."""
    text = f"text:{name}"

    def apply(column: pl.Series) -> pl.Series:
        number = column.cast(pl.Int64, strict=False)
        largest = number.abs().max()
        is_plain = number.null_count() == column.null_count() and (largest is None or int(str(largest)) < 10**18)
        return (
            number if is_plain else column.rename(text).to_frame().select(cells.integer_value(pl.col(text))).to_series()
        )

    return pl.col(text).map_batches(apply, return_dtype=pl.Int64())

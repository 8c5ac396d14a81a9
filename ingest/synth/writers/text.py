"""What the writers of CSV files share: dates in either era, full width, quotes, encodings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.eras import format_date

DateStyle = Literal["seireki", "wareki", "mixed"]
"""seireki 20240501; wareki 5060501; mixed: birth dates by era, other dates western with slashes."""

Encoding = Literal["cp932", "utf-8-sig"]

OPEN_DATE = "99999999"

# Unicode has two characters for some signs of JIS X 0208; CP932 knows the second of each pair.
_CP932_TWINS = {"−": "－", "〜": "～", "‖": "∥", "—": "―", "¢": "￠", "£": "￡", "¬": "￢"}

_HALF = "".join(chr(code) for code in range(0x21, 0x7F))
_WIDE = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F))


def date_text(day: pl.Expr, style: DateStyle, *, is_birth: bool = False, is_open_ended: bool = False) -> pl.Expr:
    """A date as printed in the style; blank where null, nines where a western open end is null."""
    if style == "wareki" or (style == "mixed" and is_birth):
        return format_date(day, by_era=True).fill_null("")
    printed = day.dt.strftime("%Y/%m/%d" if style == "mixed" else "%Y%m%d")
    return printed.fill_null(OPEN_DATE if is_open_ended else "")


def month_text(month: pl.Expr) -> pl.Expr:
    """YYYYMM; blank where null."""
    return month.dt.strftime("%Y%m").fill_null("")


def plain(value: pl.Expr) -> pl.Expr:
    """A value as text, blank where null; line ends, which no field may hold, become blanks."""
    return value.cast(pl.String).str.replace_all(r"[\r\n]+", " ").fill_null("")


def decimal_text(value: pl.Expr) -> pl.Expr:
    """A decimal without the zeros at its end."""
    return value.cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")


def wide(text: pl.Expr) -> pl.Expr:
    """ASCII in full width, as 記号 and 番号 stand in many files."""
    return text.str.replace_many(list(_HALF), list(_WIDE))


def check_digit(code: pl.Expr) -> pl.Expr:
    """The sixth digit of a 全国地方公共団体コード of five (formats.md 6)."""
    weights = enumerate((6, 5, 4, 3, 2))
    digits = [code.str.slice(place, 1).cast(pl.Int64, strict=False) * weight for place, weight in weights]
    total = sum(digits, start=pl.lit(0, dtype=pl.Int64))
    return ((11 - total % 11) % 10).cast(pl.String)


def table_text(table: pl.DataFrame, *, is_quoted: bool) -> str:
    """CSV of a frame of text with its heading, CRLF at every line's end."""
    return table.write_csv(
        line_terminator="\r\n", quote_style="always" if is_quoted else "necessary", include_header=False
    )


def heading_text(headings: list[str], *, is_quoted: bool) -> str:
    """The line of headings (they may repeat, which a frame's columns may not)."""
    row = pl.DataFrame([headings], schema=[f"f{number}" for number in range(len(headings))], orient="row")
    return table_text(row, is_quoted=is_quoted)


def record_lines(frame: pl.DataFrame, fields: list[pl.Expr], *, is_quoted: bool) -> pl.Series:
    """One line of each row of ``frame``: the fields joined by commas, in quotes if asked."""
    shown = [pl.lit('"') + field + pl.lit('"') for field in fields] if is_quoted else fields
    return frame.select(pl.concat_str(shown, separator=",").alias("line")).to_series()


def save(text: str, path: Path, encoding: Encoding) -> None:
    """The text as a file; what CP932 does not hold becomes a question mark, as in real files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if encoding == "cp932":
        for sign, twin in _CP932_TWINS.items():
            text = text.replace(sign, twin)
    path.write_bytes(text.encode(encoding, errors="replace"))

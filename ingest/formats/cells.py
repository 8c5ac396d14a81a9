"""From the text of a field to a value of a contract, column by column.

What a field may look like is the same in every Japanese extract: full width or half width, dates in
either era with or without separators, the era in a column of its own, open dates as blank, zeros or
nines, thousands separators in numbers. A value that cannot be read is never guessed: its row is set
aside with the field and the reason. Messages name the field and the rule, never the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import polars as pl

from ingest.formats.contracts import Column, Contract
from ingest.formats.eras import ERAS, FIRST_YEAR, day_of
from ingest.formats.reading import MEASURES, empty_set_aside
from ingest.formats.rowcheck import LARGEST, Fault, split_faulty

_ERA = r"(M|T|S|H|R|明治|大正|昭和|平成|令和|明|大|昭|平|令)"
_SEPARATED_WEST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$"
_COMPACT_WEST = r"^(\d{4})(\d{2})(\d{2})$"
_SEPARATED_ERA = rf"^{_ERA}(\d{{1,2}})[-/.年](\d{{1,2}})[-/.月](\d{{1,2}})日?$"
_COMPACT_ERA = r"^(M|T|S|H|R|明治|大正|昭和|平成|令和|明|大|昭|平|令|[1-5])(\d{2})(\d{2})(\d{2})$"
_BARE = r"^(?:\d{6}|\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?)$"

FEW = 5_000
"""So many texts are read one by one faster than by a query of their own, or than their repetitions are looked for."""

ERA_NAMES: dict[str, tuple[str, ...]] = {
    "1": ("M", "明治", "明"),
    "2": ("T", "大正", "大"),
    "3": ("S", "昭和", "昭"),
    "4": ("H", "平成", "平"),
    "5": ("R", "令和", "令"),
}
"""How an era is written beside its digit: letter, name, short name."""


def clean(text: pl.Expr) -> pl.Expr:
    """NFKC, trimmed, blank as null."""
    folded = text.map_batches(_fold, return_dtype=pl.String()).str.strip_chars()
    return pl.when(folded != "").then(folded)


def cleaned(texts: pl.Series) -> pl.Series:
    """The same of texts at hand; it calls back nothing from Polars, so that threads may ask."""
    folded = _fold(texts).str.strip_chars().to_frame("text")
    return folded.select(pl.when(pl.col("text") != "").then("text").alias(texts.name)).to_series()


def _fold(column: pl.Series) -> pl.Series:
    """NFKC; a column of ASCII, as most are, is left alone (normalising is the slowest step of reading)."""
    text = column if column.dtype == pl.String else column.cast(pl.String)
    return text if _is_ascii(text) else text.str.normalize("NFKC")


def _is_ascii(text: pl.Series) -> bool:
    if len(text) <= FEW:
        return "".join(filter(None, text.to_list())).isascii()
    return bool(text.str.len_bytes().sum() == text.str.len_chars().sum())


def printed(text: pl.Expr) -> pl.Expr:
    """As printed, trimmed, blank as null (names, addresses)."""
    trimmed = text.str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def blank_where_open(text: pl.Expr) -> pl.Expr:
    """A cleaned date, null where it stands for no date: all zeros, all nines, 9999-12-31."""
    digits = text.str.replace_all(r"[-/.年月日 ]", "")
    return pl.when(~digits.str.contains(r"^(?:0+|9{6,8}|99991231)$")).then(text)


def joined_with_era(text: pl.Expr, era: pl.Expr) -> pl.Expr:
    """A cleaned date with the era of a column of its own (5, R, 令和) before it, where it names none itself."""
    letter = era.str.to_uppercase().replace({code: names[0] for code, names in ERA_NAMES.items()})
    return pl.when(text.str.contains(_BARE) & letter.is_not_null()).then(letter + text).otherwise(text)


def date_value(text: pl.Expr) -> pl.Expr:
    """Date of a cleaned text; null where it is none.

    Read are 20240501, 2024/5/1, 2024-05-01, 2024年5月1日, 5060501, R060501, R6.5.1, 令和6年5月1日, 令和元年5月1日.
    """
    return text.map_batches(lambda column: _days(column, _plain_day, _date_of), return_dtype=pl.Date())


def _days(
    column: pl.Series, plain: Callable[[str], date | str | None], other: Callable[[pl.Expr], pl.Expr]
) -> pl.Series:
    """Dates of texts; each different text is read once, since a file has few different days: as ``plain`` reads it, or
    where that gives ``_OTHER`` by the expression ``other``."""
    texts = column.drop_nulls().unique()
    days = [plain(text) for text in texts]
    if _OTHER in days:
        others = [text for text, day in zip(texts, days, strict=True) if day is _OTHER]
        read = pl.DataFrame({"text": others}).select(other(pl.col("text"))).to_series()
        rest = iter(read)
        days = [next(rest) if day is _OTHER else day for day in days]
    known = pl.Series(days, dtype=pl.Date)
    return column.replace_strict(texts, known, default=None, return_dtype=pl.Date())


_OTHER = "other"
_YEAR_BEFORE = {code: year for code, year, _ in ERAS}


def _plain_day(text: str) -> date | str | None:
    """The day of YYYYMMDD or GYYMMDD, as nearly all files write it; None for no day, ``_OTHER`` for another form."""
    if not (text.isascii() and text.isdigit()):
        return _OTHER
    if len(text) == 7 and text[0] in _YEAR_BEFORE:
        year = int(text[1:3])
        year, rest = (_YEAR_BEFORE[text[0]] + year if year else 0), text[3:]
    elif len(text) == 8:
        year, rest = int(text[:4]), text[4:]
    else:
        return _OTHER
    try:
        return date(year, int(rest[:2]), int(rest[2:])) if year >= FIRST_YEAR else None
    except ValueError:
        return None


def _plain_month(text: str) -> date | str | None:
    """The first day of YYYYMM or GYYMM; None for none, ``_OTHER`` for another form."""
    return _plain_day(f"{text}01") if len(text) in (5, 6) and text.isascii() and text.isdigit() else _OTHER


def _date_of(text: pl.Expr) -> pl.Expr:
    text = text.str.to_uppercase().str.replace_all(" ", "").str.replace("元年", "1年", literal=True)
    west = [
        pl.concat_str(
            text.str.extract(pattern, 1),
            text.str.extract(pattern, 2).str.zfill(2),
            text.str.extract(pattern, 3).str.zfill(2),
        )
        for pattern in (_COMPACT_WEST, _SEPARATED_WEST)
    ]
    own = [
        _era_date(*(text.str.extract(pattern, group) for group in (1, 2, 3, 4)))
        for pattern in (_COMPACT_ERA, _SEPARATED_ERA)
    ]
    return day_of(pl.coalesce(*west, *own))


def _era_date(era: pl.Expr, year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """YYYYMMDD of an era's date; null where there is no such era or no first year."""
    base = pl.lit(None, dtype=pl.Int64)
    for code, year_before, _ in ERAS:
        is_this = era.is_in([code, *ERA_NAMES[code]])
        base = pl.when(is_this).then(pl.lit(year_before, dtype=pl.Int64)).otherwise(base)
    number = year.cast(pl.Int64, strict=False)
    western = pl.when(number >= 1).then(base + number)
    return pl.concat_str(western.cast(pl.String), month.str.zfill(2), day.str.zfill(2))


def month_value(text: pl.Expr) -> pl.Expr:
    """First day of the month of a cleaned text: 202405, 2024/5, 2024-05, 2024年5月, 50605, R0605, 令和6年5月."""
    return text.map_batches(lambda column: _days(column, _plain_month, _month_of), return_dtype=pl.Date())


def _month_of(text: pl.Expr) -> pl.Expr:
    text = text.str.to_uppercase().str.replace_all(" ", "")
    first = (
        pl.when(text.str.contains(r"^(?:\d{6}|\d{5}|[MTSHR]\d{4})$"))
        .then(text + "01")
        .when(text.str.contains(r"月$"))
        .then(text + "1日")
        .when(text.str.contains("/", literal=True))
        .then(text + "/1")
        .when(text.str.contains(".", literal=True))
        .then(text + ".1")
        .when(text.str.contains("-", literal=True))
        .then(text + "-1")
    )
    return date_value(first)


def integer_value(text: pl.Expr) -> pl.Expr:
    """Whole number of a cleaned text, thousands separators allowed; null where it is none."""
    bare = text.str.replace_all(",", "", literal=True)
    return pl.when(bare.str.contains(r"^[-+]?\d{1,18}$")).then(bare).cast(pl.Int64, strict=False)


def decimal_value(text: pl.Expr) -> pl.Expr:
    """Number of at most four decimals of a cleaned text; null where it is none."""
    bare = text.str.replace_all(",", "", literal=True).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")
    return pl.when(bare.str.contains(r"^[-+]?\d{1,13}(?:\.\d{1,4})?$")).then(bare).cast(pl.Decimal(18, 4), strict=False)


def sex_value(text: pl.Expr) -> pl.Expr:
    """1 男, 2 女 of a cleaned text; anything else stays as it is and fails the contract's codes."""
    return text.replace({"男": "1", "女": "2", "男性": "1", "女性": "2", "M": "1", "F": "2", "01": "1", "02": "2"})


def insurer_value(text: pl.Expr) -> pl.Expr:
    """保険者番号 of a cleaned text without padding: 国保, 組合 and 介護 6 digits, others 8.

    ``00`` before six digits is padding (国保 in checkups, 証記載保険者番号 of 介護); 67 before six digits is
    退職国保 of the same insurer. Source: formats.md 0.3, 2.2, 6 (法別番号).
    """
    return text.str.replace(r"^(?:00|67)(\d{6})$", "$1")


def scheme_value(insurer: pl.Expr) -> pl.Expr:
    """制度 of a 保険者番号 as ``insurer_value`` gives it; null for employees' insurance.

    Six digits whose third is 3 (保険者別 301-) are a 国保組合, other six digits 国保; eight digits from 39 後期.
    """
    return (
        pl.when(insurer.str.contains(r"^\d{2}3\d{3}$"))
        .then(pl.lit("kumiai"))
        .when(insurer.str.contains(r"^\d{6}$"))
        .then(pl.lit("kokuho"))
        .when(insurer.str.contains(r"^39\d{6}$"))
        .then(pl.lit("koki"))
    )


def municipality_value(text: pl.Expr) -> pl.Expr:
    """市町村コード of 5 digits; the sixth, a check digit, is taken off."""
    return text.str.replace(r"^(\d{5})\d$", "$1")


def flag_value(text: pl.Expr, yes: tuple[str, ...], no: tuple[str, ...]) -> pl.Expr:
    """True, false (also where blank), or null where the text is neither."""
    return (
        pl.when(text.is_null() | text.is_in(list(no)))
        .then(pl.lit(False))
        .when(text.is_in(list(yes)))
        .then(pl.lit(True))
    )


PRINTED, CLEANED, WHOLE, DAY = "printed", "cleaned", "whole", "day"


@dataclass(frozen=True)
class Cell:
    """One contract column of a source.

    ``text``   its tidy text, of the columns of the file; null where blank
    ``value``  its value, of the texts of ``with_texts``: see ``text_of``
    ``label``  the name printed in the file
    ``plain``  where the value is a text as printed (``PRINTED``), a cleaned text (``CLEANED``), a date (``DAY``, with
               its era in a second field or not) of one field, or a whole number (``WHOLE``) of the first of some
               fields that is not blank: for readers of bytes
    ``fields`` those fields, in their order
    """

    column: str
    text: pl.Expr
    value: pl.Expr
    label: str
    plain: str = ""
    fields: tuple[str, ...] = ()


def text_of(column: str) -> pl.Expr:
    """The tidy text of a contract column in a frame from ``with_texts``."""
    return pl.col(f"text:{column}")


Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def with_texts(fields: Frame, cells: Iterable[Cell]) -> Frame:
    """``fields`` with the tidy text of every cell, so that each is made once."""
    return fields.with_columns(named_text(cell) for cell in cells)


def named_text(cell: Cell) -> pl.Expr:
    """The tidy text of a cell under the name that ``text_of`` gives it."""
    return cell.text.alias(f"text:{cell.column}")


def derived(column: str, value: pl.Expr) -> Cell:
    """A cell that follows from other columns and has no text of its own."""
    return Cell(column, pl.lit(None, dtype=pl.String), value, column)


_TYPE_REASONS = {"date": "bad_date", "integer": "bad_number", "decimal": "bad_number"}

# The site decides about these two: 公費単独 has no insurer, employees' insurance no scheme of ours.
_OPTIONAL_HERE = {"scheme_code"}


def typed(fields: pl.DataFrame, contract: Contract, cells: list[Cell]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The contract's table and the rows set aside, of ``fields`` (``source_row``, ``text``, the fields).

    Every row of ``fields`` is in exactly one of the two. A row is set aside for its first column, in
    the contract's order, that cannot be read or breaks the contract.
    """
    by_name = {cell.column: cell for cell in cells}
    schema = contract.plain_schema()
    if fields.is_empty():
        return pl.DataFrame(schema=schema), empty_set_aside()
    texts = with_texts(fields, cells).drop(r"^f\d+$")
    frame = texts.with_columns(
        (by_name[name].value if name in by_name else pl.lit(None, dtype=schema[name])).alias(name)
        for name in contract.names()
    ).rename({"text": "line"})
    faults = [fault for column in contract.columns for fault in faults_of(column, column.name in by_name)]
    good, aside = split_faulty(
        frame,
        contract.name,
        faults,
        scheme="scheme_code" if "scheme_code" in by_name else None,
        measures={name: name for name in contract.control_columns},
    )
    table = good.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    return table, name_fields(aside, {name: cell.label for name, cell in by_name.items()})


def faults_of(column: Column, has_text: bool) -> list[Fault]:
    """The rules of one contract column that a row can break, in the order in which they are named."""
    value = pl.col(column.name)
    faults: list[Fault] = []
    if has_text:
        unreadable = text_of(column.name).is_not_null() & value.is_null()
        faults.append(Fault(column.name, _TYPE_REASONS.get(column.dtype, "bad_code"), unreadable))
    if column.required and column.name not in _OPTIONAL_HERE:
        absent = "missing_insurer" if column.name == "insurer_number" else "missing_field"
        faults.append(Fault(column.name, absent, value.is_null()))
    if column.codes is not None:
        faults.append(Fault(column.name, "bad_code", ~value.is_in(list(column.codes))))
    if column.pattern is not None:
        faults.append(Fault(column.name, "bad_code", ~value.str.contains(column.pattern)))
    if column.minimum is not None:
        faults.append(Fault(column.name, "bad_number", value < column.minimum))
    if column.name in MEASURES:
        faults.append(Fault(column.name, "bad_number", value.abs() > LARGEST))
    if column.maximum is not None:
        faults.append(Fault(column.name, "bad_number", value > column.maximum))
    return faults


def bounds(column: Column) -> tuple[int | None, int | None]:
    """The least and the greatest whole number that ``faults_of`` a column lets pass."""
    low, high = column.minimum, column.maximum
    if column.name in MEASURES:
        low, high = (
            max(low if low is not None else -LARGEST, -LARGEST),
            min(high if high is not None else LARGEST, LARGEST),
        )
    return low, high


def name_fields(aside: pl.DataFrame, labels: dict[str, str]) -> pl.DataFrame:
    """Rows set aside, their messages beginning with the name printed in the file."""
    if aside.is_empty():
        return aside
    label = pl.col("field").replace(labels)
    words = pl.col("message").str.strip_prefix(pl.col("field"))
    return aside.with_columns((label + words).alias("message"))


def set_aside(rows: pl.DataFrame, table: str, field: str, reason_code: str, label: str = "") -> pl.DataFrame:
    """All of ``rows`` (``source_row``, ``text``, ``scheme_code``) set aside for one reason."""
    fault = Fault(field, reason_code, pl.lit(True))
    _, aside = split_faulty(rows.rename({"text": "line"}), table, [fault], scheme="scheme_code")
    return name_fields(aside, {field: label or field})


def misfits(rows: pl.DataFrame, table: str, scheme_code: str | None = None) -> pl.DataFrame:
    """Lines whose number of fields does not fit, or whose quotes do not close, as rows set aside."""
    known = rows.with_columns(pl.lit(scheme_code, dtype=pl.String).alias("scheme_code"))
    return set_aside(known, table, "", "contract", "項目数または引用符")


def months_of(*values: pl.Series) -> list[str]:
    """The months of some dates as 'YYYY-MM', sorted, each once."""
    days = pl.concat([series.unique().drop_nulls() for series in values])
    return sorted(set(days.dt.strftime("%Y-%m")))

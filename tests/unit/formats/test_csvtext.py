"""Bytes to fields: encodings, quotes, torn lines, dates in both eras, numbers in full width."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingest.formats import cells, csvtext
from ingest.formats.reading import FileRefused


def dates(texts: list[str], era: str | None = None) -> list[date | None]:
    tidy = cells.blank_where_open(cells.clean(pl.col("text")))
    if era is not None:
        tidy = cells.joined_with_era(tidy, pl.lit(era))
    frame = pl.DataFrame({"text": texts}).with_columns(tidy.alias("tidy"))
    return frame.select(cells.date_value(pl.col("tidy"))).to_series().to_list()


def values(texts: list[str], value: object) -> list[object]:
    frame = pl.DataFrame({"text": texts}).with_columns(cells.clean(pl.col("text")))
    return frame.select(value(pl.col("text"))).to_series().to_list()  # type: ignore[operator]


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_text_is_read_in_cp932_and_in_utf_8_with_or_without_a_mark(encoding: str) -> None:
    lines = csvtext.lines_of("氏名\r\n髙﨑①\r\n".encode(encoding))
    assert lines.frame["text"].to_list() == ["氏名", "髙﨑①"]
    assert lines.is_complete and lines.replaced == 0


@pytest.mark.parametrize("encoding", ["utf-16", "iso2022_jp"])
def test_another_encoding_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(FileRefused) as refused:
        csvtext.lines_of("氏名,住所\r\n架空,富山\r\n".encode(encoding))
    assert refused.value.reason_code == "encoding"


def test_one_unreadable_character_is_replaced_and_counted() -> None:
    data = "番号,氏名\r\n".encode("cp932") + b"1,\xfd\r\n" + "2,架空太郎\r\n".encode("cp932") * 60
    lines = csvtext.lines_of(data)
    assert lines.replaced == 1
    assert [problem.reason_code for problem in lines.problems("enrolment")] == ["encoding"]


def test_many_unreadable_characters_are_another_encoding() -> None:
    with pytest.raises(FileRefused) as refused:
        csvtext.lines_of(b"\xfd\xfe\xff,\xfd\xfe\r\n" * 5)
    assert refused.value.reason_code == "encoding"


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(FileRefused):
        csvtext.lines_of(b"\r\n\x1a")


def test_line_numbers_count_blank_lines_and_the_old_end_mark_is_no_line() -> None:
    lines = csvtext.lines_of(b"a\r\n\r\nb\nc\r\n\x1a")
    assert lines.frame.rows() == [(1, "a"), (3, "b"), (4, "c")]


def test_quotes_hold_commas_and_doubled_quotes() -> None:
    parts = csvtext.split(csvtext.lines_of(b'"1","x,""y""",3\r\n4,,6\r\n'), 3)
    assert parts.fields.select("f1", "f2", "f3").rows() == [("1", 'x,"y"', "3"), ("4", None, "6")]


def test_a_line_of_another_width_or_with_an_open_quote_is_a_misfit_with_its_number() -> None:
    parts = csvtext.split(csvtext.lines_of(b'1,2,3\r\n1,2\r\n1,"2,3\r\n1,2,3,4\r\n1,2,3\r\n'), 3)
    assert parts.fields["source_row"].to_list() == [1, 5]
    assert parts.misfits["source_row"].to_list() == [2, 3, 4]
    assert parts.torn_line is None


@pytest.mark.parametrize("tail", [b"1,2", b'1,"2,3', b"1"])
def test_a_last_line_cut_short_is_torn(tail: bytes) -> None:
    parts = csvtext.split(csvtext.lines_of(b"1,2,3\r\n" + tail), 3)
    assert parts.torn_line == 2
    assert parts.misfits.is_empty()


def test_a_last_line_without_line_end_but_with_all_fields_is_taken() -> None:
    lines = csvtext.lines_of(b"1,2,3\r\n4,5,6")
    assert csvtext.split(lines, 3).fields.height == 2
    assert not lines.is_complete


def test_a_file_cut_inside_a_character_is_still_decoded_up_to_there() -> None:
    assert csvtext.lines_of("番号,氏名\n1,架空".encode()[:-1]).encoding == "utf-8"


def test_dates_are_read_in_either_era_and_any_separator() -> None:
    forms = [
        "20240501",
        "2024/5/1",
        "2024-05-01",
        "2024年5月1日",
        "5060501",
        "R060501",
        "R6.5.1",
        "r6/05/01",
        "令和6年5月1日",
        "令６．５．１",
        "２０２４０５０１",
        " 20240501 ",
    ]
    assert dates(forms) == [date(2024, 5, 1)] * len(forms)


def test_the_first_year_of_an_era_and_its_old_neighbours() -> None:
    assert dates(["令和元年5月1日", "4310430", "3640107", "4010108", "大正15年12月24日", "M45.7.29"]) == [
        date(2019, 5, 1),
        date(2019, 4, 30),
        date(1989, 1, 7),
        date(1989, 1, 8),
        date(1926, 12, 24),
        date(1912, 7, 29),
    ]


@pytest.mark.parametrize("era", ["3", "S", "昭和", "昭"])
def test_an_era_in_its_own_column_joins_a_date_without_one(era: str) -> None:
    assert dates(["300102", "30/1/2", "30.01.02", "19550102", "4010203"], era) == [
        date(1955, 1, 2),
        date(1955, 1, 2),
        date(1955, 1, 2),
        date(1955, 1, 2),
        date(1989, 2, 3),
    ]


def test_open_dates_are_blank_zeros_or_nines() -> None:
    tidy = cells.blank_where_open(cells.clean(pl.col("text")))
    open_forms = ["", "　", "00000000", "0", "99999999", "9999999", "9999/99/99", "9999-12-31"]
    assert pl.DataFrame({"text": open_forms}).select(tidy).to_series().null_count() == len(open_forms)


def test_a_day_that_does_not_exist_is_no_date() -> None:
    assert dates(["20230230", "20241301", "R6.13.1", "abc", "2024", "060501"]) == [None] * 6


def test_months_are_read_in_either_era() -> None:
    forms = ["202405", "2024/5", "2024-05", "2024年5月", "50605", "R0605", "R6.5", "令和6年5月"]
    assert values(forms, cells.month_value) == [date(2024, 5, 1)] * len(forms)
    assert values(["202413", "2024", "x"], cells.month_value) == [None] * 3


def test_numbers_are_read_in_full_width_and_with_thousands_separators() -> None:
    assert values(["１２", "1,234", "-3", "12.0", "x", ""], cells.integer_value) == [12, 1234, -3, None, None, None]
    assert values(["１３５．５", "5.60000", "12", "1.23456", "5.", "."], cells.decimal_value) == [
        Decimal("135.5"),
        Decimal("5.6"),
        Decimal("12"),
        None,
        Decimal("5"),
        None,
    ]


def test_schemes_follow_from_insurer_numbers() -> None:
    numbers = ["00162024", "162024", "67162024", "163014", "39162026", "06139999", "1620"]
    insurers = [cells.insurer_value(pl.lit(number)) for number in numbers]
    found = [(pl.select(i).item(), pl.select(cells.scheme_value(i)).item()) for i in insurers]
    assert found == [
        ("162024", "kokuho"),
        ("162024", "kokuho"),
        ("162024", "kokuho"),
        ("163014", "kumiai"),
        ("39162026", "koki"),
        ("06139999", None),
        ("1620", None),
    ]


def test_fields_without_end_behind_those_that_are_read_change_nothing() -> None:
    rows = csvtext.lines_of(b'1,"a,""b""",x,9\r\n2,c,"",8,7\r\n').frame
    longer = rows.with_columns(pl.col("text") + ',"z"' * (csvtext.MAXIMUM_COLUMNS + 1))
    plain, _ = csvtext.fit_some(rows, [1, 2, 4])
    endless, misfits = csvtext.fit_some(longer, [1, 2, 4])
    assert endless.drop("text").equals(plain.drop("text")) and misfits.is_empty()
    assert plain["f2"].to_list() == ['a,"b"', "c"]
    assert endless["text"].equals(longer["text"]), "what is told of a row is all of it"

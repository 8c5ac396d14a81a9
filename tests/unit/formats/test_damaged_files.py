"""What the mutated files of ``tests/fuzz`` found: each is a file that once ended in a traceback or told too much."""

from __future__ import annotations

import contextlib
import io
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from uke_samples import GO, HO, IR, SI, SY, re_line, write

from ingest.formats import FileRefused, Reading, careframe, cells, csvtext, eras, read, recognise
from ingest.formats import uke_values as kernels
from ingest.formats.csvlayout import year_value
from ingest.formats.inspect import inspect_files, render
from ingest.formats.uke_scan import era_base
from tests import site_world as world


def lines_of(path: Path) -> list[str]:
    return path.read_bytes().decode("cp932").splitlines()


def saved(path: Path, lines: list[str]) -> Path:
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp932"))
    return path


def told(reading: Reading) -> str:
    return "".join(p.field + p.message for p in reading.problems) + reading.edition + "".join(reading.records)


@pytest.mark.parametrize("text", ["00000101", "00010101", "10000101", "18670101"])
def test_a_day_before_the_first_era_is_no_date(text: str) -> None:
    frame = pl.DataFrame({"text": [text, "18680101"]})
    found = frame.select(cells.date_value(pl.col("text"))).to_series()
    assert found.is_null().to_list() == [True, False]
    assert found.to_list()[0] is None  # the year 0 is a date for Polars and an error for Python
    assert [_day_of_a_receipt(text), _day_of_a_receipt("18680101")] == [None, date(1868, 1, 1)]


def _day_of_a_receipt(text: str) -> date | None:
    """A date as the reader of receipts takes it from their bytes."""
    digits = np.frombuffer(text.encode("ascii"), np.uint8)
    days, state = kernels.date(digits, 0, len(digits), False, eras.FIRST_YEAR, era_base())
    return date(1970, 1, 1) + timedelta(days=int(days)) if state == kernels.VALID else None


@given(st.dates(date(1868, 1, 1), date(2199, 12, 31)))
def test_a_receipts_date_is_the_day_of_the_calendar(day: date) -> None:
    assert _day_of_a_receipt(f"{day:%Y%m%d}") == day


@pytest.mark.parametrize("text", ["20230229", "20240431", "20241301", "20240100", "6010101", "2024010", "202401010"])
def test_what_is_no_day_of_the_calendar_is_no_date_of_a_receipt(text: str) -> None:
    assert _day_of_a_receipt(text) is None


def test_a_year_before_the_first_era_is_no_year() -> None:
    years = pl.DataFrame({"text": ["0000", "1867年", "2024"]}).select(year_value(pl.col("text"))).to_series()
    assert years.to_list() == [None, None, 2024]


def test_a_receipt_of_the_year_0_is_set_aside_and_costs_no_other(tmp_path: Path) -> None:
    lines = [IR, re_line(1, birth="00000401"), HO, SY, SI, re_line(2), HO, SY, SI, GO]
    reading = read(write(tmp_path / "a", lines))
    assert reading.tables["claim"]["source_row"].to_list() == [6]
    assert ("claim", "birth_date", "bad_date") in reading.set_aside.select("table_name", "field", "reason_code").rows()


@pytest.mark.parametrize("points", ["9223372036854775807", "1000000000", "9" * 40])
def test_points_that_would_break_every_sum_are_no_number(tmp_path: Path, points: str) -> None:
    lines = [IR, re_line(1), HO.replace(",73,", f",{points},"), SY, SI, re_line(2), HO, SY, SI, GO]
    reading = read(write(tmp_path / "a", lines))
    assert reading.tables["claim"]["source_row"].to_list() == [6]
    assert reading.set_aside["points"].sum() == 0
    item = read(write(tmp_path / "b", [IR, re_line(1), HO, SY, SI.replace(",73,", f",{points},"), GO]))
    assert ("claim_item", "points", "bad_number") in item.set_aside.select("table_name", "field", "reason_code").rows()
    assert item.tables["claim"]["line_points"].to_list() == [0]


def test_measures_that_would_break_every_sum_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    world.write_people(path)
    lines = lines_of(path)
    reading = read(saved(path, [*lines[:-1], lines[-1].removesuffix("900") + "9" * 18]))
    assert reading.tables["population"].height == 1
    assert reading.set_aside.select("field", "reason_code").rows() == [("population_count", "bad_number")]
    assert reading.set_aside["population_count"].to_list() == [None]


@pytest.mark.parametrize("end", ["\r", "\r\r", "\x1a", "\rX"])
def test_a_carriage_return_behind_a_record_id_is_no_traceback(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "a", [IR, "RE" + end, re_line(1), HO, SY, SI, GO])
    assert recognise(path)[0].format == "uke"
    assert "claim" in read(path).tables
    alone = write(tmp_path / "b", ["HI,1,2,3,", "IR" + end, re_line(1), HO, SY, SI, GO])
    assert recognise(alone)[0].format == "uke"


def test_a_line_longer_than_the_csv_reader_takes_is_no_heading() -> None:
    assert csvtext.split_line('"' + "9" * 200_000 + '",1') == []


@pytest.mark.parametrize("kind", ["care", "enrolment", "checkup"])
def test_a_very_long_first_line_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.csv"
    if kind == "care":
        world.write_care(path, [world.care_person()])
    elif kind == "enrolment":
        world.write_enrolments(path, [world.person()])
    else:
        world.write_checkups(path, [world.person()])
    lines = lines_of(path)
    saved(path, [lines[0] + "," + "9" * 200_000, *lines[1:]])
    with contextlib.suppress(FileRefused):
        assert isinstance(read(path), Reading)


@pytest.mark.parametrize("kind", ["population", "checkup"])
def test_a_heading_of_ten_million_columns_is_refused_and_does_not_hang(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.csv"
    if kind == "population":
        world.write_people(path)
    else:
        world.write_checkups(path, [world.person()])
    lines = lines_of(path)
    at = 0 if kind == "population" else 1
    for filler in ("," * 10_000_000, ("," + "x" * 99) * 20_000):  # the first 64 KiB of the second look like a heading
        damaged = [*lines[:at], lines[at] + filler, *lines[at + 1 :]]
        with pytest.raises(FileRefused) as refused:
            read(saved(path, damaged))
        assert refused.value.reason_code in ("unrecognised", "missing_field")


@pytest.mark.parametrize("count", ["①", "9" * 5000, "１"])
def test_a_record_count_that_is_no_number_is_told_as_such(tmp_path: Path, count: str) -> None:
    path = tmp_path / "a.csv"
    world.write_care(path, [world.care_person()])
    lines = lines_of(path)
    control = lines[0].split(",")
    control[3] = count
    with pytest.raises(FileRefused) as refused:
        read(saved(path, [",".join(control), *lines[1:]]))
    assert refused.value.reason_code == "truncated"
    assert count not in refused.value.message


@pytest.mark.parametrize("place", [2, 4])
def test_a_value_where_a_record_code_should_stand_is_not_told(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.csv"
    number = world.care_person()["number"]
    world.write_care(path, [world.care_person()])
    lines = lines_of(path)
    record = lines[1].split(",")
    record[place] = number
    reading = read(saved(path, [lines[0], ",".join(record), *lines[2:]]))
    assert number not in told(reading)
    assert number not in recognise(path)[1]
    if place == 4:
        assert reading.records[careframe.OTHER] == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_a_first_row_in_the_heading_is_told_by_its_columns_and_not_by_its_values(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.csv"
    world.write_checkups(path, [world.person(number) for number in range(rows)])
    lines = lines_of(path)
    reading = read(saved(path, [lines[0], lines[1] + lines[2], *lines[3:]]))
    (problem,) = [problem for problem in reading.problems if problem.reason_code == "unknown_record"]
    assert "列目" in problem.field
    for value in (world.person()["number"], "たかおか", "3260724"):
        assert value not in told(reading)


def test_square_brackets_in_a_name_or_a_heading_are_printed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("提出[bold].csv")
    world.write_enrolments(path, [world.person()])
    lines = lines_of(path)
    saved(path, [lines[0] + ",[/red]", lines[1] + ",1"])
    out = io.StringIO()
    render(Console(file=out, width=400), inspect_files([path]))
    assert "[bold]" in out.getvalue() and "[/red]" in out.getvalue()

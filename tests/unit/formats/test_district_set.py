"""地区割 as a delivery."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingest.formats import read, recognise
from ingest.synth.writers.counts import write_district_set
from tests.handmade import frame

HEADING = "作成年月日,版,市町村コード,地区割,行政区コード,行政区名,地区名,削除区分"


def test_a_set_is_read_and_a_missing_mark_of_deletion_means_no(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_bytes(
        "地区名,行政区コード,地区割,市町村コード,版,作成年月日\r\n甲小,０１,小学校区,162086,1,令和6年4月1日\r\n".encode(
            "cp932"
        )
    )
    reading = read(path)
    assert reading.months == ["2024-04"] and reading.set_aside.is_empty()
    assert reading.tables["district_set"].drop("source_row").rows() == [
        ("16208", "小学校区", "01", None, "甲小", date(2024, 4, 1), 1, False)
    ]


def test_a_place_with_two_districts_waits_with_all_its_rows_and_a_row_that_says_nothing_too(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    rows = [
        "20240401,1,16208,小学校区,01,出町,甲小,0",
        "20240401,1,16208,小学校区,02,庄下,甲小,0",
        "20240401,1,16208,小学校区,02,庄下,乙小,0",
        "20240401,1,16208,小学校区,03,中野,,0",
        "20240401,1,16208,小学校区,,,乙小,0",
        "20240401,1,16208,中学校区,02,庄下,丙中,0",
        "20240501,1,16208,小学校区,02,庄下,乙小,0",
        "20240601,1,16208,日常生活圏域,,,,1",
        "20240401,1,16208,小学/校区,02,庄下,乙小,0",
    ]
    path.write_text("\n".join([HEADING, *rows]) + "\n", encoding="utf-8")
    reading = read(path)
    assert reading.tables["district_set"]["source_row"].to_list() == [2, 7, 8, 9]
    assert reading.set_aside.select("source_row", "field", "reason_code").rows() == [
        (3, "set_district_name", "two_districts"),
        (4, "set_district_name", "two_districts"),
        (5, "set_district_name", "missing_field"),
        (6, "district_code", "missing_field"),
        (10, "district_set_name", "bad_code"),
    ]


def test_what_is_written_is_recognised_and_read_back(tmp_path: Path) -> None:
    rows = [
        {"municipality_code": "16208", "district_set_name": "小学校区", "district_code": code, "district_name": name,
         "set_district_name": "甲小"}
        for code, name in (("01", "出町"), ("02", None), (None, "旧村"))
    ]  # fmt: skip
    sets = frame("district_set", rows)
    write_district_set(sets, tmp_path / "set.csv", dates="wareki", is_quoted=True)
    assert recognise(tmp_path / "set.csv")[0].format == "district_set_csv"
    assert read(tmp_path / "set.csv").tables["district_set"].drop("source_row").equals(sets.drop("source_row"))

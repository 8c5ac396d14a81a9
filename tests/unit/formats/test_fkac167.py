"""FKAC167: a wide row becomes one checkup and its results; what cannot be read is set aside."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.formats import FileRefused, Reading, read, recognise
from ingest.formats.fkac167 import edition_of
from ingest.synth.writers.fkac167 import items_of, write_fkac167
from tests.handmade import frame

CHECKUP: dict[str, Any] = {
    "scheme_code": "kokuho",
    "insurer_number": "162024",
    "symbol": "高",
    "number": "0012",
    "birth_date": date(1955, 1, 7),
    "sex_code": "1",
    "exam_date": date(2024, 6, 3),
    "exam_month": date(2024, 6, 1),
    "created_date": date(2024, 7, 10),
}
NEEDED = [
    "保険者番号",
    "被保険者証記号",
    "被保険者証番号",
    "生年月日元号",
    "生年月日",
    "性別",
    "データ管理番号１",
    "健診実施年月日",
]
ROW = ["00162024", "高", "１２", "3", "300107", "1", "1", "20240603"]


def by_hand(path: Path, headings: list[str], *rows: list[str], title: str = "1,FKAC167,20240710") -> Path:
    lines = [title, ",".join(headings), *(",".join(row) for row in rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp932"))
    return path


def result(reading: Reading, item: str) -> tuple[Any, ...]:
    row = reading.tables["checkup_result"].filter(pl.col("item_id") == item)
    assert row.height == 1
    return row.select("numeric_value", "code_value", "status_code").row(0)


def test_a_row_becomes_a_checkup_and_a_result_for_each_item_that_is_not_blank(tmp_path: Path) -> None:
    path = by_hand(
        tmp_path / "f.csv",
        [*NEEDED, "身長", "収縮期血圧", "喫煙", "体重", "ＨＬ収縮期血圧"],
        [*ROW, "１６０．５", "152", "2", "", "H"],
    )
    reading = read(path)
    assert reading.tables["checkup"].height == 1
    person = reading.tables["checkup"].row(0, named=True)
    assert person["number"] == "12" and person["birth_date"] == date(1955, 1, 7)
    assert person["scheme_code"] == "kokuho" and person["insurer_number"] == "162024"
    assert person["created_date"] == date(2024, 7, 10) and person["source_row"] == 3
    assert result(reading, "height") == (Decimal("160.5"), None, "measured")
    assert result(reading, "systolic") == (Decimal(152), None, "high")
    assert result(reading, "smoking") == (None, "2", "measured")
    assert reading.tables["checkup_result"]["item_id"].to_list() == ["height", "systolic", "smoking"]
    assert reading.months == ["2024-06"] and reading.records == {"checkup": 1}


def test_headings_are_mapped_by_text_and_told_apart_by_occurrence(tmp_path: Path) -> None:
    headings = [
        "健診実施年月日",
        "喫煙",
        "服薬１（血圧）",
        "服薬確認者",
        "服薬２（血糖）",
        "服薬確認者",
        *NEEDED[:-1],
        "受診券整理番号",
        "健診実施保険者",
        "受診券整理番号",
    ]
    path = by_hand(
        tmp_path / "f.csv",
        headings,
        ["20240603", "1", "1", "3", "2", "3", *ROW[:-1], "12345678901", "162024", "99999999999"],
    )
    reading = read(path)
    assert reading.set_aside.is_empty()
    assert reading.tables["checkup"]["ticket_number"].to_list() == ["12345678901"]
    assert result(reading, "drug_pressure")[1] == "1" and result(reading, "drug_glucose")[1] == "2"


def test_the_second_method_of_an_item_counts_where_the_first_is_blank(tmp_path: Path) -> None:
    headings = [*NEEDED, "空腹時血糖（電位差法）", "空腹時血糖（紫外吸光光度法）"]
    reading = read(by_hand(tmp_path / "f.csv", headings, [*ROW, "", "101"]))
    assert result(reading, "glucose_fasting")[0] == Decimal(101)


def test_items_not_done_and_not_measurable_are_results_without_a_value(tmp_path: Path) -> None:
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, "腹囲", "尿糖"], [*ROW, "未実施", "測定不可能"]))
    assert result(reading, "waist") == (None, None, "not_done")
    assert result(reading, "urine_glucose") == (None, None, "not_measurable")


def test_not_done_not_measurable_out_of_range_and_absent_are_four_things(tmp_path: Path) -> None:
    headings = [*NEEDED, "身長", "体重", "収縮期血圧", "ＨｂＡ１ｃ", "腹囲", "ＨＬ収縮期血圧", "ＨＬＨｂＡ１ｃ"]
    reading = read(by_hand(tmp_path / "f.csv", headings, [*ROW, "未実施", "測定不能", "", "3.1", "", "H", "L"]))
    assert result(reading, "height") == (None, None, "not_done")
    assert result(reading, "weight") == (None, None, "not_measurable")
    assert result(reading, "systolic") == (None, None, "high")
    assert result(reading, "hba1c") == (Decimal("3.1"), None, "low")
    assert "waist" not in reading.tables["checkup_result"]["item_id"]


def test_the_method_is_the_one_that_the_heading_names_and_the_unit_that_of_the_layout(tmp_path: Path) -> None:
    methods = ["空腹時血糖（電位差法）", "空腹時血糖（紫外吸光光度法）", "随時血糖", "腹囲（自己申告）"]
    row = [*ROW, "", "101", "120", "未実施", "160", "2"]
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, *methods, "身長", "喫煙"], row))
    told = reading.tables["checkup_result"].select("item_id", "method_code", "unit_code", "interpretation_code")
    assert {row[0]: row[1:] for row in told.rows()} == {
        "glucose_fasting": ("3D010000001927201", "mg/dL", None),
        "glucose_casual": (None, "mg/dL", None),
        "height": ("9N001000000000001", "cm", None),
        "smoking": ("9N736000000000011", None, None),
        "waist": ("9N016160300000001", None, None),
    }


def test_a_flag_without_a_value_is_out_of_range(tmp_path: Path) -> None:
    headings = [*NEEDED, "ＨｂＡ１ｃ（NGSP値）", "ＨＬＨｂＡ１ｃ（NGSP値）"]
    assert result(read(by_hand(tmp_path / "f.csv", headings, [*ROW, "", "Ｌ"])), "hba1c") == (None, None, "low")


def test_the_union_number_stands_in_for_a_blank_insurer(tmp_path: Path) -> None:
    row = ["", "39162026", "", "00000123", "", "19440107", "2", "1", "20240603"]
    reading = read(by_hand(tmp_path / "f.csv", ["保険者番号", "広域連合番号", *NEEDED[1:]], row))
    assert reading.tables["checkup"].select("scheme_code", "insurer_number", "number", "symbol").rows() == [
        ("koki", "39162026", "00000123", None)
    ]


@pytest.mark.parametrize(
    ("column", "value", "field", "reason"),
    [
        ("生年月日", "301307", "birth_date", "bad_date"),
        ("健診実施年月日", "", "exam_date", "missing_field"),
        ("性別", "3", "sex_code", "bad_code"),
        ("データ管理番号１", "x", "data_number", "bad_number"),
        ("保険者番号", "", "insurer_number", "missing_insurer"),
    ],
)
def test_a_bad_cell_sets_its_row_aside_and_the_rest_goes_on(
    tmp_path: Path, column: str, value: str, field: str, reason: str
) -> None:
    bad = [value if name == column else cell for name, cell in zip(NEEDED, ROW, strict=True)]
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, "身長"], [*bad, "160"], [*ROW, "170"]))
    assert reading.tables["checkup"]["source_row"].to_list() == [4]
    assert reading.tables["checkup_result"].height == 1
    aside = reading.set_aside.row(0, named=True)
    assert (aside["source_row"], aside["field"], aside["reason_code"]) == (3, field, reason)
    assert column in aside["message"] and (not value or value not in aside["message"])


def test_results_belong_to_the_scheme_of_their_own_row(tmp_path: Path) -> None:
    employee = ["06139999", *ROW[1:]]
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, "身長"], [*ROW, "160"], [*employee, "170"], [*ROW, "150"]))
    told = reading.tables["checkup_result"].select("scheme_code", "insurer_number")
    assert told.rows() == [("kokuho", "162024"), (None, "06139999"), ("kokuho", "162024")]


def test_a_bad_result_is_set_aside_alone(tmp_path: Path) -> None:
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, "身長", "喫煙"], [*ROW, "背が高い", "9"]))
    assert reading.tables["checkup"].height == 1 and reading.tables["checkup_result"].is_empty()
    assert reading.set_aside.select("table_name", "field", "reason_code").rows() == [
        ("checkup_result", "height", "bad_number"),
        ("checkup_result", "smoking", "bad_code"),
    ]


def test_every_row_read_is_either_in_the_table_or_set_aside(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "f.csv", NEEDED, ROW, ROW[:-1], [*ROW[:-1], "2024"], ROW)
    reading = read(path)
    aside = reading.set_aside.filter(pl.col("table_name") == "checkup")
    assert reading.records["checkup"] == 4 == reading.tables["checkup"].height + aside.height
    assert set(aside["source_row"]) == {4, 5}


def test_a_file_cut_in_half_is_refused_with_what_was_read(tmp_path: Path) -> None:
    whole = by_hand(tmp_path / "f.csv", NEEDED, *[ROW] * 10).read_bytes()
    (tmp_path / "half.csv").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "half.csv")
    assert refused.value.reason_code == "truncated" and refused.value.line is not None
    assert 0 < refused.value.tables["checkup"].height < 10


def test_a_file_cut_in_its_heading_is_refused(tmp_path: Path) -> None:
    whole = by_hand(tmp_path / "f.csv", NEEDED, ROW).read_bytes()
    (tmp_path / "head.csv").write_bytes(whole[: whole.rindex(b"\r\n", 0, -2)])
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "head.csv")
    assert (refused.value.reason_code, refused.value.line) == ("truncated", 2)


def test_another_encoding_is_refused_and_not_taken_for_another_format(tmp_path: Path) -> None:
    text = by_hand(tmp_path / "f.csv", NEEDED, ROW).read_bytes().decode("cp932")
    (tmp_path / "euc.csv").write_bytes(text.encode("euc_jp"))
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "euc.csv")
    assert refused.value.reason_code == "encoding"


def test_a_missing_needed_column_refuses_the_file_and_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="健診実施年月日"):
        read(by_hand(tmp_path / "f.csv", NEEDED[:-1], ROW[:-1]))


def test_a_column_the_layout_does_not_know_is_named_and_read_past(tmp_path: Path) -> None:
    reading = read(by_hand(tmp_path / "f.csv", [*NEEDED, "新しい検査"], [*ROW, "1"]))
    assert [(p.field, p.reason_code) for p in reading.problems] == [("新しい検査", "unknown_record")]


def test_without_a_creation_date_the_last_examination_stands_in_and_says_so(tmp_path: Path) -> None:
    reading = read(by_hand(tmp_path / "f.csv", NEEDED, ROW, title="1,FKAC167"))
    assert reading.tables["checkup"]["created_date"].to_list() == [date(2024, 6, 3)]
    assert [p.field for p in reading.problems] == ["作成年月日"]


@pytest.mark.parametrize("edition", ["term2", "term3", "term4"])
@pytest.mark.parametrize("dates", ["seireki", "wareki"])
@pytest.mark.parametrize("encoding", ["cp932", "utf-8-sig"])
def test_each_edition_is_recognised_and_read_back(tmp_path: Path, edition: Any, dates: Any, encoding: Any) -> None:
    checkup = frame("checkup", [CHECKUP | {"doctor_name": "髙﨑", "doctor_opinion": '所見 "あり", 要再検'}])
    results = frame(
        "checkup_result",
        [
            {
                "scheme_code": "kokuho",
                "insurer_number": "162024",
                "parent_source_row": 1,
                "exam_month": date(2024, 6, 1),
                "item_id": "hba1c",
                "numeric_value": Decimal("6.5"),
                "status_code": "high",
            }
        ],
    )
    path = tmp_path / "f.csv"
    write_fkac167(checkup, results, path, edition=edition, dates=dates, encoding=encoding, is_quoted=True)
    assert recognise(path)[1] == edition
    reading = read(path)
    assert reading.edition == edition and reading.set_aside.is_empty() and not reading.problems
    assert reading.tables["checkup"].drop("source_row").equals(checkup.drop("source_row"))
    assert result(reading, "hba1c") == (Decimal("6.5"), None, "high")


def test_the_writer_refuses_what_its_edition_cannot_hold(tmp_path: Path) -> None:
    checkup = frame("checkup", [CHECKUP | {"branch": "01"}])
    none = frame("checkup_result", [])
    with pytest.raises(ValueError, match="branch"):
        write_fkac167(checkup, none, tmp_path / "f.csv", edition="term2")
    assert "creatinine" not in items_of("term2") and "creatinine" in items_of("term3")
    assert "triglyceride_casual" in items_of("term4")


def test_editions_are_told_by_the_columns_they_brought() -> None:
    assert edition_of(["身長"]) == "term2"
    assert edition_of(["身長", "咀嚼"]) == "term3"
    assert edition_of(["咀嚼", "特定保健指導の受診歴"]) == "term4"

"""資格 CSV: any order of columns, several spellings, both eras; intervals end exclusively."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.formats import FileRefused, read, recognise
from ingest.synth.writers.enrolment import write_enrolment
from tests.handmade import frame

ROW: dict[str, str] = {
    "保険者番号": "162024",
    "記号": "高",
    "番号": "１２３",
    "枝番": "1",
    "宛名番号": "0000000015",
    "氏名漢字": "架空　花子",
    "氏名カナ": "カクウ　ハナコ",
    "生年月日": "S30.1.2",
    "性別": "女",
    "住所": "高岡市広小路",
    "市町村コード": "162027",
    "行政区コード": "001",
    "行政区名": "中央",
    "資格取得年月日": "2020/04/01",
    "資格取得事由": "01",
    "資格喪失年月日": "99999999",
    "資格喪失事由": "",
    "適用開始年月日": "R2.4.1",
    "適用終了年月日": "00000000",
    "前保険者番号": "00162016",
    "前記号": "富",
    "前番号": "5",
    "削除区分": "0",
    "異動処理年月日": "20200410",
    "履歴番号": "1",
}
PLAIN: dict[str, Any] = {
    "scheme_code": "kokuho",
    "insurer_number": "162024",
    "symbol": "高",
    "number": "123",
    "name_kanji": "架空　花子",
    "name_kana": "カクウ　ハナコ",
    "birth_date": date(1955, 1, 2),
    "sex_code": "2",
    "municipality_code": "16202",
    "acquired_date": date(2020, 4, 1),
    "applied_start_date": date(2020, 4, 1),
    "processed_date": date(2020, 4, 10),
}


def by_hand(path: Path, *rows: dict[str, str], encoding: str = "cp932", title: str = "") -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_bytes((title + "\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def only(path: Path) -> dict[str, Any]:
    reading = read(path)
    assert reading.set_aside.is_empty(), reading.set_aside["message"].to_list()
    return reading.tables["enrolment"].row(0, named=True)


def test_dates_numbers_and_codes_are_read_as_a_system_prints_them(tmp_path: Path) -> None:
    row = only(by_hand(tmp_path / "e.csv", ROW))
    assert row["number"] == "123" and row["branch"] == "01" and row["sex_code"] == "2"
    assert row["birth_date"] == date(1955, 1, 2) and row["acquired_date"] == date(2020, 4, 1)
    assert row["lost_date"] is None and row["applied_end_date"] is None
    assert row["municipality_code"] == "16202" and row["scheme_code"] == "kokuho"
    assert row["previous_insurer_number"] == "162016" and row["previous_scheme_code"] == "kokuho"
    assert row["is_deleted"] is False and row["record_number"] == 1
    assert row["name_kanji"] == "架空　花子"


def test_columns_may_stand_in_any_order_below_a_title(tmp_path: Path) -> None:
    turned = dict(reversed(list(ROW.items())))
    path = by_hand(tmp_path / "e.csv", turned, title="国民健康保険 資格異動一覧\r\n作成 令和2年4月\r\n")
    row = only(path)
    assert row["source_row"] == 4 and row["birth_date"] == date(1955, 1, 2)


def test_an_era_in_its_own_column_belongs_to_the_birth_date(tmp_path: Path) -> None:
    row = only(by_hand(tmp_path / "e.csv", ROW | {"生年月日": "300102", "生年月日元号": "3"}))
    assert row["birth_date"] == date(1955, 1, 2)


def test_a_union_of_trades_prints_no_applied_period_and_the_whole_period_stands(tmp_path: Path) -> None:
    row = {k: v for k, v in ROW.items() if not k.startswith("適用")} | {
        "保険者番号": "163014",
        "資格喪失年月日": "R5.10.1",
    }
    read_back = only(by_hand(tmp_path / "e.csv", row))
    assert read_back["scheme_code"] == "kumiai"
    assert (read_back["applied_start_date"], read_back["applied_end_date"]) == (date(2020, 4, 1), date(2023, 10, 1))


def test_a_printed_start_with_a_blank_end_is_open_although_the_right_was_lost(tmp_path: Path) -> None:
    row = only(by_hand(tmp_path / "e.csv", ROW | {"資格喪失年月日": "20231001", "適用終了年月日": ""}))
    assert row["applied_end_date"] is None and row["lost_date"] == date(2023, 10, 1)


@pytest.mark.parametrize(
    ("column", "value", "field", "reason"),
    [
        ("生年月日", "S99.13.1", "birth_date", "bad_date"),
        ("生年月日", "", "birth_date", "missing_field"),
        ("適用終了年月日", "20240230", "applied_end_date", "bad_date"),
        ("性別", "不明", "sex_code", "bad_code"),
        ("履歴番号", "0", "record_number", "bad_number"),
        ("削除区分", "?", "is_deleted", "bad_code"),
        ("市町村コード", "16", "municipality_code", "bad_code"),
        ("保険者番号", "12345", "insurer_number", "bad_code"),
        ("番号", "　", "number", "missing_field"),
    ],
)
def test_a_bad_cell_sets_its_row_aside_with_field_and_reason(
    tmp_path: Path, column: str, value: str, field: str, reason: str
) -> None:
    reading = read(by_hand(tmp_path / "e.csv", ROW, ROW | {column: value}))
    assert reading.tables["enrolment"].height == 1 and reading.set_aside.height == 1
    aside = reading.set_aside.row(0, named=True)
    assert (aside["source_row"], aside["field"], aside["reason_code"]) == (3, field, reason)
    assert aside["scheme_code"] == ("kokuho" if field != "insurer_number" else None)
    assert "高岡市広小路" in aside["raw"] and "高岡" not in aside["message"]


def test_employees_insurance_keeps_its_number_and_has_no_scheme(tmp_path: Path) -> None:
    row = only(by_hand(tmp_path / "e.csv", ROW | {"保険者番号": "06139999"}))
    assert row["insurer_number"] == "06139999" and row["scheme_code"] is None


def test_the_two_schemes_are_told_apart_by_their_headings(tmp_path: Path) -> None:
    write_enrolment(frame("enrolment", [PLAIN]), tmp_path / "kokuho.csv")
    koki = PLAIN | {"scheme_code": "koki", "insurer_number": "39162026", "symbol": None, "branch": None}
    write_enrolment(frame("enrolment", [koki]), tmp_path / "koki.csv")
    assert recognise(tmp_path / "kokuho.csv")[0].format == "enrolment_kokuho_csv"
    assert recognise(tmp_path / "koki.csv")[0].format == "enrolment_koki_csv"
    with pytest.raises(ValueError, match="後期"):
        write_enrolment(frame("enrolment", [PLAIN, koki]), tmp_path / "both.csv")


@pytest.mark.parametrize("encoding", ["euc_jp", "utf-16"])
def test_another_encoding_is_refused_as_such(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read(by_hand(tmp_path / "e.csv", ROW, encoding=encoding))
    assert refused.value.reason_code == "encoding"


def test_a_torn_file_is_refused_with_the_line_and_what_was_read(tmp_path: Path) -> None:
    whole = by_hand(tmp_path / "e.csv", ROW, ROW, ROW).read_bytes()
    (tmp_path / "torn.csv").write_bytes(whole[:-40])
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "torn.csv")
    assert (refused.value.reason_code, refused.value.line) == ("truncated", 4)
    assert refused.value.tables["enrolment"].height == 2


def test_a_line_with_a_stray_comma_is_set_aside_and_counted(tmp_path: Path) -> None:
    reading = read(by_hand(tmp_path / "e.csv", ROW, ROW | {"住所": "高岡市,広小路"}, ROW))
    assert reading.tables["enrolment"].height == 2
    assert reading.set_aside.select("source_row", "reason_code").rows() == [(3, "contract")]
    assert reading.records == {"enrolment": 3}


def test_no_message_holds_a_value_of_the_row(tmp_path: Path) -> None:
    bad = ROW | {"生年月日": "S30.13.2", "異動処理年月日": "2020-99-99"}
    aside = read(by_hand(tmp_path / "e.csv", bad)).set_aside
    shown = "".join(aside.select(pl.concat_str("message", "remedy", "field")).to_series())
    assert not any(value and value in shown for value in (*ROW.values(), *bad.values()) if len(value) > 2)


def warned(path: Path) -> list[tuple[int | None, str, str]]:
    reading = read(path)
    assert reading.set_aside.is_empty()
    assert reading.tables["enrolment"].height == reading.records["enrolment"]
    return [(problem.line, problem.reason_code, problem.message) for problem in reading.problems]


def test_two_periods_of_one_person_that_overlap_are_loaded_and_told(tmp_path: Path) -> None:
    ends = ROW | {"適用終了年月日": "R4.4.1"}
    touching = ROW | {"適用開始年月日": "R4.4.1"}
    overlapping = ROW | {"適用開始年月日": "R4.3.31"}
    other = overlapping | {"枝番": "2"}
    assert warned(by_hand(tmp_path / "touching.csv", ends, touching, other)) == []
    told = warned(by_hand(tmp_path / "overlapping.csv", overlapping, ends, other))
    assert told == [(2, "overlap", "適用期間が重なる行が1行あります（行は取り込みました）")]


def test_an_interval_that_a_later_row_corrects_or_withdraws_overlaps_nothing(tmp_path: Path) -> None:
    open_ended, ended = ROW, ROW | {"適用終了年月日": "R4.4.1", "履歴番号": "2"}
    again = ROW | {"適用開始年月日": "R4.4.1"}
    assert warned(by_hand(tmp_path / "corrected.csv", open_ended, ended, again)) == []
    withdrawn = ROW | {"削除区分": "1", "履歴番号": "2"}
    assert warned(by_hand(tmp_path / "withdrawn.csv", open_ended, withdrawn, again)) == []


def test_a_loss_without_a_reason_is_loaded_and_told(tmp_path: Path) -> None:
    lost = ROW | {"資格喪失年月日": "20231001"}
    named = lost | {"資格喪失事由": "01", "枝番": "2"}
    union = lost | {"保険者番号": "163014"}
    told = warned(by_hand(tmp_path / "e.csv", named, lost, union))
    assert told == [(3, "no_reason", "資格喪失事由のない喪失が1行あります（行は取り込みました）")]

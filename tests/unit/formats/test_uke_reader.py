"""What the receipt reader does with files that are cut, damaged, foreign or very long."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from uke_samples import GO, HO, IR, SI, SY, re_line, receipt, write

from ingest.formats import read
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import SET_ASIDE_SCHEMA, FileRefused
from ingest.formats.uke import UkeReader


def test_every_table_has_exactly_the_columns_of_its_contract(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(), GO]))
    for name, table in reading.tables.items():
        assert dict(table.schema) == CONTRACTS[name].plain_schema()
    assert dict(reading.set_aside.schema) == SET_ASIDE_SCHEMA
    assert reading.problems == []
    assert reading.tables["claim"]["name_kana"].to_list() == ["カクウ　タロウ"]


def test_rows_point_to_their_line_in_the_file_and_to_their_receipt(tmp_path: Path) -> None:
    tables = read(write(tmp_path / "a", [IR, *receipt(1), "", *receipt(2), "GO,2,146,99"])).tables
    assert tables["claim"]["source_row"].to_list() == [2, 7]
    assert tables["claim_diagnosis"]["source_row"].to_list() == [4, 9]
    assert tables["claim_item"]["parent_source_row"].to_list() == [2, 7]


def test_several_institutions_in_one_file_keep_their_receipts(tmp_path: Path) -> None:
    other = IR.replace("1234567", "7654321").replace("202404", "202405")
    claims = read(write(tmp_path / "a", [IR, *receipt(), GO, other, *receipt(), GO])).tables["claim"]
    assert claims["institution_code"].to_list() == ["1611234567", "1617654321"]
    assert claims["adjudication_month"].dt.month().to_list() == [4, 5]


def test_a_receipt_without_search_number_gets_one_from_institution_month_and_number(tmp_path: Path) -> None:
    claim = read(write(tmp_path / "a", [IR, *receipt(7, search=""), GO])).tables["claim"].row(0, named=True)
    assert (claim["search_number"], claim["has_search_number"]) == ("16112345672024047", False)


@pytest.mark.parametrize("size", [64, 200, 1000, 1 << 20])
def test_the_size_of_the_blocks_read_changes_nothing(tmp_path: Path, size: int) -> None:
    lines = [IR]
    for number in range(1, 12):
        lines += receipt(number)
    lines += ["GO,11,803,99", IR.replace("1234567", "7654321"), *receipt(12, name="髙﨑　①"), GO]
    path = write(tmp_path / "a", lines)
    whole, parts = UkeReader().read(path), UkeReader(block_bytes=size).read(path)
    for name, table in whole.tables.items():
        assert table.equals(parts.tables[name])
    assert (whole.records, whole.problems, whole.months) == (parts.records, parts.problems, parts.months)
    assert whole.tables["claim"].height == 12


def test_a_file_cut_in_the_middle_of_a_line_is_refused_with_what_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [IR, *receipt(1), *receipt(2), "GO,2,146,99"])
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert (refused.value.reason_code, refused.value.line) == ("truncated", 9)
    assert refused.value.records == {"IR": 1, "RE": 2, "HO": 2, "SY": 2, "SI": 1}
    assert refused.value.tables["claim"]["points"].sum() == 146


def test_a_file_cut_between_two_lines_is_refused_for_the_missing_total(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        read(write(tmp_path / "a", [IR, *receipt(1), GO, IR, *receipt(2)], last=b""))
    assert (refused.value.reason_code, refused.value.line) == ("truncated", 7)


def test_a_last_total_without_line_end_is_complete(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [IR, *receipt(), GO], last=b"")
    path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    assert read(path).tables["claim"].height == 1


def test_an_insurers_file_needs_no_total_but_the_end_of_its_last_receipt(tmp_path: Path) -> None:
    whole = ["MN,16001,,16001", IR, *receipt(), "EX,,,", "RC,Ver00001,x"]
    reading = read(write(tmp_path / "a", [*whole, *whole], last=b""))
    assert reading.edition == "insurer-seireki"
    assert reading.tables["claim"].height == 2
    with pytest.raises(FileRefused) as refused:
        read(write(tmp_path / "b", [*whole, *whole[:-2]], last=b""))
    assert refused.value.reason_code == "truncated"


def test_a_returned_receipt_is_withdrawn_and_newer_than_the_one_submitted(tmp_path: Path) -> None:
    returned = [re_line(1), "HR,01,理由", HO, SI]
    reading = read(write(tmp_path / "a", [IR, *returned, *receipt(2), "GO,2,146,99"]))
    assert reading.edition == "returned-seireki"
    assert reading.tables["claim"]["is_withdrawn"].to_list() == [True, False]
    assert reading.tables["claim"]["version_number"].to_list() == [2, 1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "euc_jp", "iso2022_jp"])
def test_another_encoding_is_named_and_refused(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a", [IR, *receipt(name="架空　花子の名前"), GO], last=b"", encoding=encoding)
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.reason_code == "encoding"


def test_a_few_unreadable_characters_are_counted_and_the_rows_kept(tmp_path: Path) -> None:
    lines = [IR]
    for number in range(1, 6):
        lines += receipt(number)
    path = write(tmp_path / "a", [*lines, "GO,5,365,99"])
    path.write_bytes(path.read_bytes().replace("太".encode("cp932"), b"\xf0\x40", 1))
    reading = read(path)
    assert [(p.reason_code, p.line) for p in reading.problems] == [("encoding", 2)]
    assert reading.tables["claim"].height == 5


def test_a_file_full_of_unreadable_characters_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [IR, *receipt(), GO])
    path.write_bytes(path.read_bytes().replace("架空".encode("cp932"), b"\xfd\xfe\xff\xa0"))
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.reason_code == "encoding"


def test_characters_beyond_the_standard_that_cp932_knows_are_read(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(name="髙﨑　①㈱"), GO]))
    assert reading.tables["claim"]["name_kanji"].to_list() == ["髙﨑　①㈱"]
    assert reading.problems == []


def test_unknown_records_are_counted_and_named_and_the_rest_is_read(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(), "ZZ,1,2", "ZZ,3", "何かの行", GO]))
    assert reading.records["ZZ"] == 2
    assert [(p.reason_code, p.field, p.line) for p in reading.problems] == [
        ("unknown_record", "ZZ", 6),
        ("unknown_record", "(none)", 8),
    ]
    assert reading.tables["claim_item"].height == 1


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"birth": "19501340"}, "birth_date", "bad_date"),
        ({"birth": ""}, "birth_date", "missing_field"),
        ({"sex": "3"}, "sex_code", "bad_code"),
        ({"kind": "9112"}, "claim_type_code", "bad_code"),
        ({"name": "架空,太郎"}, "birth_date", "bad_date"),
    ],
)
def test_a_receipt_that_cannot_be_typed_is_set_aside_with_its_lines_and_its_points(
    tmp_path: Path, wrong: dict[str, str], field: str, reason: str
) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(1, **wrong), *receipt(2), "GO,2,146,99"]))
    aside = reading.set_aside
    claim = aside.filter(pl.col("table_name") == "claim")
    assert (claim["field"].to_list(), claim["reason_code"].to_list()) == ([field], [reason])
    assert (claim["source_row"].to_list(), claim["points"].to_list()) == ([2], [73])
    assert sorted(aside["table_name"].to_list()) == ["claim", "claim_diagnosis", "claim_item"]
    for name, record in (("claim", "RE"), ("claim_diagnosis", "SY"), ("claim_item", "SI")):
        rows = reading.tables[name].height + aside.filter(pl.col("table_name") == name).height
        assert rows == reading.records[record]


@pytest.mark.parametrize(
    ("line", "table", "field", "reason"),
    [
        (SY.replace("2500015", "25A0015"), "claim_diagnosis", "disease_code", "bad_code"),
        (SY.replace("20240301", "20240399"), "claim_diagnosis", "start_date", "bad_date"),
        (SI.replace(",73,", ",7x3,"), "claim_item", "points", "bad_number"),
        (SI.replace("112007410", ""), "claim_item", "item_code", "missing_field"),
        (SI.replace("SI,12", "SI,1"), "claim_item", "category_code", "bad_code"),
    ],
)
def test_a_line_that_cannot_be_typed_is_set_aside_alone(
    tmp_path: Path, line: str, table: str, field: str, reason: str
) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(), line, GO]))
    row = reading.set_aside.row(0, named=True)
    assert reading.set_aside.height == 1
    assert (row["table_name"], row["field"], row["reason_code"], row["source_row"]) == (table, field, reason, 6)
    assert row["raw"] == line and row["scheme_code"] == "kokuho"
    assert reading.tables["claim"].height == 1


def test_messages_name_the_field_and_hold_nothing_of_the_person(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(1, birth="19501340"), GO]))
    told = json.dumps(reading.set_aside.drop("raw").to_dicts(), ensure_ascii=False)
    for secret in ("架空", "太郎", "19501340", "345", "３４５"):
        assert secret not in told


def test_a_donors_lines_are_set_aside_and_add_nothing_to_the_patient(tmp_path: Path) -> None:
    donor = ["TI,1,2,16,1,1234567,,架空,,", "TR,1,1991,202403", SY, SI]
    reading = read(write(tmp_path / "a", [IR, *receipt(1), *donor, *receipt(2), "GO,2,146,99"]))
    assert reading.tables["claim"]["line_points"].to_list() == [73, 73]
    assert reading.tables["claim_item"].height == 2
    assert reading.set_aside["field"].to_list() == ["organ_donor", "organ_donor"]


def test_totals_that_contradict_the_receipts_are_a_problem_of_the_file(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [IR, *receipt(), "GO,2,74,99"]))
    assert [(p.reason_code, p.field) for p in reading.problems] == [
        ("total_mismatch", "receipt_count"),
        ("total_mismatch", "points"),
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"hello\n", b"\x00\xff" * 40, b"IR\n", b"1,2,3,4\n", b'"a","b"\n'])
def test_what_is_no_receipt_file_is_refused_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.reason_code == "unrecognised"
    assert refused.value.remedy


def test_a_file_cut_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    data = write(tmp_path / "a", [IR, *receipt(1), "TI,1", "GO,1,73,99"]).read_bytes()
    end = data.index(b"GO,1,73,99") + len(b"GO,1,73,99")
    for size in range(1, len(data), 11):
        path = tmp_path / "b"
        path.write_bytes(data[:size])
        if size >= end:
            assert read(path).tables["claim"].height == 1
        else:
            with pytest.raises(FileRefused) as refused:
                read(path)
            assert refused.value.reason_code in ("truncated", "unrecognised")

"""The bytes of a written receipt file, as the layout prescribes them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ingest.formats.contracts import CONTRACTS
from ingest.synth.writers import uke
from ingest.synth.writers.uke import check_digit, write_uke

COLUMNS = {"IR": 10, "RE": 38, "HO": 15, "KO": 12, "SN": 9, "SY": 8, "GO": 4, "SI": 44, "IY": 44, "TO": 48}
"""記録条件仕様 医科: columns of each record, the record id included."""
CLAIM = {
    "source_row": 1,
    "scheme_code": "kokuho",
    "insurer_number": "160028",
    "symbol": "12",
    "number": "345",
    "branch": "01",
    "name_kanji": "架空　太郎",
    "name_kana": "カクウ　タロウ",
    "birth_date": date(1950, 4, 1),
    "sex_code": "1",
    "search_number": "S1",
    "has_search_number": True,
    "receipt_number": 1,
    "claim_type_code": "1112",
    "is_inpatient": False,
    "service_month": date(2024, 3, 1),
    "adjudication_month": date(2024, 4, 1),
    "version_number": 1,
    "is_withdrawn": False,
    "institution_code": "1611234567",
    "days_count": 2,
    "points": 83,
    "original_points": 93,
    "line_points": 93,
    "is_summary": False,
    "is_public_only": False,
}
DISEASE = {
    "parent_source_row": 1,
    "sequence_number": 1,
    "disease_code": "2500015",
    "is_main": True,
    "is_suspected": False,
    "start_date": date(2024, 3, 1),
}
ITEMS = [
    {
        "parent_source_row": 1,
        "sequence_number": 1,
        "item_kind_code": "SI",
        "item_code": "112007410",
        "category_code": "12",
        "points": 73,
        "times_count": 1,
    },
    {
        "parent_source_row": 1,
        "sequence_number": 2,
        "item_kind_code": "IY",
        "item_code": "620000001",
        "category_code": "12",
        "points": 1,
        "times_count": 20,
    },
]


def frame(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].plain_schema())  # type: ignore[arg-type]


def written(tmp_path: Path, *claims: dict[str, object], edition: str = "seireki") -> bytes:
    path = tmp_path / "inbox" / "RECEIPTC.UKE"
    write_uke(
        frame("claim", list(claims)),
        frame("claim_diagnosis", [DISEASE]),
        frame("claim_item", ITEMS),
        path,
        prefecture_code="16",
        scheme="kokuho",
        edition=edition,
    )  # type: ignore[arg-type]
    return path.read_bytes()


def records(data: bytes) -> list[list[str]]:
    return [line.split(",") for line in data.decode("cp932").rstrip("\x1a").splitlines()]


def test_western_files_end_lines_with_crlf_and_the_file_with_an_end_mark(tmp_path: Path) -> None:
    data = written(tmp_path, CLAIM)
    assert data.endswith(b"GO,1,93,99\r\n\x1a")
    assert data.count(b"\n") == data.count(b"\r\n") == len(records(data))


def test_files_by_era_end_lines_with_lf_and_have_no_end_mark(tmp_path: Path) -> None:
    data = written(tmp_path, CLAIM, edition="wareki")
    assert b"\r" not in data and b"\x1a" not in data
    assert b"IR,2,16,1,1234567,,\x89\xcb" in data and b",50604,00," in data
    assert b",50603," in data and b",3250401," in data


def test_every_record_has_the_columns_of_its_layout_in_the_order_of_a_receipt(tmp_path: Path) -> None:
    lines = records(written(tmp_path, CLAIM))
    assert [line[0] for line in lines] == ["IR", "RE", "HO", "SN", "SY", "SI", "IY", "JY", "HO", "GO"]
    assert all(len(line) == COLUMNS[line[0]] for line in lines if line[0] != "JY")


def test_numbers_are_full_width_and_the_insurer_padded_with_blanks(tmp_path: Path) -> None:
    lines = records(written(tmp_path, CLAIM))
    assert lines[2][1:6] == ["  160028", "１２", "３４５", "2", "93"]
    assert lines[8][5] == "83"
    assert lines[3][6] == "01"


def test_a_category_is_left_out_where_it_repeats_and_the_days_sum_to_the_times(tmp_path: Path) -> None:
    lines = records(written(tmp_path, CLAIM))
    assert [line[1] for line in lines if line[0] in ("SI", "IY")] == ["12", ""]
    for line in lines[5:7]:
        assert sum(int(day or 0) for day in line[13:44]) == int(line[6])


def test_receipts_are_grouped_by_institution_and_renumbered(tmp_path: Path) -> None:
    other = CLAIM | {"source_row": 2, "institution_code": "3110000028", "original_points": 5, "points": 5}
    third = CLAIM | {"source_row": 3}
    lines = records(written(tmp_path, other, third, CLAIM))
    heads = [line[:3] for line in lines if line[0] in ("IR", "RE", "GO")]
    assert heads == [
        ["IR", "2", "16"],
        ["RE", "1", "1112"],
        ["RE", "2", "1112"],
        ["GO", "2", "186"],
        ["IR", "2", "31"],
        ["RE", "1", "1112"],
        ["GO", "1", "5"],
    ]


def test_an_insurers_file_has_columns_before_every_record_and_an_envelope_around_every_receipt(tmp_path: Path) -> None:
    lines = records(written(tmp_path, CLAIM, CLAIM | {"source_row": 2}, edition="insurer"))
    assert [line[1] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]
    second = [line[3] for line in lines[13:]]
    assert second == ["MN", "IR", "RE", "HO", "SN", "JY", "HO", "ON", "EX", "RC"]


def test_the_number_of_receipts_written_at_a_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = [CLAIM | {"source_row": row, "institution_code": f"161000000{row % 2}"} for row in range(1, 8)]
    whole = {edition: written(tmp_path, *claims, edition=edition) for edition in ("seireki", "wareki", "insurer")}
    monkeypatch.setattr(uke, "RECEIPTS_PER_CHUNK", 2)
    assert whole == {edition: written(tmp_path, *claims, edition=edition) for edition in whole}


def test_a_character_outside_the_standard_becomes_a_question_mark(tmp_path: Path) -> None:
    assert "架空　?" in written(tmp_path, CLAIM | {"name_kanji": "架空　𠮷"}).decode("cp932")


def test_a_comma_in_a_name_does_not_part_the_record(tmp_path: Path) -> None:
    line = next(line for line in records(written(tmp_path, CLAIM | {"name_kanji": "架空,太郎"})) if line[0] == "RE")
    assert len(line) == COLUMNS["RE"] and line[4] == "架空，太郎"


def test_a_claim_of_another_scheme_does_not_get_into_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="koki"):
        written(tmp_path, CLAIM | {"scheme_code": "koki"})


def test_the_check_digit_is_the_one_of_published_numbers() -> None:
    assert [check_digit(number[:-1]) for number in ("138057", "34130021", "01010016", "12143210")] == list("7160")

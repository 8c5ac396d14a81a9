"""A master file is known by its content and taken whole, or refused with file, line, field and remedy."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from master_files import change, data, disease, drug, text

from ingest import console
from ingest.masters.errors import MasterRefused
from ingest.masters.importing import contents
from ingest.masters.layout import MARKS, TYPES, kinds
from ingest.masters.reading import read

TWO = [disease("1234567"), disease("1234568", base_name="架空の病二")]


def refusal(content: bytes) -> MasterRefused:
    with pytest.raises(MasterRefused) as refused:
        read(content, "anything.csv")
    assert console.is_expected(refused.value)
    assert "anything.csv" in str(refused.value) and refused.value.remedy in str(refused.value)
    return refused.value


@pytest.mark.parametrize("name", kinds())
def test_every_layout_says_of_each_field_what_it_is_and_how_sure_that_is(name: str) -> None:
    fields = kinds()[name].fields
    assert {field.mark for field in fields} <= set(MARKS) and {field.type for field in fields} <= set(TYPES)
    assert all(field.source and field.printed_name for field in fields)
    positions = [field.position for field in fields]
    assert len(set(positions)) == len(positions) and max(positions) <= max(kinds()[name].widths)
    assert {"code", "change_kind", "kind_code", "abolished", "changed", "name"} <= {field.role for field in fields}
    columns = [field.column_name for field in fields if field.column_name]
    assert len(set(columns)) == len(columns)


def test_a_file_is_known_by_its_content_and_its_release_is_its_latest_change() -> None:
    file = read(data("drug", [drug("612345678", changed_date="20250401")]), "under any name")
    assert (file.kind.kind, file.is_full, file.release_date) == ("drug", True, date(2025, 4, 1))
    assert file.records["price_yen"].item() == Decimal("10.1000")
    assert file.records["is_generic"].item() is False
    assert file.records["related_code"].item() is None and file.records["transition_date"].item() is None


def test_a_file_without_an_unchanged_record_is_a_difference_and_says_what_it_states() -> None:
    file = read(data("drug", [change("612345678", transition_date="20250930", changed_date="20250630")]), "y")
    assert not file.is_full
    stated = file.records.select("set:transition_date", "set:price_yen").row(0)
    assert stated == (True, False)


@pytest.mark.parametrize("width", [35, 40, 42])
def test_older_editions_of_a_layout_are_read_with_what_they_have(width: int) -> None:
    file = read(data("drug", [drug("612345678", generic_name_code="2171022F1ZZZ")], width), "y")
    assert (file.records["generic_name_code"].item() is None) == (width == 35)


def test_a_file_cut_in_half_is_refused_with_its_last_line() -> None:
    content = data("disease", TWO)
    refused = refusal(content[: len(content) - 40])
    assert (refused.reason_code, refused.line) == ("truncated", 2)


@pytest.mark.parametrize("encoding", ["utf-16", "iso2022_jp", "euc_jp"])
def test_a_file_in_another_encoding_is_refused(encoding: str) -> None:
    many = [disease(f"{number:07}", base_name="たいへん長い架空の病名") for number in range(1, 40)]
    assert refusal(data("disease", many, encoding=encoding)).reason_code == "encoding"


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", "氏名,住所\r\n架空,富山\r\n".encode("cp932"), b'"0","Q","1"\r\n', b"\x89PNG\r\n\x1a\n\x00"],
)
def test_what_is_no_master_is_refused(content: bytes) -> None:
    assert refusal(content).reason_code in ("unrecognised", "truncated", "encoding")


def test_another_number_of_fields_points_to_the_layout_table() -> None:
    refused = refusal(data("disease", TWO, width=47))
    assert refused.reason_code == "unrecognised" and "layouts/disease.csv" in refused.remedy


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        (disease("1234569", changed_date="20240231"), "bad_date", "変更年月日"),
        (disease("123456"), "bad_code", "傷病名コード"),
        (disease("1234567"), "contract", "傷病名コード"),
        (disease("1234569", change_kind_code="7"), "bad_code", "変更区分"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(record: dict[str, str], reason: str, field: str) -> None:
    refused = refusal(data("disease", [*TWO, record]))
    assert (refused.reason_code, refused.line, refused.field) == (reason, 3, field)


def test_a_price_that_is_no_number_is_refused() -> None:
    refused = refusal(data("drug", [drug("612345678", price_yen="十円")]))
    assert (refused.reason_code, refused.field) == ("bad_number", "新又は現金額")


def test_a_line_of_another_master_or_another_width_is_refused() -> None:
    lines = text("disease", TWO)
    assert refusal((lines + lines.replace('"B"', '"Z"')).encode("cp932")).reason_code == "bad_code"
    assert refusal((lines + '"0","B"\r\n').encode("cp932")).reason_code == "contract"


OFFICIAL = [
    ("b_20240601.zip", "disease", 27437, True, date(2024, 6, 1)),
    ("s_20240531.zip", "procedure", 10133, True, date(2024, 6, 1)),
    ("y_ALL20240321.zip", "drug", 19686, True, date(2024, 4, 1)),
    ("y_20250630.csv", "drug", 510, False, date(2025, 6, 30)),
    ("y_20250813.csv", "drug", 87, False, date(2025, 8, 14)),
    ("z_20250601.zip", "modifier", 2375, True, date(2025, 6, 1)),
    ("t_ALL20240315.zip", "material", 1334, True, date(2024, 6, 1)),
    ("c_ALL20230801.zip", "comment", 3065, True, date(2023, 8, 1)),
]


@pytest.mark.parametrize(("file_name", "name", "rows", "is_full", "release"), OFFICIAL)
def test_the_official_files_are_read_whole(
    shared: Path, file_name: str, name: str, rows: int, is_full: bool, release: date
) -> None:
    path = shared / "reference" / "masters" / file_name
    (file,) = (read(content, inner) for inner, content in contents(path))
    assert (file.kind.kind, file.records.height, file.is_full, file.release_date) == (name, rows, is_full, release)
    assert file.records["code"].n_unique() == rows

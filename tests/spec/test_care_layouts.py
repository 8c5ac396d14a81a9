"""The 介護 layouts against formats.md 3.1 to 3.5."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ingest.formats import read
from ingest.formats.contracts import CARE_CERTIFICATION, CARE_CLAIM, CARE_LEVEL_CODES, CARE_SERVICE
from ingest.formats.csvlayout import LayoutColumn, layout
from ingest.synth.writers.care import write_care_1111, write_care_5311
from tests.handmade import frame

BESIDES = {"scheme_code", "parent_source_row"}


def columns(name: str, record: str) -> list[LayoutColumn]:
    return [column for column in layout(name) if column.record_code == record]


@pytest.mark.parametrize(
    ("name", "record", "width"),
    [("care_1111", "H1", 90), ("care_1111", "T1", 62), ("care_5311", "5311", 79), ("care_5311", "5341", 82)],
)
def test_a_record_has_each_position_once(name: str, record: str, width: int) -> None:
    assert [column.position for column in columns(name, record)] == list(range(1, width + 1))


def test_h1_fills_every_column_of_a_care_claim() -> None:
    filled = {column.contract_column for column in columns("care_1111", "H1") if column.contract_column}
    assert filled == set(CARE_CLAIM.names()) - BESIDES - {"is_adjudicated", "adjustment_count", "is_purchase"}


def test_t1_fills_every_column_of_a_care_service_and_the_key_of_its_claim() -> None:
    filled = {column.contract_column for column in columns("care_1111", "T1") if column.contract_column}
    assert set(CARE_SERVICE.names()) - BESIDES - {"benefit_rate"} <= filled, "the rate is the one of the claim"
    assert {"number", "provider_code", "reference_number"} <= filled


def test_the_ledger_fills_every_column_of_a_certification() -> None:
    filled = {column.contract_column for column in columns("care_5311", "5341") if column.contract_column}
    assert filled == set(CARE_CERTIFICATION.names()) - BESIDES - {"related_scheme_code", "related_symbol"}


def test_adjudicated_amounts_are_preferred() -> None:
    for record in ("H1", "T1"):
        for column in columns("care_1111", record):
            if column.column_name.startswith("後_") and column.contract_column:
                assert column.preference == 1
            if column.column_name.startswith("前_") and column.contract_column:
                assert column.preference == 2


def test_record_types_that_are_not_carried_are_known() -> None:
    known = {column.record_code for column in layout("care_1111")}
    assert known == {"H1", "D1", "DD", "D2", "DC", "D3", "D4", "D5", "D6", "D7", "D8", "DE", "T1", "D9", "DA", "DB"}


def test_nothing_of_these_layouts_is_called_verified() -> None:
    assert not any(column.is_verified for name in ("care_1111", "care_5311") for column in layout(name))


def test_the_frame_is_control_data_end_with_numbers_from_one(tmp_path: Path) -> None:
    claim = {
        "insurer_number": "162081",
        "number": "0000000001",
        "birth_date": date(1940, 1, 7),
        "sex_code": "2",
        "service_month": date(2024, 5, 1),
        "adjudication_month": date(2024, 6, 1),
        "reference_number": "1",
        "units": 1,
        "benefit_yen": 9,
        "user_yen": 1,
    }
    write_care_1111(frame("care_claim", [claim]), frame("care_service", []), tmp_path / "c.csv")
    body = (tmp_path / "c.csv").read_bytes()
    lines = [line.split(b",") for line in body.split(b"\r\n")[:-1]]
    assert [line[0] for line in lines] == [b"1", b"2", b"3"]
    assert [line[1] for line in lines] == [b"1", b"2", b"3"]
    assert lines[0][3] == b"1" and lines[0][4] == b"111" and lines[0][10] == b"202406"


@pytest.mark.parametrize("level", CARE_LEVEL_CODES)
def test_every_level_of_care_is_taken(tmp_path: Path, level: str) -> None:
    change = {
        "insurer_number": "162081",
        "number": "1",
        "birth_date": date(1940, 1, 7),
        "sex_code": "2",
        "event_date": date(2024, 5, 1),
        "corrected_date": date(2024, 5, 1),
        "care_level_code": level,
    }
    write_care_5311(frame("care_certification", [change]), tmp_path / "k.csv")
    assert read(tmp_path / "k.csv").tables["care_certification"]["care_level_code"].to_list() == [level]


def test_the_municipality_of_a_union_is_named_with_its_check_digit(tmp_path: Path) -> None:
    change = {
        "insurer_number": "162081",
        "number": "1",
        "birth_date": date(1940, 1, 7),
        "sex_code": "2",
        "event_date": date(2024, 5, 1),
        "corrected_date": date(2024, 5, 1),
    }
    # 131016 千代田区 and 011002 札幌市 are the codes that formats.md 6 verified.
    rows = [change | {"municipality_code": code, "number": code} for code in ("13101", "01100")]
    write_care_5311(frame("care_certification", rows), tmp_path / "k.csv")
    text = (tmp_path / "k.csv").read_text("cp932")
    assert '"131016"' in text and '"011002"' in text
    assert read(tmp_path / "k.csv").tables["care_certification"]["municipality_code"].to_list() == ["13101", "01100"]

"""Counts of insured of 介護 and of residents."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ingest.formats import read, recognise
from ingest.synth.writers.counts import write_care_insured_count, write_population
from tests.handmade import frame


def lines(path: Path, *rows: str) -> Path:
    path.write_bytes(("\r\n".join(rows) + "\r\n").encode("cp932"))
    return path


def test_insured_counts_are_read_with_japanese_words(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "c.csv",
        "作成年月日,保険者番号,市町村コード,対象年月,性別,年齢階級,被保険者区分,被保険者数",
        '令和6年6月5日,00162081,162086,令和6年5月,女,７５～７９歳,第１号,"1,234"',
        "20240605,162081,16208,202405,1,95歳以上,1,12",
    )
    reading = read(path)
    table = reading.tables["care_insured_count"]
    assert reading.set_aside.is_empty() and reading.months == ["2024-05"]
    assert table.select(
        "insurer_number",
        "municipality_code",
        "month",
        "sex_code",
        "age_band_code",
        "insured_class_code",
        "insured_count",
    ).rows() == [
        ("162081", "16208", date(2024, 5, 1), "2", "75-79", "1", 1234),
        ("162081", "16208", date(2024, 5, 1), "1", "95+", "1", 12),
    ]
    assert table["scheme_code"].to_list() == ["care", "care"]


@pytest.mark.parametrize("year", ["2024", "2024年", "令和6年", "R6"])
def test_population_years_are_read_in_either_era(tmp_path: Path, year: str) -> None:
    path = lines(
        tmp_path / "p.csv", "人口,年齢階級,性別,基準年,市町村コード,作成年月日", f"1500,0～4歳,男,{year},16202,20240201"
    )
    reading = read(path)
    assert reading.tables["population"].select("year", "age_band_code", "population_count").rows() == [
        (2024, "00-04", 1500)
    ]
    assert reading.months == ["2024-01"]


def test_a_set_aside_count_still_says_how_many(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "p.csv",
        "作成年月日,市町村コード,基準年,性別,年齢階級,人口",
        "20240201,16202,2024,9,0～4歳,77",
        "20240201,16202,2024,1,0～4歳,-1",
    )
    aside = read(path).set_aside
    assert aside.select("field", "reason_code", "population_count").rows() == [
        ("sex_code", "bad_code", 77),
        ("population_count", "bad_number", -1),
    ]


def test_what_is_written_is_recognised_and_read_back(tmp_path: Path) -> None:
    counts = frame(
        "care_insured_count",
        [
            {
                "insurer_number": "162024",
                "municipality_code": "16202",
                "month": date(2024, 5, 1),
                "sex_code": "1",
                "age_band_code": band,
                "insured_count": 5,
                "created_date": date(2024, 6, 1),
            }
            for band in ("40-44", "95+")
        ],
    )
    people = frame(
        "population",
        [
            {
                "municipality_code": "16202",
                "year": 2024,
                "sex_code": "2",
                "age_band_code": band,
                "population_count": 9,
                "created_date": date(2024, 2, 1),
            }
            for band in ("00-04", "05-09", "95+")
        ],
    )
    write_care_insured_count(counts, tmp_path / "c.csv", spelling=1)
    write_population(people, tmp_path / "p.csv", encoding="utf-8-sig", is_quoted=True)
    assert recognise(tmp_path / "c.csv")[0].format == "care_insured_count_csv"
    assert read(tmp_path / "c.csv").tables["care_insured_count"].drop("source_row").equals(counts.drop("source_row"))
    assert read(tmp_path / "p.csv").tables["population"].drop("source_row").equals(people.drop("source_row"))

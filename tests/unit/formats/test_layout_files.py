"""A layout is corrected in a file: it wins while it is in force, and a bad one is told by line and column."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ingest.formats import read
from ingest.formats.layout_files import LAYOUTS, LayoutError, facts, load, packaged_rows, with_layouts
from tests import site_world as world


def corrected(folder: Path, name: str, **changes: dict[str, str]) -> Path:
    """The packaged layout with lines changed: ``"T1|20": {"position": "21"}`` by the first two columns."""
    path = folder / f"{name}.csv"
    rows = [dict(row) for row in packaged_rows(name)]
    for row in rows:
        row.update(changes.get("|".join(list(row.values())[:2]), {}))
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("name", facts())
def test_every_packaged_layout_can_be_used_as_a_correction_of_itself(name: str, tmp_path: Path) -> None:
    copy = tmp_path / f"{name}.csv"
    copy.write_bytes(b"\xef\xbb\xbf" + (LAYOUTS / copy.name).read_bytes())
    assert load(copy) == packaged_rows(name)


def test_every_layout_but_the_headings_of_profiles_can_be_corrected() -> None:
    assert {path.stem for path in LAYOUTS.glob("*.csv")} - set(facts()) == {"enrolment_headings"}


def test_a_file_with_a_column_more_is_read_by_the_corrected_layout_and_by_no_other(tmp_path: Path) -> None:
    file = tmp_path / "1111.csv"
    world.write_care(file, [world.care_person(0)])
    lines = file.read_text("cp932").splitlines()
    cells = [line.split(",") for line in lines]
    for row in cells:
        if len(row) > 4 and row[4] == "T1":
            row.insert(17, "777")
    file.write_text("\r\n".join(",".join(row) for row in cells) + "\r\n", "cp932", newline="")

    moved = {
        f"T1|{row['position']}": {"position": str(int(row["position"]) + 1), "source": "仕様書 第9版"}
        for row in packaged_rows("care_1111")
        if row["record_code"] == "T1" and int(row["position"]) >= 18
    }
    own = load(corrected(tmp_path, "care_1111", **moved))

    def units() -> tuple[int, int, int]:
        return read(file).tables["care_service"].select("units", "unit_price", "benefit_yen").row(0)

    before = units()
    with with_layouts({"care_1111": own}):
        assert units() == (1001, 1000, 9001)
    assert units() == before != (1001, 1000, 9001)


def test_what_a_reader_made_of_a_layout_is_forgotten_with_it(tmp_path: Path) -> None:
    file = tmp_path / "a.UKE"
    world.write_claims(file, [world.person(0)])

    def number() -> str:
        return str(read(file).tables["claim"]["number"][0])

    plain = number()
    symbol = next(row for row in packaged_rows("uke_fields") if row["record_id"] == "HO" and row["field"] == "symbol")
    rows = [
        row | {"position": symbol["position"]} if row["record_id"] == "HO" and row["field"] == "number" else row
        for row in packaged_rows("uke_fields")
    ]
    with with_layouts({"uke_fields": tuple(rows)}):
        assert number() == "たかおか"
    assert number() == plain != "たかおか"


BAD = {
    "a position that is no number": (("T1,20,", "T1,二十,"), r"行目 position: 整数ではありません"),
    "a column that no table has": ((",benefit_yen,1,", ",benefit_en,1,"), r"contract_column: 表にない列の名前"),
    "a type that no reader knows": ((",integer,", ",number,"), r"type: 使えない値です（使える値: .*integer"),
    "a line twice": (("T1,45,", "T1,20,"), r"record_code・position・contract_column: \d+行目と重なって"),
    "a heading that is missing": (("record_code,", "record,"), r"1行目: .*足りない列 record_code。余分な列 record"),
    "a cell too many": (("T1,1,", "T1,1,1,"), r"列の数が見出し（8列）と違います"),
    "a line without a source": (
        (",seen: field order of a public program that exchanges this record; unverified\n", ",\n"),
        r"2行目 source: 出典を書いてください",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_correction_is_told_by_line_and_column(what: str, tmp_path: Path) -> None:
    (old, new), told = BAD[what]
    text = (LAYOUTS / "care_1111.csv").read_text("utf-8")
    assert old in text
    bad = tmp_path / "care_1111.csv"
    bad.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(LayoutError, match=told):
        load(bad)


def test_a_correction_without_a_line_that_the_reader_needs_says_which(tmp_path: Path) -> None:
    lines = (LAYOUTS / "care_1111.csv").read_text("utf-8").splitlines(keepends=True)
    bad = tmp_path / "care_1111.csv"
    bad.write_text("".join(line for line in lines if not line.startswith("T1,11,")), "cp932")
    with pytest.raises(LayoutError, match="record_code=T1、contract_column=service_type_code"):
        load(bad)


def test_a_file_of_another_name_is_no_layout(tmp_path: Path) -> None:
    path = tmp_path / "care1111.csv"
    path.write_text("a\n", "utf-8")
    with pytest.raises(LayoutError, match="care_1111"):
        load(path)

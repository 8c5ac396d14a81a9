"""DPC, 歯科 and 調剤 receipts: what their records become, and that their points add up."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from uke_samples import HO, IR, SI, SY, receipt, write

from ingest.formats import read
from ingest.formats.inspect import inspect_files, render
from ingest.formats.uke_layout import fields, groups

DPC_RE = 40
YK = "YK,2,16,4,1234567,架空薬局,202404,00,"


def record(record_id: str, layout: str, width: int, **values: Any) -> str:
    """A record with the named fields at the places of its layout."""
    columns = [record_id, *[""] * (width - 1)]
    for name, value in values.items():
        columns[fields(record_id, layout)[name]] = str(value)
    return ",".join(columns)


def head(kind: str, layout: str, width: int, **values: Any) -> str:
    """A RE record of a person who was never born."""
    common = {
        "receipt_number": 1,
        "claim_type_code": kind,
        "service_month": "202403",
        "name_kanji": "架空　太郎",
        "sex_code": 1,
        "birth_date": "19500401",
        "benefit_rate": "070",
        "search_number": "S0001",
    }
    return record("RE", layout, width, **common | values)


def insurer(layout: str, width: int, points: int, **values: Any) -> str:
    return record(
        "HO", layout, width, insurer_number="  160028", symbol="１２", number="３４５", points=points, **values
    )


def put(line: str, first: int, values: list[Any]) -> str:
    """The line with the values in its columns from ``first`` on."""
    columns = line.split(",")
    columns[first : first + len(values)] = [str(value) for value in values]
    return ",".join(columns)


def days(*which: int) -> int:
    return sum(2 ** (day - 1) for day in which)


# -- DPC -----------------------------------------------------------------------------------------


def dpc(number: int, summary: int, points: int, *lines: str) -> list[str]:
    return [
        head("1111", "dpc40", DPC_RE, receipt_number=number, summary_code=summary, search_number=f"S{number}"),
        insurer("medical", 16, points, days_count=10),
        *lines,
    ]


BU = "BU,050050xx9910x0,20240301,20240310,1,"
CODING = "CD,20240305,33,1,1,640453060,2,,,1,"
GROUPED = "GT,202403,2,1,1,9000,9000,0,9000,93,,"
SURGERY = put(record("SI", "medical", 44, category_code=50, burden_code=1, item_code=150000001), 5, [500, 1])


def test_a_dpc_receipt_adds_its_grouped_points_to_its_lines_and_keeps_its_coding_without_points(tmp_path: Path) -> None:
    surgery = put(SURGERY, fields("SI")["first_day"] + 4, [1])
    lines = [BU, "SB,8830417,8002,,I200,01,,", "SB,2500015,,,E11.9,11,,", GROUPED, CODING, surgery]
    tables = read(write(tmp_path / "a", [IR, *dpc(1, 0, 9500, *lines), "GO,1,9500,99"])).tables
    claim = tables["claim"].row(0, named=True)
    assert (claim["claim_kind_code"], claim["summary_code"], claim["is_summary"]) == ("dpc", "0", False)
    assert (claim["points"], claim["line_points"], claim["is_inpatient"]) == (9500, 9000 + 500, True)
    assert tables["claim_diagnosis"].select(
        "disease_code", "icd10_code", "disease_class_code", "is_main", "is_suspected"
    ).rows() == [("8830417", "I200", "01", False, True), ("2500015", "E119", "11", True, False)]
    assert tables["claim_item"].select(
        "item_kind_code", "item_code", "category_code", "points", "days_code"
    ).rows() == [
        ("CD", "640453060", "33", None, days(5)),
        ("SI", "150000001", "50", 500, days(5)),
    ]


def test_the_head_of_a_set_of_dpc_receipts_is_marked_and_its_children_count(tmp_path: Path) -> None:
    revised = insurer("medical", 16, 207_282)
    files = [
        IR,
        *dpc(1, 1, 188_014),
        *dpc(2, 2, 100_000, BU, "GT,202403,2,1,1,0,0,0,100000,93,,"),
        *dpc(3, 3, 88_014, "GT,202403,2,1,1,0,0,0,88014,93,,", revised, insurer("medical", 16, 88_001, days_count=10)),
        "GO,3,188014,99",
    ]
    path = write(tmp_path / "a", files)
    reading = read(path)
    claims = reading.tables["claim"]
    assert claims["is_summary"].to_list() == [True, False, False]
    assert claims.filter(~claims["is_summary"])["points"].sum() == 100_000 + 88_001
    assert claims["original_points"].to_list() == [188_014, 100_000, 88_014], "the first HO is what was submitted"
    assert reading.problems == [], "a total that counts a set once agrees"
    assert [claim["reconciles"] for claim in inspect_files([path])[0]["claims"]] == [None, True, True]


# -- 歯科 ----------------------------------------------------------------------------------------

DENTAL_IR = "IR,2,16,3,1234567,,架空歯科医院,202404,,00"


def treatment(code: int, points: int, times: int, *additions: tuple[int, int], on: tuple[int, ...] = ()) -> str:
    place = fields("SS", "dental")
    line = record(
        "SS", "dental", 109, category_code=44, burden_code=1, item_code=code, points=points, times_count=times
    )
    (group,) = groups("SS", "dental")
    for number, pair in enumerate(additions):
        line = put(line, group.first + number * group.width, list(pair))
    for day in on:
        line = put(line, place["first_day"] + day - 1, [1])
    return line


def test_a_dental_receipt_adds_up_and_keeps_its_additions_as_lines(tmp_path: Path) -> None:
    disease = record(
        "HS", "dental", 13, start_date=20240301, disease_code=8844001, modifier_codes="8002", main_code="01"
    )
    drug = put(record("IY", "dental", 39, category_code=21, burden_code=1, item_code=610406047), 4, ["1.5", 10, 3])
    lines = [
        DENTAL_IR,
        head("3112", "dental", 38),
        insurer("dental", 14, 100 * 2 + 10 * 3, days_count=2),
        disease,
        treatment(309000110, 100, 2, (309000570, 1), (309000670, 2), on=(4, 18)),
        drug,
        "GO,1,230,99",
    ]
    reading = read(write(tmp_path / "a", lines))
    claim = reading.tables["claim"].row(0, named=True)
    assert (claim["claim_kind_code"], claim["institution_code"]) == ("dental", "1631234567")
    assert (claim["points"], claim["line_points"], claim["days_count"]) == (230, 230, 2)
    assert reading.tables["claim_diagnosis"].select("disease_code", "is_main", "is_suspected").rows() == [
        ("8844001", True, True)
    ]
    items = reading.tables["claim_item"]
    assert items.select("item_kind_code", "item_code", "points", "times_count", "days_code").rows() == [
        ("SS", "309000110", 100, 2, days(4, 18)),
        ("SS", "309000570", None, None, None),
        ("SS", "309000670", None, None, None),
        ("IY", "610406047", 10, 3, None),
    ]
    assert [str(quantity) for quantity in items["quantity"].drop_nulls()] == ["1.0000", "2.0000", "1.5000"]
    assert items["sequence_number"].to_list() == [1, 2, 3, 4]
    assert reading.problems == []


def test_a_line_before_the_head_that_a_vendor_writes_is_passed_over(tmp_path: Path) -> None:
    lines = ["UK,1,2,3,4", DENTAL_IR, head("3112", "dental", 38), insurer("dental", 14, 0, days_count=1), "GO,1,0,99"]
    reading = read(write(tmp_path / "a", lines))
    assert reading.tables["claim"]["claim_kind_code"].to_list() == ["dental"]
    assert reading.problems == []


# -- 調剤 ----------------------------------------------------------------------------------------


def dispensing(on: int, count: int, fee: int, drugs: int, *additions: tuple[str, int, int], less: int = 0) -> str:
    line = record(
        "CZ", "pharmacy", 71, dispensed_date=f"202403{on:02}", dispensed_count=count, drug_points=drugs,
        reduction_points=less or "",
    )  # fmt: skip
    line = put(line, 9, [430000001, fee])
    for number, addition in enumerate(additions):
        line = put(line, 15 + 3 * number, list(addition))
    return put(line, 60, [430000009, 4])


def test_a_pharmacys_receipt_adds_up_and_names_who_prescribed(tmp_path: Path) -> None:
    basic = put("KI," + "," * 112, 1, ["20240305", 1, 1, 430000020, 42])
    basic = put(basic, 7, [1, 430000030, 2, 59])
    drug = record("IY", "pharmacy", 10, burden_code=1, item_code=610406047, quantity=3)
    other = record("IY", "pharmacy", 10, burden_code=1, item_code=620000033, quantity="0.5")
    lines = [
        YK,
        head("4112", "pharmacy", 42, prescribing_prefecture_code=16, prescribing_point_table_code=1,
             prescribing_institution_number=7654321),
        insurer("pharmacy", 14, 0, prescription_count=1),
        record("SH", "pharmacy", 10, unit_points=7),
        drug,
        other,
        dispensing(5, 14, 24, 7 * 14, ("1", 430000002, 8)),
        dispensing(19, 7, 24, 7 * 7, less=9),
        basic,
        "GO,1,0,99",
    ]  # fmt: skip
    points = (24 + 98 + 8 + 4) + (24 + 49 + 4 - 9) + 42 + 2 * 59
    lines[2] = insurer("pharmacy", 14, points, prescription_count=1)
    lines[-1] = f"GO,1,{points},99"
    reading = read(write(tmp_path / "a", lines))
    claim = reading.tables["claim"].row(0, named=True)
    assert (claim["claim_kind_code"], claim["institution_code"]) == ("pharmacy", "1641234567")
    assert claim["prescribing_institution_code"] == "1617654321"
    assert (claim["days_count"], claim["prescription_count"]) == (None, 1)
    assert (claim["points"], claim["line_points"]) == (points, points)
    assert claim["adjudication_month"] == date(2024, 4, 1)
    items = reading.tables["claim_item"]
    assert items.select("item_kind_code", "item_code", "points", "times_count", "days_code").rows() == [
        ("IY", "610406047", None, 21, days(5, 19)),
        ("IY", "620000033", 7, 21, days(5, 19)),
        ("CZ", "430000001", 24, 1, days(5)),
        ("CZ", "430000002", 8, 1, days(5)),
        ("CZ", "430000009", 4, 1, days(5)),
        ("CZ", "430000001", 24, 1, days(19)),
        ("CZ", "430000009", 4, 1, days(19)),
        ("KI", "430000020", 42, 1, days(5)),
        ("KI", "430000030", 59, 2, days(5)),
    ]
    assert reading.tables["claim_diagnosis"].is_empty()
    assert reading.problems == []


def test_what_a_divided_dispensing_takes_off_is_taken_off_the_lines(tmp_path: Path) -> None:
    division = record("ST", "pharmacy", 16, divided_points=120, points_after=40)
    lines = [YK, head("4112", "pharmacy", 42), insurer("pharmacy", 14, 48), dispensing(5, 14, 24, 100), division]
    claim = read(write(tmp_path / "a", [*lines, "GO,1,48,99"])).tables["claim"].row(0, named=True)
    assert claim["line_points"] == claim["points"] == (24 + 4 + 100) - (120 - 40)


def test_a_fee_whose_code_is_none_sets_its_record_aside_once(tmp_path: Path) -> None:
    line = dispensing(5, 14, 24, 0).replace("430000001", "43000000X")
    lines = [YK, head("4112", "pharmacy", 42), insurer("pharmacy", 14, 28, prescription_count=1), line, "GO,1,28,99"]
    reading = read(write(tmp_path / "a", lines))
    assert reading.tables["claim_item"].is_empty()
    assert reading.set_aside.select("table_name", "source_row", "field", "reason_code").rows() == [
        ("claim_item", 4, "item_code", "bad_code")
    ]


def test_files_whose_receipts_have_no_days_or_no_lines_are_shown_to_a_person(tmp_path: Path) -> None:
    pharmacy = [YK, head("4112", "pharmacy", 42), insurer("pharmacy", 14, 28), dispensing(5, 14, 24, 0), "GO,1,28,99"]
    summary = [IR, *dpc(1, 1, 188_014), "GO,1,188014,99"]
    for name, lines in (("pharmacy", pharmacy), ("summary", summary)):
        console = Console(file=io.StringIO(), width=200)
        render(console, inspect_files([write(tmp_path / name, lines)]))
        assert "レセプト claims" in console.file.getvalue()  # type: ignore[attr-defined]


# -- together ------------------------------------------------------------------------------------


def test_receipts_of_all_kinds_may_lie_in_one_insurers_file(tmp_path: Path) -> None:
    def framed(*lines: str) -> list[str]:
        return ["MN,16001,,16001", *lines, "EX,,,", "RC,Ver00001,x"]

    lines = [
        *framed(IR, *receipt(1)),
        *framed(DENTAL_IR, head("3112", "dental", 38, search_number="S2"), insurer("dental", 14, 0, days_count=1)),
        *framed(YK, head("4112", "pharmacy", 42, search_number="S3"), insurer("pharmacy", 14, 0)),
        *framed(IR, *dpc(4, 0, 0, BU)),
    ]
    prefixed = [f"1,{number},0,{line}" for number, line in enumerate(lines, 1)]
    reading = read(write(tmp_path / "a", prefixed, last=b""))
    assert reading.edition == "insurer-seireki"
    assert reading.tables["claim"]["claim_kind_code"].to_list() == ["medical", "dental", "pharmacy", "dpc"]
    assert reading.set_aside.is_empty()


def test_a_receipt_whose_kind_does_not_fit_its_table_of_points_is_set_aside(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "a", [DENTAL_IR, *receipt(1), "GO,1,73,99"]))
    assert reading.tables["claim"].is_empty()
    assert reading.set_aside.filter(table_name="claim")["field"].to_list() == ["claim_type_code"]


def test_days_of_visit_and_days_of_treatment_are_kept(tmp_path: Path) -> None:
    visits = "JD,1," + ",".join("1" if day in (3, 17) else "2" if day == 5 else "" for day in range(1, 32))
    of_public_payer = "JD,2," + ",".join(["1"] * 31)
    si = put(SI, fields("SI")["first_day"], ["", "", 1])
    lines = [IR, receipt(1)[0], HO, visits, of_public_payer, SY, si, "GO,1,73,99"]
    tables = read(write(tmp_path / "a", lines)).tables
    assert tables["claim"]["visit_days_code"].to_list() == [days(3, 17)]
    assert tables["claim_item"]["days_code"].to_list() == [days(3)]

"""The ten rules at the head of the field guide, each on a receipt file small enough to check by eye.

The totals are held against ``plainly``, which adds up the same lines one by one.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingest.formats import read
from ingest.formats.reading import Reading
from ingest.formats.uke_layout import subtraction_codes

IR = "IR,2,16,1,1234567,,架空医療機関,202404,00,0766000000"
GO = "GO,1,100,99"
RE = "RE,1,1112,202403,架空　太郎,1,19500401,070,,,,02,,00001,,,,,S0001" + "," * 17 + ",カクウ　タロウ,"
HO = "HO,  160028,１２,３４５,2,{points},,,,,,,,,"


def item(kind: str, category: str, code: str, points: object = "", times: object = 1, quantity: str = "") -> str:
    width = {"SI": 44, "IY": 44, "TO": 48}[kind]
    return f"{kind},{category},1,{code},{quantity},{points},{times}" + "," * (width - 7)


def receipt(*lines: str, points: object = 100) -> list[str]:
    return [RE, HO.format(points=points), *lines]


def file(tmp_path: Path, lines: list[str], *, end: str = "\r\n", last: bytes = b"\x1a") -> Path:
    path = tmp_path / "RECEIPTC.UKE"
    path.write_bytes((end.join(lines) + end).encode("cp932") + last)
    return path


def one(reading: Reading) -> dict[str, object]:
    claims = reading.tables["claim"]
    assert claims.height == 1, reading.set_aside
    return claims.row(0, named=True)


def plainly(lines: list[str]) -> int:
    """Points of one receipt's lines, one line after the other."""
    total, category, inside = 0, "", False
    for line in lines:
        columns = line.split(",")
        if columns[0] not in ("SI", "IY", "TO", "CO"):
            continue
        begins = bool(columns[1])
        category = columns[1] or category
        if columns[0] == "CO":
            continue
        if columns[5] == "":
            inside = True
            continue
        kind = subtraction_codes().get(columns[3])
        sign = -1 if kind == "7" or (kind == "8" and (begins or not inside)) else 1
        inside = False
        if category not in ("97", "99"):
            total += sign * int(columns[5]) * int(columns[6])
    return total


@pytest.mark.parametrize("columns", [0, 1, 3, 4])
def test_rule_1_the_record_id_may_stand_behind_columns_of_the_insurer(tmp_path: Path, columns: int) -> None:
    lines = [IR, *receipt(item("SI", "12", "112007410", 73), points=73), GO.replace("100", "73")]
    prefixed = [",".join([*"1234"[:columns], line]) for line in lines]
    claim = one(read(file(tmp_path, prefixed)))
    assert (claim["points"], claim["line_points"], claim["institution_code"]) == (73, 73, "1611234567")


def test_rule_2_both_eras_are_told_by_their_length(tmp_path: Path) -> None:
    western = one(read(file(tmp_path, [IR, *receipt(), GO])))
    era = [
        line.replace("202404", "50604").replace("202403", "50603").replace("19500401", "3250401")
        for line in [IR, *receipt(), GO]
    ]
    japanese = one(read(file(tmp_path, era, end="\n", last=b"")))
    assert japanese == western | {"search_number": japanese["search_number"]}
    assert (western["service_month"], western["birth_date"]) == (date(2024, 3, 1), date(1950, 4, 1))


def test_rule_2_the_old_era_stays_readable_after_the_new_one_began(tmp_path: Path) -> None:
    lines = [IR, *receipt(), GO]
    january = one(read(file(tmp_path, [line.replace("202403", "43101") for line in lines])))
    assert january["service_month"] == date(2019, 1, 1)
    may = one(read(file(tmp_path, [line.replace("202403", "43105") for line in lines])))
    assert may["service_month"] == date(2019, 5, 1)


@pytest.mark.parametrize(
    ("written", "number", "scheme"),
    [
        ("  160028", "160028", "kokuho"),
        ("  163014", "163014", "kumiai"),
        ("00010017", "010017", "kokuho"),
        ("   10017", "010017", "kokuho"),
        ("67160028", "160028", "kokuho"),
        ("39162021", "39162021", "koki"),
        ("01160018", "01160018", None),
    ],
)
def test_rule_3_the_insurer_number_loses_its_padding(
    tmp_path: Path, written: str, number: str, scheme: str | None
) -> None:
    lines = [line.replace("  160028", written) for line in [IR, *receipt(), GO]]
    claim = one(read(file(tmp_path, lines)))
    assert (claim["insurer_number"], claim["scheme_code"]) == (number, scheme)


def test_rule_4_symbol_and_number_are_half_width(tmp_path: Path) -> None:
    lines = [line.replace("１２,３４５", "１９Ｄ－富,　０００１") for line in [IR, *receipt(), GO]]
    claim = one(read(file(tmp_path, lines)))
    assert (claim["symbol"], claim["number"]) == ("19D-富", "0001")


def test_rule_5_a_blank_category_is_that_of_the_line_before_comments_included(tmp_path: Path) -> None:
    lines = [
        item("SI", "12", "112007410", 73),
        item("SI", "", "112015570", 52),
        "CO,22,1,810000001,疼痛時",
        item("IY", "", "620098801", 1),
        "CO,,1,810000001,就寝前",
        item("TO", "", "710010001", 5),
    ]
    reading = read(file(tmp_path, [IR, *receipt(*lines), *receipt(item("SI", "", "160000310", 4)), GO]))
    assert reading.tables["claim_item"]["category_code"].to_list() == ["12", "12", "22", "22", None]


def test_rule_6_points_of_a_group_stand_on_its_last_line_and_count_by_times(tmp_path: Path) -> None:
    lines = [
        item("SI", "21", "120000710", "", 14),
        item("IY", "", "620000001", "", 14, "2"),
        item("IY", "", "620000002", 6, 14, "1.5"),
    ]
    reading = read(file(tmp_path, [IR, *receipt(*lines, points=84), GO]))
    assert reading.tables["claim_item"]["points"].to_list() == [None, None, 6]
    assert reading.tables["claim_item"]["quantity"].to_list() == [None, Decimal("2.0000"), Decimal("1.5000")]
    assert one(reading)["line_points"] == plainly(lines) == 84


def test_rule_7_meal_lines_are_yen_and_never_points(tmp_path: Path) -> None:
    lines = [
        item("SI", "90", "190117710", 1600, 3),
        item("SI", "97", "197000110", 640, 9),
        item("SI", "", "197000210", 76, 9),
    ]
    reading = read(file(tmp_path, [IR, *receipt(*lines, points=4800), GO]))
    assert one(reading)["line_points"] == plainly(lines) == 4800
    assert reading.tables["claim_item"]["points"].to_list() == [1600, 640, 76]


def test_rule_8_a_reduction_of_drugs_is_subtracted_though_written_positive(tmp_path: Path) -> None:
    lines = [
        item("IY", "21", "620000001", "", 2),
        item("IY", "", "630010002", 534, 2),
        item("SI", "12", "112007410", 6016, 2),
    ]
    reading = read(file(tmp_path, [IR, *receipt(*lines, points=10964), GO]))
    assert one(reading)["line_points"] == plainly(lines) == 12032 - 2 * 534 == 10964


def test_rule_8_a_reducing_procedure_counts_negative_alone_and_nets_its_group(tmp_path: Path) -> None:
    alone = [item("SI", "11", "111000110", 291), item("SI", "11", "111015470", 188)]
    grouped = [item("SI", "11", "111000110"), item("SI", "", "111015470", 103)]
    assert one(read(file(tmp_path, [IR, *receipt(*alone), GO])))["line_points"] == plainly(alone) == 103
    assert one(read(file(tmp_path, [IR, *receipt(*grouped), GO])))["line_points"] == plainly(grouped) == 103


def test_rule_9_of_several_insurer_records_the_first_was_submitted_and_the_last_stands(tmp_path: Path) -> None:
    lines = [item("SI", "12", "112007410", 500), "JY,2,4,0,,,215,0,", HO.format(points=285)]
    reading = read(file(tmp_path, [IR, *receipt(*lines, points=500), GO]))
    claim = one(reading)
    assert (claim["original_points"], claim["points"], claim["line_points"]) == (500, 285, 500)


@pytest.mark.parametrize("columns", [28, 40])
def test_rule_10_the_summary_of_a_dpc_set_is_marked_and_its_children_are_not(tmp_path: Path, columns: int) -> None:
    def dpc(code: str) -> str:
        head = f"RE,{code or 9},1111,202403,架空　太郎,1,19500401,070,20240301,,,,,,,,,,{code},1,S000{code}"
        return head + "," * (columns - 21)

    lines = [IR]
    for code, points in (("1", 300), ("2", 100), ("3", 200)):
        lines += [dpc(code), HO.format(points=points)]
    lines.insert(5, "GT,202403,2,1,1,100,90,10,100,93,,")
    reading = read(file(tmp_path, [*lines, GO]))
    claims = reading.tables["claim"]
    assert claims["is_summary"].to_list() == [True, False, False]
    assert claims.filter(~pl.col("is_summary"))["points"].sum() == 300
    assert claims["line_points"].to_list() == [0, 100, 0]


def test_a_receipt_that_only_public_funds_pay_has_no_insurer_and_counts_their_points(tmp_path: Path) -> None:
    lines = [
        RE.replace("1112", "1212"),
        "KO,12160019,0000000,,2,431,0,,,,,",
        item("SI", "11", "111000110", 431).replace("SI,11,1", "SI,11,5"),
    ]
    reading = read(file(tmp_path, [IR, *lines, GO.replace("100", "431")]))
    claim = one(reading)
    assert claim["is_public_only"] and claim["insurer_number"] is None and claim["scheme_code"] is None
    assert (claim["points"], claim["line_points"], claim["days_count"]) == (431, 431, 2)


@pytest.mark.parametrize(
    ("check", "corrects"),
    [("01", False), ("04", True), ("05", True), ("09", False), ("11", True), ("12", True), ("13", False)],
)
def test_a_check_of_enrolment_gives_the_branch_and_some_checks_the_insurer(
    tmp_path: Path, check: str, corrects: bool
) -> None:
    sn = f"SN,1,{check},  310029,９,８７,02,,"
    claim = one(read(file(tmp_path, [IR, *receipt(sn, "SN,2,04,12160019,,,,0000000,"), GO])))
    assert claim["branch"] == "02"
    expected = ("310029", "9", "87") if corrects else ("160028", "12", "345")
    assert (claim["insurer_number"], claim["symbol"], claim["number"]) == expected


def test_diseases_are_main_by_their_mark_and_suspected_by_their_modifier(tmp_path: Path) -> None:
    lines = [
        "SY,2500015,20240301,1,,,01,",
        "SY,4019014,20230101,1,10508002,,,",
        "SY,0000999,20240301,1,80021234,仮病,,",
    ]
    diagnoses = read(file(tmp_path, [IR, *receipt(*lines), GO])).tables["claim_diagnosis"]
    assert diagnoses["is_main"].to_list() == [True, False, False]
    assert diagnoses["is_suspected"].to_list() == [False, True, True]
    assert diagnoses["sequence_number"].to_list() == [1, 2, 3]
    assert diagnoses["disease_name"].to_list() == [None, None, "仮病"]


def test_a_modifier_that_only_straddles_two_codes_is_no_suspicion(tmp_path: Path) -> None:
    reading = read(file(tmp_path, [IR, *receipt("SY,2500015,20240301,1,12800234,,,"), GO]))
    assert reading.tables["claim_diagnosis"]["is_suspected"].to_list() == [False]


SAMPLE = Path(__file__).parents[3] / "shared" / "samples" / "RECEIPTC_GAIRAI_SAMPLE.UKE"


@pytest.mark.skipif(not SAMPLE.exists(), reason="the public sample lies outside the repository")
def test_every_receipt_of_the_public_sample_adds_up() -> None:
    reading = read(SAMPLE)
    claims = reading.tables["claim"]
    assert claims.height == 75
    assert claims["is_public_only"].sum() == 6
    assert claims.filter(pl.col("line_points") != pl.col("original_points")).is_empty()
    receipts: dict[int, list[str]] = {}
    for number, line in enumerate(SAMPLE.read_bytes().decode("cp932").splitlines(), start=1):
        if line.startswith("RE,"):
            current = receipts.setdefault(number, [])
        elif receipts:
            current.append(line)
    assert [plainly(lines) for lines in receipts.values()] == claims["line_points"].to_list()
    assert reading.set_aside.is_empty()
    assert reading.problems == []

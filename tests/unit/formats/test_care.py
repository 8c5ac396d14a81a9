"""介護: the frame of interchange files, 給付実績 (1111), 受給者異動 (5311, 5341)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.formats import FileRefused, read, recognise
from ingest.formats.csvlayout import layout
from ingest.synth.writers.care import write_care_1111, write_care_5311, write_care_7131
from tests.handmade import frame

CLAIM: dict[str, Any] = {
    "insurer_number": "162081",
    "number": "0000000001",
    "birth_date": date(1940, 1, 7),
    "sex_code": "2",
    "service_month": date(2024, 5, 1),
    "adjudication_month": date(2024, 6, 1),
    "reference_number": "0000000001",
    "care_level_code": "22",
    "units": 300,
    "benefit_yen": 2700,
    "user_yen": 300,
}
SERVICE: dict[str, Any] = {
    "insurer_number": "162081",
    "parent_source_row": 1,
    "service_month": date(2024, 5, 1),
    "units": 150,
    "benefit_yen": 1350,
    "user_yen": 150,
}
CERTIFICATION: dict[str, Any] = {
    "insurer_number": "162081",
    "number": "0000000001",
    "name_kana": "カクウ ハナコ",
    "birth_date": date(1940, 1, 7),
    "sex_code": "2",
    "municipality_code": "16208",
    "event_date": date(2024, 5, 1),
    "corrected_date": date(2024, 5, 1),
    "care_level_code": "12",
    "certified_start_date": date(2024, 5, 1),
    "certified_end_date": date(2025, 4, 30),
    "insured_start_date": date(2005, 1, 6),
}


def position(name: str, record: str, column: str) -> int:
    return next(c.position for c in layout(name) if c.record_code == record and c.column_name == column)


def written(path: Path, claims: list[dict[str, Any]], services: list[dict[str, Any]], **options: Any) -> list[str]:
    write_care_1111(frame("care_claim", claims), frame("care_service", services), path, **options)
    return path.read_text("cp932").splitlines()


def save(path: Path, lines: list[str]) -> Path:
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp932"))
    return path


def changed(line: str, changes: dict[int, str]) -> str:
    fields = line.split(",")
    for at, value in changes.items():
        fields[at - 1] = value
    return ",".join(fields)


@pytest.mark.parametrize("is_quoted", [True, False])
def test_claims_and_services_are_read_and_other_records_counted(tmp_path: Path, is_quoted: bool) -> None:
    path = tmp_path / "c.csv"
    written(
        path,
        [CLAIM, CLAIM | {"reference_number": "2"}],
        [SERVICE, SERVICE | {"service_type_code": "17"}, SERVICE | {"parent_source_row": 2}],
        is_quoted=is_quoted,
    )
    reading = read(path)
    assert reading.set_aside.is_empty() and reading.records == {"D1": 3, "H1": 2, "T1": 3}
    assert reading.tables["care_claim"]["source_row"].to_list() == [2, 7]
    assert reading.tables["care_service"]["parent_source_row"].to_list() == [2, 2, 7]
    assert reading.edition == "1111" and reading.months == ["2024-05"]
    assert recognise(path)[0].stream == "care_claim"


def test_adjudicated_amounts_stand_before_those_claimed(tmp_path: Path) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM, CLAIM | {"reference_number": "2"}], [])
    at = {name: position("care_1111", "H1", name) for name in ("前_保険請求額", "後_保険請求額")}
    lines[1] = changed(lines[1], {at["前_保険請求額"]: "9999", at["後_保険請求額"]: "2000"})
    lines[2] = changed(lines[2], {at["前_保険請求額"]: "9999", at["後_保険請求額"]: ""})
    reading = read(save(tmp_path / "c.csv", lines))
    assert reading.tables["care_claim"]["benefit_yen"].to_list() == [2000, 9999]


def test_a_cancellation_may_leave_its_amounts_blank(tmp_path: Path) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM | {"creation_code": "3"}, CLAIM], [])
    blanks = {
        position("care_1111", "H1", f"{side}_保険{amount}"): ""
        for side in ("前", "後")
        for amount in ("サービス単位数", "請求額", "利用者負担額")
    }
    reading = read(save(tmp_path / "c.csv", [lines[0], *(changed(line, blanks) for line in lines[1:3]), lines[3]]))
    assert reading.tables["care_claim"].select("creation_code", "units", "benefit_yen").rows() == [("3", 0, 0)]
    assert reading.set_aside.select("field", "reason_code").rows() == [("units", "missing_field")]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda lines: lines[:-1], id="no end record"),
        pytest.param(lambda lines: lines[:3] + lines[4:], id="a gap in the record numbers"),
        pytest.param(lambda lines: [changed(lines[0], {4: "99"}), *lines[1:]], id="another count"),
        pytest.param(lambda lines: [*lines[:4], lines[4][:20]], id="cut in a record"),
    ],
)
def test_a_file_whose_frame_is_not_whole_is_refused_with_what_was_read(tmp_path: Path, damage: Any) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM, CLAIM | {"reference_number": "2"}], [SERVICE])
    with pytest.raises(FileRefused) as refused:
        read(save(tmp_path / "c.csv", damage(lines)))
    assert refused.value.reason_code == "truncated" and refused.value.line is not None
    assert refused.value.tables["care_claim"].height >= 1 and sum(refused.value.records.values()) >= 2


def test_a_service_whose_claim_was_set_aside_goes_with_it(tmp_path: Path) -> None:
    lines = written(
        tmp_path / "c.csv", [CLAIM, CLAIM | {"reference_number": "2"}], [SERVICE, SERVICE | {"parent_source_row": 2}]
    )
    lines[1] = changed(lines[1], {position("care_1111", "H1", "生年月日"): "19400230"})
    reading = read(save(tmp_path / "c.csv", lines))
    assert reading.tables["care_claim"].height == 1 and reading.tables["care_service"].height == 1
    assert reading.set_aside.select("table_name", "source_row", "field", "reason_code", "benefit_yen").rows() == [
        ("care_claim", 2, "birth_date", "bad_date", 2700),
        ("care_line", 3, "parent_source_row", "missing_field", None),
        ("care_service", 4, "parent_source_row", "missing_field", None),
    ]


def test_services_that_stand_apart_find_their_claim_by_its_key(tmp_path: Path) -> None:
    lines = written(
        tmp_path / "c.csv", [CLAIM, CLAIM | {"reference_number": "2"}], [SERVICE, SERVICE | {"parent_source_row": 2}]
    )
    data = [line for code in ("H1", "D1", "T1") for line in lines if f",{code}," in line]
    numbered = [changed(line, {2: str(number)}) for number, line in enumerate(data, start=2)]
    reading = read(save(tmp_path / "c.csv", [lines[0], *numbered, lines[-1]]))
    assert reading.tables["care_service"]["parent_source_row"].to_list() == [2, 3]


def test_an_unknown_record_type_is_named_and_read_past(tmp_path: Path) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM], [SERVICE])
    lines[2] = lines[2].replace(",D1,", ",ZZ,")
    reading = read(save(tmp_path / "c.csv", lines))
    assert [(p.field, p.reason_code, p.line) for p in reading.problems] == [("ZZ", "unknown_record", 3)]


def test_the_insured_of_public_assistance_keep_the_letter_of_their_number(tmp_path: Path) -> None:
    written(tmp_path / "c.csv", [CLAIM | {"number": "H000000001"}], [])
    assert read(tmp_path / "c.csv").tables["care_claim"]["number"].to_list() == ["H000000001"]


def test_changes_are_read_with_the_tie_to_the_medical_insurer(tmp_path: Path) -> None:
    ties = [
        {},
        {
            "related_scheme_code": "kokuho",
            "related_insurer_number": "162081",
            "related_symbol": "砺-1",
            "related_number": "123",
        },
        {"related_scheme_code": "kokuho", "related_insurer_number": "162081", "related_number": "456"},
        {"related_scheme_code": "koki", "related_insurer_number": "39162083", "related_number": "00000123"},
    ]
    table = frame(
        "care_certification", [CERTIFICATION | tie | {"number": f"000000000{n}"} for n, tie in enumerate(ties)]
    )
    write_care_5311(table, tmp_path / "k.csv")
    reading = read(tmp_path / "k.csv")
    assert reading.set_aside.is_empty() and reading.records == {"5311": 4} and reading.edition == "5311"
    assert reading.tables["care_certification"].drop("source_row").equals(table.drop("source_row"))


def test_a_blank_number_of_koki_leaves_the_tie_to_kokuho(tmp_path: Path) -> None:
    tie = {"related_scheme_code": "kokuho", "related_insurer_number": "162081", "related_number": "456"}
    write_care_5311(frame("care_certification", [CERTIFICATION | tie]), tmp_path / "k.csv", is_quoted=False)
    lines = (tmp_path / "k.csv").read_text("cp932").splitlines()
    lines[1] = changed(lines[1], {position("care_5311", "5311", "保険者番号(後期)"): "39162083"})
    row = read(save(tmp_path / "k.csv", lines)).tables["care_certification"].row(0, named=True)
    assert (row["related_scheme_code"], row["related_insurer_number"]) == ("kokuho", "162081")


def test_corrections_go_into_the_ledger_and_come_back(tmp_path: Path) -> None:
    table = frame(
        "care_certification",
        [CERTIFICATION, CERTIFICATION | {"corrected_date": date(2024, 8, 1), "correction_code": "3"}],
    )
    write_care_5311(table, tmp_path / "k.csv")
    reading = read(tmp_path / "k.csv")
    assert reading.edition == "5341" and reading.set_aside.is_empty()
    assert reading.tables["care_certification"].drop("source_row").equals(table.drop("source_row"))
    with pytest.raises(ValueError, match="5311"):
        write_care_5311(table, tmp_path / "k.csv", record_code="5311")


def test_names_that_are_no_kana_betray_another_encoding(tmp_path: Path) -> None:
    table = frame("care_certification", [CERTIFICATION | {"name_kana": "ｶｸｳ ﾊﾅｺ", "number": str(n)} for n in range(30)])
    write_care_5311(table, tmp_path / "k.csv")
    text = (tmp_path / "k.csv").read_bytes().decode("cp932")
    (tmp_path / "k.csv").write_bytes(text.encode("euc_jp"))
    with pytest.raises(FileRefused) as refused:
        read(tmp_path / "k.csv")
    assert refused.value.reason_code == "encoding"


@pytest.mark.parametrize(
    ("column", "value", "field", "reason"),
    [
        ("要介護状態区分コード", "99", "care_level_code", "bad_code"),
        ("認定有効期間終了年月日", "20250431", "certified_end_date", "bad_date"),
        ("異動区分コード", "", "event_code", "missing_field"),
        ("住所地特例対象者区分コード", "7", "is_address_exception", "bad_code"),
    ],
)
def test_a_bad_cell_sets_the_change_aside(tmp_path: Path, column: str, value: str, field: str, reason: str) -> None:
    write_care_5311(frame("care_certification", [CERTIFICATION]), tmp_path / "k.csv", is_quoted=False)
    lines = (tmp_path / "k.csv").read_text("cp932").splitlines()
    lines[1] = changed(lines[1], {position("care_5311", "5311", column): value})
    reading = read(save(tmp_path / "k.csv", lines))
    assert reading.tables["care_certification"].is_empty()
    assert reading.set_aside.select("field", "reason_code", "scheme_code").rows() == [(field, reason, "care")]


def test_a_line_too_short_for_its_record_is_set_aside(tmp_path: Path) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM, CLAIM | {"reference_number": "2"}], [])
    lines[1] = ",".join(lines[1].split(",")[:60])
    reading = read(save(tmp_path / "c.csv", lines))
    assert reading.set_aside.filter(pl.col("table_name") == "care_claim")["reason_code"].to_list() == ["contract"]
    assert reading.tables["care_claim"].height == 1


LINE: dict[str, Any] = {"insurer_number": "162081", "service_month": date(2024, 5, 1), "parent_source_row": 1}


def whole_line(kind: str, **more: Any) -> dict[str, Any]:
    typed = {"service_type_code": "15", "item_code": "1111"}
    return LINE | {"line_kind_code": kind, "units": 100, "times_count": 2, "amount_yen": 5000} | typed | more


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("D1", ("15", "1111", 2, 100, None)),
        ("DD", ("15", "1111", 2, 100, None)),
        ("D2", (None, None, 2, 100, None)),
        ("DC", (None, None, 2, 100, None)),
        ("D3", (None, None, 2, 100, None)),
        ("D4", ("15", None, 2, None, 5000)),
        ("D5", ("15", "1111", 2, 100, 5000)),
        ("D6", ("15", "1111", None, None, 5000)),
        ("D7", ("15", "1111", None, None, 5000)),
        ("D9", ("15", "1111", 2, None, 5000)),
        ("DA", ("15", None, None, None, 5000)),
        ("DB", ("15", "1111", 2, 100, 5000)),
    ],
)
def test_a_line_tells_what_its_record_holds(tmp_path: Path, kind: str, told: tuple[Any, ...]) -> None:
    write_care_1111(
        frame("care_claim", [CLAIM]),
        frame("care_service", [SERVICE]),
        tmp_path / "c.csv",
        line=frame("care_line", [whole_line(kind)]),
        exchange_code="1112",
    )
    reading = read(tmp_path / "c.csv")
    assert reading.edition == "1112" and reading.set_aside.is_empty()
    columns = ("service_type_code", "item_code", "times_count", "units", "amount_yen")
    assert reading.tables["care_line"].select("parent_source_row", "line_kind_code", *columns).rows() == [
        (2, kind, *told)
    ]
    assert reading.tables["care_claim"]["is_purchase"].to_list() == [kind in ("D6", "D7")]


def test_adjudicated_units_of_a_line_stand_before_those_claimed(tmp_path: Path) -> None:
    lines = written(tmp_path / "c.csv", [CLAIM], [SERVICE, SERVICE])
    after = position("care_1111", "D1", "後_サービス単位数")
    before = position("care_1111", "D1", "サービス単位数")
    lines[2] = changed(lines[2], {before: "999", after: "140"})
    lines[4] = changed(lines[4], {before: "999", after: ""})
    assert read(save(tmp_path / "c.csv", lines)).tables["care_line"]["units"].to_list() == [140, 999]


def test_what_is_paid_back_needs_no_claim_of_its_key_and_takes_birth_from_one_of_the_person(tmp_path: Path) -> None:
    paid = {name: CLAIM[name] for name in ("insurer_number", "number", "service_month", "adjudication_month")}
    rows = [
        paid | {"reference_number": "H1", "benefit_yen": 4000, "user_yen": 30000},
        paid | {"reference_number": "H2", "benefit_yen": 900, "line_kind_code": "DE"},
        paid | {"reference_number": "H3", "benefit_yen": 100, "number": "0000000077"},
    ]
    write_care_1111(
        frame("care_claim", [CLAIM]),
        frame("care_service", [SERVICE]),
        tmp_path / "c.csv",
        high_cost=frame("care_high_cost", rows),
    )
    reading = read(tmp_path / "c.csv")
    assert reading.set_aside.is_empty()
    assert reading.tables["care_high_cost"].select("line_kind_code", "benefit_yen", "birth_date").rows() == [
        ("D8", 4000, date(1940, 1, 7)),
        ("D8", 100, None),
        ("DE", 900, date(1940, 1, 7)),
    ]


def test_a_claim_tells_how_often_it_was_taken_up_again(tmp_path: Path) -> None:
    claims = [CLAIM | {"adjustment_count": 2}, CLAIM | {"reference_number": "2"}]
    written(tmp_path / "c.csv", claims, [SERVICE, SERVICE | {"parent_source_row": 2}])
    assert read(tmp_path / "c.csv").tables["care_claim"]["adjustment_count"].to_list() == [2, 0]


@pytest.mark.parametrize(("form", "lines"), [("7131", 2), ("7139", 2), ("71A4", 2), ("71P2", 2), ("8125", 2)])
def test_a_claim_form_of_any_edition_is_read_as_claimed(tmp_path: Path, form: str, lines: int) -> None:
    claim = CLAIM | {"input_form_code": form, "user_yen": 0 if form[0] == "8" else 300}
    kinds = ["D5", "D5"] if form[0] == "8" else ["D1", "DD"]
    write_care_7131(
        frame("care_claim", [claim]),
        frame("care_service", [SERVICE]),
        frame("care_line", [whole_line(kind) for kind in kinds]),
        tmp_path / "c.csv",
    )
    reading = read(tmp_path / "c.csv")
    assert (reading.format, reading.edition) == ("care_7131", form) and reading.set_aside.is_empty()
    (row,) = reading.tables["care_claim"].rows(named=True)
    assert not row["is_adjudicated"] and row["adjudication_month"] == date(2024, 6, 1)
    assert (row["reference_number"], row["input_form_code"]) == (form, form)
    same = ("number", "birth_date", "service_month", "care_level_code", "units", "benefit_yen", "user_yen")
    assert {name: row[name] for name in same} == {name: claim[name] for name in same}
    assert reading.tables["care_line"]["line_kind_code"].to_list() == kinds
    assert reading.tables["care_line"]["parent_source_row"].unique().to_list() == [row["source_row"]]


def test_a_form_that_is_not_known_is_told_and_read_past(tmp_path: Path) -> None:
    line = frame("care_line", [whole_line("D1")])
    claims = [CLAIM, CLAIM | {"reference_number": "2", "input_form_code": "71Z1"}]
    write_care_7131(frame("care_claim", claims), frame("care_service", [SERVICE]), line, tmp_path / "c.csv")
    reading = read(tmp_path / "c.csv")
    assert reading.tables["care_claim"].height == 1
    assert [(problem.field, problem.reason_code) for problem in reading.problems] == [("71Z1", "unknown_record")]


def test_the_ledger_tells_residence_elsewhere_and_the_share_paid(tmp_path: Path) -> None:
    told = {
        "is_address_exception": True,
        "facility_insurer_code": "162099",
        "exception_start_date": date(2023, 7, 1),
        "exception_end_date": date(2026, 6, 30),
        "benefit_rate": 95,
        "share_start_date": date(2023, 8, 1),
        "share_end_date": date(2024, 7, 31),
        "applied_date": date(2024, 4, 2),
        "application_code": "1",
        "plan_provider_code": "1670100011",
    }
    table = frame("care_certification", [CERTIFICATION | told])
    for code in ("5311", "5341"):
        write_care_5311(table, tmp_path / "k.csv", record_code=code)
        (row,) = read(tmp_path / "k.csv").tables["care_certification"].rows(named=True)
        assert {name: row[name] for name in told} == told

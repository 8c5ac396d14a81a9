"""Whatever receipts of DPC, 歯科 and 調剤 are written, a plain loop over their lines gives the same rows."""

from __future__ import annotations

import string
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.contracts import CONTRACTS
from ingest.synth.writers.uke import RECORDS, write_uke
from tests.plain_uke import Receipt, read_plain

KINDS = {"dpc": ("1", "1111"), "dental": ("3", "3112"), "pharmacy": ("4", "4112")}
KINDS_OF_ITEM = {"dpc": ["SI", "IY", "TO", "CD"], "dental": ["SS", "SI", "IY", "TO"], "pharmacy": ["IY", "TO"]}
CODE = st.text(string.digits, min_size=9, max_size=9)
DAYS = st.sets(st.integers(1, 31), min_size=1, max_size=31)
DISEASE = st.fixed_dictionaries(
    {
        "disease_code": st.text(string.digits, min_size=7, max_size=7),
        "icd10_code": st.none() | st.sampled_from(["E119", "I10", "C169"]),
        "disease_class_code": st.sampled_from(["01", "11", "21", "41", "51"]),
        "is_main": st.booleans(),
        "is_suspected": st.booleans(),
        "outcome_code": st.none() | st.sampled_from("123"),
    }
)


@st.composite
def receipt(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    items = []
    for line in range(1, draw(st.integers(0, 6)) + 1):
        item_kind = draw(st.sampled_from(KINDS_OF_ITEM[kind]))
        days = draw(DAYS) if item_kind != "CD" else {draw(st.integers(1, 31))}
        items.append(
            {
                "line_number": line,
                "item_kind_code": item_kind,
                "item_code": draw(CODE),
                "category_code": None if kind == "pharmacy" else draw(st.sampled_from(["11", "40", "97"])),
                "burden_code": None if item_kind == "CD" else "1",
                "quantity": draw(st.none() | st.integers(1, 999)),
                "points": None if item_kind == "CD" or kind == "pharmacy" else draw(st.none() | st.integers(0, 99_999)),
                "times_count": len(days) + draw(st.integers(0, 40)),
                "days_code": None if kind == "pharmacy" else sum(1 << (day - 1) for day in days),
                "additions": draw(st.lists(st.tuples(CODE, st.integers(1, 9)), max_size=35))
                if item_kind == "SS"
                else [],
            }
        )
    summary_code = draw(st.sampled_from("0123")) if kind == "dpc" else None
    original = draw(st.integers(0, 999_999))
    return {
        "claim_kind_code": kind,
        "layout_code": draw(st.sampled_from(["dpc28", "dpc40"])) if kind == "dpc" else None,
        "summary_code": summary_code,
        "points": draw(st.integers(0, original if summary_code in ("2", "3") else 999_999)),  # a raise needs the 総括's
        "original_points": original,
        "days": draw(DAYS),
        "prescribing": draw(st.sampled_from(["1610000011", "3110000028"])) if kind == "pharmacy" else None,
        "diseases": [] if kind == "pharmacy" else draw(st.lists(DISEASE, max_size=3)),
        "items": items,
        "bundle": draw(st.integers(0, 99_999)) if kind == "dpc" else None,
    }


def frames(receipts: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """What the writer takes, one row a claim in the order of the list."""
    claims, diseases, items, records = [], [], [], []
    for row, one in enumerate(receipts):
        kind = one["claim_kind_code"]
        table, type_code = KINDS[kind]
        claims.append(
            dict.fromkeys(CONTRACTS["claim"].names())
            | {
                "source_row": row, "scheme_code": "kokuho", "insurer_number": "160028", "symbol": "12",
                "number": str(row), "birth_date": date(1950, 4, 1), "sex_code": "1", "has_search_number": True,
                "search_number": f"S{row}", "claim_type_code": type_code, "service_month": date(2024, 1, 1),
                "adjudication_month": date(2024, 2, 1), "institution_code": f"16{table}0000011",
                "days_count": None if kind == "pharmacy" else len(one["days"]),
                "prescription_count": len(one["days"]) if kind == "pharmacy" else None,
                "visit_days_code": sum(1 << (day - 1) for day in one["days"]),
                "prescribing_institution_code": one["prescribing"], "is_public_only": False,
                "is_summary": one["summary_code"] == "1",
                **{name: one[name] for name in ("claim_kind_code", "layout_code", "summary_code", "points",
                                                "original_points")},
            }
        )  # fmt: skip
        head = {"parent_source_row": row, "service_month": date(2024, 1, 1)}
        for number, disease in enumerate(one["diseases"], start=1):
            own = disease if kind == "dpc" else disease | {"icd10_code": None, "disease_class_code": None}
            diseases.append(head | own | {"sequence_number": number})
        number = 0
        for item in one["items"]:
            base = {name: value for name, value in item.items() if name != "additions"}
            added = [
                base | {"item_code": code, "quantity": quantity, "points": None, "times_count": None, "days_code": None}
                for code, quantity in item["additions"]
            ]
            for line in [base, *added]:
                number += 1
                items.append(head | line | {"sequence_number": number})
        if one["bundle"] is not None:
            text = f"{{m}},2,1,{{b}},0,0,0,{one['bundle']},93,,"
            records.append(
                {"parent_source_row": row, "line_number": 0, "record_id": "GT", "text": text,
                 "start_date": date(2024, 1, 1), "points": one["bundle"]}
            )  # fmt: skip
    extra = {"layout_code": pl.String()}
    return {
        "claims": pl.DataFrame(claims, schema=CONTRACTS["claim"].plain_schema() | extra),
        "diagnoses": pl.DataFrame(diseases, schema=CONTRACTS["claim_diagnosis"].plain_schema()),
        "items": pl.DataFrame(items, schema=CONTRACTS["claim_item"].plain_schema() | {"line_number": pl.Int64()}),
        "records": pl.DataFrame(records, schema=RECORDS),
    }


def days_of(cells: list[str]) -> set[int]:
    return {day for day, cell in enumerate(cells, start=1) if cell}


def check(found: Receipt, one: dict[str, Any]) -> None:
    """The records of a written receipt beside what was drawn."""
    kind, is_dpc = one["claim_kind_code"], one["claim_kind_code"] == "dpc"
    assert found.kind == kind
    assert found.submitted == one["original_points"]
    assert found.adjudicated == one["points"]
    assert found.of("HO")[0][4] == str(len(one["days"]))
    assert days_of(found.of("JD")[0][2:]) == one["days"]
    if is_dpc:
        assert len(found.re) == int(one["layout_code"][3:])
        assert found.re[18] == one["summary_code"]
        assert found.of("GT")[0][1:9] == ["202401", "2", "1", "1", "0", "0", "0", str(one["bundle"])]
    if kind == "pharmacy":
        assert "".join(found.re[9:12]) == one["prescribing"]
    written = found.of("SB") + found.of("HS")
    assert len(written) == len(one["diseases"])
    for record, disease in zip(written, one["diseases"], strict=True):
        modifiers = "8002" if disease["is_suspected"] else ""
        if is_dpc:
            assert record[1:3] == [disease["disease_code"], modifiers]
            assert record[4:6] == [disease["icd10_code"] or "", disease["disease_class_code"]]
        else:
            assert record[2] == (disease["outcome_code"] or "")
            assert record[4:6] == [disease["disease_code"], modifiers]
            assert record[9] == ("01" if disease["is_main"] else "")
    lines = [record for record in found.records if record[0] in ("SI", "IY", "TO", "SS", "CD")]
    assert len(lines) == len(one["items"])
    category = ""
    for record, item in zip(lines, one["items"], strict=True):
        amount = "" if item["quantity"] is None else str(item["quantity"])
        if kind == "pharmacy":
            assert record[:4] == [item["item_kind_code"], "1", item["item_code"], amount]
            continue
        if record[0] == "CD":
            day = item["days_code"].bit_length()
            assert record[1:3] == [f"202401{day:02d}", item["category_code"]]
            assert [record[5], record[7], record[9]] == [item["item_code"], amount, str(item["times_count"])]
            continue
        category = record[1] or category
        assert [record[0], category, record[3], record[4]] == [
            item["item_kind_code"], item["category_code"], item["item_code"], amount,
        ]  # fmt: skip
        place = 76 if record[0] == "SS" else 12 if (kind, record[0]) == ("dental", "TO") else 5
        assert record[place : place + 2] == [
            "" if item["points"] is None else str(item["points"]), str(item["times_count"]),
        ]  # fmt: skip
        assert sum(1 << (day - 1) for day in days_of(record[-31:])) == item["days_code"]
        if record[0] == "SS":
            pairs = [(record[at], int(record[at + 1])) for at in range(6, 76, 2) if record[at]]
            assert pairs == item["additions"]
    assert sorted(found.day_columns()) == sorted((times, times) for _, times in found.day_columns())


@settings(max_examples=40, deadline=None)
@given(st.lists(receipt(), min_size=1, max_size=5), st.sampled_from(["seireki", "insurer", "returned"]))
def test_what_is_written_is_found_by_a_plain_reading(receipts: list[dict[str, Any]], edition: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        own = frames(receipts)
        write_uke(
            own["claims"], own["diagnoses"], own["items"], path,
            prefecture_code="16", scheme="kokuho", edition=edition, records=own["records"],
        )  # fmt: skip
        file = read_plain(path)
    # In a file receipts stand by institution, in each in their order.
    order = sorted(receipts, key=lambda one: KINDS[one["claim_kind_code"]][0])
    assert len(file.receipts) == len(order)
    for found, one in zip(file.receipts, order, strict=True):
        check(found, one)

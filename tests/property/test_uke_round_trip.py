"""Whatever claims are written as a receipt file, the reader gives them back, in every edition."""

from __future__ import annotations

import string
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import read
from ingest.formats.contracts import CONTRACTS
from ingest.formats.uke_layout import subtraction_codes
from ingest.synth.writers.uke import write_uke

LETTERS = "亜架空太郎髙﨑①アイウＡ１"
DIGITS = string.digits


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=length, max_size=length)


def words(alphabet: str, size: int) -> st.SearchStrategy[str | None]:
    return st.none() | st.text(alphabet, min_size=1, max_size=size)


MONTHS = st.dates(date(2015, 1, 1), date(2030, 12, 1)).map(lambda day: day.replace(day=1))
DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))

DISEASE = st.fixed_dictionaries(
    {
        "disease_code": digits(7),
        "disease_name": words(LETTERS, 6),
        "start_date": st.none() | DAYS,
        "outcome_code": st.none() | st.sampled_from("1234"),
        "modifier_codes": st.none() | st.lists(st.sampled_from(["8002", "1280", "0234"]), min_size=1).map("".join),
        "is_main": st.booleans(),
    }
)
ITEM = st.fixed_dictionaries(
    {
        "item_kind_code": st.sampled_from(["SI", "IY", "TO"]),
        "item_code": digits(9) | st.sampled_from(sorted(subtraction_codes())),
        "category_code": st.sampled_from(["11", "12", "21", "90", "97", "99"]),
        "burden_code": st.none() | st.sampled_from("1259A"),
        "quantity": st.none() | st.decimals(0, 99999, places=4),
        "points": st.none() | st.integers(0, 9_999_999),
        "times_count": st.integers(1, 200),
    }
)
CLAIM = st.fixed_dictionaries(
    {
        "insurer_number": st.sampled_from(["160028", "163014", "010017"]),
        "symbol": st.none() | st.text("富山-12A", min_size=1, max_size=5),
        "number": st.text(string.ascii_uppercase + DIGITS + "-", min_size=1, max_size=8),
        "branch": st.none() | digits(2),
        "name_kanji": words(LETTERS, 8),
        "name_kana": words("カキクウ", 8),
        "birth_date": DAYS,
        "sex_code": st.sampled_from("12"),
        "search_number": st.none() | st.text(string.ascii_uppercase + DIGITS, min_size=1, max_size=30),
        "claim_type_code": st.sampled_from(["1111", "1112", "1128", "1410"]),
        "service_month": MONTHS,
        "adjudication_month": st.sampled_from([date(2019, 5, 1), date(2024, 4, 1)]),
        "institution_code": st.sampled_from(["1610000011", "1611234567", "3110000028"]),
        "admission_date": st.none() | DAYS,
        "benefit_rate": st.none() | st.sampled_from([70, 80, 90]),
        "days_count": st.integers(0, 31),
        "points": st.integers(0, 9_999_999),
        "original_points": st.integers(0, 9_999_999),
        "meal_count": st.none() | st.integers(0, 93),
        "meal_yen": st.none() | st.integers(0, 99_999),
        "is_summary": st.booleans(),
        "is_public_only": st.booleans(),
        "special_note_codes": st.none() | st.sampled_from(["02", "0210"]),
        "diseases": st.lists(DISEASE, max_size=3),
        "items": st.lists(ITEM, max_size=5),
    }
)


def line_points(items: list[dict[str, Any]]) -> int:
    """Σ 点数 × 回数 of one receipt, line by line."""
    kinds, total, inside, category = subtraction_codes(), 0, False, None
    for item in items:
        begins, category = item["category_code"] != category, item["category_code"]
        kind = kinds.get(item["item_code"])
        if item["points"] is not None and category not in ("97", "99"):
            sign = -1 if kind == "7" or (kind == "8" and (begins or not inside)) else 1
            total += sign * item["points"] * item["times_count"]
        inside = item["points"] is None
    return total


def frames(receipts: list[dict[str, Any]], edition: str) -> dict[str, pl.DataFrame]:
    """The contract frames of the receipts as the reader is to give them back; row = place in the list."""
    rows: dict[str, list[dict[str, Any]]] = {"claim": [], "claim_diagnosis": [], "claim_item": []}
    numbers: dict[tuple[date, str], int] = {}
    order = sorted(
        range(len(receipts)),
        key=lambda place: (receipts[place]["adjudication_month"], receipts[place]["institution_code"], place),
    )
    for place in order:
        claim = dict(receipts[place])
        diseases, items = claim.pop("diseases"), claim.pop("items")
        group = (claim["adjudication_month"], claim["institution_code"])
        numbers[group] = numbers.get(group, 0) + 1
        if claim["is_public_only"]:
            claim |= {
                "insurer_number": None,
                "symbol": None,
                "number": None,
                "branch": None,
                "original_points": claim["points"],
            }
        insurer = claim["insurer_number"]
        claim |= {
            "source_row": place,
            "scheme_code": None if insurer is None else "kumiai" if insurer[2] == "3" else "kokuho",
            "claim_kind_code": "dpc" if claim["is_summary"] else "medical",
            "summary_code": "1" if claim["is_summary"] else None,
            "receipt_number": numbers[group],
            "has_search_number": claim["search_number"] is not None,
            "is_inpatient": claim["claim_type_code"][3] in "13579",
            "version_number": 2 if edition == "returned" else 1,
            "is_withdrawn": edition == "returned",
            "line_points": line_points(items),
        }
        if claim["search_number"] is None:
            claim["search_number"] = f"{group[1]}{group[0]:%Y%m}{claim['receipt_number']}"
        rows["claim"].append(claim)
        head = {
            "parent_source_row": place,
            "scheme_code": claim["scheme_code"],
            "insurer_number": insurer,
            "service_month": claim["service_month"],
        }
        for number, disease in enumerate(diseases, start=1):
            codes = disease["modifier_codes"] or ""
            suspected = "8002" in [codes[at : at + 4] for at in range(0, len(codes), 4)]
            rows["claim_diagnosis"].append(
                {"source_row": number, **head, "sequence_number": number, "is_suspected": suspected, **disease}
            )
        for number, item in enumerate(items, start=1):
            days = 2 ** min(item["times_count"], 31) - 1 or None  # the writer puts them on the first days
            rows["claim_item"].append(
                {"source_row": number, **head, "sequence_number": number, "days_code": days, **item}
            )
    return {
        name: pl.DataFrame(table, schema=CONTRACTS[name].plain_schema())  # type: ignore[arg-type]
        for name, table in rows.items()
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(CLAIM, min_size=1, max_size=6), st.sampled_from(["seireki", "wareki", "insurer", "returned"]))
def test_what_is_written_is_read_back(receipts: list[dict[str, Any]], edition: str) -> None:
    expected = frames(receipts, edition)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "RECEIPTC.UKE"
        write_uke(
            expected["claim"].sample(fraction=1, shuffle=True, seed=1),
            expected["claim_diagnosis"],
            expected["claim_item"],
            path,
            prefecture_code="16",
            scheme="kokuho",
            edition=edition,
        )
        reading = read(path)
    assert reading.set_aside.is_empty()
    assert reading.problems == []
    rows = reading.tables["claim"]["source_row"].to_list()
    places = expected["claim"]["source_row"].to_list()
    back = pl.col("parent_source_row").replace_strict(rows, places)
    for name, table in expected.items():
        found = reading.tables[name]
        if name != "claim":
            found = found.with_columns(back)
        assert found.drop("source_row").to_dicts() == table.drop("source_row").to_dicts()


def test_an_amount_with_four_places_is_written_without_rounding() -> None:
    claim = dict.fromkeys(CONTRACTS["claim"].names()) | {
        "insurer_number": "160028",
        "number": "1",
        "birth_date": date(1950, 1, 1),
        "sex_code": "1",
        "search_number": "S1",
        "claim_type_code": "1112",
        "service_month": date(2024, 3, 1),
        "adjudication_month": date(2024, 4, 1),
        "institution_code": "1610000011",
        "days_count": 1,
        "points": 0,
        "is_summary": False,
        "is_public_only": False,
        "diseases": [],
        "items": [
            {
                "item_kind_code": "IY",
                "item_code": "620000001",
                "category_code": "21",
                "burden_code": "1",
                "quantity": Decimal(text),
                "points": None,
                "times_count": 1,
            }
            for text in ("10", "0", "0.0001", "100.5000", "12345.6789")
        ],
    }
    expected = frames([claim], "seireki")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        write_uke(
            expected["claim"],
            expected["claim_diagnosis"],
            expected["claim_item"],
            path,
            prefecture_code="16",
            scheme="kokuho",
        )
        assert b",620000001,12345.6789,," in path.read_bytes()
        assert read(path).tables["claim_item"]["quantity"].to_list() == [
            Decimal(text) for text in ("10", "0", "0.0001", "100.5", "12345.6789")
        ]

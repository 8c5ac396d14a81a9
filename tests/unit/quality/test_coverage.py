"""What share of the codes can be classified: by the typed core, by an imported master, or not told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ingest.masters.importing import import_files
from ingest.progress import silent
from ingest.quality.checks import FILE
from ingest.quality.coverage import Coverage
from tests.handmade import frame, month
from tests.unit.masters.master_files import data, disease, drug

KNOWN, UNKNOWN, UNCODED = "0091009", "9999999", "0000999"
PLACE = {"scheme_code": "kokuho", "insurer_number": "160028", "service_month": month(2024, 5)}


def tables(diseases: list[tuple[int, str | None, str | None]], drugs: list[str]) -> dict[str, pl.DataFrame]:
    """Four receipts of one file, the third of a pharmacy, the fourth a 総括; diseases as (receipt, code, ICD-10)."""
    claims: list[dict[str, Any]] = [
        PLACE | {"search_number": str(n), "number": "1", "claim_kind_code": kind, "is_summary": n == 4}
        for n, kind in enumerate(("medical", "medical", "pharmacy", "dpc"), start=1)
    ]
    lines = [PLACE | {"parent_source_row": n, "disease_code": code, "icd10_code": icd10} for n, code, icd10 in diseases]
    items = [PLACE | {"parent_source_row": 1, "item_kind_code": "IY", "item_code": code} for code in drugs]
    found = {
        "claim": frame("claim", claims),
        "claim_diagnosis": frame("claim_diagnosis", lines),
        "claim_item": frame("claim_item", items),
    }
    return {name: rows.with_columns(pl.lit(7, dtype=pl.Int64).alias(FILE)) for name, rows in found.items()}


def counted(workspace: Path, *given: Any) -> dict[str, tuple[int, int]]:
    found = Coverage(workspace).of(tables(*given))
    assert set(found[FILE]) == {7}
    return {kind: (rows, unclassified) for _, kind, rows, unclassified in found.iter_rows()}


def test_a_receipt_is_unclassified_where_one_of_its_diseases_is(tmp_path: Path) -> None:
    diseases = [(1, KNOWN, None), (1, UNKNOWN, None), (2, KNOWN, None), (3, UNKNOWN, None), (4, UNKNOWN, None)]
    found = counted(tmp_path, diseases, [])
    assert found == {"disease": (5, 3), "claim": (2, 1)}


def test_a_disease_without_a_code_is_unclassified_unless_its_icd10_is_printed(tmp_path: Path) -> None:
    found = counted(tmp_path, [(1, UNCODED, None), (2, None, None), (2, UNKNOWN, "E119")], [])
    assert found == {"disease": (3, 2), "claim": (2, 2)}


def test_an_imported_master_answers_in_place_of_the_core(tmp_path: Path) -> None:
    codes = Coverage(tmp_path)
    assert not codes.has_master("disease") and not codes.has_master("claim")
    (tmp_path / "b").write_bytes(data("disease", [disease(UNKNOWN)]))
    (tmp_path / "y").write_bytes(data("drug", [drug("620000001")]))
    outcomes = import_files(tmp_path, [tmp_path / "b", tmp_path / "y"], silent)
    assert not any(outcome.refused for outcome in outcomes)
    found = counted(tmp_path, [(1, KNOWN, None), (2, UNKNOWN, None)], ["620000001", "620000002", "620000002"])
    assert found == {"disease": (2, 1), "claim": (2, 1), "drug": (3, 2)}
    assert codes.has_master("claim") and codes.has_master("drug") and not codes.has_master("procedure")


def test_receipts_without_lines_are_counted_and_other_tables_are_not_asked(tmp_path: Path) -> None:
    alone = {"claim": tables([], [])["claim"]}
    assert Coverage(tmp_path).of(alone).select("kind", "row_count").rows() == [("claim", 2)]
    assert Coverage(tmp_path).of({"checkup": frame("checkup", [])}).is_empty()

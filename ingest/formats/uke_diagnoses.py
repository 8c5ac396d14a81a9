"""SY (医科), SB (DPC) and HS (歯科) records of receipts as ``claim_diagnosis``."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import empty_set_aside
from ingest.formats.uke_aside import aside
from ingest.formats.uke_items import ORPHAN_FAULTS, line_faults, sequence_in_receipt, with_parents
from ingest.formats.uke_kernels import BLANK, UNREADABLE, VALID, record_code
from ingest.formats.uke_layout import SUSPECTED_MODIFIER
from ingest.formats.uke_scan import Columns, Scan, codes, days

SCHEMA = CONTRACTS["claim_diagnosis"].plain_schema()
RECORDS = {"SY": "medical", "SB": "medical", "HS": "dental"}
"""Records of a diagnosis and the layout that lays them out."""
MAIN_FIELD = {"SY": "main_code", "SB": "disease_class_code", "HS": "main_code"}
MAIN = {"SY": 1, "SB": 11, "HS": 1}
"""The field that says whether a diagnosis is the 主傷病, and what it says then (SB: 傷病名区分)."""
ICD10 = r"^([A-Z][0-9]{2}[0-9A-Z]{0,2})$"
_FAULTS = (
    ("disease_code", "missing_field"),
    ("disease_code", "bad_code"),
    ("start_date", "bad_date"),
    ("disease_class_code", "bad_code"),
)


def diagnosis_table(block: Scan, parents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of ``claim_diagnosis``, rows set aside) of a block; ``parents`` as for ``item_table``."""
    parts = [_of_record(block, record_id, layout) for record_id, layout in RECORDS.items() if _has(block, record_id)]
    if not parts:
        return pl.DataFrame(schema=SCHEMA), empty_set_aside()
    found = parts[0] if len(parts) == 1 else pl.concat(parts).sort("line")
    lines = found["line"].to_numpy()
    owner = block.owner[lines]
    found = found.with_columns(
        source_row=pl.Series(block.row[lines]),
        receipt=pl.Series(np.maximum(owner, 0)),
        parent_source_row=pl.Series(block.rows_of_receipts(owner)),
        sequence_number=pl.Series(sequence_in_receipt(owner)),
    )
    fault = line_faults(block, parents, lines, found["own_fault"].to_numpy())
    set_aside = empty_set_aside()
    if fault.any():
        set_aside = aside("claim_diagnosis", block, lines, fault, (*ORPHAN_FAULTS, *_FAULTS), parents)
        found = found.filter(pl.Series(fault == 0))
    return with_parents(found, parents, SCHEMA), set_aside


def _has(block: Scan, record_id: str) -> bool:
    return bool((block.kind == record_code(record_id)).any())


def _of_record(block: Scan, record_id: str, layout: str) -> pl.DataFrame:
    lines = block.lines_of(record_id)
    columns = Columns(block, lines, record_id, layouts=(layout,))
    code, code_state = columns.code("disease_code", 7)
    start, start_state = columns.date("start_date")
    disease_class, class_state = columns.code("disease_class_code", 2)
    main, main_state = columns.number(MAIN_FIELD[record_id])
    fault = np.select(
        [code_state == BLANK, code_state == UNREADABLE, start_state == UNREADABLE, class_state == UNREADABLE],
        [1, 2, 3, 4],
        0,
    )
    return pl.DataFrame(
        {
            "line": pl.Series(lines, dtype=pl.Int64),
            "disease_code": codes(code, code_state == VALID),
            "disease_name": columns.text("disease_name"),
            # What is no ICD-10 is left out, not the diagnosis.
            "icd10_code": columns.text("icd10_code").str.replace(".", "", literal=True).str.extract(ICD10),
            "disease_class_code": codes(disease_class, class_state == VALID),
            "start_date": days(start, start_state == VALID),
            "outcome_code": columns.text("outcome_code"),
            "modifier_codes": columns.text("modifier_codes"),
            "is_main": pl.Series((main_state == VALID) & (main == MAIN[record_id])),
            "is_suspected": pl.Series(columns.holds("modifier_codes", SUSPECTED_MODIFIER)),
            "own_fault": pl.Series(fault, dtype=pl.Int64),
        }
    )

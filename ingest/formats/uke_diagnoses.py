"""SY (医科), SB (DPC) and HS (歯科) records of receipts as ``claim_diagnosis``."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ingest.formats.bits import Array
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import empty_set_aside
from ingest.formats.uke_arrow import days
from ingest.formats.uke_aside import aside
from ingest.formats.uke_columns import CODE, DATE, HOLDS, NUMBER, TEXT
from ingest.formats.uke_items import ORPHAN_FAULTS, Parents, line_faults, sequence_in_receipt
from ingest.formats.uke_layout import SUSPECTED_MODIFIER
from ingest.formats.uke_scan import Columns, How, Scan
from ingest.formats.uke_values import BLANK, UNREADABLE, VALID

SCHEMA = CONTRACTS["claim_diagnosis"].plain_schema()
RECORDS = {"SY": "medical", "SB": "medical", "HS": "dental"}
"""Records of a diagnosis and the layout that lays them out."""
MAIN_FIELD = {"SY": "main_code", "SB": "disease_class_code", "HS": "main_code"}
MAIN = {"SY": 1, "SB": 11, "HS": 1}
"""The field that says whether a diagnosis is the 主傷病, and what it says then (SB: 傷病名区分)."""
ICD10 = r"^([A-Z][0-9]{2}[0-9A-Z]{0,2})$"
_WANTED: dict[str, How] = {
    "disease_code": (CODE, 7),
    "disease_name": TEXT,
    "icd10_code": TEXT,
    "disease_class_code": (CODE, 2),
    "start_date": DATE,
    "outcome_code": TEXT,
    "modifier_codes": TEXT,
    "modifier_codes:suspected": (HOLDS, SUSPECTED_MODIFIER),
    "main_code:main": NUMBER,
    "disease_class_code:main": NUMBER,
}
_FAULTS = (
    ("disease_code", "missing_field"),
    ("disease_code", "bad_code"),
    ("start_date", "bad_date"),
    ("disease_class_code", "bad_code"),
)


def diagnosis_table(block: Scan, parents: Parents) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of ``claim_diagnosis``, rows set aside) of a block."""
    kinds = {record_id: found for record_id in RECORDS if len(found := block.lines_of(record_id))}
    if not kinds:
        return pl.DataFrame(schema=SCHEMA), empty_set_aside()
    parts = [_of_record(block, record_id, lines) for record_id, lines in kinds.items()]
    lines, own = np.concatenate(list(kinds.values())), np.concatenate([part.pop("fault") for part in parts])
    order = np.argsort(lines, kind="stable") if len(parts) > 1 else np.arange(len(lines))
    table = pl.concat([pl.DataFrame(part) for part in parts]) if len(parts) > 1 else pl.DataFrame(parts[0])
    fault = line_faults(block, parents, lines[order], own[order])
    sequence, set_aside = sequence_in_receipt(block.owner[lines[order]]), empty_set_aside()
    if fault.any():
        faults = (*ORPHAN_FAULTS, *_FAULTS)
        set_aside = aside("claim_diagnosis", block, lines[order], fault, faults, parents.scheme)
        kept = np.flatnonzero(fault == 0)
        order, sequence = order[kept], sequence[kept]
    if len(order) < len(lines) or len(parts) > 1:
        table = table[order]
    lines = lines[order]
    owner = block.owner[lines]
    columns = parents.columns(owner) | {
        "source_row": pl.Series(block.row[lines]),
        "parent_source_row": pl.Series(block.rows_of_receipts(owner)),
        "sequence_number": pl.Series(sequence),
    }
    return pl.DataFrame({name: columns.get(name, table.get_column(name, default=None)) for name in SCHEMA}), set_aside


def _of_record(block: Scan, record_id: str, lines: Array) -> dict[str, Any]:
    """Columns of the lines of one record, and the ``fault`` of each by its number in ``_FAULTS``, 0 for none."""
    columns = Columns(block, lines, record_id, _WANTED, layouts=(RECORDS[record_id],))
    code_state, class_state = columns.state("disease_code"), columns.state("disease_class_code")
    start, start_state = columns.value("start_date")
    main, main_state = columns.value(f"{MAIN_FIELD[record_id]}:main")
    fault = np.zeros(len(lines), np.int64)
    fault[class_state == UNREADABLE] = 4
    fault[start_state == UNREADABLE] = 3
    fault[code_state == UNREADABLE] = 2
    fault[code_state == BLANK] = 1
    texts = {name: columns.text(name).series() for name, how in _WANTED.items() if how == TEXT}
    icd10 = texts["icd10_code"]
    if icd10.null_count() < len(icd10):  # what is no ICD-10 is left out, not the diagnosis
        texts["icd10_code"] = icd10.str.replace(".", "", literal=True).str.extract(ICD10)
    return texts | {
        "disease_code": columns.text("disease_code").series(),
        "disease_class_code": columns.text("disease_class_code").series(),
        "start_date": days(start, start_state == VALID),
        "is_main": pl.Series((main_state == VALID) & (main == MAIN[record_id])),
        "is_suspected": pl.Series(columns.value("modifier_codes:suspected")[0] == 1),
        "fault": fault,
    }

"""Small worlds by hand: rows as dictionaries become contract frames, then files, then a workspace."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest import settings as settings_module
from ingest import workspace as workspace_module
from ingest.formats.contracts import CONTRACTS
from ingest.settings import Settings

DEFAULTS: dict[str, dict[str, Any]] = {
    "enrolment": {
        "branch": "01",
        "acquired_reason_code": "01",
        "is_deleted": False,
        "record_number": 1,
        "address_number": None,
    },
    "claim": {
        "branch": "01",
        "has_search_number": True,
        "receipt_number": 1,
        "claim_kind_code": "medical",
        "claim_type_code": "1112",
        "is_inpatient": False,
        "version_number": 1,
        "is_withdrawn": False,
        "institution_code": "1610123459",
        "benefit_rate": 70,
        "days_count": 1,
        "is_summary": False,
        "is_public_only": False,
    },
    "claim_diagnosis": {"is_main": True, "is_suspected": False, "disease_code": "8833421", "sequence_number": 1},
    "claim_item": {
        "item_kind_code": "SI",
        "item_code": "112007410",
        "category_code": "12",
        "burden_code": "1",
        "times_count": 1,
        "sequence_number": 1,
    },
    "checkup": {"is_deleted": False, "data_number": 1},
    "checkup_result": {"status_code": "measured"},
    "guidance": {"is_deleted": False, "data_number": 1, "report_code": "22", "support_level_code": "2"},
    "guidance_session": {"session_kind_code": "support", "sequence_number": 1},
    "care_claim": {
        "scheme_code": "care",
        "creation_code": "1",
        "is_adjudicated": True,
        "adjustment_count": 0,
        "is_purchase": False,
        "provider_code": "1670100011",
        "input_form_code": "7131",
        "benefit_rate": 90,
    },
    "care_service": {"scheme_code": "care", "service_type_code": "15"},
    "care_line": {"scheme_code": "care", "line_kind_code": "D1"},
    "care_high_cost": {"scheme_code": "care", "line_kind_code": "D8", "creation_code": "1"},
    "care_certification": {
        "scheme_code": "care",
        "event_code": "1",
        "event_reason_code": "01",
        "correction_code": "0",
        "is_address_exception": False,
    },
    "care_insured_count": {"scheme_code": "care", "insured_class_code": "1"},
    "population": {},
    "district_set": {"created_date": date(2020, 4, 1), "version_number": 1, "is_deleted": False},
}


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A contract frame; ``source_row`` counts from 1 where a row does not name it."""
    schema = CONTRACTS[table].plain_schema()
    whole = [
        dict.fromkeys(schema) | DEFAULTS[table] | {"source_row": number} | row
        for number, row in enumerate(rows, start=1)
    ]
    strange = {key for row in whole for key in row} - set(schema)
    assert not strange, f"{table} has no column {strange}"
    return pl.DataFrame(whole, schema=schema)


def month(year: int, number: int) -> date:
    return date(year, number, 1)


def demo_workspace(folder: Path) -> Settings:
    """Two sites, a center and an app with keys, and nothing in the inboxes."""
    from ingest.sealing.keys import create_keys

    workspace_module.create(folder, demo=True)
    settings = settings_module.load(folder)
    create_keys(settings)
    return settings

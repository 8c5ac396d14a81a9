"""Small hc08 documents and archives by hand."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

from ingest.synth.writers.checkup_xml import document
from ingest.synth.writers.guidance_xml import guidance_document
from tests.handmade import frame

CHECKUP: dict[str, Any] = {
    "scheme_code": "kokuho",
    "insurer_number": "162024",
    "symbol": "高",
    "number": "0012",
    "branch": "01",
    "birth_date": date(1955, 1, 7),
    "sex_code": "1",
    "exam_date": date(2024, 6, 3),
    "exam_month": date(2024, 6, 1),
    "institution_code": "1610123459",
    "ticket_number": "24123456789",
    "created_date": date(2024, 7, 10),
    "data_number": 1,
}
GUIDANCE: dict[str, Any] = {
    name: CHECKUP[name]
    for name in ("scheme_code", "insurer_number", "symbol", "number", "branch", "birth_date", "sex_code")
} | {
    "guidance_fiscal_year": 2024,
    "guidance_month": date(2024, 9, 1),
    "ticket_number": "24987654321",
    "institution_code": "1610123467",
    "support_level_code": "1",
    "first_interview_date": date(2024, 9, 12),
    "interim_evaluation_date": date(2024, 10, 30),
    "final_evaluation_date": date(2024, 12, 20),
    "support_end_date": date(2024, 12, 10),
    "planned_points": 200,
    "points": 220,
    "waist": 84,
    "weight": 70.5,
    "created_date": date(2025, 1, 10),
    "data_number": 7,
}
SESSIONS: list[dict[str, Any]] = [
    {
        "scheme_code": "kokuho",
        "insurer_number": "162024",
        "parent_source_row": 1,
        "source_row": 1,
        "guidance_month": date(2024, 9, 1),
        "sequence_number": number,
        "session_kind_code": kind,
        "session_date": day,
        "support_form_code": form,
        "staff_kind_code": "2",
    }
    | more
    for number, (kind, day, form, more) in enumerate(
        (
            ("first", date(2024, 9, 12), "1", {"minute_count": 30}),
            ("support", date(2024, 10, 1), "4", {"minute_count": 15, "points": 60}),
            ("support", date(2024, 11, 20), "7", {"points": 20}),
            ("support", date(2024, 12, 10), "3", {"minute_count": 80, "points": 140}),
            ("interim", date(2024, 10, 30), "3", {"waist": 86.5, "weight": 72, "minute_count": 10}),
            ("final", date(2024, 12, 20), "1", {"waist": 84, "weight": 70.5}),
        ),
        start=1,
    )
]
HEIGHT, SYSTOLIC, SYSTOLIC_FIRST = "9N001000000000001", "9A755000000000001", "9A751000000000001"
SMOKING, HBA1C = "9N736000000000011", "3D046000001906202"
RANGE = 'codeSystem="2.16.840.1.113883.5.83"'


def observed(code: str, value: str, negated: str = "") -> str:
    return f'<observation classCode="OBS" moodCode="EVN"{negated}><code code="{code}"/>{value}</observation>'


def pq(code: str, value: str, unit: str) -> str:
    return observed(code, f'<value xsi:type="PQ" value="{value}" unit="{unit}"/>')


def cd(code: str, value: str) -> str:
    return observed(code, f'<value xsi:type="CD" code="{value}"/>')


def hc08(*observations: str, **changes: Any) -> str:
    """One document of ``CHECKUP`` with some columns changed and these observations."""
    row = frame("checkup", [CHECKUP | changes]).row(0, named=True)
    entries = "".join(f"<entry>{text}</entry>" for text in observations)
    return document(row, [], "1610123459", 0).replace("<text/>", f"<text/>{entries}", 1)


def hg08(sessions: list[dict[str, Any]] | None = None, **changes: Any) -> str:
    """One 特定保健指導 document of ``GUIDANCE`` with some columns changed."""
    row = frame("guidance", [GUIDANCE | changes]).row(0, named=True)
    lines = frame("guidance_session", SESSIONS if sessions is None else sessions).iter_rows(named=True)
    return guidance_document(row, list(lines), "1610123459")


def ix08(count: int | str) -> str:
    return (
        '<index xmlns="http://tokuteikenshin.jp/checkup/2007"><interactionType code="6"/>'
        f'<totalRecordCount value="{count}"/></index>'
    )


def name(number: int) -> str:
    return f"top/DATA/h16101234592024071001{number:06d}.xml"


def packed(path: Path, *documents: str | bytes, total: int | None = None, **others: str | bytes) -> Path:
    """A ZIP of ix08 and these documents; ``others`` by path, with __ for / ."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/ix08_V08.xml", ix08(len(documents) if total is None else total))
        for number, text in enumerate(documents, start=1):
            archive.writestr(name(number), text)
        for place, text in others.items():
            archive.writestr(place.replace("__", "/"), text)
    return path

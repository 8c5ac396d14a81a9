"""Tables of counts by hand, as a sender writes them: one row a figure, what is not named as in ``DEFAULT``."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from ingest.settings import SETTINGS_FILE, Settings, load
from ingest.statistics.columns import columns

DEFAULT: dict[str, Any] = {
    "indicator_id": "metabolic",
    "definition_version": 1,
    "period_kind": "fiscal_year",
    "period": "2024",
    "scheme_code": "kokuho",
    "class_code": "",
    "area_level": "municipality",
    "area_id": "16202",
    "sex_code": "all",
    "age_band_code": "all",
    "numerator": 150,
    "denominator": 800,
    "largest_contribution": 1,
    "insurers_count": "",
    "source_id": "counts",
    "source_name": "架空の件数表",
    "publisher": "架空の連合会",
    "source_url": "",
    "source_year": 2024,
    "created_date": "2025-03-10",
    "version_number": "",
    "is_generated": 1,
}


def row(**told: Any) -> dict[str, Any]:
    """One figure; persons are as many as the counts where they are not told."""
    whole = DEFAULT | told
    return {
        "contributor_count": whole["numerator"],
        "denominator_contributor_count": whole["denominator"],
    } | whole


def table(*rows: dict[str, Any], headings: dict[str, str] | None = None) -> bytes:
    """The bytes of a file of these rows; ``headings`` renames columns, "" leaves one out."""
    names = {column.column_name: column.heading for column in columns()} | (headings or {})
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    kept = [name for name in names if names[name]]
    writer.writerow([names[name] for name in kept])
    writer.writerows([each[name] for name in kept] for each in rows)
    return stream.getvalue().encode()


def write(path: Path, *rows: dict[str, Any]) -> Path:
    """Write a file of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table(*rows))
    return path


def with_national_sender(settings: Settings) -> Settings:
    """The workspace with a sender for the whole country, with keys of its own."""
    from ingest.sealing.keys import create_keys

    path = settings.workspace / SETTINGS_FILE
    path.write_text(
        path.read_text(encoding="utf-8") + '\n[sites.national]\nhome = "site-national"\nprefecture_code = "00"\n',
        encoding="utf-8",
    )
    wider = load(settings.workspace)
    create_keys(wider)
    return wider

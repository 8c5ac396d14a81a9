"""The dictionary beside an export: every column in both languages, with unit, definition, source and coverage."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ingest.export.choice import Period
from ingest.export.shapes import PARTS, WIDE

COLUMNS_FILE = Path(__file__).with_name("columns.csv")
HEADINGS = (
    "shape", "column", "indicator_id", "type", "unit", "label_ja", "label_en", "description_ja", "description_en",
    "definition_version", "valid_from", "source", "is_verified", "coverage_ja", "coverage_en",
)  # fmt: skip
_PART_WORDS = {
    "value": ("値", "value"),
    "numerator": ("分子", "numerator"),
    "denominator": ("分母", "denominator"),
    "status": ("表示の状態", "status"),
}
_PART_TYPES = {"value": "number", "numerator": "integer", "denominator": "integer", "status": "text"}
_INDICATORS = """
    SELECT indicator_id, definition_version::VARCHAR AS definition_version, indicator_name, indicator_name_en, unit,
        scale::VARCHAR AS scale, numerator_ja, denominator_ja, coverage, valid_from::VARCHAR AS valid_from, source,
        is_verified::VARCHAR AS is_verified
    FROM published.indicator ORDER BY sort_order::BIGINT, indicator_id, definition_version"""
_STREAMS = "SELECT DISTINCT indicator_id, stream FROM published.lineage ORDER BY indicator_id, stream"
_ARRIVED = """
    SELECT stream, sum(insurers_arrived)::BIGINT, sum(insurers_expected)::BIGINT FROM published.coverage
    WHERE list_contains($months, month::DATE) GROUP BY stream"""


@cache
def columns() -> tuple[dict[str, str], ...]:
    """The columns of both shapes as ``columns.csv`` describes them."""
    with COLUMNS_FILE.open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


def dictionary(connection: duckdb.DuckDBPyConnection, periods: Sequence[Period], shapes: Sequence[str]) -> pl.DataFrame:
    """One row a column of the exported shapes; of an indicator also one for its id, which long tables name.

    ``coverage_*`` says on how many monthly deliveries of the periods the figure rests: arrived of expected.
    """
    rows = [
        {**dict.fromkeys(HEADINGS, ""), **column}
        for column in columns()
        if column["shape"] == "both" or column["shape"] in shapes
    ]
    months = sorted({month for period in periods for month in period.months})
    arrived = {
        stream: (have, expected)
        for stream, have, expected in connection.execute(_ARRIVED, {"months": months}).fetchall()
    }
    streams: dict[str, list[str]] = {}
    for indicator_id, stream in connection.execute(_STREAMS).fetchall():
        streams.setdefault(indicator_id, []).append(stream)
    for indicator in connection.execute(_INDICATORS).pl().iter_rows(named=True):
        known = [stream for stream in streams.get(indicator["indicator_id"], []) if stream in arrived]
        counts = [(stream, *arrived[stream]) for stream in known]
        rows.append(_described(indicator, counts))
        if WIDE in shapes:
            rows += [_of_part(rows[-1], indicator, part) for part in PARTS]
    return pl.DataFrame(rows, schema=dict.fromkeys(HEADINGS, pl.String))


def _described(indicator: dict[str, Any], counts: list[tuple[str, int, int]]) -> dict[str, str]:
    told = "、".join(f"{stream} {have:,}/{expected:,}保険者月" for stream, have, expected in counts)
    told_en = ", ".join(f"{stream} {have:,} of {expected:,} insurer-months" for stream, have, expected in counts)
    return {
        "shape": "indicator",
        "column": "",
        "indicator_id": indicator["indicator_id"],
        "type": "",
        "unit": indicator["unit"] or "",
        "label_ja": indicator["indicator_name"] or "",
        "label_en": indicator["indicator_name_en"] or "",
        "description_ja": f"分子: {indicator['numerator_ja'] or ''} / 分母: {indicator['denominator_ja'] or ''}"
        f" / 倍率: {indicator['scale']}",
        "description_en": f"Numerator and denominator as in description_ja, times {indicator['scale']}",
        "definition_version": indicator["definition_version"],
        "valid_from": (indicator["valid_from"] or "")[:10],
        "source": indicator["source"] or "",
        "is_verified": "true" if str(indicator["is_verified"]).lower() == "true" else "false",
        "coverage_ja": "。".join(part for part in (indicator["coverage"] or "", told) if part),
        "coverage_en": told_en,
    }


def _of_part(described: dict[str, str], indicator: dict[str, Any], part: str) -> dict[str, str]:
    word, word_en = _PART_WORDS[part]
    return described | {
        "shape": WIDE,
        "column": f"{indicator['indicator_id']}__{part}",
        "type": _PART_TYPES[part],
        "unit": described["unit"] if part == "value" else "",
        "label_ja": f"{described['label_ja']} {word}",
        "label_en": f"{described['label_en']}, {word_en}",
    }

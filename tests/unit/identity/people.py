"""A few invented persons in contract form, for the tests of tokens and directory."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from tests.handmade import frame

KEY = bytes(range(32))
TOWNS = {"160028": "16202", "39160023": "16202", "162027": "16202"}
BORN = date(1950, 4, 1)

HANAKO: dict[str, Any] = {
    "scheme_code": "kokuho",
    "insurer_number": "160028",
    "symbol": "16",
    "number": "0012345",
    "branch": "01",
    "name_kana": "ヤマダ　ハナコ",
    "birth_date": BORN,
    "sex_code": "2",
}


def enrolment(*rows: dict[str, Any]) -> pl.DataFrame:
    common = HANAKO | {
        "name_kanji": "山田花子",
        "address_number": "000987654",
        "address": "高岡市広小路7-50",
        "municipality_code": "16202",
        "acquired_date": date(2020, 4, 1),
        "applied_start_date": date(2020, 4, 1),
        "processed_date": date(2020, 4, 10),
    }
    return frame("enrolment", [common | row for row in rows])


def claims(*rows: dict[str, Any]) -> pl.DataFrame:
    common = HANAKO | {
        "search_number": "1" * 30,
        "service_month": date(2024, 1, 1),
        "adjudication_month": date(2024, 2, 1),
        "points": 100,
    }
    return frame("claim", [common | row for row in rows])


def certifications(*rows: dict[str, Any]) -> pl.DataFrame:
    common = {
        "insurer_number": "162027",
        "number": "0000012345",
        "name_kana": "ﾔﾏﾀﾞ ﾊﾅｺ",
        "birth_date": BORN,
        "sex_code": "2",
        "event_date": date(2024, 5, 3),
        "corrected_date": date(2024, 5, 3),
    }
    return frame("care_certification", [common | row for row in rows])

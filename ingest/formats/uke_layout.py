"""The layout of レセプト電算 (UKE) files as data: record types, positions of fields, subtraction codes.

Every fact stands in ``layouts/uke_*.csv`` and ``layouts/subtraction_codes.csv`` with its mark
(spec, measured, seen, unverified), so that a wrong one is corrected in the table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LAYOUTS = Path(__file__).with_name("layouts")

ITEM_KINDS: tuple[str, ...] = ("SI", "IY", "TO")
MEAL_CATEGORY = "97"
"""診療識別 of 食事・生活療養: its lines carry yen where others carry points (formats.md, rule 7)."""
UNCOUNTED_CATEGORIES: tuple[str, ...] = (MEAL_CATEGORY, "99")
"""診療識別 that are never added to the points of a receipt."""
SUSPECTED_MODIFIER = "8002"
"""修飾語 の疑い."""
CORRECTING_CHECKS: tuple[str, ...] = ("04", "05", "11", "12")
"""確認区分 of a SN record whose insurer supersedes the one of HO: 振替, 分割, 請求後."""
REDUCTION_OF_DRUGS = "7"
"""金額種別 of a code that always stands alone and is subtracted."""


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (LAYOUTS / name).open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


@cache
def record_uses() -> dict[str, str]:
    """What the reader does with a record type: read, inherit, total, withdrawn, insurer, donor, skip."""
    return {row["record_id"]: row["use"] for row in _rows("uke_records.csv")}


@cache
def fields(record_id: str, layout: str = "medical") -> dict[str, int]:
    """Field names and their positions (0 is the record id) in one record of one layout.

    A layout that says nothing of a field has it where 医科 has it.
    """
    medical: dict[str, int] = {}
    own: dict[str, int] = {}
    for row in _rows("uke_fields.csv"):
        if row["record_id"] == record_id:
            if row["layout"] == "medical":
                medical[row["field"]] = int(row["position"])
            elif row["layout"] == layout:
                own[row["field"]] = int(row["position"])
    return medical | own


@cache
def core_subtraction_codes() -> dict[str, str]:
    """Item codes recorded positive and subtracted, as typed into ``subtraction_codes.csv``."""
    return {row["item_code"]: row["amount_kind_code"] for row in _rows("subtraction_codes.csv")}


_imported: Mapping[str, str] | None = None


def subtraction_codes() -> Mapping[str, str]:
    """Item codes recorded positive and subtracted, with their 金額種別 or 点数識別 (7 or 8).

    Those of the imported masters within ``with_subtraction_codes``, else the typed core.
    """
    return core_subtraction_codes() if _imported is None else _imported


@contextmanager
def with_subtraction_codes(codes: Mapping[str, str] | None) -> Iterator[None]:
    """Read claims with the subtraction codes of a workspace's masters (None: with the typed core).

    A reader knows no workspace; the step that does says so around its reading, once in a process and
    for all its threads: ``with_subtraction_codes(masters.lookups.subtraction_codes(workspace))``.
    """
    global _imported
    before, _imported = _imported, codes
    try:
        yield
    finally:
        _imported = before

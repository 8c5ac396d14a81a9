"""The layout of レセプト電算 (UKE) files as data: record types, positions of fields, subtraction codes.

Every fact stands in ``layouts/uke_*.csv`` and ``layouts/subtraction_codes.csv`` with its mark
(spec, measured, seen, unverified), so that a wrong one is corrected in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.formats.layout_files import layout_cache, layout_rows

ITEM_LAYOUTS: tuple[str, ...] = ("medical", "dental", "pharmacy")
"""Layouts of the lines of a receipt; DPC has those of 医科."""
DPC_COLUMNS = {28: "dpc28", 40: "dpc40"}
"""Number of columns of a RE record that tells a DPC layout from the one of 医科 (rule 10)."""
MEAL_CATEGORY = "97"
"""診療識別 of 食事・生活療養: its lines carry yen where others carry points (formats.md, rule 7)."""
UNCOUNTED_CATEGORIES: tuple[str, ...] = (MEAL_CATEGORY, "99")
"""診療識別 that are never added to the points of a receipt."""
SUSPECTED_MODIFIER = "8002"
"""修飾語 の疑い."""
CORRECTING_CHECKS: tuple[str, ...] = ("04", "05", "11", "12")
"""確認区分 of a SN record whose insurer supersedes the one of HO: 振替, 分割, 請求後."""


@layout_cache
def record_uses() -> dict[str, str]:
    """What the reader does with a record type: read, inherit, total, withdrawn, insurer, donor, skip."""
    return {row["record_id"]: row["use"] for row in layout_rows("uke_records")}


@layout_cache
def _positions() -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in layout_rows("uke_fields"):
        found.setdefault((row["layout"], row["record_id"]), {})[row["field"]] = int(row["position"])
    return found


def fields(record_id: str, layout: str = "medical") -> dict[str, int]:
    """Field names and their positions (0 is the record id) in one record of one layout.

    A layout that says nothing of a record has it as 医科; no fields where 医科 says nothing either.
    """
    known = _positions()
    return known.get((layout, record_id)) or known.get(("medical", record_id), {})


@dataclass(frozen=True)
class Group:
    """Columns of a record that repeat: ``groups`` times ``width`` of them from ``first`` on, with the offset of
    each part in a group (None: it has none)."""

    first: int
    groups: int
    width: int
    burden: int | None
    code: int
    times: int | None
    quantity: int | None
    points: int | None


@layout_cache
def groups(record_id: str, layout: str) -> tuple[Group, ...]:
    """The repeated columns of one record of one layout (``uke_groups.csv``)."""

    def offset(text: str) -> int | None:
        return int(text) if text else None

    return tuple(
        Group(
            int(row["first_position"]),
            int(row["groups"]),
            int(row["width"]),
            offset(row["burden_offset"]),
            int(row["code_offset"]),
            offset(row["times_offset"]),
            offset(row["quantity_offset"]),
            offset(row["points_offset"]),
        )
        for row in layout_rows("uke_groups")
        if (row["layout"], row["record_id"]) == (layout, record_id)
    )


@layout_cache
def core_subtraction_codes() -> dict[str, str]:
    """Item codes recorded positive and subtracted, as typed into ``subtraction_codes.csv``."""
    return {row["item_code"]: row["amount_kind_code"] for row in layout_rows("subtraction_codes")}


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

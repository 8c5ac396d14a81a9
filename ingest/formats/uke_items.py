"""The lines of receipts (SI, IY, TO, CD, SS, CZ, KI) as ``claim_item``, and the points they add up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import polars as pl

from ingest.formats import uke_item_kernel as kernel
from ingest.formats.contracts import CONTRACTS
from ingest.formats.eras import FIRST_YEAR
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import empty_set_aside
from ingest.formats.uke_arrow import Texts, codes, days, decimals, series
from ingest.formats.uke_aside import aside
from ingest.formats.uke_layout import ITEM_LAYOUTS, UNCOUNTED_CATEGORIES, Group, fields, groups, subtraction_codes
from ingest.formats.uke_lines import record_code
from ingest.formats.uke_scan import Scan, era_base
from ingest.formats.uke_values import VALID
from ingest.formats.uke_words import Array

SCHEMA = CONTRACTS["claim_item"].plain_schema()
ORPHAN_FAULTS = (("record", "contract"), ("organ_donor", "contract"), ("parent_source_row", "contract"))
"""Faults of a line that has no standing claim to belong to: no receipt, a donor's, one set aside."""


@dataclass(frozen=True)
class Items:
    """Rows of ``claim_item`` of a block as arrays; ``line`` is the line of each, ``points`` by receipt."""

    line: Array
    kind: Array
    code: Array
    category: Array
    burden: Array
    quantity: tuple[Array, Array]
    points: tuple[Array, Array]
    times: tuple[Array, Array]
    days: Array
    line_fault: Array
    receipt_points: Array

    def take(self, rows: Array) -> Items:
        """These rows alone."""

        def both(typed: tuple[Array, Array]) -> tuple[Array, Array]:
            return typed[0][rows], typed[1][rows]

        return replace(
            self,
            line=self.line[rows],
            kind=self.kind[rows],
            code=self.code[rows],
            category=self.category[rows],
            burden=self.burden[rows],
            quantity=both(self.quantity),
            points=both(self.points),
            times=both(self.times),
            days=self.days[rows],
        )


def read_items(block: Scan) -> Items:
    """The lines of a block as arrays, faults and sums included. Uses no Polars: it may run beside other work."""
    wanted = np.flatnonzero(np.isin(block.kind, _line_kinds()))
    several = np.isin(block.kind, [record_code(name) for name in ("SS", "CZ", "KI")])
    # A line of several codes has at most one for every ten of its bytes: nine digits and a comma.
    most = len(wanted) + int((block.end - block.body)[several].sum()) // 10 + 1
    minus = _subtractions()
    rows = (
        np.empty(most, np.int64), np.empty(most, np.int8), np.zeros((most, 9), np.uint8), np.empty(most, np.int16),
        np.empty(most, np.uint8), np.empty(most, np.int64), np.empty(most, np.uint8), np.empty(most, np.int64),
        np.empty(most, np.uint8), np.empty(most, np.int64), np.empty(most, np.uint8), np.empty(most, np.int64),
    )  # fmt: skip
    line_fault = np.zeros(len(block.kind), np.int8)
    receipt_points = np.zeros(len(block.receipt_line), np.int64)
    found = kernel.read_items(
        block.buf, block.body, block.end, block.kind, block.owner, block.donor, block.layout,
        *_orders(), _places(), _groups("pharmacy", "CZ"), _groups("pharmacy", "KI"), _groups("dental", "SS"),
        _special(), *minus, _uncounted(), FIRST_YEAR, era_base(), *rows, line_fault, receipt_points,
        *_scratch(),
    )  # fmt: skip
    line, kind, code, category, burden, quantity, quantity_state, points, points_state, times, times_state, days = (
        column[:found] for column in rows
    )
    return Items(
        line, kind, code, category, burden, (quantity, quantity_state), (points, points_state),
        (times, times_state), days, line_fault, receipt_points,
    )  # fmt: skip


def _scratch() -> tuple[Array, Array, Array, Array]:
    """What the loop keeps of one line: where its columns begin; offset, length and number of each field."""
    offset, length, value = np.zeros((3, len(kernel.FIELDS)), np.int64)
    return np.zeros(kernel.MOST_COLUMNS + 2, np.int64), offset, length, value


@dataclass(frozen=True)
class Parents:
    """What the receipts of a block say to their lines; ``is_kept`` whether a receipt was not set aside."""

    scheme: Texts
    insurer: Texts
    month: Array
    is_kept: Array

    def columns(self, receipt: Array) -> dict[str, pl.Series]:
        """The columns that lines have of their receipt; those of a standing one are all there."""
        return {
            "scheme_code": self.scheme.take(receipt).series(),
            "insurer_number": self.insurer.take(receipt).series(),
            "service_month": days(self.month[receipt], np.ones(len(receipt), bool)),
        }


def item_table(block: Scan, items: Items, parents: Parents) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of ``claim_item``, rows set aside)."""
    owner = block.owner[items.line]
    sequence = sequence_in_receipt(owner)
    fault = line_faults(block, parents, items.line, items.line_fault[items.line])
    set_aside = empty_set_aside()
    if fault.any():
        set_aside = aside("claim_item", block, items.line, fault, (*ORPHAN_FAULTS, *kernel.FAULTS), parents.scheme)
        kept = np.flatnonzero(fault == 0)
        items, owner, sequence = items.take(kept), owner[kept], sequence[kept]
    found = parents.columns(owner) | {
        "source_row": pl.Series(block.row[items.line]),
        "parent_source_row": pl.Series(block.rows_of_receipts(owner)),
        "sequence_number": pl.Series(sequence),
        "item_kind_code": _kinds().take(items.kind).series(),
        "item_code": codes(items.code).series(),
        "category_code": _known_categories().take(items.category + 2).series(),
        "burden_code": _letters().take(items.burden).series(),
        "quantity": decimals(items.quantity[0], items.quantity[1] == VALID),
        "points": series(items.points[0], items.points[1] == VALID),
        "times_count": series(items.times[0], items.times[1] == VALID),
        "days_code": series(items.days, items.days != kernel.NO_DAYS),
    }
    return pl.DataFrame({name: found[name] for name in SCHEMA}), set_aside


def line_faults(block: Scan, parents: Parents, lines: Array, own: Array) -> Array:
    """Number of the first fault of each line: those of ``ORPHAN_FAULTS`` from 1, then its ``own``."""
    owner = block.owner[lines]
    if not own.any() and not block.donor.any() and parents.is_kept.all() and (owner >= 0).all():
        return np.zeros(len(owner), np.int64)
    first = np.where(own > 0, own + len(ORPHAN_FAULTS), 0)
    kept = parents.is_kept
    is_kept = kept[np.maximum(owner, 0)] if len(kept) else np.zeros(len(owner), bool)
    return np.where(owner < 0, 1, np.where(block.donor[lines] > 0, 2, np.where(~is_kept, 3, first)))


def sequence_in_receipt(owner: Array) -> Array:
    """1, 2, … within each run of rows of one receipt."""
    place = np.arange(len(owner))
    begins = np.ones(len(owner), bool)
    begins[1:] = owner[1:] != owner[:-1]
    return place - np.maximum.accumulate(np.where(begins, place, 0)) + 1


@cache
def _line_kinds() -> list[int]:
    return [record_code(name) for name in kernel.KINDS]


@cache
def _kinds() -> Texts:
    return Texts.of(kernel.KINDS)


@cache
def _known_categories() -> Texts:
    """Texts of 診療識別 by their number + 2 (a bad one and none first)."""
    return Texts.of([None, None, *(f"{number:02}" for number in range(100))])


@cache
def _letters() -> Texts:
    """Texts of one byte by its number; 0 is none."""
    return Texts.of([None, *(chr(byte) if byte < 128 else "\ufffd" for byte in range(1, 256))])


@layout_cache
def _places() -> Array:
    """Where each field stands, by layout, kind and field; -1 where a record has none."""
    found = np.full((len(ITEM_LAYOUTS), len(kernel.KINDS), len(kernel.FIELDS)), -1, np.int64)
    for layout, name in enumerate(ITEM_LAYOUTS):
        for kind, record_id in enumerate(kernel.KINDS):
            places = fields(record_id, name)
            found[layout, kind] = [places.get(field, -1) for field in kernel.FIELDS]
    return found


@layout_cache
def _orders() -> tuple[Array, Array]:
    """The same as (place, field) by place, and how many fields each layout and kind has."""
    places = _places()
    orders, sizes = np.zeros((*places.shape, 2), np.int64), np.zeros(places.shape[:2], np.int64)
    for layout, kind in np.ndindex(places.shape[:2]):
        known = sorted((place, field) for field, place in enumerate(places[layout, kind].tolist()) if place >= 0)
        orders[layout, kind, : len(known)] = np.array(known).reshape(-1, 2)
        sizes[layout, kind] = len(known)
    return orders, sizes


@layout_cache
def _special() -> Array:
    places = (
        ("SH", "unit_points"), ("CZ", "dispensed_date"), ("CZ", "dispensed_count"), ("KI", "done_date"),
        ("ST", "divided_points"), ("ST", "points_after"),
    )  # fmt: skip
    return np.array([*(fields(record, "pharmacy")[name] for record, name in places), fields("GT")["points"]])


@layout_cache
def _groups(layout: str, record_id: str) -> Array:
    def row(group: Group) -> list[int]:
        offsets = (group.burden, group.code, group.times, group.quantity, group.points)
        return [group.first, group.groups, group.width, *(-1 if place is None else place for place in offsets)]

    return np.array([row(group) for group in groups(record_id, layout)])


@cache
def _uncounted() -> Array:
    found = np.zeros(100, np.uint8)
    found[[int(category) for category in UNCOUNTED_CATEGORIES]] = 1
    return found


def _subtractions() -> tuple[Array, Array]:
    """Codes recorded positive and subtracted, ascending, and their kinds."""
    known = sorted((int(code), int(kind)) for code, kind in subtraction_codes().items())
    return np.array([code for code, _ in known], np.int64), np.array([kind for _, kind in known], np.int8)

"""The lines of receipts (SI, IY, TO, CD, SS, CZ, KI) as ``claim_item``, and the points they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from ingest.formats import uke_item_columns as columns
from ingest.formats import uke_item_kernel as kernel
from ingest.formats.bits import WIDE, Array
from ingest.formats.contracts import CONTRACTS
from ingest.formats.eras import FIRST_YEAR
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import empty_set_aside
from ingest.formats.uke_arrow import Texts, days, decimals, series
from ingest.formats.uke_aside import aside
from ingest.formats.uke_layout import ITEM_LAYOUTS, UNCOUNTED_CATEGORIES, Group, fields, groups, subtraction_codes
from ingest.formats.uke_lines import record_code
from ingest.formats.uke_scan import Scan, era_base

SCHEMA = CONTRACTS["claim_item"].plain_schema()
ORPHAN_FAULTS = (("record", "contract"), ("organ_donor", "contract"), ("parent_source_row", "contract"))
"""Faults of a line that has no standing claim to belong to: no receipt, a donor's, one set aside."""


class Items:
    """Rows of ``claim_item`` of a block as arrays: of each its ``line``, ``kind``, the view of its ``code`` and so on;
    ``line_fault`` by line, ``receipt_points`` by receipt."""

    def __init__(self, most: int, lines: int, receipts: int) -> None:
        """Room for ``most`` rows."""
        self.line, self.quantity, self.points, self.times, self.days = np.empty((5, most), np.int64)
        self.quantity_state, self.points_state, self.times_state, self.burden = np.empty((4, most), np.uint8)
        self.code, self.category, self.kind = (
            np.empty((most, 2), np.uint64),
            np.empty(most, np.int8),
            np.empty(most, np.int8),
        )
        self.line_fault, self.receipt_points = np.zeros(lines, np.int8), np.zeros(receipts, np.int64)
        self.count = 0

    def rows(self) -> tuple[Array, ...]:
        """What the loops know of a row, in the order in which they take it."""
        return (
            self.line, self.kind, self.code, self.category, self.burden, self.quantity, self.quantity_state,
            self.points, self.points_state, self.times, self.times_state, self.days,
        )  # fmt: skip


def read_items(block: Scan) -> Items:
    """The lines of a block as arrays, faults and sums included. Uses no Polars: it may run beside other work."""
    # A line of several codes has at most one for every ten of its bytes: nine digits and a comma.
    single, several = (of_kind.take(block.kind) for of_kind in _line_kinds())
    most = int(np.count_nonzero(single)) + int((block.end - block.body)[several].sum()) // 10 + 1
    items = Items(most, len(block.kind), len(block.receipt_line))
    items.count = kernel.read_items(
        block.buf, block.body, block.end, block.kind, block.owner, block.donor, block.layout,
        *_orders(), _places(), _groups("pharmacy", "CZ"), _groups("pharmacy", "KI"), _groups("dental", "SS"),
        _special(), *_subtractions(), _uncounted(), FIRST_YEAR, era_base(), *items.rows(), items.line_fault,
        items.receipt_points, *_scratch(),
    )  # fmt: skip
    return items


def _scratch() -> tuple[Array, Array, Array, Array]:
    """What the loop keeps of one line: where its columns begin; offset, length and number of each field."""
    offset, length, value = np.zeros((3, len(kernel.FIELDS)), np.int64)
    return np.empty(kernel.MOST_COLUMNS + WIDE + 1, np.int64), offset, length, value


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
    count = items.count
    texts = np.empty((len(columns.TEXTS), count, 2), np.uint64)
    numbers = np.empty((len(columns.NUMBERS), count), np.int64)
    is_there = np.empty((len(columns.NULLABLE), count), bool)
    quantity, months, fault = np.empty((count, 2), np.int64), np.empty(count, np.int32), np.empty(count, np.int8)
    kept = columns.lay_out(
        count, *items.rows(), kernel.NO_DAYS, block.row, block.owner, block.donor, items.line_fault,
        block.row[block.receipt_line], parents.is_kept, parents.scheme.view, parents.scheme.valid,
        parents.insurer.view, parents.insurer.valid, parents.month, _kinds().view, texts, numbers, is_there,
        quantity, months, fault,
    )  # fmt: skip
    valid = {name: column[:kept] for name, column in zip(columns.NULLABLE, is_there, strict=True)}
    everywhere = np.ones(kept, bool)
    found = {
        name: Texts(view[:kept], valid.get(name, everywhere)).series()
        for name, view in zip(columns.TEXTS, texts, strict=True)
    }
    for name, column in zip(columns.NUMBERS, numbers, strict=True):
        found[name] = series(column[:kept], valid.get(name, everywhere))
    found["quantity"] = decimals(quantity[:kept], valid["quantity"])
    found["service_month"] = days(months[:kept], everywhere)
    table = pl.DataFrame({name: found[name] for name in SCHEMA})
    if kept == count:
        return table, empty_set_aside()
    faults = (*ORPHAN_FAULTS, *kernel.FAULTS)
    return table, aside("claim_item", block, items.line[:count], fault, faults, parents.scheme)


def line_faults(block: Scan, parents: Parents, lines: Array, own: Array) -> Array:
    """Number of the first fault of each line: those of ``ORPHAN_FAULTS`` from 1, then its ``own``."""
    owner = block.owner[lines]
    if not own.any() and not block.donor.any() and parents.is_kept.all() and (owner >= 0).all():
        return np.zeros(len(owner), np.int64)
    first = np.where(own > 0, own + columns.OWN_FAULTS, 0)
    kept = parents.is_kept
    is_kept = kept[np.maximum(owner, 0)] if len(kept) else np.zeros(len(owner), bool)
    orphan = np.where(block.donor[lines] > 0, columns.OF_DONOR, np.where(~is_kept, columns.OF_NO_CLAIM, first))
    return np.where(owner < 0, columns.NO_RECEIPT, orphan)


def sequence_in_receipt(owner: Array) -> Array:
    """1, 2, … within each run of rows of one receipt."""
    place = np.arange(len(owner))
    begins = np.ones(len(owner), bool)
    begins[1:] = owner[1:] != owner[:-1]
    return place - np.maximum.accumulate(np.where(begins, place, 0)) + 1


@cache
def _line_kinds() -> tuple[Array, Array]:
    """Whether a record is one of ``KINDS``, and whether its lines may have several codes; the last is of no record."""
    of_items, of_several = np.zeros((2, 26 * 26 + 1), bool)
    of_items[[record_code(name) for name in kernel.KINDS]] = True
    of_several[[record_code(name) for name in ("SS", "CZ", "KI")]] = True
    return of_items, of_several


@cache
def _kinds() -> Texts:
    return Texts.of(kernel.KINDS)


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

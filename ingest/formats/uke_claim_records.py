"""The records of a receipt that say what it is: RE, the IR or YK over it, HO and KO, SN and JD.

Every array has one row a receipt of the block, whatever the number of its records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.formats.bits import Array
from ingest.formats.uke_arrow import Texts
from ingest.formats.uke_codes import INSTITUTION_PARTS, Institutions, institutions
from ingest.formats.uke_columns import DATE, DAYS, FOLDED, MONTH, NUMBER, TEXT, count_columns
from ingest.formats.uke_item_kernel import MEDICAL, PHARMACY
from ingest.formats.uke_layout import CORRECTING_CHECKS, DPC_COLUMNS, ITEM_LAYOUTS
from ingest.formats.uke_lines import row_of_most
from ingest.formats.uke_scan import Columns, How, Scan
from ingest.formats.uke_summary_sets import own_records
from ingest.formats.uke_values import BLANK, VALID

Typed = tuple[Array, Array]
"""Numbers, and their states."""
LAYOUTS = (*ITEM_LAYOUTS, *DPC_COLUMNS.values())
"""Layouts of a RE record, numbered."""
DPC = len(ITEM_LAYOUTS)
"""Number of the kind of a DPC receipt; those of the others are their layouts'."""
AMOUNTS = ("days_count", "prescription_count", "points", "meal_count", "meal_yen")
PHARMACY_TABLE = "4"
"""点数表 of a pharmacy, whatever its YK says."""
MEDICAL_INSURER = 1
"""負担者種別 of 医保, 国保, 後期 in SN and JD."""

_RECEIPT: dict[str, How] = {
    "claim_type_code": TEXT,
    "name_kanji": TEXT,
    "name_kana": TEXT,
    "sex_code": TEXT,
    "special_note_codes": TEXT,
    "search_number": TEXT,
    "summary_code": TEXT,
    "prescribing_prefecture_code": TEXT,
    "prescribing_point_table_code": TEXT,
    "prescribing_institution_number": TEXT,
    "receipt_number": NUMBER,
    "benefit_rate": NUMBER,
    "service_month": MONTH,
    "birth_date": DATE,
    "admission_date": DATE,
}
_HEAD: dict[str, How] = {
    "prefecture_code": TEXT,
    "point_table_code": TEXT,
    "institution_number": TEXT,
    "claimed_month": MONTH,
}
_POINTS: dict[str, How] = {"points": NUMBER}
_AMOUNTS: dict[str, How] = dict.fromkeys(AMOUNTS, NUMBER)
_INSURER: dict[str, How] = {"insurer_number": FOLDED, "symbol": FOLDED, "number": FOLDED} | _AMOUNTS
_CHECK: dict[str, How] = {
    "payer_kind_code": NUMBER,
    "check_code": NUMBER,
    "insurer_number": FOLDED,
    "symbol": FOLDED,
    "number": FOLDED,
    "branch": FOLDED,
}
_SEEN: dict[str, How] = {"payer_kind_code": NUMBER, "first_day": DAYS}


@dataclass(frozen=True)
class Receipts:
    """RE records: the kind of claim (a layout's number, or ``DPC``), whether taken back, columns by name."""

    kind: Array
    is_withdrawn: Array
    texts: dict[str, Texts]
    values: dict[str, Typed]


def read_receipts(block: Scan) -> Receipts:
    """RE records by the layout of their receipt."""
    lines = block.receipt_line
    layout, width = block.layout[lines], np.empty(len(lines), np.int64)
    count_columns(block.buf, block.body[lines], block.end[lines], width)
    is_medical = layout == MEDICAL
    is_dpc = is_medical & _with_record(block, "BU")
    re_layout = layout.copy()
    for columns, name in DPC_COLUMNS.items():
        mine = is_medical & (width == columns)
        re_layout[mine], is_dpc = LAYOUTS.index(name), is_dpc | mine
    receipt = Columns(block, lines, "RE", _RECEIPT, re_layout, LAYOUTS)
    return Receipts(
        np.where(is_dpc, DPC, layout),
        _with_record(block, "HR"),
        {name: receipt.text(name) for name, how in _RECEIPT.items() if how == TEXT},
        {name: receipt.value(name) for name, how in _RECEIPT.items() if how != TEXT},
    )


def _with_record(block: Scan, record_id: str) -> Array:
    """Whether each receipt holds such a record."""
    found = np.zeros(len(block.receipt_line), bool)
    found[block.owner[block.owned_lines_of(record_id)]] = True
    return found


@dataclass(frozen=True)
class Heads:
    """The IR or YK over each receipt: whether there is one, 医療機関 or 薬局, 請求年月."""

    is_there: Array
    institution: Institutions
    month: Typed


def read_heads(block: Scan) -> Heads:
    """IR has these fields at the same places in 歯科 as in 医科; a YK is one of a pharmacy whatever it says.

    What a head says is worked out once for each, and then given to the receipts under it.
    """
    clinics, pharmacies = block.lines_of("IR"), block.lines_of("YK")
    clinic = Columns(block, clinics, "IR", _HEAD)
    pharmacy = Columns(block, pharmacies, "YK", _HEAD, layouts=(ITEM_LAYOUTS[PHARMACY],))
    (month, state), (of_pharmacy, state_of_pharmacy) = (part.value("claimed_month") for part in (clinic, pharmacy))
    heads = np.concatenate([clinics, pharmacies])
    number = np.full(len(block.kind) + 1, len(heads), np.int64)  # of the head that a line is; the last is of none
    number[heads] = np.arange(len(heads))
    own = number[block.head[block.receipt_line]]
    of_pharmacies = {name: pharmacy.text(name) for name in INSTITUTION_PARTS}
    of_pharmacies["point_table_code"] = Texts.of([PHARMACY_TABLE]).take(np.zeros(len(pharmacies), np.int64))
    parts = (Texts.joined(clinic.text(name), of_pharmacies[name], Texts.of([None])) for name in INSTITUTION_PARTS)
    return Heads(
        own < len(heads),
        institutions(*parts).take(own),
        (np.concatenate([month, of_pharmacy, [0]])[own], np.concatenate([state, state_of_pharmacy, [BLANK]])[own]),
    )


@dataclass(frozen=True)
class Payers:
    """HO and KO records: whether there are such, columns of the HO, amounts of the payer that counts.

    ``first_points`` are the points as submitted of a corrected receipt.
    """

    has_insurer: Array
    has_public: Array
    texts: dict[str, Texts]
    amounts: dict[str, Typed]
    is_corrected: Array
    first_points: Typed


def read_payers(block: Scan, is_child: Array) -> Payers:
    """The last HO is adjudicated, the first as submitted (rule 9).

    Among those of a child of a 総括 set stand records of the 総括: the last of its own counts. Of
    several KO the one with the most points counts, since a receipt that only public funds pay has no total
    of its own.
    """
    layout = block.layout[block.receipt_line]
    insurers, publics = block.owned_lines_of("HO"), block.owned_lines_of("KO")
    first, last = _of_receipts(block, insurers[::-1], insurers[::-1]), own_records(block, insurers, is_child)
    points, state = Columns(block, publics, "KO", _POINTS, block.layout[publics], ITEM_LAYOUTS).value("points")
    most = np.full(len(last), -1, np.int64)
    row_of_most(block.owner[publics], np.where(state == VALID, points, -1), np.zeros_like(most), most)
    has_insurer, has_public, is_corrected = last >= 0, most >= 0, first != last
    insurer = Columns(block, last, "HO", _INSURER, layout, ITEM_LAYOUTS)
    amounts = {name: insurer.value(name) for name in AMOUNTS}
    alone = np.flatnonzero(has_public & ~has_insurer)
    payer = Columns(block, publics[most[alone]], "KO", _AMOUNTS, layout[alone], ITEM_LAYOUTS)
    for name, (value, state) in amounts.items():
        value[alone], state[alone] = payer.value(name)
    corrected = np.flatnonzero(is_corrected)
    value, state = np.zeros(len(last), np.int64), np.full(len(last), BLANK, np.uint8)
    before = Columns(block, first[corrected], "HO", _POINTS, layout[corrected], ITEM_LAYOUTS)
    value[corrected], state[corrected] = before.value("points")
    texts = {name: insurer.text(name) for name, how in _INSURER.items() if how == FOLDED}
    return Payers(has_insurer, has_public, texts, amounts, is_corrected, (value, state))


def _of_receipts(block: Scan, lines: Array, rows: Array) -> Array:
    """The last of the rows that stand for lines of each receipt, -1 where it has none."""
    found = np.full(len(block.receipt_line), -1, np.int64)
    found[block.owner[lines]] = rows
    return found


@dataclass(frozen=True)
class Checks:
    """SN and JD records of the medical insurer: 枝番, and the insurer where it was corrected; the days seen, and
    whether they are told."""

    texts: dict[str, Texts]
    days: Array
    has_days: Array


def read_checks(block: Scan) -> Checks:
    """Of several such records the last that says something counts."""
    lines = block.owned_lines_of("SN")
    check = Columns(block, lines, "SN", _CHECK)
    payer, _ = check.value("payer_kind_code")
    code, state = check.value("check_code")
    own = payer == MEDICAL_INSURER
    corrects = own & (state == VALID) & np.isin(code, [int(code) for code in CORRECTING_CHECKS])
    texts = {}
    for name, of_kind in (("branch", own), ("insurer_number", corrects), ("symbol", corrects), ("number", corrects)):
        rows = np.flatnonzero(of_kind & check.is_filled(name))
        texts[name] = check.text(name, _of_receipts(block, lines[rows], rows))
    lines = block.owned_lines_of("JD")
    seen = Columns(block, lines, "JD", _SEEN)
    rows = np.flatnonzero(seen.value("payer_kind_code")[0] == MEDICAL_INSURER)
    chosen = _of_receipts(block, lines[rows], rows)
    return Checks(texts, seen.value("first_day", chosen)[0], chosen >= 0)

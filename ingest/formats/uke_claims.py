"""RE, HO, KO, SN, JD and IR or YK records of receipts as ``claim``, one row a receipt in each array.

Rules by their number at the head of domain/formats.md: 3 insurer number, 4 full width, 9 several HO,
10 総括.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ingest.formats import uke_kernels as kernels
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import empty_set_aside
from ingest.formats.rowcheck import LARGEST, Fault
from ingest.formats.uke_aside import aside
from ingest.formats.uke_item_kernel import MEDICAL, PHARMACY
from ingest.formats.uke_kernels import BLANK, UNREADABLE, VALID
from ingest.formats.uke_layout import CORRECTING_CHECKS, DPC_COLUMNS, ITEM_LAYOUTS, fields
from ingest.formats.uke_scan import Array, Columns, Scan, days, series
from ingest.formats.uke_summary_sets import CHILD_CODES, own_records

SCHEMA = CONTRACTS["claim"].plain_schema()
LAYOUTS = (*ITEM_LAYOUTS, *DPC_COLUMNS.values())
"""Layouts of a RE record, numbered."""
KINDS = ("medical", "dental", "pharmacy", "dpc")
FIRST_DIGITS = ("1", "3", "4", "1")
"""Kinds of claims, and the first digit of their レセプト種別."""
SUMMARY = "1"
"""レセプト総括区分 of a 総括."""
AMOUNTS = ("days_count", "prescription_count", "points", "meal_count", "meal_yen")
MEDICAL_INSURER = 1
"""負担者種別 of 医保, 国保, 後期 in SN and JD."""


@dataclass(frozen=True)
class Claims:
    """``table`` of the claims kept, rows ``set_aside``, and ``parents`` of their lines: scheme_code,
    insurer_number, service_month, is_kept by receipt of the block."""

    table: pl.DataFrame
    set_aside: pl.DataFrame
    parents: pl.DataFrame


def claim_table(block: Scan, receipt_points: Array) -> Claims:
    """The receipts of a block; ``receipt_points`` are their points as the lines give them."""
    receipts = _receipts(block)
    is_child = pl.Series(receipts["summary_code"]).is_in(CHILD_CODES).fill_null(False).to_numpy()
    raw = pl.DataFrame(receipts | _heads(block) | _payers(block, is_child) | _checks(block))
    claims = _typed(raw, receipt_points)
    fault = claims.select(
        pl.coalesce(
            *(pl.when(rule.broken).then(pl.lit(number)) for number, rule in enumerate(_RULES, 1)), pl.lit(0)
        ).alias("fault")
    )["fault"]
    broken = fault.to_numpy()
    parents = claims.select("scheme_code", "insurer_number", "service_month", is_kept=pl.Series(broken == 0))
    kept = claims.select(SCHEMA.keys())
    if not broken.any():
        return Claims(kept, empty_set_aside(), parents)
    held = {
        name: pl.select(pl.when(claims[name].is_between(-LARGEST, LARGEST)).then(claims[name])).to_series()
        for name in ("points", "meal_yen")
    }
    faults = tuple((rule.field, rule.reason_code) for rule in _RULES)
    set_aside = aside("claim", block, block.receipt_line, broken, faults, parents, held)
    return Claims(kept.filter(fault == 0), set_aside, parents)


# -- the records ---------------------------------------------------------------------------------


def _receipts(block: Scan) -> dict[str, pl.Series | Array]:
    """RE records by the layout of their receipt, and the kind of claim."""
    lines = block.receipt_line
    layout, width = block.layout[lines], np.empty(len(lines), np.int64)
    kernels.count_columns(block.buf, block.body[lines], block.end[lines], width)
    is_medical = layout == MEDICAL
    is_dpc = is_medical & _with_record(block, "BU")
    re_layout = layout.copy()
    for name, columns in ((name, columns) for columns, name in DPC_COLUMNS.items()):
        mine = is_medical & (width == columns)
        re_layout[mine], is_dpc = LAYOUTS.index(name), is_dpc | mine
    receipt = Columns(block, lines, "RE", re_layout, LAYOUTS)
    kind = np.where(is_dpc, len(ITEM_LAYOUTS), layout)
    found: dict[str, pl.Series | Array] = {
        "source_row": series(block.row[lines], np.ones(len(lines), bool)),
        "claim_kind_code": pl.Series(KINDS).gather(kind),
        "first_digit": pl.Series(FIRST_DIGITS).gather(kind),
        "is_withdrawn": pl.Series(_with_record(block, "HR")),
    }
    for name in (
        "claim_type_code",
        "name_kanji",
        "name_kana",
        "sex_code",
        "special_note_codes",
        "search_number",
        "summary_code",
        "prescribing_prefecture_code",
        "prescribing_point_table_code",
        "prescribing_institution_number",
    ):
        found[name] = receipt.text(name)
    for name in ("receipt_number", "benefit_rate"):
        value, state = receipt.number(name)
        found[name], found[f"{name}_state"] = series(value, state == VALID), state
    for name in ("service_month", "birth_date", "admission_date"):
        value, state = receipt.date(name, is_month=name == "service_month")
        found[name], found[f"{name}_state"] = days(value, state == VALID), state
    return found


def _with_record(block: Scan, record_id: str) -> Array:
    """Whether each receipt holds such a record."""
    found = np.zeros(len(block.receipt_line), bool)
    found[block.owner[block.owned_lines_of(record_id)]] = True
    return found


def _heads(block: Scan) -> dict[str, pl.Series | Array]:
    """For each receipt: 医療機関 or 薬局 (10 digits) and 請求年月 of the IR or YK record over it.

    IR has these fields at the same places in 歯科 as in 医科; a YK is one of a pharmacy whatever it says.
    """
    head = block.head[block.receipt_line]
    is_pharmacy = (head >= 0) & (block.kind[head] == kernels.YK)
    parts = [
        Columns(block, np.where(mine, head, -1), record_id, np.full(len(head), number), ITEM_LAYOUTS)
        for record_id, mine, number in (("IR", (head >= 0) & ~is_pharmacy, MEDICAL), ("YK", is_pharmacy, PHARMACY))
    ]
    found: dict[str, pl.Series | Array] = {"has_head": head >= 0, "is_under_pharmacy": is_pharmacy}
    for name in ("prefecture_code", "point_table_code", "institution_number"):
        for part, prefix in zip(parts, ("ir", "yk"), strict=True):
            found[f"{prefix}_{name}"] = part.text(name)
    (value, state), (of_pharmacy, state_of_pharmacy) = (part.date("claimed_month", is_month=True) for part in parts)
    value, state = np.where(is_pharmacy, of_pharmacy, value), np.where(is_pharmacy, state_of_pharmacy, state)
    found["adjudication_month"], found["adjudication_month_state"] = days(value, state == VALID), state
    return found


def _payers(block: Scan, is_child: Array) -> dict[str, pl.Series | Array]:
    """HO and KO records: the last HO is adjudicated, the first as submitted (rule 9).

    Among those of a child of a 総括 set stand records of the 総括: the last of its own counts. Of
    several KO the one with the most points counts, since a receipt that only public funds pay has no total
    of its own.
    """
    layout = block.layout[block.receipt_line]
    insurers = block.owned_lines_of("HO")
    first, last = _of_receipts(block, insurers[::-1]), own_records(block, insurers, is_child)
    public = _line_of_most(block, block.owned_lines_of("KO"))
    insurer = Columns(block, last, "HO", layout, ITEM_LAYOUTS)
    payer = Columns(block, np.where(last < 0, public, -1), "KO", layout, ITEM_LAYOUTS)
    found: dict[str, pl.Series | Array] = {"has_insurer": last >= 0, "has_public": public >= 0}
    for name in ("insurer_number", "symbol", "number"):
        found[f"ho_{name}"] = insurer.folded(name)
    for name in AMOUNTS:
        value, state = insurer.number(name)
        of_public, state_of_public = payer.number(name)
        value, state = np.where(last >= 0, value, of_public), np.where(last >= 0, state, state_of_public)
        found[name], found[f"{name}_state"] = series(value, state == VALID), state
    is_corrected = first != last
    value, state = Columns(block, np.where(is_corrected, first, -1), "HO", layout, ITEM_LAYOUTS).number("points")
    found["is_corrected"], found["first_points"] = is_corrected, series(value, state == VALID)
    return found


def _of_receipts(block: Scan, lines: Array) -> Array:
    """The last of the lines of each receipt, -1 where it has none."""
    found = np.full(len(block.receipt_line), -1, np.int64)
    found[block.owner[lines]] = lines
    return found


def _line_of_most(block: Scan, lines: Array) -> Array:
    value, state = Columns(block, lines, "KO", block.layout[lines], ITEM_LAYOUTS).number("points")
    best, chosen = np.zeros(len(block.receipt_line), np.int64), np.full(len(block.receipt_line), -1, np.int64)
    kernels.line_of_most(lines, block.owner[lines], np.where(state == VALID, value, -1), best, chosen)
    return chosen


def _checks(block: Scan) -> dict[str, pl.Series | Array]:
    """SN and JD records of the medical insurer: 枝番, the insurer where it was corrected, the days seen."""
    lines = block.owned_lines_of("SN")
    check = Columns(block, lines, "SN")
    payer, _ = check.number("payer_kind_code")
    code, state = check.number("check_code")
    own = payer == MEDICAL_INSURER
    corrects = own & (state == VALID) & np.isin(code, [int(code) for code in CORRECTING_CHECKS])
    found: dict[str, pl.Series | Array] = {}
    for name, of_kind in (("branch", own), ("insurer_number", corrects), ("symbol", corrects), ("number", corrects)):
        chosen = _of_receipts(block, lines[of_kind & check.is_filled(name)])
        found[f"sn_{name}"] = Columns(block, chosen, "SN").folded(name)
    lines = block.owned_lines_of("JD")
    payer, _ = Columns(block, lines, "JD").number("payer_kind_code")
    chosen = _of_receipts(block, lines[payer == MEDICAL_INSURER])
    bits = np.zeros(len(chosen), np.int64)
    there = np.flatnonzero(chosen >= 0)
    if len(there):
        seen = np.empty(len(there), np.int64)
        kernels.day_bits(
            block.buf, block.body[chosen[there]], block.end[chosen[there]], fields("JD")["first_day"], seen
        )
        bits[there] = seen
    found["visit_days_code"] = series(bits, chosen >= 0)
    return found


# -- the claim -----------------------------------------------------------------------------------


def _typed(raw: pl.DataFrame, receipt_points: Array) -> pl.DataFrame:
    """The columns of ``claim``, beside what the rules need."""
    type_code, summary = pl.col("claim_type_code"), pl.col("summary_code")
    claims = raw.lazy().with_columns(
        insurer_number=normal_insurer_number(pl.coalesce("sn_insurer_number", "ho_insurer_number")),
        symbol=pl.coalesce("sn_symbol", "ho_symbol"),
        number=pl.coalesce("sn_number", "ho_number"),
        branch=pl.col("sn_branch"),
        name_kana=pl.when(_HAS_KANA_PLACE | pl.col("name_kana").str.contains(_KANA)).then("name_kana"),
        is_public_only=~pl.col("has_insurer"),
        original_points=pl.coalesce(pl.when("is_corrected").then("first_points"), "points"),
        line_points=pl.Series(receipt_points, dtype=pl.Int64),
        institution_code=pl.when("is_under_pharmacy")
        .then(_institution("yk_prefecture_code", pl.lit("4"), "yk_institution_number"))
        .otherwise(_institution("ir_prefecture_code", pl.col("ir_point_table_code"), "ir_institution_number")),
        prescribing_institution_code=_institution(
            "prescribing_prefecture_code",
            pl.col("prescribing_point_table_code"),
            "prescribing_institution_number",
        ),
        is_inpatient=type_code.str.slice(3, 1).is_in(["1", "3", "5", "7", "9"]),
        version_number=pl.when("is_withdrawn").then(2).otherwise(1).cast(pl.Int64),
        is_summary=(summary == SUMMARY).fill_null(False),
        has_search_number=pl.col("search_number").is_not_null(),
    )
    claims = claims.with_columns(scheme_code=scheme_of(pl.col("insurer_number")))
    if raw["search_number"].null_count():
        month = pl.col("adjudication_month").dt.strftime("%Y%m")
        stand_in = pl.format("{}{}{}", "institution_code", month, "receipt_number")
        claims = claims.with_columns(search_number=pl.coalesce("search_number", stand_in))
    return claims.collect()


_KANA = r"[ァ-ヶｦ-ﾟ]"
_HAS_KANA_PLACE = pl.col("claim_kind_code").is_in(["medical", "pharmacy"])
"""Kinds of which the place of カタカナ is specified or seen; of the others, what stands there must be kana."""


def _institution(prefecture: str, table: pl.Expr, number: str) -> pl.Expr:
    """10 digits of prefecture, 点数表 and number; null where one is missing."""
    return pl.col(prefecture).str.zfill(2) + table + pl.col(number).str.zfill(7)


def normal_insurer_number(raw: pl.Expr) -> pl.Expr:
    """保険者番号 in half width without padding: 6 digits, or 8 (rule 3); 67 (退職) gives the 国保 number behind it."""
    length = raw.str.len_chars()
    padded = pl.when(length < 6).then(raw.str.zfill(6)).when(length == 7).then(raw.str.zfill(8)).otherwise(raw)
    national = (length == 8) & raw.str.contains(r"^(?:00|67)")
    return pl.when(national).then(raw.str.slice(2)).otherwise(padded)


def scheme_of(insurer_number: pl.Expr) -> pl.Expr:
    """制度 by insurer number: 6 digits 国保 (3rd digit 3: 国保組合), 39… 後期; null for employees' insurance."""
    length = insurer_number.str.len_chars()
    return (
        pl.when((length == 6) & (insurer_number.str.slice(2, 1) == "3"))
        .then(pl.lit("kumiai"))
        .when(length == 6)
        .then(pl.lit("kokuho"))
        .when((length == 8) & insurer_number.str.starts_with("39"))
        .then(pl.lit("koki"))
    )


def _required(name: str, reason_code: str) -> tuple[Fault, Fault]:
    """Faults of a required value: nothing there, or not readable."""
    state = pl.col(f"{name}_state")
    return Fault(name, "missing_field", state == BLANK), Fault(name, reason_code, state == UNREADABLE)


_INSURED = pl.col("insurer_number").is_not_null()
_IS_PHARMACY = pl.col("claim_kind_code") == KINDS[PHARMACY]
_RULES: tuple[Fault, ...] = (
    Fault(
        "insurer_number",
        "missing_insurer",
        ~pl.col("has_insurer") & ~pl.col("has_public") | pl.col("has_insurer") & ~_INSURED,
    ),
    Fault("insurer_number", "bad_code", _INSURED & ~pl.col("insurer_number").str.contains(r"^(?:[0-9]{6}|[0-9]{8})$")),
    Fault("number", "missing_field", pl.col("has_insurer") & pl.col("number").is_null()),
    Fault(
        "claim_type_code",
        "bad_code",
        ~pl.col("claim_type_code").str.contains(r"^[134][1-4][1-5][0-9]$").fill_null(False)
        | (pl.col("claim_type_code").str.slice(0, 1) != pl.col("first_digit")),
    ),
    *_required("service_month", "bad_date"),
    *_required("birth_date", "bad_date"),
    Fault("sex_code", "missing_field", pl.col("sex_code").is_null()),
    Fault("sex_code", "bad_code", ~pl.col("sex_code").is_in(["1", "2"])),
    *_required("receipt_number", "bad_number"),
    Fault("institution_code", "missing_field", ~pl.col("has_head")),
    Fault("institution_code", "bad_code", ~pl.col("institution_code").str.contains(r"^[0-9]{10}$").fill_null(False)),
    *_required("adjudication_month", "bad_date"),
    Fault("days_count", "missing_field", ~_IS_PHARMACY & (pl.col("days_count_state") == BLANK)),
    Fault("days_count", "bad_number", pl.col("days_count_state") == UNREADABLE),
    Fault("days_count", "bad_number", ~pl.col("days_count").is_between(0, 31)),
    *_required("points", "bad_number"),
    *(
        Fault(name, "bad_number", (pl.col(f"{name}_state") == UNREADABLE) | (pl.col(name) < 0))
        for name in ("prescription_count", "points", "meal_count", "meal_yen")
    ),
    Fault("benefit_rate", "bad_number", pl.col("benefit_rate_state") == UNREADABLE),
    Fault("admission_date", "bad_date", pl.col("admission_date_state") == UNREADABLE),
    Fault("summary_code", "bad_code", ~pl.col("summary_code").is_in(["0", "1", "2", "3"])),
    Fault(
        "prescribing_institution_code",
        "bad_code",
        ~pl.col("prescribing_institution_code").str.contains(r"^[0-9]{10}$"),
    ),
)
"""What a receipt must hold, in the order in which its fault is told."""

"""The receipts of a block as ``claim``: what their records mean, and what a receipt must hold.

Rules by their number at the head of domain/formats.md: 3 insurer number, 4 full width, 9 several HO, 10 総括;
``uke_claim_records`` reads the records. What is worked out of a code is worked out once for each distinct one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ingest.formats import uke_codes as codes
from ingest.formats.bits import Array
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import empty_set_aside
from ingest.formats.uke_arrow import Texts, days, series
from ingest.formats.uke_aside import aside
from ingest.formats.uke_claim_records import (
    Checks,
    Heads,
    Payers,
    Receipts,
    read_checks,
    read_heads,
    read_payers,
    read_receipts,
)
from ingest.formats.uke_item_kernel import MEDICAL, PHARMACY
from ingest.formats.uke_items import Parents
from ingest.formats.uke_scan import Scan
from ingest.formats.uke_summary_sets import CHILD_CODES
from ingest.formats.uke_values import BLANK, UNREADABLE, VALID

SCHEMA = CONTRACTS["claim"].plain_schema()
KINDS = ("medical", "dental", "pharmacy", "dpc")
FIRST_DIGITS = (1, 3, 4, 1)
"""Kinds of claims, and the first digit of their レセプト種別."""
_KANA = r"[ァ-ヶｦ-ﾟ]"


@dataclass(frozen=True)
class Claims:
    """``table`` of the claims kept, rows ``set_aside``, and what all of them say to their lines."""

    table: pl.DataFrame
    set_aside: pl.DataFrame
    parents: Parents


def claim_table(block: Scan, receipt_points: Array) -> Claims:
    """The receipts of a block; ``receipt_points`` are their points as the lines give them."""
    receipts = read_receipts(block)
    (is_child,) = codes.of_distinct(receipts.texts["summary_code"], CHILD_CODES.__contains__)
    records = _Records(receipts, read_heads(block), read_payers(block, is_child), read_checks(block))
    said = _codes(records)
    table = pl.DataFrame(_columns(block, records, said, receipt_points), schema=list(SCHEMA))
    fault = np.zeros(len(table), np.int64)
    faults = []
    for number, (field, reason_code, broken) in enumerate(_rules(records, said), 1):
        faults.append((field, reason_code))
        fault[broken & (fault == 0)] = number
    parents = Parents(said.insurer.scheme, said.insurer.number, records.receipts.values["service_month"][0], fault == 0)
    if not fault.any():
        return Claims(table, empty_set_aside(), parents)
    amounts = {name: records.payers.amounts[name] for name in ("points", "meal_yen")}
    held = {name: (value, state == VALID) for name, (value, state) in amounts.items()}
    set_aside = aside("claim", block, block.receipt_line, fault, tuple(faults), parents.scheme, held)
    return Claims(table.filter(pl.Series(fault == 0)), set_aside, parents)


@dataclass(frozen=True)
class _Records:
    """The records of all receipts."""

    receipts: Receipts
    heads: Heads
    payers: Payers
    checks: Checks


@dataclass(frozen=True)
class _Codes:
    """What the codes of a receipt say, and whether each is one; the insurer of SN stands before that of HO."""

    insurer: codes.Insurers
    prescriber: codes.Institutions
    is_inpatient: Array
    is_type: Array
    is_summary: Array
    is_summary_code: Array
    is_sex: Array


def _codes(records: _Records) -> _Codes:
    texts = records.receipts.texts
    of_payer, corrected = (part.texts["insurer_number"] for part in (records.payers, records.checks))
    type_digit, is_inpatient = codes.of_distinct(texts["claim_type_code"], codes.type_digit, codes.is_inpatient)
    is_summary, is_summary_code = codes.of_distinct(texts["summary_code"], codes.is_summary, codes.is_summary_code)
    (is_sex,) = codes.of_distinct(texts["sex_code"], codes.is_sex)
    return _Codes(
        codes.insurers(corrected.otherwise(of_payer)),
        codes.institutions(*(texts[f"prescribing_{name}"] for name in codes.INSTITUTION_PARTS)),
        is_inpatient,
        type_digit == np.array(FIRST_DIGITS)[records.receipts.kind],
        is_summary,
        is_summary_code,
        is_sex,
    )


def _columns(block: Scan, records: _Records, said: _Codes, receipt_points: Array) -> dict[str, pl.Series]:
    """The columns of ``claim``."""
    receipts, heads, payers, checks = records.receipts, records.heads, records.payers, records.checks
    points, points_state = payers.amounts["points"]
    first_points, first_state = payers.first_points
    is_first = payers.is_corrected & (first_state == VALID)
    search_number = receipts.texts["search_number"]
    everywhere = np.ones(len(points), bool)
    found = {
        "source_row": series(block.row[block.receipt_line], everywhere),
        "scheme_code": said.insurer.scheme.series(),
        "insurer_number": said.insurer.number.series(),
        "symbol": checks.texts["symbol"].otherwise(payers.texts["symbol"]).series(),
        "number": checks.texts["number"].otherwise(payers.texts["number"]).series(),
        "branch": checks.texts["branch"].series(),
        "search_number": _search_number(search_number, records),
        "has_search_number": pl.Series(search_number.valid),
        "claim_kind_code": Texts.of(KINDS).take(receipts.kind).series(),
        "is_inpatient": pl.Series(said.is_inpatient),
        "adjudication_month": _dates(heads.month),
        "version_number": series(np.where(receipts.is_withdrawn, 2, 1), everywhere),
        "is_withdrawn": pl.Series(receipts.is_withdrawn),
        "institution_code": heads.institution.code.series(),
        "prescribing_institution_code": said.prescriber.code.series(),
        "visit_days_code": series(checks.days, checks.has_days),
        "original_points": series(np.where(is_first, first_points, points), is_first | (points_state == VALID)),
        "line_points": series(receipt_points, everywhere),
        "is_summary": pl.Series(said.is_summary),
        "is_public_only": pl.Series(~payers.has_insurer),
    }
    found["name_kana"] = _kana(receipts)
    for name in ("name_kanji", "sex_code", "claim_type_code", "special_note_codes", "summary_code"):
        found[name] = receipts.texts[name].series()
    for name in ("receipt_number", "benefit_rate"):
        found[name] = _numbers(receipts.values[name])
    for name in ("service_month", "birth_date", "admission_date"):
        found[name] = _dates(receipts.values[name])
    return found | {name: _numbers(typed) for name, typed in payers.amounts.items()}


def _kana(receipts: Receipts) -> pl.Series:
    """カタカナ of a receipt. Its place is specified or seen of 医科 and 調剤; of the others, what stands there must be
    kana."""
    written, has_place = receipts.texts["name_kana"].series(), np.isin(receipts.kind, [MEDICAL, PHARMACY])
    if has_place.all():
        return written
    is_kana = pl.Series(has_place) | written.str.contains(_KANA).fill_null(False)
    return pl.select(pl.when(is_kana).then(written)).to_series()


def _numbers(typed: tuple[Array, Array]) -> pl.Series:
    return series(typed[0], typed[1] == VALID)


def _dates(typed: tuple[Array, Array]) -> pl.Series:
    return days(typed[0], typed[1] == VALID)


def _search_number(given: Texts, records: _Records) -> pl.Series:
    """検索番号; where a receipt has none, institution, 請求年月 and レセプト番号 stand in."""
    column, bare = given.series(), np.flatnonzero(~given.valid)
    if not len(bare):
        return column
    (month, month_state), (number, number_state) = records.heads.month, records.receipts.values["receipt_number"]
    parts = pl.DataFrame(
        {
            "institution": records.heads.institution.code.take(bare).series(),
            "month": days(month[bare], month_state[bare] == VALID),
            "number": series(number[bare], number_state[bare] == VALID),
        }
    )
    stand_in = parts.select(pl.format("{}{}{}", "institution", pl.col("month").dt.strftime("%Y%m"), "number"))
    return column.scatter(bare, stand_in.to_series())


def _rules(records: _Records, said: _Codes) -> Iterator[tuple[str, str, Array]]:
    """What a receipt must hold, in the order in which its fault is told: field, reason, and which break it."""
    receipts, heads, payers = records.receipts, records.heads, records.payers
    has_insurer, number = payers.has_insurer, records.checks.texts["number"].valid | payers.texts["number"].valid
    insured, is_sexed = said.insurer.number.valid, receipts.texts["sex_code"].valid
    day_count, day_state = payers.amounts["days_count"]

    def required(name: str, reason_code: str, typed: tuple[Array, Array]) -> Iterator[tuple[str, str, Array]]:
        yield name, "missing_field", typed[1] == BLANK
        yield name, reason_code, typed[1] == UNREADABLE

    yield "insurer_number", "missing_insurer", np.where(has_insurer, ~insured, ~payers.has_public)
    yield "insurer_number", "bad_code", insured & ~said.insurer.is_number
    yield "number", "missing_field", has_insurer & ~number
    yield "claim_type_code", "bad_code", ~said.is_type
    yield from required("service_month", "bad_date", receipts.values["service_month"])
    yield from required("birth_date", "bad_date", receipts.values["birth_date"])
    yield "sex_code", "missing_field", ~is_sexed
    yield "sex_code", "bad_code", ~said.is_sex
    yield from required("receipt_number", "bad_number", receipts.values["receipt_number"])
    yield "institution_code", "missing_field", ~heads.is_there
    yield "institution_code", "bad_code", ~heads.institution.is_code
    yield from required("adjudication_month", "bad_date", heads.month)
    yield "days_count", "missing_field", (receipts.kind != PHARMACY) & (day_state == BLANK)
    yield "days_count", "bad_number", (day_state == UNREADABLE) | (day_count < 0) | (day_count > 31)
    yield from required("points", "bad_number", payers.amounts["points"])
    for name in ("prescription_count", "points", "meal_count", "meal_yen"):
        value, state = payers.amounts[name]
        yield name, "bad_number", (state == UNREADABLE) | (value < 0)
    yield "benefit_rate", "bad_number", receipts.values["benefit_rate"][1] == UNREADABLE
    yield "admission_date", "bad_date", receipts.values["admission_date"][1] == UNREADABLE
    yield "summary_code", "bad_code", receipts.texts["summary_code"].valid & ~said.is_summary_code
    prescriber = said.prescriber
    yield "prescribing_institution_code", "bad_code", prescriber.code.valid & ~prescriber.is_code

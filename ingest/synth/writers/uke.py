"""Writes receipts (UKE) of 医科, DPC, 歯科 and 調剤 from contract-shaped plain frames, in the layouts of
``ingest.formats.uke``.

Editions: ``seireki`` (western dates, CRLF, 0x1A at the end), ``wareki`` (dates by era, LF, no end mark),
``insurer`` (as insurers receive them: three columns before the record id, MN IR RE … ON EX RC around every
receipt, no GO), ``returned`` (返戻: a HR record in every receipt; layout unverified).

A receipt's lines are made column by column as text with an order key, sorted and joined (``uke_lines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.eras import format_date, format_month
from ingest.formats.layout_files import layout_cache
from ingest.synth.writers.uke_lines import (
    diagnosis_lines,
    full_width,
    item_lines,
    key,
    plain,
    record,
    record_lines,
)  # fmt: skip

Edition = Literal["seireki", "wareki", "insurer", "returned"]
FileScheme = Literal["kokuho", "koki"]

SCHEMES_OF_FILE: dict[str, tuple[str, ...]] = {"kokuho": ("kokuho", "kumiai"), "koki": ("koki",)}
WIDTHS = {
    "medical": {"IR": 10, "RE": 38, "HO": 15, "KO": 12},
    "dpc28": {"IR": 10, "RE": 28, "HO": 16, "KO": 13},
    "dpc40": {"IR": 10, "RE": 40, "HO": 16, "KO": 13},
    "dental": {"IR": 10, "RE": 38, "HO": 14, "KO": 10},
    "pharmacy": {"YK": 9, "RE": 42, "HO": 14, "KO": 10},
}
"""Columns of each record by layout, the record id included (formats.md 1.1-1.4; RE of 歯科 unverified)."""
SHARED_WIDTHS = {"SN": 9, "JD": 33, "GO": 4}
EXTRA_CLAIM: dict[str, pl.DataType] = {
    "layout_code": pl.String(),
    "card_insurer_number": pl.String(),
    "summary_points": pl.Int64(),
    "has_unknown_record": pl.Boolean(),
}
"""What a file says of a receipt beside the contract: its layout (of DPC: dpc28 or dpc40), the insurer of the card
where 資格確認 corrected it (振替), the 補正 of its 総括, whether a record of an unknown kind stands in it."""
RECORDS: dict[str, pl.DataType] = {
    "parent_source_row": pl.Int64(),
    "line_number": pl.Int64(),
    "record_id": pl.String(),
    "text": pl.String(),
    "start_date": pl.Date(),
    "end_date": pl.Date(),
    "points": pl.Int64(),
}
"""Lines that are no item (BU, GT, SH, CZ …): ``text`` is what follows the record id, with {d} and {e} for
``start_date`` and ``end_date``, {m} for the month of the first, {b} for 負担区分; ``points`` are what the line
adds to its receipt beside the items (GT)."""
RECEIPTS_PER_CHUNK = 200_000
_ORIGINAL_POINTS = pl.coalesce("original_points", "points")


def write_uke(
    claims: pl.DataFrame,
    diagnoses: pl.DataFrame,
    items: pl.DataFrame,
    path: Path,
    *,
    prefecture_code: str,
    scheme: FileScheme,
    edition: Edition = "seireki",
    records: pl.DataFrame | None = None,
) -> None:
    """One file of one federation and scheme.

    ``claims``, ``diagnoses``, ``items``: plain frames of claim, claim_diagnosis, claim_item.
    ``claims.source_row`` is the receipt key (any unique integer), ``parent_source_row`` of the two
    others refers to it; ``sequence_number`` orders the lines of a receipt, or ``line_number`` of ``items``, which
    ``records`` (``RECORDS``) share. Claims may have the columns of ``EXTRA_CLAIM``. Rows of CZ and KI are
    not read, they stand in ``records``; a row of SS on the line of the one before is an addition of it. Receipts
    are grouped by 請求年月 and institution, renumbered from 1 in each group and keep the order of ``source_row``.
    ``receipt_number``, ``line_points``, ``version_number`` and ``is_withdrawn`` are not read: the
    order, the lines and the edition decide them. ValueError when a claim is of another scheme.
    """
    strange = set(claims["scheme_code"].drop_nulls().unique()) - set(SCHEMES_OF_FILE[scheme])
    if strange:
        raise ValueError(f"a file of {scheme} holds claims of {sorted(strange)}")
    receipts = _ordered(_completed(claims))
    ranks = receipts.select("source_row", "rank", "layout", "is_public_only")
    if "line_number" not in items.columns:
        items = items.with_columns(line_number="sequence_number")
    own_diagnoses = _ranked(diagnoses, ranks)
    own_items = _ranked(items, ranks)
    own_records = (pl.DataFrame(schema=RECORDS) if records is None else records).join(
        ranks, left_on="parent_source_row", right_on="source_row"
    )
    by_era = edition == "wareki"
    line_end = "\n" if by_era else "\r\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines_before = 0
    with path.open("wb") as handle:
        for start in range(0, receipts.height, RECEIPTS_PER_CHUNK):
            end = start + RECEIPTS_PER_CHUNK
            inside = pl.col("rank").is_between(start, end, closed="left")
            parts = [
                *_receipt_lines(receipts.slice(start, RECEIPTS_PER_CHUNK), edition, prefecture_code),
                *diagnosis_lines(own_diagnoses.filter(inside), by_era),
                *item_lines(own_items.filter(inside), by_era),
                *record_lines(own_records.filter(inside), by_era),
            ]
            lines = pl.concat(parts).sort("key")["line"]
            if edition == "insurer":
                lines = _prefixed(lines, lines_before)
            lines_before += lines.len()
            text = lines.str.join(line_end).item() + line_end
            handle.write(text.encode("cp932", errors="replace"))
        if not by_era:
            handle.write(b"\x1a")


def _completed(claims: pl.DataFrame) -> pl.DataFrame:
    """Claims with all columns of ``EXTRA_CLAIM`` and ``layout``, the layout of their RE record."""
    claims = claims.with_columns(pl.lit(None, t).alias(c) for c, t in EXTRA_CLAIM.items() if c not in claims.columns)
    of_dpc = (pl.col("claim_kind_code") == "dpc").fill_null(False) | pl.col("is_summary").fill_null(False)
    own = pl.when(of_dpc).then(pl.lit("dpc40")).otherwise(pl.col("claim_kind_code").fill_null("medical"))
    return claims.with_columns(layout=pl.coalesce("layout_code", own))


def _ordered(claims: pl.DataFrame) -> pl.DataFrame:
    """Claims in file order with rank, block (one institution and 請求年月), their number in it and its totals."""
    ordered = claims.sort("adjudication_month", "institution_code", "source_row").with_columns(
        rank=pl.int_range(pl.len(), dtype=pl.Int64),
        block=pl.struct("adjudication_month", "institution_code").rle_id(),
    )
    first = pl.col("rank").min().over("block")
    # A 総括 is told once: its children are.
    told = ~pl.col("is_summary").fill_null(False)
    submitted = pl.when(told).then(pl.coalesce("original_points", "points")).otherwise(0)
    return ordered.with_columns(
        block_receipts=told.sum().over("block"),
        block_points=submitted.sum().over("block"),
        order_number=pl.col("rank") - first + 1,
        is_first=pl.col("rank") == first,
        is_last=pl.col("rank") == pl.col("rank").max().over("block"),
    )


def _ranked(lines: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    return lines.join(ranks, left_on="parent_source_row", right_on="source_row").sort("rank", "sequence_number")


def check_digit(digits: str) -> str:
    """検証番号 of an insurer's or public payer's number: weights 2, 1 from the right, digits summed."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        product = int(digit) * (2 - place % 2)
        total += product // 10 + product % 10
    return str((10 - total % 10) % 10)


def _receipt_lines(claims: pl.DataFrame, edition: Edition, prefecture_code: str) -> Iterator[pl.DataFrame]:
    heads = claims if edition == "insurer" else claims.filter("is_first")
    for (layout,), own in heads.partition_by("layout", as_dict=True, maintain_order=True).items():
        yield own.select(_institution(str(layout), edition))
    for (layout,), own in claims.partition_by("layout", as_dict=True, maintain_order=True).items():
        yield from _payer_lines(own, str(layout), edition, prefecture_code)
    yield from _check_lines(claims)
    yield claims.filter("has_unknown_record").select(key("ZZ").alias("key"), pl.lit("ZZ,1,架空の記録").alias("line"))
    if edition == "returned":
        yield claims.select(key("HR").alias("key"), pl.lit("HR,01,").alias("line"))
    if edition == "insurer":
        yield from _management_lines(claims, prefecture_code)
        return
    values = {"receipt_count": pl.col("block_receipts"), "points": pl.col("block_points"), "volume_code": pl.lit("99")}
    yield claims.filter("is_last").select(record("GO", "GO", values, width=SHARED_WIDTHS["GO"]))


@layout_cache
def _institution(layout: str, edition: Edition) -> list[pl.Expr]:
    """IR, or YK of a pharmacy."""
    record_id = "YK" if layout == "pharmacy" else "IR"
    values = {
        "payer_code": pl.lit("2"),
        "prefecture_code": pl.col("institution_code").str.slice(0, 2),
        "point_table_code": pl.col("institution_code").str.slice(2, 1),
        "institution_number": pl.col("institution_code").str.slice(3, 7),
        "institution_name": pl.lit("架空薬局" if layout == "pharmacy" else "架空医療機関"),
        "claimed_month": format_month(pl.col("adjudication_month"), by_era=edition == "wareki"),
        "volume_code": pl.lit("00"),
    }
    return record("IR", record_id, values, width=WIDTHS[layout][record_id], layout=layout)


def _payer_lines(claims: pl.DataFrame, layout: str, edition: Edition, prefecture_code: str) -> Iterator[pl.DataFrame]:
    """RE, HO, JY and KO of receipts of one layout."""
    yield claims.select(_receipt(layout, edition == "wareki"))
    insured = claims.filter(~pl.col("is_public_only"))
    corrected = insured.filter(pl.col("points") != _ORIGINAL_POINTS)
    yield insured.select(_insurer("HO", layout))
    if not corrected.is_empty():
        assessed = pl.format("JY,1,1,0,,,{},0,", (_ORIGINAL_POINTS - pl.col("points")).abs())
        yield corrected.select(key("JY").alias("key"), assessed.alias("line"))
        yield corrected.select(_insurer("HO2", layout))
    of_sets = insured.filter(pl.col("summary_points").is_not_null())
    if not of_sets.is_empty():
        yield of_sets.select(_insurer("HO of 総括", layout))
    public = claims.filter("is_public_only")
    if not public.is_empty():
        yield public.select(_public_payer(layout, prefecture_code))


@layout_cache
def _receipt(layout: str, by_era: bool) -> list[pl.Expr]:
    """RE."""
    prescribed = pl.col("prescribing_institution_code")
    values = {
        "receipt_number": pl.col("order_number"),
        "claim_type_code": pl.col("claim_type_code"),
        "service_month": format_month(pl.col("service_month"), by_era=by_era),
        "name_kanji": plain("name_kanji"),
        "sex_code": pl.col("sex_code"),
        "birth_date": format_date(pl.col("birth_date"), by_era=by_era),
        "benefit_rate": pl.col("benefit_rate"),
        "admission_date": format_date(pl.col("admission_date"), by_era=by_era),
        "special_note_codes": pl.col("special_note_codes"),
        "search_number": pl.when("has_search_number").then("search_number"),
        "name_kana": plain("name_kana"),
        "summary_code": pl.coalesce("summary_code", pl.when("is_summary").then(pl.lit("1")).otherwise(pl.lit("0"))),
        "prescribing_prefecture_code": prescribed.str.slice(0, 2),
        "prescribing_point_table_code": prescribed.str.slice(2, 1),
        "prescribing_institution_number": prescribed.str.slice(3, 7),
    }
    return record("RE", "RE", values, width=WIDTHS[layout]["RE"], layout=layout)


def _amounts() -> dict[str, pl.Expr]:
    return {name: pl.col(name) for name in ("days_count", "prescription_count", "meal_count", "meal_yen")}


@layout_cache
def _insurer(kind: str, layout: str) -> list[pl.Expr]:
    """HO as submitted, as adjudicated, or of the 総括.

    The list of a 総括 set: own original, the revised one of the 総括, own revised (formats.md, rule 9); a child that
    was not revised itself ends in that of the 総括.
    """
    points = {"HO": _ORIGINAL_POINTS, "HO2": pl.col("points"), "HO of 総括": pl.col("summary_points")}
    values = _amounts() | {
        "insurer_number": pl.coalesce("card_insurer_number", "insurer_number").str.pad_start(8, " "),
        "symbol": full_width("symbol"),
        "number": full_width("number"),
        "points": points[kind],
    }
    return record(kind, "HO", values, width=WIDTHS[layout]["HO"], layout=layout)


@layout_cache
def _public_payer(layout: str, prefecture_code: str) -> list[pl.Expr]:
    """KO."""
    payer = f"12{prefecture_code}001"
    values = _amounts() | {
        "payer_number": pl.lit(payer + check_digit(payer)),
        "recipient_number": pl.lit("0000000"),
        "points": pl.col("points"),
    }
    return record("KO", "KO", values, width=WIDTHS[layout]["KO"], layout=layout)


def _check_lines(claims: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """SN (資格確認: 枝番, and the insurer where the card was of another: 振替) and JD (受診日等)."""
    moved = pl.col("card_insurer_number").is_not_null()
    yield claims.filter(pl.col("branch").is_not_null() | moved).select(_check())
    yield claims.filter(pl.col("visit_days_code").is_not_null()).select(_visit_days())


@layout_cache
def _check() -> list[pl.Expr]:
    """SN."""
    moved = pl.col("card_insurer_number").is_not_null()
    values = {
        "payer_kind_code": pl.lit("1"),
        "check_code": pl.when(moved).then(pl.lit("04")).otherwise(pl.lit("01")),
        "insurer_number": pl.when(moved).then(pl.col("insurer_number").str.pad_start(8, " ")),
        "symbol": pl.when(moved).then(full_width("symbol")),
        "number": pl.when(moved).then(full_width("number")),
        "branch": pl.col("branch"),
    }
    return record("SN", "SN", values, width=SHARED_WIDTHS["SN"])


@cache
def _visit_days() -> list[pl.Expr]:
    """JD."""
    days = [
        pl.when((pl.col("visit_days_code") // 2**day) % 2 == 1).then(pl.lit("1")).otherwise(pl.lit(""))
        for day in range(31)
    ]
    return [key("JD").alias("key"), pl.concat_str([pl.lit("JD,1"), *days], separator=",").alias("line")]


def _management_lines(claims: pl.DataFrame, prefecture_code: str) -> Iterator[pl.DataFrame]:
    """MN before, ON, EX and RC after a receipt, as an insurer receives it."""
    serial = (
        pl.lit(prefecture_code)
        + pl.col("adjudication_month").dt.strftime("%Y%m")
        + (pl.col("rank") + 1).cast(pl.String).str.zfill(9)
    )
    yield claims.select(key("MN").alias("key"), pl.format("MN,{},,{}", serial, serial).alias("line"))
    yield claims.select(key("ON").alias("key"), pl.lit("ON,1" + "," * 12).alias("line"))
    yield claims.select(key("EX").alias("key"), pl.lit("EX" + "," * 12).alias("line"))
    yield claims.select(key("RC").alias("key"), pl.lit("RC,Ver00001").alias("line"))


def _prefixed(lines: pl.Series, lines_before: int) -> pl.Series:
    """Three columns before the record id: 請求データ or 付加, line number, 枝番."""
    frame = lines.to_frame("line").with_row_index("n", offset=lines_before + 1)
    added = pl.col("line").str.slice(0, 2).is_in(["MN", "JY", "ON", "EX", "RC"])
    kind = pl.when(added).then(pl.lit("2")).otherwise(pl.lit("1"))
    return frame.select(pl.format("{},{},0,{}", kind, "n", "line").alias("line"))["line"]

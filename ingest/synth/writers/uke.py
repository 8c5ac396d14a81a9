"""Writes 医科 receipts (UKE) from contract-shaped plain frames, in the layout of ``ingest.formats.uke``.

Editions: ``seireki`` (western dates, CRLF, 0x1A at the end), ``wareki`` (dates by era, LF, no end mark),
``insurer`` (as insurers receive them: three columns before the record id, MN IR RE … EX RC around every
receipt, no GO), ``returned`` (返戻: a HR record in every receipt; layout unverified).

A receipt's lines are made column by column as text with an order key, sorted and joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.eras import format_date, format_month
from ingest.formats.uke_layout import fields

Edition = Literal["seireki", "wareki", "insurer", "returned"]
FileScheme = Literal["kokuho", "koki"]

SCHEMES_OF_FILE: dict[str, tuple[str, ...]] = {"kokuho": ("kokuho", "kumiai"), "koki": ("koki",)}
WIDTHS = {"IR": 10, "RE": 38, "HO": 15, "KO": 12, "SN": 9, "SY": 8, "GO": 4, "SI": 44, "IY": 44, "TO": 48}
"""Columns of each record, the record id included (記録条件仕様 医科)."""
SUMMARY_WIDTH = 40
"""Columns of the RE record of a 総括 (unverified: 医科 with two more)."""
RECEIPTS_PER_CHUNK = 200_000

_HALF = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"
_FULL = "".join(chr(ord(c) + 0xFEE0) for c in _HALF)
_KINDS = {
    name: number
    for number, name in enumerate(
        ("MN", "IR", "RE", "HR", "HO", "KO", "SN", "SY", "item", "JY", "HO2", "EX", "RC", "GO")
    )
}


def write_uke(
    claims: pl.DataFrame,
    diagnoses: pl.DataFrame,
    items: pl.DataFrame,
    path: Path,
    *,
    prefecture_code: str,
    scheme: FileScheme,
    edition: Edition = "seireki",
) -> None:
    """One file of one federation and scheme.

    ``claims``, ``diagnoses``, ``items``: plain frames of claim, claim_diagnosis, claim_item.
    ``claims.source_row`` is the receipt key (any unique integer), ``parent_source_row`` of the two
    others refers to it; ``sequence_number`` orders the lines of a receipt. Receipts are grouped by
    請求年月 and institution, renumbered from 1 in each group and keep the order of ``source_row``.
    ``receipt_number``, ``line_points``, ``version_number`` and ``is_withdrawn`` are not read: the
    order, the lines and the edition decide them. ValueError when a claim is of another scheme.
    """
    strange = set(claims["scheme_code"].drop_nulls().unique()) - set(SCHEMES_OF_FILE[scheme])
    if strange:
        raise ValueError(f"a file of {scheme} holds claims of {sorted(strange)}")
    receipts = _ordered(claims)
    ranks = receipts.select("source_row", "rank")
    own_diagnoses = _ranked(diagnoses, ranks)
    own_items = _ranked(items, ranks)
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
                _diagnosis_lines(own_diagnoses.filter(inside), by_era),
                *_item_lines(own_items.filter(inside)),
            ]
            lines = pl.concat(parts).sort("key")["line"]
            if edition == "insurer":
                lines = _prefixed(lines, lines_before)
            lines_before += lines.len()
            text = lines.str.join(line_end).item() + line_end
            handle.write(text.encode("cp932", errors="replace"))
        if not by_era:
            handle.write(b"\x1a")


def _ordered(claims: pl.DataFrame) -> pl.DataFrame:
    """Claims in file order with rank, block (one institution and 請求年月), their number in it and its totals."""
    ordered = claims.sort("adjudication_month", "institution_code", "source_row").with_columns(
        rank=pl.int_range(pl.len(), dtype=pl.Int64),
        block=pl.struct("adjudication_month", "institution_code").rle_id(),
    )
    first = pl.col("rank").min().over("block")
    submitted = pl.coalesce("original_points", "points")
    return ordered.with_columns(
        block_receipts=pl.len().over("block"),
        block_points=submitted.sum().over("block"),
        order_number=pl.col("rank") - first + 1,
        is_first=pl.col("rank") == first,
        is_last=pl.col("rank") == pl.col("rank").max().over("block"),
    )


def _ranked(lines: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    return lines.join(ranks, left_on="parent_source_row", right_on="source_row").sort("rank", "sequence_number")


def _key(kind: str, sequence: pl.Expr | None = None) -> pl.Expr:
    """Place of a line in the file: receipt, kind of record, order among its kind."""
    return pl.col("rank") * (1 << 24) + (_KINDS[kind] << 20) + (sequence if sequence is not None else 0)


def _record(
    kind: str,
    record_id: str,
    values: dict[str, pl.Expr],
    *,
    width: int,
    layout: str = "medical",
    sequence: pl.Expr | None = None,
    tail: pl.Expr | None = None,
) -> list[pl.Expr]:
    """``key`` and ``line`` of a record with the named fields at their positions, the rest empty."""
    places = fields(record_id, layout)
    at = {places[name]: value.cast(pl.String).fill_null("") for name, value in values.items()}
    parts: list[pl.Expr] = []
    literal = record_id
    for position in range(1, width):
        literal += ","
        if position in at:
            parts += [pl.lit(literal), at[position]]
            literal = ""
    if literal:
        parts.append(pl.lit(literal))
    if tail is not None:
        parts.append(tail)
    return [_key(kind, sequence).alias("key"), pl.concat_str(parts).alias("line")]


def _plain(name: str) -> pl.Expr:
    """Free text without the comma that would part it."""
    return pl.col(name).str.replace_all(",", "，", literal=True)


def _full_width(name: str) -> pl.Expr:
    return pl.col(name).str.replace_many(list(_HALF), list(_FULL))


def check_digit(digits: str) -> str:
    """検証番号 of an insurer's or public payer's number: weights 2, 1 from the right, digits summed."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        product = int(digit) * (2 - place % 2)
        total += product // 10 + product % 10
    return str((10 - total % 10) % 10)


def _receipt_lines(claims: pl.DataFrame, edition: Edition, prefecture_code: str) -> Iterator[pl.DataFrame]:
    by_era = edition == "wareki"
    original = pl.coalesce("original_points", "points")
    institution = _record(
        "IR",
        "IR",
        {
            "payer_code": pl.lit("2"),
            "prefecture_code": pl.col("institution_code").str.slice(0, 2),
            "point_table_code": pl.col("institution_code").str.slice(2, 1),
            "institution_number": pl.col("institution_code").str.slice(3, 7),
            "institution_name": pl.lit("架空医療機関"),
            "claimed_month": format_month(pl.col("adjudication_month"), by_era=by_era),
            "volume_code": pl.lit("00"),
        },
        width=WIDTHS["IR"],
    )
    heads = claims if edition == "insurer" else claims.filter("is_first")
    yield heads.select(institution)
    for is_summary, width, layout in ((False, WIDTHS["RE"], "medical"), (True, SUMMARY_WIDTH, "dpc40")):
        common = {
            "receipt_number": pl.col("order_number"),
            "claim_type_code": pl.col("claim_type_code"),
            "service_month": format_month(pl.col("service_month"), by_era=by_era),
            "name_kanji": _plain("name_kanji"),
            "sex_code": pl.col("sex_code"),
            "birth_date": format_date(pl.col("birth_date"), by_era=by_era),
            "benefit_rate": pl.col("benefit_rate"),
            "admission_date": format_date(pl.col("admission_date"), by_era=by_era),
            "special_note_codes": pl.col("special_note_codes"),
            "search_number": pl.when("has_search_number").then("search_number"),
            "name_kana": _plain("name_kana"),
        }
        if is_summary:
            common["summary_code"] = pl.lit("1")
        yield claims.filter(pl.col("is_summary") == is_summary).select(
            _record("RE", "RE", common, width=width, layout=layout)
        )

    def insurer(kind: str, points: pl.Expr) -> list[pl.Expr]:
        return _record(
            kind,
            "HO",
            {
                "insurer_number": pl.col("insurer_number").str.pad_start(8, " "),
                "symbol": _full_width("symbol"),
                "number": _full_width("number"),
                "days_count": pl.col("days_count"),
                "points": points,
                "meal_count": pl.col("meal_count"),
                "meal_yen": pl.col("meal_yen"),
            },
            width=WIDTHS["HO"],
        )

    insured = claims.filter(~pl.col("is_public_only"))
    corrected = insured.filter(original != pl.col("points"))
    yield insured.select(insurer("HO", original))
    yield corrected.select(
        _key("JY").alias("key"),
        pl.format("JY,1,1,0,,,{},0,", (original - pl.col("points")).abs()).alias("line"),
    )
    yield corrected.select(insurer("HO2", pl.col("points")))
    payer = f"12{prefecture_code}001"
    yield claims.filter("is_public_only").select(
        _record(
            "KO",
            "KO",
            {
                "payer_number": pl.lit(payer + check_digit(payer)),
                "recipient_number": pl.lit("0000000"),
                "days_count": pl.col("days_count"),
                "points": pl.col("points"),
                "meal_count": pl.col("meal_count"),
                "meal_yen": pl.col("meal_yen"),
            },
            width=WIDTHS["KO"],
        )
    )
    yield claims.filter(pl.col("branch").is_not_null()).select(
        _record(
            "SN",
            "SN",
            {"payer_kind_code": pl.lit("1"), "check_code": pl.lit("01"), "branch": pl.col("branch")},
            width=WIDTHS["SN"],
        )
    )
    if edition == "returned":
        yield claims.select(_key("HR").alias("key"), pl.lit("HR,01,").alias("line"))
    if edition == "insurer":
        yield from _management_lines(claims, prefecture_code)
        return
    yield claims.filter("is_last").select(
        _record(
            "GO",
            "GO",
            {"receipt_count": pl.col("block_receipts"), "points": pl.col("block_points"), "volume_code": pl.lit("99")},
            width=WIDTHS["GO"],
        )
    )


def _management_lines(claims: pl.DataFrame, prefecture_code: str) -> Iterator[pl.DataFrame]:
    """MN before, EX and RC after a receipt, as an insurer receives it."""
    serial = (
        pl.lit(prefecture_code)
        + pl.col("adjudication_month").dt.strftime("%Y%m")
        + (pl.col("rank") + 1).cast(pl.String).str.zfill(9)
    )
    yield claims.select(_key("MN").alias("key"), pl.format("MN,{},,{}", serial, serial).alias("line"))
    yield claims.select(_key("EX").alias("key"), pl.lit("EX" + "," * 12).alias("line"))
    yield claims.select(_key("RC").alias("key"), pl.lit("RC,Ver00001").alias("line"))


def _diagnosis_lines(diagnoses: pl.DataFrame, by_era: bool) -> pl.DataFrame:
    modifiers = pl.col("modifier_codes")
    return diagnoses.select(
        _record(
            "SY",
            "SY",
            {
                "disease_code": pl.col("disease_code"),
                "start_date": format_date(pl.col("start_date"), by_era=by_era),
                "outcome_code": pl.col("outcome_code"),
                "modifier_codes": pl.when(
                    pl.col("is_suspected") & ~modifiers.fill_null("").str.contains("8002", literal=True)
                )
                .then(modifiers.fill_null("") + "8002")
                .otherwise(modifiers),
                "disease_name": _plain("disease_name"),
                "main_code": pl.when("is_main").then(pl.lit("01")),
            },
            width=WIDTHS["SY"],
            sequence=pl.col("sequence_number"),
        )
    )


def _days(times: int | None) -> str:
    """31 columns of 1日 … 31日 that sum to the times."""
    if not times:
        return "," * 30
    each, more = divmod(times, 31)
    return ",".join(str(each + (day < more) or "") for day in range(31))


def _item_lines(items: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """SI, IY, TO records; 診療識別 left out where it is that of the line before (rule 5)."""
    category = pl.col("category_code")
    repeats = (category == category.shift(1)) & (pl.col("rank") == pl.col("rank").shift(1))
    quantity = pl.col("quantity").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    prepared = items.with_columns(
        category_code=pl.when(repeats.fill_null(False)).then(pl.lit("")).otherwise(category),
        quantity=quantity,
    )
    known = items["times_count"].drop_nulls().unique().to_list()
    days = pl.col("times_count").replace_strict(
        known, [_days(times) for times in known], default=_days(None), return_dtype=pl.String
    )
    for kind in ("SI", "IY", "TO"):
        yield prepared.filter(pl.col("item_kind_code") == kind).select(
            _record(
                "item",
                kind,
                {name: pl.col(name) for name in fields(kind) if name != "first_day"},
                width=WIDTHS[kind] - 30,
                sequence=pl.col("sequence_number"),
                tail=days,
            )
        )


def _prefixed(lines: pl.Series, lines_before: int) -> pl.Series:
    """Three columns before the record id: 請求データ or 付加, line number, 枝番."""
    frame = lines.to_frame("line").with_row_index("n", offset=lines_before + 1)
    added = pl.col("line").str.slice(0, 2).is_in(["MN", "JY", "EX", "RC"])
    kind = pl.when(added).then(pl.lit("2")).otherwise(pl.lit("1"))
    return frame.select(pl.format("{},{},0,{}", kind, "n", "line").alias("line"))["line"]

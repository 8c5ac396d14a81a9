"""Lines of receipts as text, each with an order key: diagnoses, items, other records."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import polars as pl

from ingest.formats.eras import format_date, format_month
from ingest.formats.layout_files import layout_cache
from ingest.formats.uke_layout import fields

_HALF = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"
_FULL = "".join(chr(ord(c) + 0xFEE0) for c in _HALF)
_KINDS = {
    name: number
    for number, name in enumerate(
        (
            "MN",
            "IR",
            "RE",
            "HR",
            "HO",
            "KO",
            "SN",
            "JD",
            "before",
            "diagnosis",
            "item",
            "ZZ",
            "JY",
            "HO of 総括",
            "HO2",
            "ON",
            "EX",
            "RC",
            "GO",
        )  # fmt: skip
    )
}
BEFORE_DIAGNOSES = ("BU",)
WIDTHS = {("medical", "CD"): 11, ("pharmacy", "IY"): 10, ("pharmacy", "TO"): 7}
"""Columns of the items without columns of days, by layout, the record id included (formats.md 1.2, 1.4)."""
DIAGNOSES = {
    "medical": ("SY", "medical", 8), "dpc28": ("SB", "medical", 8), "dpc40": ("SB", "medical", 8),
    "dental": ("HS", "dental", 13),
}  # fmt: skip
"""Record of a diagnosis by layout of the receipt, the layout that lays it out and its columns."""


def key(kind: str, sequence: pl.Expr | None = None) -> pl.Expr:
    """Place of a line in the file: receipt, kind of record, order among its kind."""
    return pl.col("rank") * (1 << 25) + (_KINDS[kind] << 20) + (sequence if sequence is not None else 0)


def record(
    kind: str,
    record_id: str,
    values: dict[str, pl.Expr],
    *,
    width: int,
    layout: str = "medical",
    sequence: pl.Expr | None = None,
    tail: pl.Expr | None = None,
) -> list[pl.Expr]:
    """``key`` and ``line`` of a record with the named fields at their positions, the rest empty.

    A field that the layout does not know is left out. ``tail`` are the 31 columns of the days.
    """
    places = fields(record_id, layout)
    at = {places[name]: value.cast(pl.String).fill_null("") for name, value in values.items() if name in places}
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
    return [key(kind, sequence).alias("key"), pl.concat_str(parts).alias("line")]


def plain(name: str) -> pl.Expr:
    """Free text without the comma that would part it."""
    return pl.col(name).str.replace_all(",", "，", literal=True)


def full_width(name: str) -> pl.Expr:
    return pl.col(name).str.replace_many(list(_HALF), list(_FULL))


def diagnosis_lines(diagnoses: pl.DataFrame, by_era: bool) -> Iterator[pl.DataFrame]:
    """SY, SB (a diagnosis of a DPC receipt with 傷病名区分) or HS."""
    # In a 総括 set a receipt of 医科 has SY in the layout of DPC.
    is_plain = pl.col("layout").str.starts_with("dpc") & pl.col("disease_class_code").is_null()
    diagnoses = diagnoses.with_columns(layout=pl.when(is_plain).then(pl.lit("medical")).otherwise("layout"))
    for (layout,), own in diagnoses.partition_by("layout", as_dict=True, maintain_order=True).items():
        yield own.select(_diagnosis(str(layout), by_era))


@layout_cache
def _diagnosis(layout: str, by_era: bool) -> list[pl.Expr]:
    modifiers = pl.col("modifier_codes")
    suspected = pl.when(
        pl.col("is_suspected") & ~modifiers.fill_null("").str.contains("8002", literal=True)
    ).then(modifiers.fill_null("") + "8002").otherwise(modifiers)  # fmt: skip
    values = {
        "disease_code": pl.col("disease_code"),
        "start_date": format_date(pl.col("start_date"), by_era=by_era),
        "outcome_code": pl.col("outcome_code"),
        "modifier_codes": suspected,
        "disease_name": plain("disease_name"),
        "main_code": pl.when("is_main").then(pl.lit("01")),
        "icd10_code": pl.col("icd10_code"),
        "disease_class_code": pl.col("disease_class_code"),
    }
    record_id, of, width = DIAGNOSES[layout]
    return record("diagnosis", record_id, values, width=width, layout=of, sequence=pl.col("sequence_number"))


@cache
def _days(times: int | None, days: int | None) -> str:
    """31 columns of 1日 … 31日 that sum to the times: on the days of the bits, else from the first on."""
    if not times:
        return "," * 30
    on = [day for day in range(31) if days is None or days >> day & 1]
    each, more = divmod(times, len(on))
    counts = {day: each + (place < more) for place, day in enumerate(on)}
    return ",".join(str(counts.get(day) or "") for day in range(31))


def item_lines(items: pl.DataFrame, by_era: bool) -> Iterator[pl.DataFrame]:
    """SI, IY, TO, SS with its additions, CD; 診療識別 left out where it is that of the line before (rule 5)."""
    items = items.with_columns(layout=pl.col("layout").replace({"dpc28": "medical", "dpc40": "medical"}))
    written = pl.col("item_kind_code").is_in(["SI", "IY", "TO", "SS"])
    category = pl.col("category_code")
    quantity = pl.col("quantity").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    items = items.with_columns(quantity=quantity)
    is_addition = (pl.col("item_kind_code") == "SS") & (
        pl.col("line_number") == pl.col("line_number").shift(1)
    ) & (pl.col("rank") == pl.col("rank").shift(1))  # fmt: skip
    additions = items.with_columns(is_addition=is_addition.fill_null(False)).filter("is_addition")
    own = items.filter(written & ~is_addition.fill_null(False))
    repeats = (category == category.shift(1)) & (pl.col("rank") == pl.col("rank").shift(1))
    combinations = own.select("times_count", "days_code").unique(maintain_order=True)
    texts = combinations.with_columns(
        days=pl.Series([_days(*pair) for pair in combinations.iter_rows()], dtype=pl.String)
    )
    own = own.with_columns(
        category_code=pl.when(repeats.fill_null(False)).then(pl.lit("")).otherwise(category)
    ).join(texts, on=["times_count", "days_code"], how="left", nulls_equal=True, maintain_order="left")  # fmt: skip
    more = additions.group_by("rank", "line_number", maintain_order=True).agg(
        additions=pl.concat_str("item_code", pl.col("quantity").fill_null(""), separator=",").str.join(","),
        addition_count=pl.len(),
    )
    own = own.join(more, on=["rank", "line_number"], how="left", maintain_order="left")
    for (layout, kind), rows in own.partition_by("layout", "item_kind_code", as_dict=True, maintain_order=True).items():
        if kind == "SS":
            yield _dental_procedures(rows)
            continue
        yield rows.select(_item(str(kind), str(layout)))
    coding = items.filter(pl.col("item_kind_code") == "CD")
    day = pl.col("service_month").dt.offset_by(
        pl.format("{}d", (pl.col("days_code").fill_null(1).log(2)).cast(pl.Int64))
    )
    values = {name: pl.col(name) for name in ("category_code", "item_code", "quantity", "times_count")} | {
        "done_date": pl.when(pl.col("days_code").is_not_null()).then(format_date(day, by_era=by_era))
    }
    yield coding.select(record("item", "CD", values, width=WIDTHS["medical", "CD"], sequence=pl.col("line_number")))


@layout_cache
def _item(kind: str, layout: str) -> list[pl.Expr]:
    """SI, IY, TO or SS of a layout, with the days where it has columns of them."""
    places = fields(kind, layout)
    has_days = layout != "pharmacy"
    return record(
        "item", kind, {name: pl.col(name) for name in places if name != "first_day"},
        width=places["first_day"] + 1 if has_days else WIDTHS[layout, kind],
        layout=layout, sequence=pl.col("line_number"), tail=pl.col("days") if has_days else None,
    )  # fmt: skip


def _dental_procedures(rows: pl.DataFrame) -> pl.DataFrame:
    """SS: the procedure, its additions in pairs, 点数, 回数 and the days."""
    places = fields("SS", "dental")
    blank = pl.lit(",").repeat_by(2 * 35 - 2 * pl.col("addition_count").fill_null(0)).list.join("")
    names = ("category_code", "burden_code", "item_code", "quantity")
    line = pl.concat_str(
        pl.lit("SS"), *[pl.col(name).fill_null("") for name in names],
        pl.lit(""), separator=",",
    )  # fmt: skip
    added = pl.when(pl.col("additions").is_not_null()).then(pl.lit(",") + pl.col("additions")).otherwise(pl.lit(""))
    assert (places["points"], places["first_day"]) == (76, 78)
    numbers = [pl.col(name).cast(pl.String).fill_null("") for name in ("points", "times_count")]
    return rows.select(
        key("item", pl.col("line_number")).alias("key"),
        pl.concat_str(line, added, blank, pl.lit(","), pl.concat_str(*numbers, "days", separator=",")).alias("line"),
    )


def record_lines(records: pl.DataFrame, by_era: bool) -> Iterator[pl.DataFrame]:
    """The records that are no item, as their text says."""
    if records.is_empty():
        return
    start, end = (format_date(pl.col(name), by_era=by_era).fill_null("") for name in ("start_date", "end_date"))
    month = format_month(pl.col("start_date"), by_era=by_era).fill_null("")
    burden = pl.when("is_public_only").then(pl.lit("5")).otherwise(pl.lit("1"))
    text = pl.col("text")
    for mark, value in (("{d}", start), ("{e}", end), ("{m}", month), ("{b}", burden)):
        text = text.str.replace_all(mark, value, literal=True)
    before = pl.col("record_id").is_in(BEFORE_DIAGNOSES)
    yield records.select(
        key=pl.when(before).then(key("before", pl.col("line_number"))).otherwise(key("item", pl.col("line_number"))),
        line=pl.col("record_id") + "," + text,
    )

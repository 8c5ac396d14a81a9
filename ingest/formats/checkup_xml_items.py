"""Observations of hc08 documents as rows of ``checkup_result``: one canonical item for all its methods.

Goes in: what ``checkup_xml_document`` collected, one line an observation. Comes out: at most one result of
an item and examination, and the observations that cannot be read. The layout
``layouts/checkup_xml_items.csv`` ties every 17-digit code to the item that FKAC167 has as well; kind and
codes of the item are those of ``layouts/fkac167_items.csv``. Source: formats.md 2.2, 2.3, Appendix B.

Where a document has an item more than once (two methods, first and second blood pressure), the observation
with a value counts before one without, then the order of the layout, then the order in the document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ingest.formats import cells
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.fkac167_results import Item, items
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import Problem
from ingest.formats.rowcheck import Fault, split_faulty

NOT_DONE, NOT_MEASURABLE, HIGH, LOW, ODD = "not_done", "not_measurable", "high", "low", "odd"
"""What an observation says beside its value; ``ODD``: a code or nullFlavor that the format does not have."""

INTERPRETATIONS = ("L", "N", "H")
"""interpretationCode: below, within, above the reference range (formats.md 2.2); HL7's others are left out."""

OBSERVATIONS: dict[str, pl.DataType] = {
    "source_row": pl.Int64(),
    "variant": pl.Int64(),
    "value": pl.String(),
    "unit": pl.String(),
    "state": pl.String(),
    "interpretation": pl.String(),
}


@dataclass(frozen=True)
class Variant:
    """One code of the layout: the item it is carried as, or the ``checkup`` column it fills, or neither."""

    item_code: str
    item: Item | None
    checkup_column: str
    item_name: str
    method_name: str
    units: tuple[str, ...]
    mark: str


@layout_cache
def variants() -> tuple[Variant, ...]:
    """Every code of the layout, the preferred ones of an item first."""
    by_id = {item.item_id: item for item in items()}
    return tuple(
        Variant(
            row["item_code"],
            by_id[row["item_id"]] if row["item_id"] else None,
            row["checkup_column"],
            row["item_name"],
            row["method_name"],
            tuple(row["unit"].split("|")) if row["unit"] else (),
            row["mark"],
        )
        for row in layout_rows("checkup_xml_items")
    )


@layout_cache
def variant_numbers() -> dict[str, int]:
    """The place of each code in ``variants``."""
    return {variant.item_code: number for number, variant in enumerate(variants())}


@layout_cache
def _facts() -> pl.DataFrame:
    """What is known of each variant that is carried as an item, as columns to join."""
    order = {item.item_id: number for number, item in enumerate(items())}
    carried = [(number, v, v.item) for number, v in enumerate(variants()) if v.item is not None]
    return pl.DataFrame(
        {
            "variant": [number for number, _, _ in carried],
            "item_id": [item.item_id for _, _, item in carried],
            "item_order": [order[item.item_id] for _, _, item in carried],
            "is_numeric": [item.value_kind == "numeric" for _, _, item in carried],
            "item_code": [v.item_code for _, v, _ in carried],
        },
        schema_overrides={"variant": pl.Int64, "item_order": pl.Int64},
    )


def _pairs(allowed: Callable[[Variant], tuple[str, ...]]) -> list[str]:
    """Every variant with each of its units or codes."""
    return [f"{number} {text.lower()}" for number, v in enumerate(variants()) if v.item for text in allowed(v)]


def results(
    observations: list[pl.DataFrame], checkup: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, list[Problem]]:
    """(``checkup_result``, observations set aside, problems) of the documents that became a ``checkup``.

    ``observations``: frames with the columns of ``OBSERVATIONS`` in document order, only of carried items, no
    document in two of them.
    """
    keys = checkup.select("source_row", "scheme_code", "insurer_number", "exam_month")
    parts = [_results(frame, keys) for frame in observations]
    tables, asides, surplus = (pl.concat(frames) for frames in zip(*parts, strict=True))
    return tables, asides, _more_than_once(surplus)


def _results(observations: pl.DataFrame, keys: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The same of one frame; the last of the three are the observations not taken because of a better one."""
    rows = (
        observations.join(keys, on="source_row", how="inner")
        .join(_facts(), on="variant", how="left")
        .with_columns(value=cells.clean(pl.col("value")), unit=cells.clean(pl.col("unit")))
    )
    numeric = pl.when(pl.col("is_numeric")).then(pl.col("value"))
    code = pl.when(~pl.col("is_numeric")).then(pl.col("value"))
    rows = rows.with_columns(numeric_value=_decimals(numeric), code_value=code, text=numeric)
    faults = _faults()
    is_bad = pl.any_horizontal(fault.broken.fill_null(False) for fault in faults)
    state = pl.col("state")
    rank = pl.when(is_bad).then(3).when(state == NOT_DONE).then(2).when(state == NOT_MEASURABLE).then(1).otherwise(0)
    place = pl.col("source_row") * _ITEMS + pl.col("item_order")
    rows = (
        rows.with_columns(place=place, rank=rank.cast(pl.Int64))
        .sort((pl.col("place") * 4 + pl.col("rank")) * _VARIANTS + pl.col("variant"), maintain_order=True)
        .with_columns(is_first=(pl.col("place") != pl.col("place").shift(1)).fill_null(True))
        .with_columns(parent_source_row=pl.col("source_row"), status_code=pl.col("state").fill_null("measured"))
    )
    chosen = rows.filter("is_first")
    good = chosen.filter(pl.col("rank") < 3)
    good = good.with_columns(
        method_code=pl.col("item_code"),
        unit_code=pl.when(pl.col("numeric_value").is_not_null()).then(pl.col("unit")),
        interpretation_code=pl.when(pl.col("interpretation").is_in(INTERPRETATIONS)).then(pl.col("interpretation")),
    )
    table = good.select(pl.col(name).cast(dtype) for name, dtype in CHECKUP_RESULT.plain_schema().items())
    surplus = rows.filter(~pl.col("is_first")).select("source_row", "item_id", "item_order")
    return table, _set_aside(chosen.filter(pl.col("rank") == 3), faults), surplus


_ITEMS, _VARIANTS = 1_000, 10_000
"""More than the layouts have."""


def _decimals(text: pl.Expr) -> pl.Expr:
    """Numbers of texts; each different text is read once, since measurements repeat."""

    def read(column: pl.Series) -> pl.Series:
        texts = column.drop_nulls().unique()
        numbers = texts.to_frame("text").select(cells.decimal_value(pl.col("text"))).to_series()
        return column.replace_strict(texts, numbers, default=None, return_dtype=pl.Decimal(18, 4))

    return text.map_batches(read, return_dtype=pl.Decimal(18, 4))


def _faults() -> list[Fault]:
    """What keeps an observation out; the field is put in by ``_named_by_item``."""
    says_nothing = pl.col("state").is_null() & pl.col("value").is_null()
    named = pl.format("{} {}", "variant", pl.col("unit").str.to_lowercase())
    wrong_unit = pl.col("numeric_value").is_not_null() & ~named.is_in(_pairs(lambda v: v.units))
    coded = pl.format("{} {}", "variant", "code_value")
    wrong_code = ~coded.is_in(_pairs(lambda v: v.item.codes if v.item else ()))
    return [
        Fault("value", "bad_code", pl.col("state") == ODD),
        Fault("value", "missing_field", says_nothing),
        Fault("value", "bad_number", pl.col("text").is_not_null() & pl.col("numeric_value").is_null()),
        Fault("unit", "bad_code", wrong_unit),
        Fault("value", "bad_code", wrong_code),
    ]


def _set_aside(bad: pl.DataFrame, faults: list[Fault]) -> pl.DataFrame:
    """Observations set aside: what they say as ``raw``, ``field`` the item, its printed name in the message."""
    says = [pl.col(name).fill_null("") for name in ("value", "unit", "state")]
    lines = bad.with_columns(line=pl.format("code={} value={} unit={} state={}", pl.col("item_code"), *says))
    _, aside = split_faulty(lines, "checkup_result", faults, scheme="scheme_code")
    label = {item.item_id: item.headings[0] for item in items()}
    part = pl.when(pl.col("field") == "unit").then(pl.lit("の単位")).otherwise(pl.lit(""))
    item = lines["item_id"]  # every line is faulty: the rows are the same, in the same order
    return aside.with_columns(
        message=item.replace(label) + part + pl.col("message").str.strip_prefix(pl.col("field")), field=item
    )


def _more_than_once(surplus: pl.DataFrame) -> list[Problem]:
    """One problem where documents have an item more than once."""
    if surplus.is_empty():
        return []
    label = {item.item_id: item.headings[0] for item in items()}
    named = [label[i] for i in surplus.sort("item_order")["item_id"].unique(maintain_order=True)]
    return [
        Problem(
            "checkup_result",
            int(surplus["source_row"][0]),
            "、".join(named),
            "contract",
            f"一つの文書に同じ項目が二つ以上あり、{surplus.height}件を採りませんでした",
            "値のあるもの、layouts の表の順で先のものを採っています。送付元の測定方法の登録を確かめてください",
        )
    ]


def unknown_problem(unknown: dict[str, int]) -> list[Problem]:
    """One problem naming the item codes that the layout does not know (they are read past)."""
    if not unknown:
        return []
    codes = sorted(code for code in unknown if len(code) == 17 and code.isascii() and code.isalnum())
    shown = codes[:20] + (["ほか"] if len(codes) > 20 or len(codes) < len(unknown) else [])
    return [
        Problem(
            "checkup_result",
            None,
            "、".join(shown),
            "unknown_record",
            f"項目の表にないコードが{len(unknown)}種類、{sum(unknown.values())}件あります",
            "必要な項目であれば layouts/checkup_xml_items.csv にコードを足してください",
        )
    ]

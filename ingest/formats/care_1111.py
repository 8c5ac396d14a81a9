"""保険者向け給付実績 (1111): what care was given, as adjudicated, a claim in several records.

H1 (基本) becomes ``care_claim``, T1 (集計) ``care_service``; the other record types are counted and
not carried. Adjudicated amounts (後_) stand before those claimed (前_). Positions of the columns:
``layouts/care_1111.csv``, unverified. Source: formats.md 3.3.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.formats import careframe, cells
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import CARE_CLAIM, CARE_SERVICE
from ingest.formats.reading import Reader, Reading

LAYOUT = "care_1111"
DATA_KIND = "111"
CANCELLED = "3"
"""給付実績情報作成区分 取消: names the record that it takes back; its amounts may be blank."""
AMOUNTS = ("units", "benefit_yen", "user_yen")
KEY = ("insurer_number", "number", "service_month", "provider_code", "reference_number")
"""What a T1 shares with its H1."""


class Care1111:
    """Reader of 給付実績 files."""

    format = "care_1111"
    stream = "care_claim"

    def recognise(self, head: bytes) -> str | None:
        """交換情報識別番号 (1111, 1112) when the control record says データ種別 111."""
        if careframe.data_kind(head) != DATA_KIND:
            return None
        return careframe.exchange_code(head) or DATA_KIND

    def read(self, path: Path) -> Reading:
        """Care claims and their sums by service; raises FileRefused ``truncated`` where the frame is not whole."""
        file = careframe.open_frame(path, "care_claim")
        data = file.data()
        records = careframe.record_counts(data, "type_code")
        claim, claim_aside = _claims(data)
        service, service_aside = _services(data, claim)
        tables = {"care_claim": claim, "care_service": service}
        aside = pl.concat([claim_aside, service_aside]).sort("source_row", maintain_order=True)
        file.refuse(records, tables, aside)
        return Reading(
            format=self.format,
            edition=careframe.edition(data, DATA_KIND),
            months=cells.months_of(claim["service_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[*file.problems, *careframe.unknown_records(data, LAYOUT, "type_code", "care_claim")],
        )


def _claims(data: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """H1 records as ``care_claim``, and those set aside."""
    fields, misfits, own = careframe.record_fields(data, LAYOUT, "H1")
    own["scheme_code"] = derived("scheme_code", pl.lit("care"))
    creation = own["creation_code"].value
    for name in AMOUNTS:
        amount = own[name]
        is_silent = (creation == CANCELLED) & cells.text_of(name).is_null()
        value = pl.when(is_silent).then(pl.lit(0, dtype=pl.Int64)).otherwise(amount.value)
        own[name] = Cell(name, amount.text, value, amount.label)
    table, aside = cells.typed(fields, CARE_CLAIM, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_CLAIM.name, "care")])


def _services(data: pl.DataFrame, claim: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """T1 records as ``care_service``, and those set aside; one whose H1 was not taken is set aside too."""
    fields, misfits, own = careframe.record_fields(data, LAYOUT, "T1")
    fields = _with_parent(fields, own, data, claim)
    own["scheme_code"] = derived("scheme_code", pl.lit("care"))
    own["parent_source_row"] = Cell(
        "parent_source_row", pl.lit(None, dtype=pl.String), pl.col("parent_source_row"), "基本レコード(H1)"
    )
    table, aside = cells.typed(fields, CARE_SERVICE, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_SERVICE.name, "care")])


def _with_parent(fields: pl.DataFrame, own: dict[str, Cell], data: pl.DataFrame, claim: pl.DataFrame) -> pl.DataFrame:
    """``fields`` with the line of their H1: the nearest before them, if it has the same key.

    Where the records of a claim do not stand together, the only H1 of the file with the key is taken.
    """
    before = data.select(
        "source_row",
        pl.when(pl.col("type_code") == "H1").then(pl.col("source_row")).forward_fill().alias("nearest"),
    )
    texts = cells.with_texts(fields, [own[name] for name in KEY]).with_columns(
        own[name].value.alias(name) for name in KEY
    )
    keyed = texts.join(before, on="source_row", how="left", maintain_order="left")
    near = claim.select(pl.col("source_row").alias("nearest"), *KEY, pl.lit(True).alias("is_near"))
    only = claim.group_by(KEY).agg(pl.col("source_row").min().alias("only"), pl.len()).filter(pl.col("len") == 1)
    matched = keyed.join(near, on=["nearest", *KEY], how="left", maintain_order="left").join(
        only.drop("len"), on=list(KEY), how="left", maintain_order="left"
    )
    parent = pl.when(pl.col("is_near")).then(pl.col("nearest")).otherwise(pl.col("only"))
    return matched.with_columns(parent.alias("parent_source_row")).drop(*KEY, "nearest", "is_near", "only")


READERS: tuple[Reader, ...] = (Care1111(),)

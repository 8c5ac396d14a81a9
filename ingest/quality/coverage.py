"""What share of the codes of a delivery can be classified: by the imported masters, else by the typed core.

Counted of the rows that are let through. ``claim`` counts as the indicator of unclassified claims does: a receipt, 総括
and 調剤 apart, is unclassified where one of its diseases leads to no ICD-10 and prints none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ingest.formats.numbered import distinct
from ingest.formats.reading import empty_tables
from ingest.masters import store
from ingest.masters.lookups import UNCODED_DISEASE, known_codes
from ingest.quality.checks import FILE
from ingest.quality.grouping import grouped

SCHEMA: dict[str, pl.DataType] = {
    FILE: pl.Int64(),
    "kind": pl.String(),
    "row_count": pl.Int64(),
    "unclassified_count": pl.Int64(),
}
CLAIM = "claim"
_NOWHERE = pl.lit(None, dtype=pl.Int64).alias(FILE)
ITEM_KINDS = {"procedure": "SI", "drug": "IY", "material": "TO"}
"""Master by the kind of line that it knows; 歯科 and the fees of 調剤 have no master that can be imported."""


_ONE = pl.lit(1, pl.Int64())


class Coverage:
    """The codes that a workspace knows, read once; see ``of``."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._is_unknown: dict[str, dict[str | None, bool]] = {}  # by kind of the codes that came so far

    def has_master(self, kind: str) -> bool:
        """Whether a master of the kind was imported; claims are classified by the one of diseases."""
        return store.path_of(self._workspace, "disease" if kind == CLAIM else kind).is_file()

    def of(self, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Rows and unclassified ones (``SCHEMA``) of plain tables with the place of their file."""
        empty = pl.DataFrame(schema=SCHEMA)
        if "claim" not in tables or tables["claim"].is_empty():
            return empty
        lines = empty_tables("claim_diagnosis", "claim_item")
        given = {name: tables.get(name, frame.with_columns(_NOWHERE)) for name, frame in lines.items()}
        diagnoses = given["claim_diagnosis"].select(FILE, "parent_source_row", "disease_code", "icd10_code")
        is_unknown = self._unknown("disease", diagnoses["disease_code"])
        diseases = diagnoses.with_columns(is_unclassified=is_unknown & diagnoses["icd10_code"].is_null())
        found = [_counted(diseases, "disease"), self._claims(tables["claim"], diseases)]
        items = grouped(
            given["claim_item"], [FILE, "item_kind_code", "item_code"], pl.len().cast(pl.Int64).alias("rows")
        )
        for kind, code in ITEM_KINDS.items():
            own = items.filter(pl.col("item_kind_code") == code)
            is_unknown = self._unknown(kind, own["item_code"])
            found.append(_counted(own.with_columns(is_unclassified=is_unknown), kind, pl.col("rows")))
        return pl.concat([empty, *found])

    def _claims(self, claims: pl.DataFrame, diseases: pl.DataFrame) -> pl.DataFrame:
        asked = claims.filter(~pl.col("is_summary") & (pl.col("claim_kind_code") != "pharmacy")).select(
            FILE, pl.col("source_row").alias("parent_source_row")
        )
        unclassified = diseases.filter("is_unclassified").unique([FILE, "parent_source_row"])
        joined = asked.join(unclassified, on=[FILE, "parent_source_row"], how="left")
        return _counted(joined.with_columns(pl.col("is_unclassified").fill_null(False)), CLAIM)

    def _unknown(self, kind: str, column: pl.Series) -> pl.Series:
        """Per row whether its code is none that is known. Few codes, many rows: each code is looked up once."""
        judged = self._is_unknown.setdefault(kind, {})
        codes = distinct(column)
        new = pl.Series([code for code in codes if code not in judged], dtype=pl.String())
        if len(new):
            judged |= zip(new, (~new.is_in(self._known(kind).implode()).fill_null(False)).to_list(), strict=True)
        unknown = pl.Series([code for code in codes if judged[code]], dtype=pl.String())
        return column.is_in(unknown.implode(), nulls_equal=True)

    def _known(self, kind: str) -> pl.Series:
        codes = known_codes(self._workspace, kind)
        return (codes.filter(pl.col("code") != UNCODED_DISEASE) if kind == "disease" else codes)["code"]


def _counted(rows: pl.DataFrame, kind: str, count: pl.Expr = _ONE) -> pl.DataFrame:
    """``SCHEMA`` of rows that say whether they are unclassified, and stand for as many as ``count`` says."""
    counted = grouped(
        rows.with_columns(count.alias("row_count")),
        [FILE],
        pl.col("row_count").sum(),
        pl.col("row_count").filter("is_unclassified").sum().alias("unclassified_count"),
    )
    return counted.select(pl.col(FILE).cast(pl.Int64), pl.lit(kind).alias("kind"), "row_count", "unclassified_count")

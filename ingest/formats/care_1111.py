"""保険者向け給付実績 (1111, 1112): what care was given, as adjudicated, a claim in several records.

H1 (基本) becomes ``care_claim``, T1 (集計) ``care_service``, the details (D1 … DB) ``care_line``; D8 and DE
(高額, 高額医療合算), which stand without an H1, ``care_high_cost``. Adjudicated amounts (後_) stand before
those claimed (前_). Positions of the columns: ``layouts/care_1111.csv``, unverified. Source: formats.md 3.3.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.formats import care_parts, careframe, cells
from ingest.formats.care_parts import Parts, care_scheme
from ingest.formats.cells import derived
from ingest.formats.contracts import (
    CARE_CLAIM,
    CARE_HIGH_COST,
    CARE_HIGH_COST_KIND_CODES,
    CARE_LINE,
    CARE_LINE_KIND_CODES,
    CARE_SERVICE,
)
from ingest.formats.reading import Reader, Reading, empty_set_aside

LAYOUT = "care_1111"
DATA_KIND = "111"
CANCELLED = "3"
"""給付実績情報作成区分 取消: names the record that it takes back; its amounts may be blank."""
AMOUNTS = ("units", "benefit_yen", "user_yen")
PURCHASES = ("D6", "D7")
COUNTS = ("reexamination_count", "error_count")
"""再審査回数 and 過誤回数 of a T1: how often the record was taken up again."""


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
        """Care claims, their sums by service, their lines, and high-cost payments; raises FileRefused ``truncated``
        where the frame is not whole."""
        file = careframe.open_frame(path, "care_claim")
        data = file.data().with_columns(code=pl.col("type_code"))
        records = careframe.record_counts(data, "type_code")
        claim, claim_aside = _claims(data)
        service, service_aside, rows = care_parts.lines(data, LAYOUT, {"T1": "T1"}, CARE_SERVICE, claim)
        claim = _adjusted(claim, rows)
        service = care_parts.with_rate(service, claim)
        kinds = {kind: kind for kind in CARE_LINE_KIND_CODES}
        line, line_aside, _ = care_parts.lines(data, LAYOUT, kinds, CARE_LINE, claim)
        claim = claim.with_columns(is_purchase=pl.col("source_row").is_in(_purchases(line).implode()))
        high_cost, high_cost_aside = _high_costs(data, claim)
        tables = {"care_claim": claim, "care_service": service, "care_line": line, "care_high_cost": high_cost}
        asides = [claim_aside, service_aside, line_aside, high_cost_aside]
        aside = pl.concat(asides).sort("source_row", maintain_order=True)
        file.refuse(records, tables, aside)
        return Reading(
            format=self.format,
            edition=careframe.edition(data, DATA_KIND),
            months=cells.months_of(claim["service_month"], high_cost["service_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[*file.problems, *careframe.unknown_records(data, LAYOUT, "type_code", "care_claim")],
        )


def _claims(data: pl.DataFrame) -> Parts:
    """H1 records as ``care_claim``, and those set aside; ``adjustment_count`` is 0 until its T1 are read."""
    fields, misfits, own = careframe.record_fields(data, LAYOUT, "H1")
    own |= {
        "scheme_code": care_scheme(),
        "is_adjudicated": derived("is_adjudicated", pl.lit(True)),
        "adjustment_count": derived("adjustment_count", pl.lit(0, dtype=pl.Int64)),
        "is_purchase": derived("is_purchase", pl.lit(False)),
    }
    care_parts.blank_as_zero(own, AMOUNTS, own["creation_code"].value == CANCELLED)
    table, aside = cells.typed(fields, CARE_CLAIM, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_CLAIM.name, "care")])


def _adjusted(claim: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """The claims with the largest 再審査回数 + 過誤回数 of their T1."""
    if services.is_empty():
        return claim
    counts = [cells.integer_value(cells.text_of(name)).fill_null(0) for name in COUNTS]
    adjusted = services.select("parent_source_row", adjusted=pl.sum_horizontal(counts)).filter(
        pl.col("adjusted").is_between(1, 99)
    )
    if adjusted.is_empty():
        return claim
    most = adjusted.group_by("parent_source_row").agg(pl.col("adjusted").max())
    joined = claim.join(
        most, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left"
    ).with_columns(adjustment_count=pl.coalesce("adjusted", "adjustment_count"))
    return joined.select(claim.columns)


def _purchases(line: pl.DataFrame) -> pl.Series:
    """Rows of the claims that have a line of 福祉用具販売 or 住宅改修."""
    return line.filter(pl.col("line_kind_code").is_in(list(PURCHASES)))["parent_source_row"]


def _high_costs(data: pl.DataFrame, claim: pl.DataFrame) -> Parts:
    """D8 and DE records as ``care_high_cost``, and those set aside; birth and sex from an H1 of the same insured."""
    known = claim.group_by("insurer_number", "number").agg(pl.col("birth_date", "sex_code").first())
    found = [_high_cost(data, kind, known) for kind in CARE_HIGH_COST_KIND_CODES]
    return pl.concat([table for table, _ in found]).sort("source_row"), pl.concat([aside for _, aside in found])


def _high_cost(data: pl.DataFrame, kind: str, known: pl.DataFrame) -> Parts:
    fields, misfits, own = careframe.record_fields(data, LAYOUT, kind)
    if fields.is_empty() and misfits.is_empty():
        return pl.DataFrame(schema=CARE_HIGH_COST.plain_schema()), empty_set_aside()
    insured = [own["insurer_number"], own["number"]]
    keys = cells.with_texts(fields, insured).select(cell.value.alias(cell.column) for cell in insured)
    persons = keys.join(known, on=["insurer_number", "number"], how="left", maintain_order="left")
    fields = fields.hstack(persons.select("birth_date", "sex_code"))
    own |= {
        "scheme_code": care_scheme(),
        "line_kind_code": derived("line_kind_code", pl.lit(kind)),
        "birth_date": derived("birth_date", pl.col("birth_date")),
        "sex_code": derived("sex_code", pl.col("sex_code")),
    }
    care_parts.blank_as_zero(own, ("benefit_yen",), own["creation_code"].value == CANCELLED)
    table, aside = cells.typed(fields, CARE_HIGH_COST, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_HIGH_COST.name, "care")])


READERS: tuple[Reader, ...] = (Care1111(),)

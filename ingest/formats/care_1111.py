"""保険者向け給付実績 (1111, 1112): what care was given, as adjudicated, a claim in several records.

H1 (基本) becomes ``care_claim``, T1 (集計) ``care_service``, the details (D1 … DB) ``care_line``; D8 and DE
(高額, 高額医療合算), which stand without an H1, ``care_high_cost``. Adjudicated amounts (後_) stand before
those claimed (前_). Positions of the columns: ``layouts/care_1111.csv``, unverified. Source: formats.md 3.3.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.formats import care_parts, careframe, careplain, cells
from ingest.formats.care_kernels import CLAIM
from ingest.formats.care_parts import Parts, care_scheme
from ingest.formats.careplain import CareRecords, merged
from ingest.formats.carerecord import Record, alike, together, widths
from ingest.formats.carewalk import Ties
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import (
    CARE_CLAIM,
    CARE_HIGH_COST,
    CARE_HIGH_COST_KIND_CODES,
    CARE_LINE,
    CARE_LINE_KIND_CODES,
    CARE_SERVICE,
)
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import Reader, Reading, empty_set_aside

LAYOUT = "care_1111"
DATA_KIND = "111"
CANCELLED = "3"
"""給付実績情報作成区分 取消: names the record that it takes back; its amounts may be blank."""
AMOUNTS = ("units", "benefit_yen", "user_yen")
PURCHASES = ("D6", "D7")
COUNTS = ("reexamination_count", "error_count")
"""再審査回数 and 過誤回数 of a T1: how often the record was taken up again."""


LINE_KINDS = {kind: kind for kind in CARE_LINE_KIND_CODES}
OF_THE_INSURED = ("birth_date", "sex_code")
"""Columns of a payment of 高額 that its record does not have."""


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
        source = careplain.records(path, _records(), pl.col("type_code"), "care_claim", DATA_KIND, _ties())
        records = careframe.record_counts(source.codes)
        claim, claim_aside = _claims(source)
        service, service_aside, adjusted = care_parts.lines(source, LAYOUT, {"T1": "T1"}, CARE_SERVICE, claim, COUNTS)
        claim = _adjusted(claim, adjusted)
        service = care_parts.with_rate(service, claim)
        line, line_aside, _ = care_parts.lines(source, LAYOUT, LINE_KINDS, CARE_LINE, claim)
        claim = claim.with_columns(is_purchase=pl.col("source_row").is_in(_purchases(line).implode()))
        high_cost, high_cost_aside = _high_costs(source, claim)
        tables = {"care_claim": claim, "care_service": service, "care_line": line, "care_high_cost": high_cost}
        asides = [claim_aside, service_aside, line_aside, high_cost_aside]
        aside = pl.concat(asides).sort("source_row", maintain_order=True)
        source.refuse(records, tables, aside)
        return Reading(
            format=self.format,
            edition=source.edition,
            months=cells.months_of(claim["service_month"], high_cost["service_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[*source.problems, *careframe.unknown_records(source.codes, LAYOUT, "care_claim")],
        )


@layout_cache
def _records() -> list[Record]:
    """How plain records are read."""
    claims = Record(("H1",), CARE_CLAIM, list(_claim_cells().values()), widths(LAYOUT, ["H1"]))
    services = care_parts.line_records(LAYOUT, {"T1": "T1"}, CARE_SERVICE, COUNTS)
    high_costs = []
    for codes in alike(LAYOUT, CARE_HIGH_COST_KIND_CODES):
        own, places = together(LAYOUT, codes)
        own["scheme_code"] = care_scheme()
        told = {"line_kind_code": codes}
        high_costs.append(
            Record(
                tuple(codes), CARE_HIGH_COST, list(own.values()), widths(LAYOUT, codes), places, told, OF_THE_INSURED
            )
        )
    return [claims, *services, *care_parts.line_records(LAYOUT, LINE_KINDS, CARE_LINE), *high_costs]


@layout_cache
def _ties() -> Ties:
    """How lines are tied to the claims before them."""
    return care_parts.ties(LAYOUT, {"H1": CLAIM}, ["T1", *LINE_KINDS])


def _claim_cells() -> dict[str, Cell]:
    return careframe.record_cells(careframe.record_columns(LAYOUT, "H1")) | {
        "scheme_code": care_scheme(),
        "is_adjudicated": derived("is_adjudicated", pl.lit(True)),
        "adjustment_count": derived("adjustment_count", pl.lit(0, dtype=pl.Int64)),
        "is_purchase": derived("is_purchase", pl.lit(False)),
    }


def _claims(source: CareRecords) -> Parts:
    """H1 records as ``care_claim``, and those set aside; ``adjustment_count`` is 0 until its T1 are read."""
    plain = source.tables.get(CARE_CLAIM.name)
    if plain is not None:
        plain = plain.select(*CARE_CLAIM.plain_schema())
        if source.data.is_empty():
            return plain, empty_set_aside()
    fields, misfits, _ = careframe.record_fields(source.data, LAYOUT, "H1")
    own = _claim_cells()
    care_parts.blank_as_zero(own, AMOUNTS, own["creation_code"].value == CANCELLED)
    table, aside = cells.typed(fields, CARE_CLAIM, list(own.values()))
    aside = pl.concat([aside, cells.misfits(misfits, CARE_CLAIM.name, "care")])
    return merged(plain, table), aside


def _adjusted(claim: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """The claims with the largest 再審査回数 + 過誤回数 of their T1 (``parent_source_row`` and ``COUNTS``)."""
    if services.is_empty():
        return claim
    counts = [pl.col(name).fill_null(0) for name in COUNTS]
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


def _high_costs(source: CareRecords, claim: pl.DataFrame) -> Parts:
    """D8 and DE records as ``care_high_cost``, and those set aside; birth and sex from an H1 of the same insured."""
    insured = ["insurer_number", "number"]
    plain = source.tables.get(CARE_HIGH_COST.name)
    if source.data.is_empty() and plain is not None:  # claims are many, those paid back to are few
        claim = claim.join(plain.select(insured).unique(), on=insured, how="semi", maintain_order="left")
    known = claim.group_by(insured).agg(pl.col(OF_THE_INSURED).first())
    if plain is not None:
        plain = plain.join(known, on=insured, how="left", maintain_order="left")
        plain = plain.select(*CARE_HIGH_COST.plain_schema())
    present = set(source.data["code"].unique())
    found = [_high_cost(source.data, kind, known) for kind in CARE_HIGH_COST_KIND_CODES if kind in present]
    nothing = pl.DataFrame(schema=CARE_HIGH_COST.plain_schema()), empty_set_aside()
    table, aside = (pl.concat(parts) for parts in zip(nothing, *found, strict=True))
    return merged(plain, table.sort("source_row")), aside


def _high_cost_cells(kind: str) -> dict[str, Cell]:
    return careframe.record_cells(careframe.record_columns(LAYOUT, kind)) | {
        "scheme_code": care_scheme(),
        "line_kind_code": derived("line_kind_code", pl.lit(kind)),
    }


def _high_cost(data: pl.DataFrame, kind: str, known: pl.DataFrame) -> Parts:
    """The records of one kind that were read as text."""
    fields, misfits, own = careframe.record_fields(data, LAYOUT, kind)
    insured = [own["insurer_number"], own["number"]]
    keys = cells.with_texts(fields, insured).select(cell.value.alias(cell.column) for cell in insured)
    persons = keys.join(known, on=["insurer_number", "number"], how="left", maintain_order="left")
    fields = fields.hstack(persons.select(OF_THE_INSURED))
    own = _high_cost_cells(kind) | {name: derived(name, pl.col(name)) for name in OF_THE_INSURED}
    care_parts.blank_as_zero(own, ("benefit_yen",), own["creation_code"].value == CANCELLED)
    table, aside = cells.typed(fields, CARE_HIGH_COST, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_HIGH_COST.name, "care")])


READERS: tuple[Reader, ...] = (Care1111(),)

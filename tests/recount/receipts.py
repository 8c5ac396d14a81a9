"""Receipts: 医科 (DPC among them), 歯科, 調剤 and all three, over members and over each other."""

from __future__ import annotations

import polars as pl

from tests.recount.calendar_and_age import FIRST_MONTH, LAST_MONTH, fiscal_year
from tests.recount.insured import AT
from tests.recount.places import own_town
from tests.recount.shares import told
from tests.recount.sources import Tables

OF_INSURER = ["scheme_code", "insurer_number", "month"]


def receipts(tables: Tables, insured: pl.DataFrame) -> pl.DataFrame:
    """Receipts by month of service, at the place, sex and age of the member behind them in that month.

    Where nobody is insured there in the month, the receipt counts in its insurer's town, under sex U and age unknown.
    ``kind`` is medical, dental or pharmacy. A 総括 repeats its children and is left out of all but what came.
    """
    member = insured.select(*AT, "month", "town", "district", "band", is_known=pl.lit(True))
    is_known = pl.col("is_known").fill_null(False)
    return (
        tables["claim"]
        .with_columns(month="service_month", kind=pl.col("claim_kind_code").replace("dpc", "medical"))
        .filter(pl.col("month").is_between(FIRST_MONTH, LAST_MONTH))
        .join(member, on=[*AT, "month"], how="left")
        .with_columns(
            town=pl.when(is_known).then("town").otherwise(own_town(pl.col("insurer_number"))),
            sex=pl.when(is_known).then("sex").otherwise(pl.lit("U")),
            band=pl.col("band").fill_null("unknown"),
            year=fiscal_year(pl.col("month")),
            yen=pl.col("points") * 10,
            days=pl.col("days_count").fill_null(0),
        )
    )


def came(receipts: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Insurers and months that receipts of a kind came for; of the ``total``, that all three kinds came for."""
    if kind != "total":
        return receipts.filter(pl.col("kind") == kind).select(OF_INSURER).unique()
    kinds = receipts.group_by(OF_INSURER).agg(pl.col("kind").n_unique())
    return kinds.filter(pl.col("kind") == 3).select(OF_INSURER)


def costs(insured: pl.DataFrame, receipts: pl.DataFrame) -> list[pl.DataFrame]:
    """一人当たり, 千人当たり, 1件当たり, 1日当たり, and shares of in- and outpatients."""
    counted = receipts.filter(~pl.col("is_summary"))
    inpatient = pl.col("is_inpatient").cast(pl.Int64)
    outpatient = 1 - inpatient
    yen, points, days, one = pl.col("yen"), pl.col("points"), pl.col("days"), pl.lit(1)
    per_member = {
        "total_cost_per_member_month": ("total", yen),
        "claims_per_1000": ("medical", one),
        "inpatient_claims_per_1000": ("medical", inpatient),
        "outpatient_claims_per_1000": ("medical", outpatient),
        "inpatient_cost_per_member_month": ("medical", yen * inpatient),
        "outpatient_cost_per_member_month": ("medical", yen * outpatient),
        "dental_claims_per_1000": ("dental", one),
        "dental_cost_per_member_month": ("dental", yen),
        "pharmacy_claims_per_1000": ("pharmacy", one),
        "pharmacy_cost_per_member_month": ("pharmacy", yen),
    }
    per_claim = {
        "points_per_claim": ("medical", points, one),
        "points_per_day": ("medical", points, days),
        "days_per_claim": ("medical", days, one),
        "days_per_inpatient_claim": ("medical", days * inpatient, inpatient),
        "inpatient_claims_share": ("medical", inpatient, one),
        "outpatient_claims_share": ("medical", outpatient, one),
        "inpatient_cost_share": ("medical", yen * inpatient, yen),
        "outpatient_cost_share": ("medical", yen * outpatient, yen),
        "dental_days_per_claim": ("dental", days, one),
    }
    found = []
    for indicator, (kind, above) in per_member.items():
        months = came(receipts, kind)
        of_kind = counted if kind == "total" else counted.filter(pl.col("kind") == kind)
        members = insured.filter("is_member").join(months, on=OF_INSURER, how="semi")
        found.append(told(indicator, members, 0, 1))
        found.append(told(indicator, of_kind.join(months, on=OF_INSURER, how="semi"), above, 0))
    for indicator, (kind, above, below) in per_claim.items():
        found.append(told(indicator, counted.filter(pl.col("kind") == kind), above, below))
    # A receipt that adds nothing to either side is none of the indicator's.
    return [rows.filter((pl.col("above") != 0) | (pl.col("below") != 0)) for rows in found]

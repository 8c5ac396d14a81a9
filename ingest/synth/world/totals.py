"""What the lines of a receipt add up to: 点数 × 回数 of all but 診療識別 97, and what its records add (GT)."""

from __future__ import annotations

import polars as pl

MEALS = pl.col("category_code").fill_null("") == "97"


def line_points(items: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """``source_row`` and ``total`` of the receipts that have lines of points."""
    own = items.filter(pl.col("points").is_not_null() & ~MEALS).select(
        "parent_source_row", total=pl.col("points") * pl.col("times_count")
    )
    more = records.filter(pl.col("points").is_not_null()).select("parent_source_row", total="points")
    sums = pl.concat([own, more]).group_by("parent_source_row", maintain_order=True).agg(pl.col("total").sum())
    return sums.rename({"parent_source_row": "source_row"})


def with_points(claims: pl.DataFrame, items: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Claims with 合計点数 as their lines say, as submitted and as adjudicated."""
    total = pl.col("total").fill_null(0)
    return (
        claims.join(line_points(items, records), on="source_row", how="left", maintain_order="left")
        .with_columns(points=total, original_points=total, line_points=total)
        .drop("total")
    )


def with_meals(claims: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Claims with 食事 as the lines of 診療識別 97 say; null where they have none."""
    meals = (
        items.filter(MEALS)
        .group_by("parent_source_row", maintain_order=True)
        .agg(meal_count=pl.col("times_count").sum(), meal_yen=(pl.col("points") * pl.col("times_count")).sum())
    )
    return claims.drop("meal_count", "meal_yen").join(
        meals, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left"
    ).select(claims.columns)  # fmt: skip

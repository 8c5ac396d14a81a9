"""Shares: what one person adds to one figure in one month, before it is known in which areas and periods it counts."""

from __future__ import annotations

import polars as pl


def told(
    indicator: str, rows: pl.DataFrame, numerator: pl.Expr | int, denominator: pl.Expr | int, *, by: str = "band"
) -> pl.DataFrame:
    """What each row adds above and below the line of an indicator; ``by`` names the column of its age band.

    Rows have scheme_code, insurer_number, town, district, month, sex and person (null: counted without persons).
    """
    above, below = (pl.lit(side) if isinstance(side, int) else side for side in (numerator, denominator))
    return rows.select(
        indicator=pl.lit(indicator),
        scheme="scheme_code",
        insurer="insurer_number",
        town="town",
        district="district",
        month="month",
        sex="sex",
        band=by,
        person="person",
        above=above.cast(pl.Int64),
        below=below.cast(pl.Int64),
    )

"""A figure of the invented nation beside its reference, with the error that chance leaves it.

Every family yields one frame of cells (``CELLS``). The standard error is that of a sample of this size under the
reference, and of the rounding of the reference where it is published rounded:

- a share ``p`` of ``n`` independent persons: ``sqrt(p (1 - p) / n)``;
- a mean of ``n`` values of standard deviation ``s``: ``s / sqrt(n)``;
- yen over months, of which a person has several: the persons are the draws, so
  ``sqrt(sum((yen - r months)^2)) / sum(months)`` with ``r`` the figure itself;
- a weighted sum of groups: ``sqrt(sum(weight^2 error^2))``.

A reference rounded to ``d`` adds ``d^2 / 12`` to the square of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import chi2, norm

CELLS: dict[str, pl.DataType] = {
    "family": pl.String(),  # attendance, findings …
    "scope": pl.String(),  # joint: by sex and age; marginal: over them
    "figure": pl.String(),  # the item, and the category where it has some
    "category": pl.String(),
    "sex_code": pl.String(),  # null: both
    "age_band_code": pl.String(),  # null: all
    "n": pl.Int64(),  # persons behind the figure
    "ours": pl.Float64(),
    "reference": pl.Float64(),
    "error": pl.Float64(),
    "unit": pl.String(),  # share, mean, yen
}

LEAST_EXPECTED, LEAST_PERSONS = 5, 30


def cells(frame: pl.DataFrame, family: str, scope: str, unit: str) -> pl.DataFrame:
    """``frame`` (the other columns of ``CELLS``, absent ones null) as cells."""
    known = {"family": pl.lit(family), "scope": pl.lit(scope), "unit": pl.lit(unit)}
    return frame.select((known.get(c, pl.col(c) if c in frame.columns else pl.lit(None))).cast(t).alias(c)
                        for c, t in CELLS.items())  # fmt: skip


def share_error(share: pl.Expr, n: pl.Expr, rounded_to: float = 0.0) -> pl.Expr:
    """Standard error of a share of independent persons whose expectation is ``share``."""
    return (share * (1 - share) / n + rounded_to**2 / 12).sqrt()


def rates(frame: pl.DataFrame, by: list[str], yen: str = "yen", months: str = "months") -> pl.DataFrame:
    """Yen a year and its error by ``by``, of a frame of persons: the person is what is drawn."""
    person = frame.group_by(*by, "person").agg(pl.col(yen, months).sum())
    ratio = pl.col(yen).sum().over(by) / pl.col(months).sum().over(by)
    return (
        person.with_columns(rest=pl.col(yen) - ratio * pl.col(months))
        .group_by(by)
        .agg(
            n=pl.len(),
            ours=12 * pl.col(yen).sum() / pl.col(months).sum(),
            error=12 * pl.col("rest").pow(2).sum().sqrt() / pl.col(months).sum(),
        )
    )


@dataclass(frozen=True)
class Verdict:
    """Of some cells: how many, how many beyond 2 and 3 errors, what chance expects of that, and chi-square with
    the chance of one as large (``p``); ``degrees`` are fewer than cells where shares add up to one."""

    cells: int
    beyond_2: int
    beyond_3: int
    worst: float
    chi_square: float
    degrees: int
    p: float

    @property
    def expected_2(self) -> float:
        """Cells beyond 2 errors by chance."""
        return float(self.cells * 2 * norm.sf(2))

    @property
    def expected_3(self) -> float:
        """Cells beyond 3 errors by chance."""
        return float(self.cells * 2 * norm.sf(3))


def z_scores(frame: pl.DataFrame) -> pl.Series:
    """How many errors each cell is away from its reference."""
    return frame.select(z=(pl.col("ours") - pl.col("reference")) / pl.col("error")).to_series()


def is_judged() -> pl.Expr:
    """Cells with a reference that a normal curve may judge: of a share, 5 persons expected in and out of it; of a mean
    or of yen, 30 persons."""
    share = pl.col("reference").clip(0, 1)
    small_side = pl.col("n") * pl.min_horizontal(share, 1 - share)
    is_share = pl.col("unit") == "share"
    enough = pl.when(is_share).then(small_side >= LEAST_EXPECTED).otherwise(pl.col("n") >= LEAST_PERSONS)
    return pl.col("reference").is_not_null() & (pl.col("error") > 0) & enough


def verdict(frame: pl.DataFrame) -> Verdict:
    """The verdict over the cells that have a reference and are large enough to judge (``is_judged``).

    Where the categories of a figure, sex and age are all there (their references add up to one), chi-square is
    Pearson's over them, the small ones as one, with one degree less; else it is the sum of squared z.
    """
    judged = frame.filter(is_judged())
    z = z_scores(judged).to_numpy()
    group = ("family", "scope", "figure", "sex_code", "age_band_code")
    whole = ((pl.col("reference").sum().over(group) - 1).abs() < 1e-6) & (pl.col("reference").len().over(group) > 1)
    known = frame.filter(pl.col("reference").is_not_null() & (pl.col("error") > 0)).with_columns(
        is_whole=whole & (pl.col("unit") == "share"), is_judged=is_judged()
    )
    terms = pl.concat(
        [
            known.filter("is_judged").select(*group, "is_whole", "ours", "reference", "error"),
            known.filter("is_whole", ~pl.col("is_judged")).group_by(group).agg(
                pl.col("is_whole").first(), pl.col("ours", "reference").sum(), pl.col("error").pow(2).sum().sqrt()
            ),
        ]
    ).with_columns(squared=((pl.col("ours") - pl.col("reference")) / pl.col("error")).pow(2))  # fmt: skip
    grouped = terms.group_by(group).agg(
        pl.col("is_whole").first().alias("whole"),
        pearson=(pl.col("squared") * (1 - pl.col("reference"))).sum(),
        squares=pl.col("squared").sum(),
        size=pl.len(),
    )
    is_whole = pl.col("whole") & (pl.col("size") > 1)
    totals = grouped.select(
        chi=pl.when(is_whole).then("pearson").otherwise("squares").sum(),
        degrees=pl.when(is_whole).then(pl.col("size") - 1).otherwise("size").sum(),
    )
    value, degrees = float(totals["chi"].item()), int(totals["degrees"].item())
    return Verdict(
        cells=len(z),
        beyond_2=int(np.sum(np.abs(z) > 2)),
        beyond_3=int(np.sum(np.abs(z) > 3)),
        worst=float(np.max(np.abs(z), initial=0.0)),
        chi_square=value,
        degrees=degrees,
        p=float(chi2.sf(value, degrees)) if degrees else 1.0,
    )

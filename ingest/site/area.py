"""Which insurers and municipalities belong to a site: those of its prefecture in the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from ingest.settings import PROJECT_ROOT

INSURERS = PROJECT_ROOT / "seeds" / "insurers.csv"
INSURER_FORM = r"^([0-9]{6}|[0-9]{8})$"


@dataclass(frozen=True)
class Area:
    """A prefecture and its insurers (scheme_code, insurer_number)."""

    prefecture_code: str
    insurers: pl.DataFrame

    def is_foreign(self, frame: pl.DataFrame) -> pl.Series:
        """Per row: whether it speaks of an insurer or municipality of another area.

        A row without an insurer number, or with one of no known form, is not foreign: what is wrong
        with it is told by another rule.
        """
        if "insurer_number" not in frame.columns:
            code = pl.col("municipality_code")
            return frame.select(
                (code.str.contains("^[0-9]{5}$") & (code.str.slice(0, 2) != self.prefecture_code)).fill_null(False)
            ).to_series()
        own = self.insurers.with_columns(own=pl.lit(True))
        number = pl.col("insurer_number")
        return (
            frame.select("scheme_code", "insurer_number")
            .join(own, on=["scheme_code", "insurer_number"], how="left", maintain_order="left")
            .select((number.str.contains(INSURER_FORM) & pl.col("own").is_null()).fill_null(False))
            .to_series()
        )


@lru_cache(maxsize=16)
def area_of(prefecture_code: str, path: Path = INSURERS) -> Area:
    """The area of a prefecture as the seed ``insurers`` states it."""
    seed = pl.read_csv(path, infer_schema=False)
    own = seed.filter(pl.col("prefecture_code") == prefecture_code)
    return Area(prefecture_code, own.select("scheme_code", "insurer_number").unique())

"""Seeds of the generator: rates and codes typed from published figures and masters, each row's source named.

The product reads these files only; the public tables they were distilled from are named in each row.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
SEEDS = Path(__file__).resolve().parents[3] / "seeds"

TEXT_COLUMNS = {
    "municipality_code", "sex_code", "age_band_code", "district_code", "item_code", "category_code",
    "disease_code", "code_value", "care_level_code", "service_type_code", "prefecture_code",
    "acquired_reason_code", "lost_reason_code", "insurer_number", "input_form_code", "value_from", "value_below",
}  # fmt: skip


@cache
def seed(name: str) -> pl.DataFrame:
    """The calibration table ``name``; codes are text. FileNotFoundError where there is none."""
    return _read(FOLDER / f"{name}.csv")


@cache
def warehouse_seed(name: str) -> pl.DataFrame:
    """A seed of the warehouse itself (``seeds/name.csv``), all columns as text."""
    return pl.read_csv(SEEDS / f"{name}.csv", infer_schema_length=0)


def _read(path: Path) -> pl.DataFrame:
    head = path.open(encoding="utf-8").readline().strip().split(",")
    return pl.read_csv(
        path, infer_schema_length=None, schema_overrides={c: pl.String() for c in head if c in TEXT_COLUMNS}
    )


def curve(name: str, column: str, ages: NDArray[np.int64], x: str = "age") -> NDArray[np.float64]:
    """``column`` of a seed at the given ages, linear between its rows."""
    table = seed(name).sort(x)
    return np.interp(ages, table[x].to_numpy(), table[column].cast(pl.Float64).to_numpy())


def log_curve(name: str, column: str, ages: NDArray[np.int64]) -> NDArray[np.float64]:
    """As ``curve``, linear in the logarithm: for rates that grow by a factor."""
    table = seed(name).sort("age")
    return np.exp(np.interp(ages, table["age"].to_numpy(), np.log(table[column].to_numpy())))


def middles(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at the middles of neighbouring five-year bands such that the line through them, level beyond the outer
    two, has the mean ``shares`` over the five ages of each band."""
    n = len(shares)
    mix = np.eye(n) * 0.76 + (np.eye(n, k=1) + np.eye(n, k=-1)) * 0.12
    mix[0, 0] = mix[-1, -1] = 0.88
    return np.asarray(np.linalg.solve(mix, shares), dtype=np.float64)


def band_start(code: str) -> int:
    """First age of a band code: '40-44', '90+', '95+'."""
    return int(code.rstrip("+").split("-")[0])

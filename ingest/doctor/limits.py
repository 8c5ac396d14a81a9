"""The limits of the checks as data (``limits.csv``)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

LIMITS_FILE = Path(__file__).with_name("limits.csv")


@cache
def limit(name: str) -> float:
    """The value of the limit called ``name``, in its unit."""
    with LIMITS_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["limit"]: float(row["value"]) for row in csv.DictReader(handle)}[name]

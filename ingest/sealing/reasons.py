"""Why a batch is refused or held: the closed list of reason codes, with what an operator does about each."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("reasons.csv")


@dataclass(frozen=True)
class BatchReason:
    """One reason in Japanese, and its remedy."""

    code: str
    ja: str
    remedy_ja: str


@cache
def batch_reasons() -> dict[str, BatchReason]:
    """The reasons by code."""
    with _FILE.open(encoding="utf-8", newline="") as handle:
        return {row["code"]: BatchReason(**row) for row in csv.DictReader(handle)}

"""What may stand on a receipt: items, bundles of lines, diseases, conditions, episodes, admissions.

Seeds of codes and points become arrays once; a month of claims is then made of indices into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import seed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CONSTANT, VISITS, PRESCRIBED, DAYS, CAPPED, WEEKS, MEALS = range(7)
"""How often a line counts: a number, visits × n, days prescribed, days in hospital × n, the first n days of
a stay, weeks in hospital × n, meals."""

CLINICS = ("internal", "orthopaedic", "eye", "skin", "ent", "psychiatry", "urology", "child", "hospital",
           "dental", "pharmacy")  # fmt: skip
MEAL_ITEM = "meal"
MEAL_YEN_BEFORE = 640  # per meal until 2024-05, 670 after (診療報酬改定 2024-06)


@dataclass(frozen=True)
class Lines:
    """Lines of all bundles, one after the other; ``first`` and ``count`` by bundle."""

    first: Ints
    count: Ints
    item: Ints
    rule: Ints
    factor: Ints
    points: Ints  # per time; -1 inside a group, whose last line carries the points
    is_drug: NDArray[np.bool_]  # an oral drug: counts among the kinds prescribed


@dataclass(frozen=True)
class Choice:
    """Weighted choice: indices and running shares."""

    index: Ints
    edges: Floats

    def pick(self, u: Floats) -> Ints:
        """Indices chosen by uniform numbers."""
        return self.index[np.minimum(np.searchsorted(self.edges, u, side="right"), len(self.index) - 1)]


@dataclass(frozen=True)
class Catalogue:
    """All seeds of the receipt as arrays."""

    items: pl.DataFrame
    lines: Lines
    bundle: dict[str, int]
    disease: dict[str, int]
    disease_code: list[str]
    extras: Ints  # bundles of further drugs of the old


def drug_points(yen: float) -> int:
    """薬剤料: yen into points, one up to 15 yen, else a tenth with five rounded down (五捨五超入)."""
    return 1 if yen <= 15 else ceil(round(yen / 10 - 0.5, 6))


@cache
def catalogue() -> Catalogue:
    """Read once."""
    items = seed("items").with_row_index("index")
    by_key = {row["item"]: row for row in items.iter_rows(named=True)}
    table = seed("bundles")
    bundles = [_bundle_lines(text, by_key) for text in table["lines"]]
    count = np.array([len(bundle) for bundle in bundles])
    columns = np.array([line for bundle in bundles for line in bundle]).T
    diseases = seed("diseases")
    names = table["bundle"].to_list()
    return Catalogue(
        items=items,
        lines=Lines(
            first=np.cumsum(count) - count,
            count=count,
            item=columns[0],
            rule=columns[1],
            factor=columns[2],
            points=columns[3],
            is_drug=columns[4] == 1,
        ),
        bundle={name: i for i, name in enumerate(names)},
        disease={name: i for i, name in enumerate(diseases["disease_name"])},
        disease_code=diseases["disease_code"].to_list(),
        extras=np.array([i for i, name in enumerate(names) if name.startswith("extra_")]),
    )


def _bundle_lines(text: str, by_key: dict[str, dict[str, Any]]) -> list[tuple[int, int, int, int, int]]:
    """Lines 'item@times item@times …': item, rule, factor, points, whether an oral drug.

    Oral drugs taken together are one group (剤): the last of them carries the points of all.
    """
    parsed = [(by_key[key], times) for key, times in (part.split("@") for part in text.split())]
    lines = []
    group: list[dict[str, Any]] = []
    for (item, times), following in zip(parsed, [*parsed[1:], None], strict=True):
        group.append(item)
        goes_on = following is not None and _is_oral(item) and _is_oral(following[0]) and following[1] == times
        rule, factor = _times(times)
        lines.append((item["index"], rule, factor, -1 if goes_on else _points(group), int(_is_oral(item))))
        if not goes_on:
            group = []
    return lines


def _is_oral(item: dict[str, Any]) -> bool:
    return bool(item["kind_code"] == "IY" and item["category_code"] == "21")


def _points(group: list[dict[str, Any]]) -> int:
    last = group[-1]
    if last["kind_code"] == "SI":
        return int(float(last["points_or_yen"]))
    yen = sum(row["points_or_yen"] * row["quantity"] for row in group)
    return drug_points(yen)


def _times(text: str) -> tuple[int, int]:
    if text.isdigit():
        return CONSTANT, int(text)
    number = int(text[1:] or 1)
    if text[0] == "d" and text != "d":
        return CAPPED, number
    return {"v": VISITS, "r": PRESCRIBED, "d": DAYS, "x": DAYS, "w": WEEKS, "m": MEALS}[text[0]], number


def choice(text: str, index: dict[str, int]) -> Choice | None:
    """'name:weight|name:weight' as a choice; None where blank."""
    if not text:
        return None
    parts = [part.split(":") for part in text.split("|")]
    weights = np.array([float(weight) for _, weight in parts])
    return Choice(np.array([index[name] for name, _ in parts]), np.cumsum(weights) / weights.sum())


def chances(text: str, index: dict[str, int]) -> list[tuple[int, float]]:
    """'name:probability|…' as pairs."""
    return [(index[name], float(p)) for name, p in (part.split(":") for part in (text or "").split("|") if part)]

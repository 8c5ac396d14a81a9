"""A small workspace whose published statistics are known: one town's 国保 and care, its prefecture, peers and nation.

Figures are drawn once from a seed and written as a site publishes them: the town's own counts into its tenant's file,
everything protected into the statistics of its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ingest import warehouse
from ingest.formats.layout_files import packaged_rows
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, Settings
from tests.handmade import demo_workspace

SITE, TENANT, INSURER, TOWN, PREFECTURE = "16", "kokuho-16208", "160077", "16208", "16"
CARE_INSURER = "169508"
PEER = "kdb_13:07"
YEARS = (2022, 2023, 2024)
MONTHS = tuple(date(2024 + (n > 12), (n - 1) % 12 + 1, 1) for n in range(4, 16))
BANDS = tuple(f"{low}-{low + 4}" for low in range(40, 75, 5))
SCHEMES = ("kokuho", "care", "residents")
SEEDS = PROJECT_ROOT / "seeds"
AREAS = {"insurer": INSURER, "municipality": TOWN, "prefecture": PREFECTURE, "peer": PEER, "nation": "JP"}
SIZES = {"insurer": 1, "municipality": 1, "prefecture": 24, "peer": 90, "nation": 2900}
MONTHLY = (
    "claims_per_1000",
    "total_cost_per_member_month",
    "inpatient_cost_per_member_month",
    "care_cost_per_recipient",
)
"""Indicators of which there are months too: enough, and the tests stay quick."""
_COST = 27_000
_GRAIN = [
    "indicator_id", "definition_version", "period_kind", "period", "scheme_code", "class_code", "area_level", "area_id",
    "sex_code", "age_band_code",
]  # fmt: skip


@dataclass(frozen=True)
class FiguresWorld:
    """The workspace and every figure in it, before protection."""

    settings: Settings
    figures: pl.DataFrame

    def figure(self, indicator_id: str, period: date = date(2024, 4, 1), **grain: str) -> tuple[int, int]:
        """Numerator and denominator of the insurer, both sexes and all ages unless told otherwise."""
        wanted = {"area_level": "insurer", "sex_code": "all", "age_band_code": "all", "period_kind": "fiscal_year"}
        chosen = self.figures.filter(indicator_id=indicator_id, period=period, **(wanted | grain))
        assert chosen.height == 1, (indicator_id, grain, chosen.height)
        return chosen["numerator"][0], chosen["denominator"][0]


def catalogue() -> pl.DataFrame:
    """The catalogue as it is published."""
    bases = pl.read_csv(SEEDS / "indicator_classes.csv", infer_schema=False).select(
        "indicator_id", class_base_indicator_id=pl.col("base_indicator_id")
    )
    return (
        pl.read_csv(SEEDS / "indicators.csv", infer_schema=False)
        .with_columns(
            pl.col("sort_order", "scale", "definition_version").cast(pl.Int64),
            pl.col("is_verified") == "true",
            pl.col("valid_from", "valid_to").str.to_date(),
        )
        .join(bases, on="indicator_id", how="left", maintain_order="left")
    )


def class_codes(indicator_id: str) -> list[str]:
    """The classes of disease of an indicator that a form of KDB names; one of no name where it is told by none."""
    told_by_class = pl.read_csv(SEEDS / "indicator_classes.csv", infer_schema=False)["indicator_id"].to_list()
    if indicator_id not in told_by_class:
        return [""]
    rows = [row for row in packaged_rows("kdb_labels") if row["indicator_id"] == indicator_id]
    return sorted({code for row in rows for code in row["class_codes"].split()})


def build(folder: Path, seed: int = 1) -> FiguresWorld:
    """Write the workspace."""
    settings = demo_workspace(folder)
    known = figures(seed)
    publish(settings, known)
    return FiguresWorld(settings, known)


def tables(known: pl.DataFrame, missing: tuple[str, date] | None = None) -> dict[str, pl.DataFrame]:
    """The tables of a file of statistics; ``missing`` is a stream and month of which a delivery did not come."""
    return {
        "indicator_statistics": _protected(known),
        "area": _areas(),
        "indicator": catalogue(),
        "coverage": _coverage(missing),
        "lineage": _lineage(),
        "about": _about(),
    }


def publish(settings: Settings, known: pl.DataFrame, missing: tuple[str, date] | None = None) -> None:
    """Put the figures into the published files (``missing``: see ``tables``)."""
    site = settings.site(SITE)
    ring = KeyRing(site)
    own = known.filter(pl.col("area_level").is_in(["insurer", "municipality"]) & (pl.col("scheme_code") == "kokuho"))
    _write(
        site.published / "tenants" / TENANT / "kokuho.duckdb",
        ring.tenant_key(TENANT, "kokuho"),
        {"own_indicator": own, "about": _about()},
    )
    for viewer_class in ("insurer", "prefecture"):
        path = site.published / "statistics" / f"{viewer_class}.duckdb"
        _write(path, ring.statistics_key(viewer_class), tables(known, missing))


def _write(path: Path, key: bytes, content: dict[str, pl.DataFrame]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with warehouse.open_database(path, key, alias="published") as connection:
        for name, frame in content.items():
            connection.register("frame", frame.to_arrow())
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")


def is_of_towns(indicator: Mapping[str, Any]) -> bool:
    """Whether an indicator rests on public tables, which know towns and no insurers."""
    return indicator["age_rule"] == "as_published"


def figures(seed: int) -> pl.DataFrame:
    """By sex and band at random, summed up to all; areas of one indicator differ by size and a little by level."""
    random = np.random.default_rng(seed)
    parts = []
    for row in catalogue().filter(pl.col("block_code") != "linkage").iter_rows(named=True):
        scheme = next((one for one in SCHEMES if one in row["scheme_codes"].split()), None)
        if scheme is None:
            continue
        periods = [("fiscal_year", date(year, 4, 1)) for year in YEARS]
        if row["indicator_id"] in MONTHLY:
            periods += [("month", month) for month in MONTHS]
        for kind, period in periods:
            for level, area_id in AREAS.items():
                if scheme == "care" and level == "insurer":
                    area_id = CARE_INSURER
                if level == "insurer" and is_of_towns(row):
                    continue
                people = random.integers(300, 900, len(BANDS) * 2) * SIZES[level] * (1 if kind == "month" else 12)
                drawn = [(code, *_drawn(random, row, people)) for code in class_codes(row["indicator_id"])]
                parts += [
                    pl.DataFrame(
                        {
                            "sex_code": ["1"] * len(BANDS) + ["2"] * len(BANDS),
                            "age_band_code": [*BANDS, *BANDS],
                            "numerator": numerator,
                            "denominator": drawn[0][2] if row["class_base_indicator_id"] else denominator,
                        }
                    ).with_columns(
                        indicator_id=pl.lit(row["indicator_id"]),
                        definition_version=pl.lit(1, dtype=pl.Int64),
                        period_kind=pl.lit(kind),
                        period=pl.lit(period),
                        scheme_code=pl.lit(scheme),
                        class_code=pl.lit(code),
                        area_level=pl.lit(level),
                        area_id=pl.lit(area_id),
                    )
                    for code, numerator, denominator in drawn
                ]
    finest = pl.concat(parts)
    for column in ("sex_code", "age_band_code"):
        keys = [name for name in _GRAIN if name != column]
        whole = (
            finest.group_by(keys)
            .agg(pl.col("numerator", "denominator").sum())
            .with_columns(pl.lit("all").alias(column))
        )
        finest = pl.concat([finest, whole.select(finest.columns)])
    return finest.select(*_GRAIN, "numerator", "denominator").sort(_GRAIN)


def _drawn(random: np.random.Generator, row: Mapping[str, Any], people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators of an indicator among so many people, one a cell."""
    denominator = people // 12 + 100 if row["scale"] == 100 else people
    low, high, each = (0.1, 0.6, 1) if row["scale"] == 100 else (0.2, 3.0, 1)
    if row["unit"].startswith("円"):
        low, high, each = 0.3, 1.0, _COST
    numerator = (denominator * random.uniform(low, high, len(people)) * each).astype(np.int64)
    return numerator, np.zeros_like(denominator) if row["denominator_ja"] == "なし" else denominator


def _protected(known: pl.DataFrame) -> pl.DataFrame:
    is_small = (pl.col("numerator") > 0) & (pl.col("numerator") < 10)
    return known.with_columns(
        pl.when(is_small).then(None).otherwise(pl.col(name)).alias(name) for name in ("numerator", "denominator")
    ).with_columns(
        value_status=pl.when(pl.col("numerator").is_null()).then(pl.lit("hidden_small")).otherwise(pl.lit("shown")),
        threshold=pl.lit(10, dtype=pl.Int64),
        min_peers=pl.lit(3, dtype=pl.Int64),
    )


def _about() -> pl.DataFrame:
    return pl.DataFrame({"key": ["is_synthetic", "reference_month"], "value": ["true", "2025-03-01"]})


def _areas() -> pl.DataFrame:
    rows = [
        ("nation", "JP", None, None, "全国", "Japan"),
        ("prefecture", "16", "nation", "JP", "富山県", "Toyama"),
        ("peer", PEER, None, None, "市 5万人未満", "Cities under 50,000"),
        ("municipality", TOWN, "prefecture", "16", "砺波市", "Tonami City"),
        ("municipality", TOWN, "peer", PEER, "砺波市", "Tonami City"),
        ("insurer", INSURER, "prefecture", "16", "砺波市", "Tonami City (NHI)"),
        ("insurer", CARE_INSURER, "prefecture", "16", "砺波地方介護保険組合", "Tonami Care Union"),
    ]
    columns = ["area_level", "area_id", "parent_level", "parent_id", "area_name", "area_name_en"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        district_set_name=pl.lit(None, dtype=pl.String), scheme_code=pl.lit(None, dtype=pl.String)
    )


def _coverage(missing: tuple[str, date] | None) -> pl.DataFrame:
    streams = ("enrolment", "medical", "dental", "pharmacy", "checkup", "care_claim", "care_certification")
    rows = [(stream, month, 9 if (stream, month) == missing else 10, 10) for stream in streams for month in MONTHS]
    return pl.DataFrame(rows, schema=["stream", "month", "insurers_arrived", "insurers_expected"], orient="row")


def _lineage() -> pl.DataFrame:
    streams = {"medical": "medical", "medical_total": "medical", "pharmacy": "pharmacy", "care": "care_claim"}
    rows = [
        (name, 1, "measure", streams.get(block, "checkup"), "16", 12, 1000)
        for name, block in catalogue().select("indicator_id", "block_code").iter_rows()
    ]
    columns = ["indicator_id", "definition_version", "measure_model", "stream", "prefecture_code",
               "source_files_count", "records_count"]  # fmt: skip
    return pl.DataFrame(rows, schema=columns, orient="row")

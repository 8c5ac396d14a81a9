"""Counts of the prefectures that the demo does not invent person by person: one table, as a sender would make it.

Nobody is behind these numbers. A town's members, costs and examinees are worked out from its population (seed) and the
calibration tables, with a spread of its own that stays from year to year; the table says of every row that it is
invented. It holds few figures (those that the overview and the league begin with), of both sexes and all ages together,
by fiscal year, so that it stays small beside the records.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.statistics.columns import columns
from ingest.synth.calibration import band_start, curve, seed, warehouse_seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed

SITE = "national"
SOURCE = {
    "source_id": "demo_elsewhere",
    "source_name": "架空の全国件数表（デモ用）",
    "publisher": "Tsumugi 架空データ生成",
    "source_url": "",
    "version_number": 1,
    "is_generated": 1,
}
_MONTHS = 12
_HIGH_COST_YEN = 12_000_000  # largest cost of one person in a year, so far as there are that many
_BANDS = [band_start(code) for code in seed("cost_by_age")["age_band_code"]]

Numbers = NDArray[np.float64]


class _Towns:
    """The municipalities of Japan: code, residents by 5-year band, and a spread of each topic that is theirs."""

    def __init__(self, settings: SynthSettings) -> None:
        towns = (
            warehouse_seed("municipalities")
            .filter(pl.col("kind_code") != "ward")
            .join(warehouse_seed("municipality_population").sort("year").unique("municipality_code", keep="last"),
                  on="municipality_code")
            .sort("municipality_code")
        )  # fmt: skip
        self.frame = towns
        self.codes = towns["municipality_code"].to_list()
        self._seed = settings.seed
        self._keys = towns["municipality_code"].cast(pl.Int64).to_numpy()
        self.residents = self._by_age()

    def _by_age(self) -> Numbers:
        """Residents by town and band: under 65, 65 to 74 and 75 up are known, within each the demo towns' ages hold."""
        shape = seed("population_2025").group_by("age_band_code").agg(pl.col("population_count").sum())
        by_start = {min(band_start(code), 95): count for code, count in shape.iter_rows()}
        weights = np.array([by_start.get(start, 0) for start in _BANDS], float)
        total, over_65, over_75 = (
            self.frame[name].cast(pl.Float64).to_numpy()
            for name in ("population_count", "population_65_count", "population_75_count")
        )
        starts = np.array(_BANDS)
        found = np.zeros((len(total), len(starts)))
        for known, inside in (
            (total - over_65, starts < 65), (over_65 - over_75, (starts >= 65) & (starts < 75)), (over_75, starts >= 75)
        ):  # fmt: skip
            found[:, inside] = known[:, None] * weights[inside] / weights[inside].sum()
        return found

    def spread(self, measure: str, year: int) -> Numbers:
        """A factor around 1 of each town: most of it for good, a little of the year, and the growth of the years."""
        row = seed("counted_levels").filter(pl.col("measure") == measure).row(0, named=True)
        lasting, passing = (
            sum(fixed(self._seed, f"elsewhere {measure} {draw}", self._keys, *more) for draw in range(3)) - 1.5
            for more in ((), (year,))
        )
        factor = 1 + row["spread"] * (1.9 * lasting + 0.5 * passing)
        return np.maximum(factor, 0.05) * (1 + row["year_growth"]) ** (year - 2022)

    def level(self, measure: str) -> float:
        """The level of a measure (calibration ``counted_levels``)."""
        return float(seed("counted_levels").filter(pl.col("measure") == measure)["level"][0])


def write_counts_elsewhere(workspace: Path, settings: SynthSettings) -> int:
    """Write the table into the inbox of the sender for the whole country, where the workspace has one; rows written.

    Own prefectures of the demo are in it only as part of figures of the nation and of peer groups that cannot be added.
    """
    inbox = workspace / f"site-{SITE}" / "inbox"
    if not inbox.is_dir():
        return 0
    table = counts_elsewhere(settings)
    names = {column.column_name: column.heading for column in columns()}
    folder = inbox / "statistics"
    folder.mkdir(exist_ok=True, mode=0o700)
    table.select(pl.col(name).alias(heading) for name, heading in names.items()).write_csv(
        folder / "架空の全国件数表.csv", include_bom=True
    )
    return table.height


def counts_elsewhere(settings: SynthSettings) -> pl.DataFrame:
    """The table, with the columns of a file of counts by their names."""
    towns = _Towns(settings)
    last = settings.reference_month.year - (settings.reference_month.month < 4)
    first_claims = settings.first_claim_month
    claims_from = first_claims.year - (first_claims.month < 4)
    frames = []
    for year in range(max(settings.first_fiscal_year, last - 4), last + 1):
        frames += _of_year(towns, year, has_claims=year >= claims_from)
    own = sorted({code[:2] for code in settings.municipalities})
    rows = pl.concat(frames)
    return _levels(rows, towns, own).with_columns(
        pl.lit(last).alias("source_year"),
        pl.lit(f"{settings.reference_month:%Y-%m}-28").alias("created_date"),
        *(pl.lit(value).alias(name) for name, value in SOURCE.items()),
    )


def _of_year(towns: _Towns, year: int, *, has_claims: bool) -> list[pl.DataFrame]:
    starts = np.array(_BANDS)
    share = np.where(starts < 75, curve("coverage", "kokuho_share", np.minimum(starts + 2, 72)), 0)
    members = towns.residents * share * towns.spread("members", year)[:, None]
    late = towns.residents * (starts >= 75)
    frames = [_frame(towns, year, "members", "kokuho", members.sum(1) * _MONTHS, None, members.sum(1), None, _MONTHS)]
    if has_claims:
        frames += _costs(towns, year, members, "kokuho", "total_cost") + _costs(
            towns, year, late, "koki", "koki_total_cost"
        )
    return frames + _checkups(towns, year, members, starts) + [_certified(towns, year, starts)]


def _costs(towns: _Towns, year: int, members: Numbers, scheme: str, measure: str) -> list[pl.DataFrame]:
    by_age = seed("cost_by_age")["cost_yen_per_year"].to_numpy()
    months, people = members.sum(1) * _MONTHS, members.sum(1)
    seen = people * np.minimum(towns.level("seen") * towns.spread("seen", year), 0.99)
    total = (members * by_age).sum(1) * towns.level(measure) * towns.spread(measure, year)
    parts = {"total_cost_per_member_month": total}
    for name in ("inpatient_cost", "outpatient_cost"):
        parts[f"{name}_per_member_month"] = total * towns.level(name) * towns.spread(name, year)
    frames = [
        _frame(towns, year, name, scheme, yen, months, seen * (0.13 if name.startswith("in") else 1), people,
               _HIGH_COST_YEN)
        for name, yen in parts.items()
    ]  # fmt: skip
    if scheme == "kokuho":
        claims = months * towns.level("claims") * towns.spread("claims", year)
        frames.append(_frame(towns, year, "claims_per_1000", scheme, claims, months, seen, people, 40))
    return frames


def _checkups(towns: _Towns, year: int, members: Numbers, starts: NDArray[np.int64]) -> list[pl.DataFrame]:
    ages = (starts >= 40) & (starts < 75)
    rates = _attendance(towns, starts[ages])
    of_year = seed("attendance_by_year").filter(pl.col("fiscal_year") == year)["kokuho_share"]
    of_2020 = seed("attendance_by_year").filter(pl.col("fiscal_year") == 2020)["kokuho_share"][0]
    factor = (float(of_year[0]) / of_2020 if of_year.len() else 1.0) * towns.spread("attendance", year)
    eligible = members[:, ages]
    attended = eligible * np.minimum(rates * factor[:, None], 0.9)
    frames = []
    for name in ("legal", "asof"):
        below = eligible.sum(1) * towns.level(f"eligible_{name}") * towns.spread(f"eligible_{name}", year)
        above = np.minimum(attended.sum(1) * towns.level("eligible_legal"), below * 0.95)
        frames.append(_frame(towns, year, f"attendance_{name}", "kokuho", above, below, above, below, 1))
    examined = attended.sum(1) * towns.level("eligible_legal")
    shares = {
        name: np.full(len(examined), towns.level(name)) for name in ("metabolic", "premetabolic", "guidance_target")
    }
    for name, limit in (("hba1c_65", 6.5), ("systolic_140", 140)):
        shares[name] = (attended * _share_from(name.split("_")[0], limit, starts[ages])).sum(1) / attended.sum(1)
    shares["smoking"] = (attended * _smoking(starts[ages])).sum(1) / attended.sum(1)
    for name, level in shares.items():
        above = examined * np.minimum(level * towns.spread(name, year), 0.95)
        frames.append(_frame(towns, year, name, "kokuho", above, examined, above, examined, 1))
    below = examined * shares["guidance_target"]
    above = below * np.minimum(towns.level("guidance_completion") * towns.spread("guidance_completion", year), 0.9)
    frames.append(_frame(towns, year, "guidance_completion", "kokuho", above, below, above, below, 1))
    return frames


def _attendance(towns: _Towns, starts: NDArray[np.int64]) -> Numbers:
    """受診率 by town and band, of the size of its insurer."""
    table = seed("attendance").group_by("insurer_size", "age_band_code").agg(pl.col("attendance_share").mean())
    rates = {(size, band_start(code)): share for size, code, share in table.iter_rows()}
    people = towns.frame["population_count"].cast(pl.Int64).to_numpy()
    sizes = np.where(people > 500_000, "large", np.where(people > 25_000, "middle", "small"))
    return np.array([[rates[size, start] for start in starts.tolist()] for size in sizes.tolist()])


def _share_from(item: str, limit: float, starts: NDArray[np.int64]) -> Numbers:
    """Share of the examinees of each band whose value is at least ``limit``."""
    bins = seed("checkup_bins").filter(pl.col("item_id") == item)
    persons = pl.col("persons")
    reached = pl.col("value_from").cast(pl.Float64, strict=False) >= limit
    found = bins.group_by("age_band_code").agg(persons.filter(reached.fill_null(False)).sum() / persons.sum())
    shares = {band_start(code): share for code, share in found.iter_rows()}
    return np.array([shares[start] for start in starts.tolist()])


def _smoking(starts: NDArray[np.int64]) -> Numbers:
    table = seed("questionnaire").filter((pl.col("item_id") == "smoking") & (pl.col("code_value") == "1"))
    shares = {band_start(code): share for code, share in
              table.group_by("age_band_code").agg(pl.col("answer_share").mean()).iter_rows()}  # fmt: skip
    return np.array([shares[start] for start in starts.tolist()])


def _certified(towns: _Towns, year: int, starts: NDArray[np.int64]) -> pl.DataFrame:
    rates = {band_start(code): share for code, share, _ in seed("certification_rates").iter_rows()}
    by_age = np.array([rates[max(k for k in rates if k <= start)] if start >= 65 else 0 for start in starts.tolist()])
    insured = towns.residents * (starts >= 65)
    certified = (insured * by_age).sum(1) * towns.spread("certified", year)
    months = insured.sum(1) * _MONTHS
    return _frame(towns, year, "certification_rate", "care", certified * _MONTHS, months, certified * 1.15,
                  insured.sum(1) * 1.03, _MONTHS)  # fmt: skip


def _frame(
    towns: _Towns, year: int, indicator: str, scheme: str, above: Numbers, below: Numbers | None,
    persons: Numbers, persons_below: Numbers | None, largest: int,
) -> pl.DataFrame:  # fmt: skip
    """Rows of one figure, a town each, in whole numbers that a table of counts may hold."""
    numerator = np.round(above).astype(np.int64)
    denominator = np.zeros_like(numerator) if below is None else np.maximum(np.round(below).astype(np.int64), 1)
    contributors = np.clip(np.round(persons).astype(np.int64), numerator > 0, numerator)
    under = np.zeros_like(numerator) if persons_below is None else np.round(persons_below).astype(np.int64)
    if below is not None:
        under = np.clip(under, 1, denominator)
    if largest == 1:
        numerator = np.minimum(numerator, denominator)
        contributors = numerator
    needed = -(-numerator // np.maximum(contributors, 1))
    return pl.DataFrame(
        {
            "indicator_id": indicator, "definition_version": 1, "period_kind": "fiscal_year", "period": str(year),
            "scheme_code": scheme, "class_code": "", "area_level": "municipality", "area_id": towns.codes,
            "sex_code": "all", "age_band_code": "all", "numerator": numerator, "denominator": denominator,
            "contributor_count": contributors, "denominator_contributor_count": under,
            "largest_contribution": np.minimum(np.maximum(needed, largest), numerator),
        }
    )  # fmt: skip


def _levels(rows: pl.DataFrame, towns: _Towns, own: list[str]) -> pl.DataFrame:
    """The towns elsewhere, and of what does not add up over areas also prefectures elsewhere, peers and the nation."""
    elsewhere = ~pl.col("area_id").str.slice(0, 2).is_in(own)
    persons = rows.filter(pl.col("indicator_id").str.starts_with("attendance_"))
    prefecture = pl.col("area_id").str.slice(0, 2)
    wholes = [
        _together(persons.filter(elsewhere).with_columns(prefecture.alias("area_id")), "prefecture"),
        _together(persons.with_columns(pl.lit("JP").alias("area_id")), "nation"),
        _together(
            persons.join(_peers(towns), left_on="area_id", right_on="municipality_code").with_columns(
                pl.col("peer_id").alias("area_id")
            ).drop("peer_id"),
            "peer",
        ),
    ]  # fmt: skip
    alone = rows.filter(elsewhere).with_columns(insurers_count=pl.lit(1, dtype=pl.Int64))
    return pl.concat([alone, *(whole.select(alone.columns) for whole in wholes)])


def _together(rows: pl.DataFrame, level: str) -> pl.DataFrame:
    sums = ["numerator", "denominator", "contributor_count", "denominator_contributor_count"]
    keys = [name for name in rows.columns if name not in (*sums, "largest_contribution", "area_level")]
    return (
        rows.group_by(keys, maintain_order=True)
        .agg(*(pl.col(name).sum() for name in sums), pl.col("largest_contribution").max(),
             insurers_count=pl.len().cast(pl.Int64))
        .with_columns(area_level=pl.lit(level))
    )  # fmt: skip


def _peers(towns: _Towns) -> pl.DataFrame:
    """同規模 of each town in every reading: municipality_code, peer_id."""
    classes = warehouse_seed("peer_classes").with_columns(pl.col("kind_codes").str.split(" ")).explode("kind_codes")
    people = pl.col("population_count").cast(pl.Int64)
    return (
        towns.frame.select("municipality_code", "kind_code", "population_count")
        .join(classes, left_on="kind_code", right_on="kind_codes")
        .filter(people >= pl.col("population_from").cast(pl.Int64).fill_null(0))
        .filter(people < pl.col("population_to").cast(pl.Int64).fill_null(1 << 40))
        .select("municipality_code", peer_id=pl.concat_str("reading_code", "peer_class_code", separator=":"))
    )

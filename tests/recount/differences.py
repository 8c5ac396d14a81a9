"""What two calculations say of the same cells, side by side where they differ."""

from __future__ import annotations

import polars as pl

from ingest.center.home import open_warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from tests.recount.cells import FIGURES, KEY
from tests.recount.sources import Tables


def of_the_center(settings: Settings, indicators: list[str]) -> pl.DataFrame:
    """The same of ``indicator_fact``: every row of these indicators (of one by disease, of the class after it)."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        facts = connection.execute(
            "SELECT trim(indicator_id || ' ' || class_code), period_kind, period, scheme_code, area_level, area_id, "
            "sex_code, age_band_code, numerator, denominator, contributor_count FROM rollups.indicator_fact "
            "WHERE list_contains(?::VARCHAR[], trim(indicator_id || ' ' || class_code))",
            [indicators],
        ).pl()
    return facts.rename(dict(zip(facts.columns, [*KEY, *FIGURES], strict=True)))


def differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Cells that only one of the two has (null at the other) or in which a figure is not the same, in order."""
    both = ours.join(theirs, on=KEY, how="full", coalesce=True, suffix="_theirs", validate="1:1")
    is_other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_theirs")) for name in FIGURES)
    pairs = [column for name in FIGURES for column in (name, f"{name}_theirs")]
    return both.filter(is_other).select(*KEY, *pairs).sort(KEY)


def report(found: pl.DataFrame, rows: int = 30) -> str:
    """How many differ of which indicators, and the first of them as a table."""
    how_many = found.group_by("indicator").len().sort("len", "indicator", descending=[True, False])
    counts = ", ".join(f"{name} {count}" for name, count in how_many.iter_rows())
    with pl.Config(tbl_cols=-1, tbl_rows=rows, tbl_width_chars=300, fmt_str_lengths=60, tbl_hide_dataframe_shape=True,
                   tbl_hide_column_data_types=True):  # fmt: skip
        return f"{found.height} figures differ ({counts}):\n{found.head(rows)}"


def persons_apart(settings: Settings, tables: Tables) -> int:
    """How many people of the truth the center does not hold as one person of their own."""
    pairs = []
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        for table, rows in tables.items():
            if "person" in rows.columns:
                linked = connection.execute(
                    "SELECT landed.source_file_id AS file, landed.source_row, persons.person_id "
                    f"FROM raw.{table} AS landed JOIN link.identity_person AS persons "
                    "USING (linkage_domain, identity_tag)"
                ).pl()
                pairs.append(rows.join(linked, on=["file", "source_row"]).select("person", "person_id"))
    both = pl.concat(pairs).unique()
    is_one = (pl.col("person_id").n_unique().over("person") == 1) & (pl.col("person").n_unique().over("person_id") == 1)
    return both.filter(~is_one)["person"].n_unique()

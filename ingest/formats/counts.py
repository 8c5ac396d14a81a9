"""Counts that no other file holds: insured of 介護 at month's end, and residents on 1 January.

No interchange format exists for them: the headings are Tsumugi's own (``layouts/care_insured_count.csv``,
``layouts/population.csv``), and a site exports them from what it has.
"""

from __future__ import annotations

import polars as pl

from ingest.formats.cells import Cell, derived
from ingest.formats.headercsv import HeaderCsv
from ingest.formats.reading import Reader


def _care(own: list[Cell]) -> list[Cell]:
    return [*own, derived("scheme_code", pl.lit("care"))]


def _as_printed(own: list[Cell]) -> list[Cell]:
    return own


READERS: tuple[Reader, ...] = (
    HeaderCsv(
        "care_insured_count_csv", "care_insured_count", "care_insured_count", "care_insured_count", "month", _care
    ),
    HeaderCsv("population_csv", "population", "population", "population", "year", _as_printed),
)

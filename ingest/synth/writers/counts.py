"""Writes the counts of insured of 介護 and of residents, and 地区割: the tables with headings of Tsumugi's own."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.formats.contracts import CARE_INSURED_COUNT, DISTRICT_SET, POPULATION
from ingest.synth.writers.headercsv import write_header_csv
from ingest.synth.writers.text import DateStyle, Encoding


def write_care_insured_count(
    counts: pl.DataFrame,
    path: Path,
    *,
    dates: DateStyle = "seireki",
    encoding: Encoding = "cp932",
    is_quoted: bool = False,
    spelling: int = 0,
) -> None:
    """A plain frame of ``care_insured_count``."""
    write_header_csv(
        counts,
        path,
        CARE_INSURED_COUNT,
        "care_insured_count",
        dates=dates,
        encoding=encoding,
        is_quoted=is_quoted,
        is_wide=False,
        spelling=spelling,
    )


def write_population(
    population: pl.DataFrame,
    path: Path,
    *,
    dates: DateStyle = "seireki",
    encoding: Encoding = "cp932",
    is_quoted: bool = False,
    spelling: int = 0,
) -> None:
    """A plain frame of ``population``."""
    write_header_csv(
        population,
        path,
        POPULATION,
        "population",
        dates=dates,
        encoding=encoding,
        is_quoted=is_quoted,
        is_wide=False,
        spelling=spelling,
    )


def write_district_set(
    sets: pl.DataFrame,
    path: Path,
    *,
    dates: DateStyle = "seireki",
    encoding: Encoding = "cp932",
    is_quoted: bool = False,
    spelling: int = 0,
) -> None:
    """A plain frame of ``district_set``."""
    write_header_csv(
        sets,
        path,
        DISTRICT_SET,
        "district_set",
        dates=dates,
        encoding=encoding,
        is_quoted=is_quoted,
        is_wide=False,
        spelling=spelling,
    )

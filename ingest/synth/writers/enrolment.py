"""Writes 資格 CSV as a municipal system prints it."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import polars as pl

from ingest.formats.contracts import ENROLMENT
from ingest.synth.writers.headercsv import write_header_csv
from ingest.synth.writers.text import DateStyle, Encoding


def write_enrolment(
    enrolment: pl.DataFrame,
    path: Path,
    *,
    dates: DateStyle = "seireki",
    encoding: Encoding = "cp932",
    is_quoted: bool = False,
    is_wide: bool = False,
    spelling: int = 0,
) -> None:
    """A plain frame of ``enrolment``: 国保 and 国保組合 together, or 後期 alone (told by scheme_code).

    ``is_wide`` prints 記号 and 番号 in full width. ValueError where 後期 stands with another scheme, and
    where a row of 後期 has a symbol or a branch number.
    """
    is_koki = set(enrolment["scheme_code"].unique()) <= {"koki"}
    if not is_koki and (enrolment["scheme_code"] == "koki").any():
        raise ValueError("a file holds 後期 or 国保, not both")
    write_header_csv(
        enrolment,
        path,
        ENROLMENT,
        "enrolment_profile_koki" if is_koki else "enrolment_profile_kokuho",
        dates=dates,
        encoding=encoding,
        is_quoted=is_quoted,
        is_wide=is_wide,
        spelling=spelling,
    )


def write_vendor_enrolment(enrolment: pl.DataFrame, path: Path) -> None:
    """A plain frame of ``enrolment`` of 国保 as some vendor prints it: headings and order of its own, 和暦.

    No reader knows the headings (``enrolment_vendor.csv``, invented): the file loads by a confirmed profile.
    """
    write_header_csv(
        enrolment,
        path,
        ENROLMENT,
        "enrolment_profile_kokuho",
        dates="wareki",
        encoding="cp932",
        is_quoted=True,
        is_wide=False,
        spelling=0,
        headings=_vendor_headings(),
    )


@cache
def _vendor_headings() -> dict[str, str]:
    with Path(__file__).with_name("enrolment_vendor.csv").open(encoding="utf-8", newline="") as handle:
        return {row["contract_column"]: row["column_name"] for row in csv.DictReader(handle)}

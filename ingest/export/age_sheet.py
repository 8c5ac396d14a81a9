"""`tsumugi age-sheet`: the table of findings (様式5-2) filled from our figures, for the age-adjustment tools towns use.

The sheet is described by the layout ``age_adjustment_sheet``: its columns (up to three heading lines, what stands in
them), and the sexes, ages and levels of its rows in order. The tenant's own line holds its own counts in full, as its
screens and their downloads do; those of prefecture and nation are the protected statistics, what is hidden stays blank.
"""

from __future__ import annotations

import csv
import io
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from ingest import published
from ingest.export.run import INVENTED
from ingest.formats.layout_files import layout_cache, layout_rows, with_layouts
from ingest.published import Viewer
from ingest.reconcile import mapping
from ingest.reconcile.errors import FormError
from ingest.reconcile.figures import Figures, Key
from ingest.reconcile.numbers import half_up
from ingest.reconcile.period import FISCAL_YEAR, Period
from ingest.reconcile.reasons import Asked, our_number
from ingest.settings import Settings
from ingest.site.layouts import corrected_layouts

NAME = "age_adjustment_sheet"
ENCODING = "cp932"  # as KDB writes its CSV
_FORM = "5-2"
_HEADING_LINES = 3
_ROW_PARTS = ("sex", "age", "level")
_RATE_DIGITS = 1


@dataclass(frozen=True)
class Sheet:
    """The layout: columns (heading lines, code, measure), and of each part of a row its words and codes in order."""

    columns: tuple[tuple[tuple[str, ...], str, str], ...]
    parts: dict[str, tuple[tuple[str, str], ...]]


@layout_cache
def sheet() -> Sheet:
    """The layout that is in force; FormError where a line of it cannot be used."""
    rows = sorted(layout_rows(NAME), key=lambda row: int(row["position"]))
    columns = []
    for row in rows:
        if row["part"] not in ("column", *_ROW_PARTS):
            raise FormError(f"{NAME}.csv: part は column、{'、'.join(_ROW_PARTS)} のどれかです")
        if row["part"] == "column":
            lines = tuple(row["text"].split("|"))
            if len(lines) != _HEADING_LINES or (row["code"] not in _ROW_PARTS and not row["measure"]):
                raise FormError(f"{NAME}.csv: 列{row['position']}は見出し3行（|で区切る）と measure が要ります")
            columns.append((lines, row["code"], row["measure"]))
    parts = {part: tuple((row["text"], row["code"]) for row in rows if row["part"] == part) for part in _ROW_PARTS}
    return Sheet(tuple(columns), parts)


def write(settings: Settings, tenant: str, path: Path, fiscal_year: int) -> dict[str, Any]:
    """Write the sheet of one fiscal year; returns its rows and how many of its cells are blank.

    Raises AccessDenied, FormError or WarehouseError with the remedy.
    """
    who = published.viewer(settings, tenant)
    site = settings.site(who.party)
    period = Period(FISCAL_YEAR, date(fiscal_year, 4, 1))
    scheme, number = _insurer(who)
    areas = {"own": f"insurer:{number}", "prefecture": f"prefecture:{site.prefecture_code}", "nation": "nation:JP"}
    with ExitStack() as stack:
        stack.enter_context(with_layouts(corrected_layouts(site)))
        statistics = stack.enter_context(published.open_statistics(settings, who))
        own = [stack.enter_context(connection) for connection in published.open_own(settings, who)]
        is_invented = published.is_invented(settings, published.about(statistics))
        edition = published.edition(published.statistics_path(settings, who))
        figures = Figures(statistics, own, areas.values())
        title = next(form.name for form in mapping.forms() if form.form_id == _FORM)
        columns = sheet().columns
        lines = [
            [title, INVENTED if is_invented else ""],
            ["保険者番号", number, "対象年度", period.name, "紡 Tsumugi", f"版 {edition}"],
            *([heading[line] for heading, _, _ in columns] for line in range(_HEADING_LINES)),
        ]
        rows = _rows(figures, period, scheme, areas)
    blank = sum(cell == "" for row in rows for cell in row)
    if blank == len(rows) * sum(code not in _ROW_PARTS for _, code, _ in columns):
        raise FormError(f"{period.name}の健診の値が公表されていません。`tsumugi status` で届いた年度を確かめてください")
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows([*lines, *rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue().encode(ENCODING, errors="replace"))
    published.record(settings, who, "download", object=f"age-sheet {period}", result="done", edition=edition)
    return {"file": str(path), "rows": len(rows), "blank_cells": blank, "is_synthetic": is_invented}


def _rows(figures: Figures, period: Period, scheme: str, areas: dict[str, str]) -> list[list[str]]:
    parts = sheet().parts
    rows = []
    for sex_word, sex in parts["sex"]:
        for age_word, ages in parts["age"]:
            for level_word, level in parts["level"]:
                words = {"sex": sex_word, "age": age_word, "level": level_word}
                rows.append(
                    [
                        words[code]
                        if code in words
                        else _cell(figures, Key(code, period, scheme, areas.get(level, ""), sex, ages), measure)
                        for _, code, measure in sheet().columns
                    ]
                )
    return rows


def _cell(figures: Figures, key: Key, measure: str) -> str:
    """A count, or a rate with one digit; blank where there is none or protection hides it."""
    figure, indicator = figures.get(key), figures.catalogue.get(key.indicator_id)
    if figure is None or figure.is_hidden or indicator is None:
        return ""
    number = our_number(Asked(key, measure, Fraction(1)), figure, indicator)
    if number is None:
        return ""
    if measure != "value":
        return str(int(number))
    return f"{float(half_up(number, _RATE_DIGITS)):.{_RATE_DIGITS}f}"


def _insurer(who: Viewer) -> tuple[str, str]:
    """Scheme and number of the tenant's only insurer with checkups."""
    found = [(scheme, number) for scheme, number in who.insurers if scheme in ("kokuho", "kumiai")]
    if len(found) != 1:
        raise FormError("様式5-2は国保（国保組合）の保険者1つの表です。その保険者の --tenant を選んでください")
    return found[0]

"""The table of diseases for a spreadsheet: every class, its conditions and 架空データ in the first lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.views.comparison import CSV_BOM

if TYPE_CHECKING:
    from app.views.diseases import DiseaseTable


def table_csv(table: DiseaseTable, conditions: Sequence[tuple[str, str]]) -> bytes:
    """UTF-8 with BOM: class, then value, numerator, denominator and state of each area."""
    screen, text, shape = table.screen, table.screen.text, table.indicator.shape
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    if screen.is_synthetic:
        writer.writerow([text("app.synthetic")])
    writer.writerows(conditions)
    writer.writerow([])
    header = [text("diseases.code"), text("diseases.disease")]
    for key in table.columns:
        name = screen.area_name(key)
        header += [
            f"{name}({shape.shown_unit})", f"{name} {text('csv.numerator')}", f"{name} {text('csv.denominator')}",
            f"{name} {text('csv.status')}",
        ]  # fmt: skip
    writer.writerow(header)
    for code, name in table.classes:
        line = [code.partition("-")[2], name]
        for key in table.columns:
            cell, value = table.cell(code, key), table.value(code, key)
            line += [
                "" if value is None else f"{value:.{shape.decimals + 2}f}",
                "" if cell.numerator is None else f"{cell.numerator:.0f}",
                "" if cell.denominator is None else f"{cell.denominator:.0f}",
                text("csv.shown") if value is not None else text.get(f"cell.{cell.status}", text("cell.missing")),
            ]
        writer.writerow(line)
    return (CSV_BOM + stream.getvalue()).encode()

"""The table of the overview: indicators in blocks down, areas side by side across."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from app import data
from app.areas import level
from app.charts import spark
from app.show import Shape, count, differs
from app.text import Text
from app.views.screen import Indicator, Screen

CSV_BOM = "\ufeff"


@dataclass(frozen=True)
class Cell:
    """One value: Σnumerator and Σdenominator, or why they are not shown."""

    numerator: float | None
    denominator: float | None
    status: str  # shown, hidden_small, hidden_complement, missing

    def value(self, shape: Shape) -> float | None:
        """The printed value, None when hidden or missing."""
        return shape.value(self.numerator, self.denominator)


MISSING = Cell(None, None, "missing")


class Values:
    """Cells by indicator, area and period, for the scheme that each indicator is shown in."""

    def __init__(self, frame: pl.DataFrame) -> None:
        columns = ("indicator_id", "scheme_code", "area_level", "area_id", "period", "numerator", "denominator",
                   "value_status")  # fmt: skip
        self._cells = {
            (row[0], row[1], f"{row[2]}:{row[3]}", row[4]): Cell(row[5], row[6], row[7])
            for row in frame.select(columns).iter_rows()
        }

    def cell(self, indicator_id: str, scheme: str, area_key: str, period: date) -> Cell:
        """One cell; ``MISSING`` where nothing was published."""
        return self._cells.get((indicator_id, scheme, area_key, period), MISSING)

    def areas_of(self, scheme: str) -> set[str]:
        """Areas with any value in a scheme."""
        return {area_key for _, of_scheme, area_key, _ in self._cells if of_scheme == scheme}

    def __bool__(self) -> bool:
        return bool(self._cells)


@dataclass(frozen=True)
class Row:
    """One indicator in the scheme in which it is shown."""

    indicator: Indicator
    scheme: str


@dataclass(frozen=True)
class Comparison:
    """Everything the table prints."""

    screen: Screen
    rows: Sequence[Row]
    columns: Sequence[str]  # area keys
    focus: str
    base: str  # the column that the others are compared with; the focus itself at the top of the ladder
    parts: frozenset[str]
    period_kind: str
    period: date
    trend: Sequence[date]  # oldest first
    values: Values

    def cell(self, row: Row, area_key: str, period: date | None = None) -> Cell:
        """The cell of one row and column, in the table's period or another."""
        return self.values.cell(row.indicator.indicator_id, row.scheme, area_key, period or self.period)

    def judgement(self, row: Row, area_key: str) -> tuple[str, str]:
        """Sign and colour class of a column against the base."""
        if area_key == self.base:
            return "", ""
        own, other = self.cell(row, area_key), self.cell(row, self.base)
        counts_persons = row.indicator.counts_persons(self.period_kind)
        if not counts_persons or None in (own.numerator, own.denominator, other.numerator, other.denominator):
            return "", ""
        inner, outer = _pair(own), _pair(other)
        if self._holds(self.base, area_key):  # a part is compared with the rest, not with itself
            outer = (outer[0] - inner[0], outer[1] - inner[1])
        sign = differs(inner, outer) if min(outer) >= 0 else 0
        if sign == 0:
            return "", ""
        direction = row.indicator.good_direction
        colour = "neutral" if direction == "neutral" else "good" if (sign > 0) == (direction == "good") else "bad"
        return "▲" if sign > 0 else "▼", colour

    def _holds(self, upper: str, lower: str) -> bool:
        return level(upper) == "nation" or self.screen.ladder.at(lower, level(upper)) == upper


def _pair(cell: Cell) -> tuple[float, float]:
    return float(cell.numerator or 0), float(cell.denominator or 0)


def table_html(comparison: Comparison, headers: dict[str, str], counts_below: bool) -> str:
    """The whole table as HTML, definitions included."""
    screen, text = comparison.screen, comparison.screen.text
    has_base = comparison.base != comparison.focus
    head = "".join(
        f'<th scope="col" class="{_column_class(comparison, key)}">{html.escape(screen.area_name(key))}'
        f"<small>{html.escape(headers.get(key, ''))}</small></th>"
        for key in comparison.columns
    )
    extra = f'<th scope="col" class="l">{text("overview.trend")}</th>'
    if has_base:
        base_name = html.escape(screen.area_name(comparison.base))
        extra += f'<th scope="col">{text("overview.difference", name=base_name)}</th>'
    body, block, pops = [], None, []
    for number, row in enumerate(comparison.rows):
        if (row.indicator.block_code, row.scheme) != block:
            block = (row.indicator.block_code, row.scheme)
            title = f"{text('block.' + block[0])}　{text('scheme.' + block[1])}"
            span = len(comparison.columns) + 2 + has_base
            body.append(f'<tr class="block"><th colspan="{span}" class="l">{title}</th></tr>')
        body.append(_row_html(comparison, row, number, has_base, counts_below))
        pops.append(_definition(comparison, row, number))
    caption = f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""
    return (
        f'<div class="ts-wide"><table class="ts" data-testid="comparison">{caption}<thead><tr>'
        f'<th scope="col" class="l">{text("overview.indicator")}</th>{head}{extra}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{''.join(pops)}"
    )


def _column_class(comparison: Comparison, key: str) -> str:
    if key == comparison.focus:
        return "own"
    return "part" if key in comparison.parts else ""


def _row_html(comparison: Comparison, row: Row, number: int, has_base: bool, counts_below: bool) -> str:
    text, shape = comparison.screen.text, row.indicator.shape
    mark = "" if row.indicator.is_verified else f'<span class="ts-unverified">{text("definition.unverified")}</span>'
    cells = [
        f'<th scope="row"><button class="ts-def" popovertarget="def{number}">{html.escape(row.indicator.name)}</button>'
        f'<small><span class="ts-unit">{html.escape(row.indicator.shape.shown_unit)}</span>{mark}</small></th>'
    ]
    for key in comparison.columns:
        cell = comparison.cell(row, key)
        inner = cell_html(text, shape, cell, counts_below)
        sign, colour = comparison.judgement(row, key)
        if sign and (key == comparison.focus or key in comparison.parts):
            inner = f'<span class="{colour}">{sign}</span> {inner}'
        cells.append(f'<td class="{_column_class(comparison, key)}">{inner}</td>')
    base = comparison.base if has_base else None
    own_line = [comparison.cell(row, comparison.focus, day).value(shape) for day in comparison.trend]
    # a count of a town beside that of the nation would only flatten both lines
    base_line = [
        comparison.cell(row, base, day).value(shape) if base and shape.has_denominator else None
        for day in comparison.trend
    ]
    words = "、".join(shape.printed(value) for value in own_line)
    if comparison.screen.mark:
        words = f"{comparison.screen.mark} {words}"
    cells.append(f'<td class="l">{spark.picture(own_line, base_line, words)}</td>')
    if has_base:
        cells.append(f"<td>{_difference(comparison, row)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def cell_html(text: Text, shape: Shape, cell: Cell, counts_below: bool) -> str:
    """A value, or the reason why it is not shown."""
    if cell.status.startswith("hidden"):
        return f'<span class="hid">{html.escape(text("cell." + cell.status))}</span>'
    value = cell.value(shape)
    if value is None:
        return f'<span class="none" title="{html.escape(text("cell.missing"))}">－</span>'
    below = ""
    if counts_below and shape.is_proportion:
        below = f"<small>{count(cell.numerator)}／{count(cell.denominator)}</small>"
    return f"{shape.printed(value)}{below}"


def _difference(comparison: Comparison, row: Row) -> str:
    shape = row.indicator.shape
    own = comparison.cell(row, comparison.focus).value(shape)
    other = comparison.cell(row, comparison.base).value(shape)
    if own is None or other is None or not shape.has_denominator:
        return '<span class="none">－</span>'
    difference = own - other
    sign, colour = comparison.judgement(row, comparison.focus)
    if row.indicator.good_direction == "neutral":
        colour = "neutral"
    printed = f"{difference:+,.{shape.decimals}f}" if round(difference, shape.decimals) else "±0"
    return f'<span class="{colour or "flat"}">{printed}{f" {sign}" if sign else ""}</span>'


def definition_list(screen: Screen, indicator: Indicator) -> str:
    """The definition of an indicator as a list: numerator, denominator, coverage, source, verification."""
    text, row = screen.text, indicator.row
    directions = {"good": "definition.good", "bad": "definition.bad", "neutral": "definition.neutral"}
    additive = "・".join(text(f"definition.add_{name}") for name in str(row["additive_over"] or "").split())
    entries = [
        ("definition.numerator", row["numerator_ja"]),
        ("definition.denominator", row["denominator_ja"]),
        ("definition.scale", f"×{row['scale']} {indicator.shape.shown_unit}"),
        ("definition.age_rule", text.get(f"definition.{row['age_rule']}", str(row["age_rule"]))),
        ("definition.coverage", row["coverage"]),
        ("definition.direction", text(directions[indicator.good_direction])),
        ("definition.additive", additive or text("definition.none")),
        ("definition.report", row["report_name"]),
        ("definition.version", row["definition_version"]),
        ("definition.source", row["source"]),
        ("definition.lineage", _lineage(screen, indicator)),
        ("definition.verified", text("definition.is_verified" if indicator.is_verified else "definition.unverified")),
    ]
    return "<dl>" + "".join(f"<dt>{text(k)}</dt><dd>{html.escape(str(v or '－'))}</dd>" for k, v in entries) + "</dl>"


def _lineage(screen: Screen, indicator: Indicator) -> str:
    text = screen.text
    rows = data.lineage(screen.files.statistics).filter(pl.col("indicator_id") == indicator.indicator_id)
    parts = [
        text(
            "definition.lineage_item",
            stream=text.get(f"stream.{stream}", stream),
            files=count(files or 0),
            records=count(records or 0),
        )
        for _, _, stream, files, records in rows.iter_rows()
    ]
    models = sorted(set(rows["measure_model"]))
    return "、".join([*parts, *(text("definition.lineage_model", model=model) for model in models)])


def _definition(comparison: Comparison, row: Row, number: int) -> str:
    screen, text, shape = comparison.screen, comparison.screen.text, row.indicator.shape
    lines = "".join(
        f'<tr><th class="l">{html.escape(screen.area_name(key))}</th>'
        f"<td>{count(cell.numerator)}</td><td>{count(cell.denominator) if shape.has_denominator else '－'}</td>"
        f"<td>{cell_html(text, shape, cell, counts_below=False)}</td></tr>"
        for key in comparison.columns
        for cell in [comparison.cell(row, key)]
    )
    return (
        f'<div popover id="def{number}" class="ts-pop">'
        f'<button class="close" popovertarget="def{number}" popovertargetaction="hide">{text("definition.close")}'
        f"</button><h3>{html.escape(row.indicator.label)}</h3>{definition_list(screen, row.indicator)}"
        f'<table class="ts"><thead><tr><th class="l">{text("definition.counts")}</th>'
        f"<th>{text('definition.numerator')}</th><th>{text('definition.denominator')}</th>"
        f"<th>{text('league.value')}</th></tr></thead><tbody>{lines}</tbody></table></div>"
    )


def table_csv(comparison: Comparison, conditions: Sequence[tuple[str, str]]) -> bytes:
    """The table as CSV for a spreadsheet: UTF-8 with BOM, its conditions and 架空データ in the first lines."""
    screen, text = comparison.screen, comparison.screen.text
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    if screen.is_synthetic:
        writer.writerow([text("app.synthetic")])
    for name, value in conditions:
        writer.writerow([name, value])
    writer.writerow([])
    header = [text("overview.indicator"), text("overview.unit"), text("scheme.label")]
    for key in comparison.columns:
        name = screen.area_name(key)
        header += [
            name, f"{name} {text('csv.numerator')}", f"{name} {text('csv.denominator')}",
            f"{name} {text('csv.status')}",
        ]  # fmt: skip
    writer.writerow(header)
    for row in comparison.rows:
        shape = row.indicator.shape
        line = [row.indicator.name, row.indicator.shape.shown_unit, text(f"scheme.{row.scheme}")]
        for key in comparison.columns:
            cell = comparison.cell(row, key)
            known = cell.value(shape)
            line += [
                "" if known is None else f"{known:.{shape.decimals + 2}f}",
                "" if cell.numerator is None else f"{cell.numerator:.0f}",
                "" if cell.denominator is None or not shape.has_denominator else f"{cell.denominator:.0f}",
                text("csv.shown") if known is not None else text.get(f"cell.{cell.status}", text("cell.missing")),
            ]
        writer.writerow(line)
    return (CSV_BOM + stream.getvalue()).encode()

"""The table of the overview: indicators in blocks down, areas side by side across."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from app.areas import level
from app.charts import spark
from app.show import Shape, count, differs, short_period
from app.text import Text
from app.views import counts, definitions, marks
from app.views.screen import Indicator, Screen

CSV_BOM = "\ufeff"
_FEW_BLOCKS = 4  # with fewer the whole table is at hand


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
    counts: counts.Counts = field(default_factory=counts.Counts)

    def sent(self, row: Row, area_key: str) -> tuple[counts.Sent, ...]:
        """Counts of senders in a cell; an area of one's own is told by its records alone."""
        if area_key in self.screen.own_areas or self.cell(row, area_key).status == "missing":
            return ()
        return self.counts.of(row.indicator.indicator_id, row.scheme, area_key, self.period)

    def sources(self) -> list[counts.Sent]:
        """All counts of senders in the table."""
        return [each for row in self.rows for key in self.columns for each in self.sent(row, key)]

    def cell(self, row: Row, area_key: str, period: date | None = None) -> Cell:
        """The cell of one row and column, in the table's period or another."""
        return self.values.cell(row.indicator.indicator_id, row.scheme, area_key, period or self.period)

    def ends(self, row: Row) -> list[Row]:
        """The two ends of a row's interval, as rows; none where it has no interval."""
        return [Row(end, row.scheme) for end in self.screen.interval_ends.get(row.indicator.indicator_id, ())]

    def interval(self, row: Row, area_key: str) -> str:
        """The interval of a cell as it is printed, empty where there is none."""
        printed = [
            end.indicator.shape.printed(known)
            for end in self.ends(row)
            if (known := self.cell(end, area_key).value(end.indicator.shape)) is not None
        ]
        return self.screen.text("cell.interval", low=printed[0], high=printed[1]) if len(printed) == 2 else ""

    def judgement(self, row: Row, area_key: str) -> tuple[int, str]:
        """1 higher, -1 lower, 0 no clear difference of a column against the base; good, bad or neutral."""
        if area_key == self.base:
            return 0, ""
        own, other = self.cell(row, area_key), self.cell(row, self.base)
        counts_persons = row.indicator.counts_persons(self.period_kind)
        if not counts_persons or None in (own.numerator, own.denominator, other.numerator, other.denominator):
            return 0, ""
        inner, outer = _pair(own), _pair(other)
        if self._holds(self.base, area_key):  # a part is compared with the rest, not with itself
            outer = (outer[0] - inner[0], outer[1] - inner[1])
        sign = differs(inner, outer) if min(outer) >= 0 else 0
        return sign, marks.direction_of(sign, row.indicator.good_direction)

    def _holds(self, upper: str, lower: str) -> bool:
        return level(upper) == "nation" or self.screen.ladder.at(lower, level(upper)) == upper


def _pair(cell: Cell) -> tuple[float, float]:
    return float(cell.numerator or 0), float(cell.denominator or 0)


def table_html(comparison: Comparison, headers: dict[str, str], *, is_wide: bool) -> str:
    """The whole table as HTML, definitions included; a wide one scrolls in its own frame and prints no counts."""
    screen, text = comparison.screen, comparison.screen.text
    has_base = comparison.base != comparison.focus
    span = len(comparison.columns) + 2 + has_base
    head = "".join(
        f'<th scope="col" class="{_column_class(comparison, key)}">{html.escape(screen.area_name(key))}'
        f"<small>{_own_mark(comparison, key)}{html.escape(headers.get(key, ''))}</small></th>"
        for key in comparison.columns
    )
    years = [short_period(text, comparison.period_kind, day) for day in comparison.trend]
    extra = (
        f'<th scope="col" class="l">{text("overview.trend")}'
        f"<small>{text('overview.from_to', start=years[0], end=years[-1])}</small></th>"
    )
    if has_base:
        base_name = html.escape(screen.area_name(comparison.base))
        extra += f'<th scope="col">{text("overview.difference", name=base_name)}</th>'
    statuses = {comparison.cell(row, key).status for row in comparison.rows for key in comparison.columns}
    body, block, pops, blocks = [], None, [], []
    untold = _untold(comparison, span)
    for number, row in enumerate(comparison.rows):
        if (row.indicator.block_code, row.scheme) != block:
            body.append(untold.pop(block, ""))
            block = (row.indicator.block_code, row.scheme)
            blocks.append(text("block." + block[0]))
            title = "　".join(dict.fromkeys((blocks[-1], text("scheme." + block[1]))))
            body.append(
                f'<tr class="block" id="block{len(blocks)}"><th colspan="{span}" class="l">'
                f"<span>{title}</span></th></tr>"
            )
        if row.indicator.indicator_id not in screen.missing_tables:
            body.append(_row_html(comparison, row, number, has_base, counts_below=not is_wide))
            pops.append(_definition(comparison, row, number))
    body.append(untold.pop(block, ""))
    caption = f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""
    return _jumps(text, blocks) + (
        f'<div class="{"ts-frame" if is_wide else ""}"><table class="ts" data-testid="comparison">{caption}<thead><tr>'
        f'<th scope="col" class="l">{text("overview.indicator")}</th>{head}{extra}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody>{marks.hidden_foot(text, statuses, span=span)}</table></div>{''.join(pops)}"
    )


def _untold(comparison: Comparison, span: int) -> dict[tuple[str, str] | None, str]:
    """By block and scheme a line that says which indicators wait for a public table that nobody has loaded."""
    screen, missing = comparison.screen, comparison.screen.missing_tables
    names: dict[tuple[str, str] | None, list[str]] = {}
    tables: dict[tuple[str, str] | None, dict[str, None]] = {}
    for row in comparison.rows:
        if row.indicator.indicator_id in missing:
            block = (row.indicator.block_code, row.scheme)
            names.setdefault(block, []).append(row.indicator.name)
            needed = [screen.table_name(table) for table in missing[row.indicator.indicator_id]]
            tables.setdefault(block, {}).update(dict.fromkeys(needed))
    lines = {}
    for block, of_block in names.items():
        words = screen.text("overview.table_missing", names="、".join(of_block), tables="・".join(tables[block]))
        lines[block] = f'<tr><td colspan="{span}" class="l"><p class="ts-note">{html.escape(words)}</p></td></tr>'
    return lines


def _jumps(text: Text, blocks: list[str]) -> str:
    """Links to the blocks of a long table."""
    if len(blocks) < _FEW_BLOCKS:
        return ""
    links = "".join(f'<a href="#block{number}">{title}</a>' for number, title in enumerate(blocks, start=1))
    return f'<nav class="ts-jumps" aria-label="{text("overview.jumps")}">{links}</nav>'


def _column_class(comparison: Comparison, key: str) -> str:
    if key == comparison.focus:
        return "own"
    return "part" if key in comparison.parts else ""


def _own_mark(comparison: Comparison, key: str) -> str:
    screen = comparison.screen
    is_other = key != comparison.focus and screen.is_mine(key)
    return f'<span class="ts-own">{screen.text("league.own_mark")}</span>' if is_other else ""


def _row_html(comparison: Comparison, row: Row, number: int, has_base: bool, *, counts_below: bool) -> str:
    text, shape = comparison.screen.text, row.indicator.shape
    mark = "" if row.indicator.is_verified else f'<span class="ts-unverified">{text("definition.unverified")}</span>'
    direction = text(f"definition.{row.indicator.good_direction}")
    cells = [
        f'<th scope="row"><button class="ts-def" popovertarget="def{number}">{html.escape(row.indicator.name)}</button>'
        f'<small><span class="ts-unit">{html.escape(row.indicator.shape.shown_unit)}</span>'
        f'<span class="ts-direction">{direction}</span>{mark}</small></th>'
    ]
    for key in comparison.columns:
        cell = comparison.cell(row, key)
        inner = cell_html(text, shape, cell, counts_below, counts.mark(text, comparison.sent(row, key)))
        if interval := comparison.interval(row, key):
            inner += f'<small title="{html.escape(text("cell.interval_help"))}">{interval}</small>'
        if key == comparison.focus or key in comparison.parts:
            inner = f"{_mark(comparison, row, key)}{inner}"
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


def _mark(comparison: Comparison, row: Row, key: str) -> str:
    sign, direction = comparison.judgement(row, key)
    screen = comparison.screen
    return marks.mark(screen.text, sign, direction, screen.area_name(comparison.base)) if sign else ""


def cell_html(text: Text, shape: Shape, cell: Cell, counts_below: bool, sign: str = "") -> str:
    """A value with a ``sign`` behind it, or the mark of why it is not shown, which the foot of the table spells out."""
    if cell.status.startswith("hidden"):
        return marks.hidden(text, cell.status)
    value = cell.value(shape)
    if value is None:
        return f'<span class="none" title="{html.escape(text("cell.missing"))}">－</span>'
    below = ""
    if counts_below and shape.is_proportion:
        below = f"<small>{count(cell.numerator)}／{count(cell.denominator)}</small>"
    return f"{shape.printed(value)}{sign}{below}"


def _difference(comparison: Comparison, row: Row) -> str:
    shape = row.indicator.shape
    own = comparison.cell(row, comparison.focus).value(shape)
    other = comparison.cell(row, comparison.base).value(shape)
    if own is None or other is None or not shape.has_denominator:
        return '<span class="none">－</span>'
    difference = own - other
    _, colour = comparison.judgement(row, comparison.focus)
    if row.indicator.good_direction == "neutral":
        colour = "neutral"
    printed = f"{difference:+,.{shape.decimals}f}" if round(difference, shape.decimals) else "±0"
    return f'<span class="{colour or "flat"}">{_mark(comparison, row, comparison.focus)}{printed}</span>'


def _definition(comparison: Comparison, row: Row, number: int) -> str:
    screen, text, shape = comparison.screen, comparison.screen.text, row.indicator.shape
    sent = [each for key in comparison.columns for each in comparison.sent(row, key)]
    lines = "".join(
        f'<tr><th class="l">{html.escape(screen.area_name(key))}</th>'
        f"<td>{count(cell.numerator)}</td><td>{count(cell.denominator) if shape.has_denominator else '－'}</td>"
        f"<td>{_in_words(text, shape, cell)}</td>{_rests_on(comparison, row, key) if sent else ''}</tr>"
        for key in comparison.columns
        for cell in [comparison.cell(row, key)]
    )
    head = f'<th class="l">{text("counts.rests_on")}</th>' if sent else ""
    note = f'<p class="ts-note">{html.escape(counts.note(text, sent))}</p>' if sent else ""
    return (
        f'<div popover id="def{number}" class="ts-pop">'
        f'<button class="close" popovertarget="def{number}" popovertargetaction="hide">{text("definition.close")}'
        f"</button><h3>{html.escape(row.indicator.label)}</h3>{definitions.as_list(screen, row.indicator)}"
        f'<table class="ts"><thead><tr><th class="l">{text("definition.counts")}</th>'
        f"<th>{text('definition.numerator')}</th><th>{text('definition.denominator')}</th>"
        f"<th>{text('league.value')}</th>{head}</tr></thead><tbody>{lines}</tbody></table>{note}</div>"
    )


def _rests_on(comparison: Comparison, row: Row, key: str) -> str:
    text, sent = comparison.screen.text, comparison.sent(row, key)
    return f'<td class="l">{counts.insurers(text, sent) if sent else text("counts.records_only")}</td>'


def _in_words(text: Text, shape: Shape, cell: Cell) -> str:
    return html.escape(
        text(f"cell.{cell.status}") if cell.status.startswith("hidden") else shape.printed(cell.value(shape))
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
    if sources := comparison.sources():
        writer.writerow([text("counts.label"), counts.note(text, sources)])
    writer.writerow([])
    header = [text("overview.indicator"), text("overview.unit"), text("scheme.label")]
    for key in comparison.columns:
        name = screen.area_name(key)
        header += [
            name, f"{name} {text('csv.numerator')}", f"{name} {text('csv.denominator')}",
            f"{name} {text('csv.status')}",
        ]  # fmt: skip
    writer.writerow(header)
    for row in (each for shown in comparison.rows for each in (shown, *comparison.ends(shown))):
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

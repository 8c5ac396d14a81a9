"""疾病別医療費: what diseases cost, by class, the own area beside prefecture, peers and nation."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import streamlit as st

from app import data, state
from app.areas import NATION
from app.charts import spark
from app.show import fiscal_year
from app.views import definitions, filters, marks
from app.views.comparison import MISSING, Cell, cell_html
from app.views.disease_csv import table_csv
from app.views.screen import Indicator, Screen

KINDS = ("major", "minor", "detail", "lifestyle", "condition")
OF_CARE = ("certified",)  # who is certified is ill of groups of their own
WITHIN = {
    "lifestyle": "lifestyle_cost_share",
    "certified": "certified_patients",
}  # kinds with an indicator of their own
_SHOWN = 30  # classes of the largest value; the CSV holds them all
_ALL = "all"


@dataclass(frozen=True)
class DiseaseTable:
    """Everything the table prints: classes down, areas across."""

    screen: Screen
    indicator: Indicator
    classes: Sequence[tuple[str, str]]  # code and name, the largest value of the first column first
    columns: Sequence[str]  # area keys, the own one first
    period: date
    trend: Sequence[date]
    cells: dict[tuple[str, str, date], Cell]  # by class, area and period

    def cell(self, class_code: str, area_key: str, period: date | None = None) -> Cell:
        """One value; MISSING where nothing was published."""
        return self.cells.get((class_code, area_key, period or self.period), MISSING)

    def value(self, class_code: str, area_key: str, period: date | None = None) -> float | None:
        """The printed value of a cell."""
        return self.cell(class_code, area_key, period).value(self.indicator.shape)


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("nav.diseases")}</h1><p class="ts-note">{text("diseases.about")}</p>')
    with filters.row():
        choice = filters.choose(screen, kinds=("fiscal_year",))
        if choice is None or not screen.disease_indicators:
            st.info(text("overview.no_values"))
            return
        kind, within = _classes_wanted(screen, choice.scheme)
        columns = _columns(screen)
        figures = data.class_values(screen.files, choice.question, columns).filter(
            pl.col("class_code").str.starts_with(f"{kind}-"), pl.col("scheme_code") == choice.scheme
        )
        indicator = _indicator(screen, choice.scheme, set(figures["indicator_id"]), kind)
    if indicator is None:
        st.info(text("diseases.no_scheme"))
        return
    table = _table_of(screen, choice, indicator, _named(screen, kind, within), columns, figures)
    if not table.classes:
        st.info(text("overview.no_values"))
        return
    period = filters.printed_period(screen, choice.period_kind, choice.period)
    title = html.escape(text("league.title", name=indicator.name, period=period))
    mark = "" if indicator.is_verified else f'<span class="ts-unverified">{text("definition.unverified")}</span>'
    st.html(f'<h2 class="ts-h">{title}{mark}</h2>')
    st.html(_table_html(table))
    shown, known = min(_SHOWN, len(table.classes)), len(table.classes)
    st.html(f'<p class="ts-note">{text("diseases.shown_of", shown=shown, all=known)}</p>')
    _below(screen, table, choice, period)


def _classes_wanted(screen: Screen, scheme: str) -> tuple[str, str]:
    text, kinds = screen.text, OF_CARE if scheme == "care" else KINDS
    kind = state.choose("classes", text("diseases.kind"), kinds, lambda name: text(f"diseases.{name}"), is_inline=True)
    if kind not in ("minor", "detail"):
        return kind, _ALL
    majors = dict(_named(screen, "major", _ALL))
    within = state.choose(
        "within", text("diseases.within"), (_ALL, *majors), lambda code: majors.get(code, text("diseases.all")),
        is_inline=True,
    )  # fmt: skip
    return kind, within


def _indicator(screen: Screen, scheme: str, told: set[str], kind: str) -> Indicator | None:
    """The one that is chosen of those told of this kind of classes, or of those of the scheme where nothing is told."""
    offered = {
        one.indicator_id: one
        for one in screen.disease_indicators
        if scheme in one.schemes and (one.indicator_id in told or not told)
    }
    if not offered:
        return None
    picked = state.choose(
        "disease_indicator", screen.text("overview.indicator"), list(offered), lambda name: offered[name].label,
        default=WITHIN.get(kind, "disease_cost_share"), is_inline=True,
    )  # fmt: skip
    return offered[picked]


def _named(screen: Screen, kind: str, within: str) -> list[tuple[str, str]]:
    """Code and name of the classes of a kind, in their printed order."""
    name = "class_name" if screen.text.is_japanese else "english_class_name"
    known = data.disease_classes(screen.files.statistics).filter(pl.col("class_kind_code") == kind)
    if within != _ALL:
        known = known.filter(pl.col("parent_class_code") == within)
    return list(known.select("class_code", name).iter_rows())


def _columns(screen: Screen) -> list[str]:
    focus = state.get("area") or screen.home
    focus = focus if focus in screen.ladder else screen.home
    above = [screen.ladder.at(focus, "prefecture"), screen.ladder.peer(focus), NATION]
    return list(dict.fromkeys([focus, *(key for key in above if key is not None)]))


def _table_of(
    screen: Screen, choice: filters.Choice, indicator: Indicator, named: list[tuple[str, str]], columns: list[str],
    figures: pl.DataFrame,
) -> DiseaseTable:  # fmt: skip
    frame = figures.filter(pl.col("indicator_id") == indicator.indicator_id)
    names = ("class_code", "area_level", "area_id", "period", "numerator", "denominator", "value_status")
    cells = {(row[0], f"{row[1]}:{row[2]}", row[3]): Cell(*row[4:]) for row in frame.select(names).iter_rows()}
    known = [(code, name) for code, name in named if any((code, key, choice.period) in cells for key in columns)]

    def size(one: tuple[str, str]) -> tuple[float, ...]:
        found = (cells.get((one[0], key, choice.period), MISSING).value(indicator.shape) for key in columns)
        return tuple(value if value is not None else float("-inf") for value in found)

    ordered = sorted(known, key=size, reverse=True)
    return DiseaseTable(screen, indicator, ordered, columns, choice.period, choice.trend, cells)


def _table_html(table: DiseaseTable) -> str:
    screen, text, shape = table.screen, table.screen.text, table.indicator.shape
    own, *others = table.columns
    head = "".join(f'<th scope="col">{html.escape(screen.area_name(key))}</th>' for key in others)
    shown = table.classes[:_SHOWN]
    top = max((table.value(code, key) or 0.0 for code, _ in shown for key in table.columns[:2]), default=0.0) or 1.0
    rows = []
    for number, (code, name) in enumerate(shown, start=1):
        value, cell = table.value(code, own), table.cell(code, own)
        beside = others[0] if others else own
        line = table.value(code, beside)
        mark = "" if line is None or beside == own else f'<i style="left:{line / top:.2%}"></i>'
        bar = "" if value is None else f'<div class="ts-bar"><b style="width:{value / top:.2%}"></b>{mark}</div>'
        lines = [[table.value(code, key, day) for day in table.trend] for key in (own, beside)]
        words = "、".join(shape.printed(one) for one in lines[0])
        picture = spark.picture(lines[0], lines[1] if beside != own else [], f"{screen.mark} {words}".strip())
        compared = "".join(f"<td>{cell_html(text, shape, table.cell(code, key), False)}</td>" for key in others)
        rows.append(
            f'<tr><td>{number}</td><th scope="row" class="l">{html.escape(name)}</th>'
            f'<td class="own">{cell_html(text, shape, cell, False)}</td><td class="ts-bars">{bar}</td>{compared}'
            f'<td class="l">{picture}</td></tr>'
        )
    statuses = {table.cell(code, key).status for code, _ in shown for key in table.columns}
    caption = f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""
    years = text("overview.from_to", start=fiscal_year(table.trend[0]), end=fiscal_year(table.trend[-1]))
    base = html.escape(text("diseases.line", name=screen.area_name(others[0]))) if others else ""
    return (
        f'<table class="ts ts-league" data-testid="diseases">{caption}<thead><tr><th>{text("league.rank")}</th>'
        f'<th class="l">{text("diseases.disease")}</th><th class="own">{html.escape(screen.area_name(own))}'
        f'<small>{html.escape(shape.shown_unit)}</small></th><th class="l"><small>{base}</small></th>{head}'
        f'<th class="l">{text("overview.trend")}<small>{years}</small></th></tr></thead><tbody>{"".join(rows)}</tbody>'
        f"{marks.hidden_foot(text, statuses, span=5 + len(others))}</table>"
    )


def _below(screen: Screen, table: DiseaseTable, choice: filters.Choice, period: str) -> None:
    text, indicator = screen.text, table.indicator
    with st.container(horizontal=True, gap="small"):
        with st.popover(text("league.definition_of", name=indicator.name)):
            st.html(f'<div class="ts-def-list">{definitions.as_list(screen, indicator)}</div>')
        conditions = [
            (text("overview.indicator"), indicator.label),
            *filters.printed_conditions(screen, choice),
        ]
        st.download_button(
            text("overview.download"),
            table_csv(table, conditions),
            file_name=f"{text('diseases.file_name', name=indicator.name, period=period)}.csv",
            mime="text/csv",
            key="download_diseases",
            on_click=_log_download,
            args=(screen, indicator.indicator_id),
        )


def _log_download(screen: Screen, indicator_id: str) -> None:
    screen.log("download", object=f"diseases {indicator_id}", result="done", edition=screen.edition)

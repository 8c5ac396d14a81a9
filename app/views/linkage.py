"""紐付けの品質: how well records are joined to persons, without truth: what cannot be, and what should be found.

For those whose statistics rest on all insurers and who watch over the linkage: 国保連合会 and the center.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import date

import streamlit as st

from app import data, state
from app.access.rights import Rights
from app.areas import NATION, level
from app.show import short_period
from app.views import comparison as tables
from app.views import definitions, marks
from app.views.comparison import Cell, Values
from app.views.screen import Indicator, Screen

_VIEWER_CLASS = "operator"
_MONTHS = 12
_EVERYBODY = ("all", ("all",))  # of sex and age: these figures are of all together


def is_for(rights: Rights) -> bool:
    """Whether the page is offered: to whom watches over the linkage of all insurers."""
    return rights.viewer_class == _VIEWER_CLASS


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    if not is_for(screen.rights):
        screen.log("view_linkage", object="page", result="refused")
        st.error(text("app.no_rights"))
        return
    st.html(f'<h1 class="ts-h">{text("linkage.heading")}</h1><p class="ts-note">{text("linkage.about")}</p>')
    months = data.periods(screen.files.statistics, "month")[:_MONTHS][::-1]
    years = data.periods(screen.files.statistics, "fiscal_year")[:1]
    indicators = screen.linkage_indicators
    if not months or not indicators:
        st.info(text("overview.no_values"))
        return
    areas = _areas(screen)
    area = state.choose("area", text("linkage.area"), areas, screen.area_name, default=screen.home, is_inline=True)
    by_month = _values(screen, "month", months, areas)
    by_year = _values(screen, "fiscal_year", years, areas)
    rows = [(one, scheme) for one in indicators for scheme in one.schemes]
    table = [
        (
            _name(screen, one, scheme, number),
            one,
            [by_year.cell(one.indicator_id, scheme, area, year) for year in years]
            + [by_month.cell(one.indicator_id, scheme, area, month) for month in months],
        )
        for number, (one, scheme) in enumerate(rows)
    ]
    shown = [row for row in table if any(cell.status != "missing" for cell in row[2])]
    if not shown:
        st.info(text("overview.no_values"))
        return
    st.html(f'<h2 class="ts-h">{html.escape(screen.area_name(area))}</h2>')
    heads = [short_period(text, "fiscal_year", year) for year in years]
    heads += [short_period(text, "month", month) for month in months]
    st.html(_table(screen, text("overview.indicator"), heads, shown, "linkage"))
    st.html("".join(_definition(screen, one, number) for number, (one, _) in enumerate(rows)))
    _of_insurers(screen, rows, areas, heads, years, months, by_year, by_month)


def _areas(screen: Screen) -> list[str]:
    known = [key for kind in ("prefecture", "insurer") for key in data.areas_with_values(screen.files.statistics, kind)]
    home = screen.ladder.at(screen.home, "prefecture")
    if home is not None:
        known = [key for key in known if key == home or screen.ladder.at(key, "prefecture") == home]
    return list(dict.fromkeys([screen.home, NATION, *known]))


def _values(screen: Screen, kind: str, periods: Sequence[date], areas: Sequence[str]) -> Values:
    sex, bands = _EVERYBODY
    return Values(data.values(screen.files, data.Question(kind, tuple(periods), sex, bands), areas))


def _name(screen: Screen, indicator: Indicator, scheme: str, number: int) -> str:
    unit, words = html.escape(indicator.shape.shown_unit), html.escape(screen.text(f"scheme.{scheme}"))
    return (
        f'<button class="ts-def" popovertarget="link{number}">{html.escape(indicator.name)}</button>'
        f'<small><span class="ts-unit">{words}　{unit}</span></small>'
    )


def _table(
    screen: Screen, corner: str, heads: Sequence[str], rows: Sequence[tuple[str, Indicator, list[Cell]]], test_id: str
) -> str:
    text = screen.text
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row" class="l">{name}</th>'
        + "".join(f"<td>{tables.cell_html(text, one.shape, cell, counts_below=False)}</td>" for cell in cells)
        + "</tr>"
        for name, one, cells in rows
    )
    statuses = {cell.status for _, _, cells in rows for cell in cells}
    caption = f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""
    return (
        f'<div class="ts-frame"><table class="ts" data-testid="{test_id}">{caption}<thead><tr>'
        f'<th scope="col" class="l">{html.escape(corner)}</th>{head}</tr></thead><tbody>{body}</tbody>'
        f"{marks.hidden_foot(text, statuses, span=len(heads) + 1)}</table></div>"
    )


def _definition(screen: Screen, indicator: Indicator, number: int) -> str:
    return (
        f'<div popover id="link{number}" class="ts-pop"><button class="close" popovertarget="link{number}" '
        f'popovertargetaction="hide">{screen.text("definition.close")}</button>'
        f"<h3>{html.escape(indicator.label)}</h3>{definitions.as_list(screen, indicator)}</div>"
    )


def _of_insurers(
    screen: Screen, rows: Sequence[tuple[Indicator, str]], areas: Sequence[str], heads: Sequence[str],
    years: Sequence[date], months: Sequence[date], by_year: Values, by_month: Values,
) -> None:  # fmt: skip
    text = screen.text
    offered = {f"{one.indicator_id}.{scheme}": (one, scheme) for one, scheme in rows}
    st.html(f'<h2 class="ts-h">{text("linkage.by_insurer")}</h2>')
    picked = state.choose(
        "indicator", text("overview.indicator"), list(offered),
        lambda key: f"{offered[key][0].label}　{text(f'scheme.{offered[key][1]}')}", is_inline=True,
    )  # fmt: skip
    one, scheme = offered[picked]
    found = [
        (
            html.escape(screen.area_name(key)),
            one,
            [by_year.cell(one.indicator_id, scheme, key, year) for year in years]
            + [by_month.cell(one.indicator_id, scheme, key, month) for month in months],
        )
        for key in areas
        if level(key) == "insurer"
    ]
    shown = [row for row in found if any(cell.status != "missing" for cell in row[2])]
    if not shown:
        st.info(text("overview.no_values"))
        return
    st.html(_table(screen, text("level.insurer"), heads, shown, "linkage_insurers"))

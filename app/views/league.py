"""市区町村一覧: one indicator over many places, ranked, with the range of chance beside it."""

from __future__ import annotations

import csv
import html
import io

import polars as pl
import streamlit as st

from app import data, state
from app.areas import NATION, level
from app.charts import bars
from app.views import comparison as tables
from app.views import filters
from app.views.screen import Indicator, Screen

_LEVELS = ("municipality", "medical_area", "insurer")


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("nav.league")}</h1>')
    with st.container(key="ts_filters"):
        choice = filters.choose(screen)
        if choice is None:
            st.info(text("overview.no_values"))
            return
        left, middle, right = st.columns([2.4, 1.6, 1.4])
        pairs = {indicator.indicator_id: (indicator, scheme) for indicator, scheme in filters.offered(screen, choice)}
        with left:
            picked = state.choose(
                "indicator", text("overview.indicator"), list(pairs), lambda name: pairs[name][0].label,
                default="attendance_legal",
            )  # fmt: skip
        with middle:
            scopes = _scopes(screen)
            scope = state.choose("scope", text("league.scope"), scopes, screen.area_name, default=scopes[0])
        with right:
            wanted = state.choose("level", text("league.level"), _LEVELS, lambda name: text(f"level.{name}"))
    indicator, scheme = pairs[picked]
    places = _places(screen, scope, wanted)
    found = tables.Values(data.values(screen.files, choice.question, [*places, scope]))
    frame = _ranked(screen, indicator, scheme, places, found, choice)
    whole = found.cell(indicator.indicator_id, scheme, scope, choice.period)
    # the whole of a count is no mean to compare with
    overall = whole.value(indicator.shape) if indicator.shape.has_denominator else None
    if frame["value"].drop_nulls().is_empty():
        st.info(text("overview.no_values"))
        return
    with st.container(key="ts_body"):
        left, right = st.columns([1.25, 1], gap="medium")
        with left:
            _table(screen, indicator, frame, overall, choice, scope)
        with right:
            _pictures(screen, indicator, frame, overall, choice)


def _scopes(screen: Screen) -> list[str]:
    home = screen.ladder.at(screen.home, "prefecture")
    prefectures = [key for key in data.areas_with_values(screen.files.statistics, "prefecture") if key != home]
    peer = screen.ladder.peer(screen.home)
    return [key for key in [home, peer, NATION, *prefectures] if key is not None]


def _places(screen: Screen, scope: str, wanted: str) -> list[str]:
    known = data.areas_with_values(screen.files.statistics, wanted)
    if level(scope) == "peer":
        return [key for key in known if screen.ladder.peer(key) == scope]
    return [key for key in known if level(scope) == "nation" or screen.ladder.at(key, level(scope)) == scope]


def _ranked(
    screen: Screen,
    indicator: Indicator,
    scheme: str,
    places: list[str],
    found: tables.Values,
    choice: filters.Choice,
) -> pl.DataFrame:
    rows = []
    for key in places:
        cell = found.cell(indicator.indicator_id, scheme, key, choice.period)
        if cell.status != "missing":
            rows.append(
                (screen.area_name(key), cell.value(indicator.shape), cell.numerator, cell.denominator, cell.status,
                 key in screen.own_areas or key == screen.home)
            )  # fmt: skip
    frame = pl.DataFrame(
        rows,
        schema={"name": pl.String, "value": pl.Float64, "numerator": pl.Float64, "denominator": pl.Float64,
                "status": pl.String, "is_own": pl.Boolean},
        orient="row",
    )  # fmt: skip
    return frame.sort("value", "name", descending=[True, False], nulls_last=True).with_columns(
        rank=pl.col("value").rank("min", descending=True).cast(pl.Int64)
    )


def _table(
    screen: Screen,
    indicator: Indicator,
    frame: pl.DataFrame,
    overall: float | None,
    choice: filters.Choice,
    scope: str,
) -> None:
    text, shape = screen.text, indicator.shape
    shown = frame.filter(pl.col("value").is_not_null()).height
    if screen.mark:
        st.html(f'<p class="ts-note" style="color:#8a6200">{screen.mark}</p>')
    printed = pl.DataFrame(
        {
            text("league.rank"): frame["rank"],
            text("league.name"): [
                f"{name}（{text('league.own_mark')}）" if own else name
                for name, own in zip(frame["name"], frame["is_own"], strict=True)
            ],
            f"{text('league.value')}({indicator.shape.shown_unit})": frame["value"],
            text("league.difference"): frame["value"] - overall if overall is not None else frame["value"] * None,
            text("definition.numerator"): frame["numerator"],
            text("definition.denominator"): frame["denominator"],
            text("csv.status"): [
                "" if status == "shown" else text.get(f"cell.{status}", status) for status in frame["status"]
            ],
        }
    )
    number = st.column_config.NumberColumn
    style = f"%.{shape.decimals}f" if shape.decimals else "localized"
    st.dataframe(
        printed,
        hide_index=True,
        height="content" if frame.height <= 25 else 900,
        column_config={
            printed.columns[0]: number(width=50),
            printed.columns[2]: number(format=style),
            printed.columns[3]: number(format="%+.1f" if shape.decimals else "%+.0f"),
            printed.columns[4]: number(format="localized"),
            printed.columns[5]: number(format="localized"),
        },
        column_order=_columns(printed.columns, shape.has_denominator, has_hidden=shown < frame.height),
        key="league_table",
        placeholder="－",
    )
    st.html(
        f'<p class="ts-note">{text("league.sort_hint")}　{text("league.order_note")}　'
        f"{text('league.shown_of', shown=shown, all=frame.height)}</p>"
    )
    with st.popover(text("league.definition_of", name=indicator.name)):
        st.html(f'<div class="ts-def-list">{tables.definition_list(screen, indicator)}</div>')
    conditions = [
        (text("overview.indicator"), f"{indicator.name}({indicator.shape.shown_unit})"),
        (text("league.scope"), screen.area_name(scope)),
        *filters.printed_conditions(screen, choice),
    ]
    period = filters.printed_period(screen, choice.period_kind, choice.period)
    st.download_button(
        text("overview.download"),
        _csv(screen, printed, conditions),
        file_name=f"{text('league.file_name', name=indicator.name, period=period)}.csv",
        mime="text/csv",
        key="download_league",
        on_click=_log_download,
        args=(screen, indicator.indicator_id),
    )


def _columns(names: list[str], has_denominator: bool, *, has_hidden: bool) -> list[str]:
    rank, name, value, difference, numerator, denominator, status = names
    counts = [difference, numerator, denominator] if has_denominator else []
    return [rank, name, value, *counts, *([status] if has_hidden else [])]


def _log_download(screen: Screen, indicator_id: str) -> None:
    screen.log("download", object=f"league {indicator_id}", result="done", edition=screen.edition)


def _csv(screen: Screen, printed: pl.DataFrame, conditions: list[tuple[str, str]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    if screen.is_synthetic:
        writer.writerow([screen.text("app.synthetic")])
    writer.writerows(conditions)
    writer.writerow([])
    writer.writerow(printed.columns)
    writer.writerows(["" if value is None else value for value in row] for row in printed.iter_rows())
    return (tables.CSV_BOM + stream.getvalue()).encode()


def _pictures(
    screen: Screen, indicator: Indicator, frame: pl.DataFrame, overall: float | None, choice: filters.Choice
) -> None:
    text, shape = screen.text, indicator.shape
    period = filters.printed_period(screen, choice.period_kind, choice.period)
    title = text("league.bars", name=indicator.name, period=period)
    known = frame.filter(pl.col("value").is_not_null())
    st.altair_chart(bars.league_chart(known, shape, overall, text, screen.mark, title), key="chart_league", theme=None)
    if indicator.counts_persons(choice.period_kind) and known.height >= 3:
        title = text("league.funnel", name=indicator.name)
        st.altair_chart(bars.funnel_chart(known, shape, text, screen.mark, title), key="chart_funnel", theme=None)
        st.html(f'<p class="ts-note">{html.escape(text("league.funnel_note"))}</p>')

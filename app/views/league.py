"""市区町村一覧: one indicator over many places, ranked, with the range of chance beside it."""

from __future__ import annotations

import html

import streamlit as st

from app import data, state
from app.areas import NATION, level
from app.charts import bars
from app.views import comparison as tables
from app.views import counts, definitions, filters, marks, ranking
from app.views.ranking import Place, Ranking
from app.views.screen import Screen

_LEVELS = ("municipality", "medical_area", "insurer")


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("nav.league")}</h1>')
    with filters.row():
        choice = filters.choose(screen)
        if choice is None:
            st.info(text("overview.no_values"))
            return
        pairs = {
            indicator.indicator_id: (indicator, scheme)
            for indicator, scheme in filters.offered(screen, choice)
            if indicator.indicator_id not in screen.missing_tables
        }
        picked = state.choose(
            "indicator", text("overview.indicator"), list(pairs), lambda name: pairs[name][0].label,
            default="attendance_legal", is_inline=True,
        )  # fmt: skip
        scopes = _scopes(screen)
        scope = state.choose("scope", text("league.scope"), scopes, screen.area_name, is_inline=True)
        wanted = state.choose(
            "level", text("league.level"), _LEVELS, lambda name: text(f"level.{name}"), default=level(screen.home),
            is_inline=True,
        )  # fmt: skip
        order = state.choose(
            "sort", text("league.order"), ranking.ORDERS, lambda name: text(f"league.order_{name}"), is_inline=True
        )
    indicator, scheme = pairs[picked]
    places = _places(screen, scope, wanted)
    found = tables.Values(data.values(screen.files, choice.question, [*places, scope]))
    cells = {key: found.cell(picked, scheme, key, choice.period) for key in places}
    ranked = Ranking(
        screen,
        indicator,
        [
            Place(key, screen.area_name(key), cell, screen.is_mine(key))
            for key, cell in cells.items()
            if cell.status != "missing"
        ],
        found.cell(picked, scheme, scope, choice.period),
        screen.area_name(scope),
        indicator.counts_persons(choice.period_kind),
        _sent(screen, choice, picked, scheme, places),
    )
    if not ranked.places:
        st.info(text("league.no_values"))
        return
    with st.container(key="ts_body"):
        left, right = st.columns([1.25, 1], gap="medium")
        with left:
            _table(screen, ranked, order, choice, scope)
        with right:
            _picture(screen, ranked)


def _sent(
    screen: Screen, choice: filters.Choice, indicator_id: str, scheme: str, places: list[str]
) -> dict[str, tuple[counts.Sent, ...]]:
    """Counts of senders by place; they are told of both sexes and all ages together, and not of one's own areas."""
    question = choice.question
    if question.sex_code != data.ALL or question.age_bands != (data.ALL,):
        return {}
    frame = data.sent_counts(screen.files.statistics, choice.period_kind, choice.period, tuple(sorted(places)))
    found = counts.Counts(frame)
    return {
        key: sent
        for key in places
        if key not in screen.own_areas and (sent := found.of(indicator_id, scheme, key, choice.period))
    }


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


def _table(screen: Screen, ranked: Ranking, order: str, choice: filters.Choice, scope: str) -> None:
    text, indicator = screen.text, ranked.indicator
    period = filters.printed_period(screen, choice.period_kind, choice.period)
    st.html(f'<h2 class="ts-h">{html.escape(text("league.title", name=indicator.name, period=period))}</h2>')
    st.html(ranking.table_html(ranked, order))
    if ranked.is_of_persons and ranked.overall is not None:
        st.html(f'<p class="ts-note">{marks.legend(text, ranked.whole_name)}</p>')
    if sources := ranked.sources():
        st.html(f'<p class="ts-note">{html.escape(counts.note(text, sources))}</p>')
    shown = ranked.frame().height
    st.html(
        f'<p class="ts-note">{text("league.order_note")}　'
        f"{text('league.shown_of', shown=shown, all=len(ranked.places))}</p>"
    )
    with st.container(horizontal=True, gap="small"):
        with st.popover(text("league.definition_of", name=indicator.name)):
            st.html(f'<div class="ts-def-list">{definitions.as_list(screen, indicator)}</div>')
        conditions = [
            (text("overview.indicator"), f"{indicator.name}({indicator.shape.shown_unit})"),
            (text("league.scope"), screen.area_name(scope)),
            *filters.printed_conditions(screen, choice),
        ]
        st.download_button(
            text("overview.download"),
            ranking.table_csv(ranked, order, conditions),
            file_name=f"{text('league.file_name', name=indicator.name, period=period)}.csv",
            mime="text/csv",
            key="download_league",
            on_click=_log_download,
            args=(screen, indicator.indicator_id),
        )


def _log_download(screen: Screen, indicator_id: str) -> None:
    screen.log("download", object=f"league {indicator_id}", result="done", edition=screen.edition)


def _picture(screen: Screen, ranked: Ranking) -> None:
    text, known = screen.text, ranked.frame()
    if not ranked.is_of_persons or known.height < 3:
        st.html(f'<p class="ts-note">{text("league.no_funnel")}</p>')
        return
    title = text("league.funnel", name=ranked.indicator.name)
    st.altair_chart(bars.funnel_chart(known, ranked.shape, text, screen.mark, title), key="chart_funnel", theme=None)
    st.html(f'<p class="ts-note">{html.escape(text("league.funnel_note"))}</p>')

"""全体像: own area, prefecture, peers and nation side by side, up and down the ladder in one table."""

from __future__ import annotations

import html

import polars as pl
import streamlit as st

from app import data, state
from app.areas import LEVELS, NATION, OWN_DISTRICTS, level
from app.charts import bars, trend
from app.views import comparison as tables
from app.views import counts, filters, marks
from app.views.screen import Screen

_WIDE = 6  # more columns than this and the chart goes below the table


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    focus, part_level = _ladder(screen)
    parts = _parts(screen, focus, part_level)
    columns = _columns(screen, focus, parts)
    with filters.row():
        choice = filters.choose(screen)
        _base_switch(screen, focus, columns)
    if choice is None:
        st.info(text("overview.no_values"))
        return
    rows = [tables.Row(indicator, scheme) for indicator, scheme in filters.offered(screen, choice)]
    values = tables.Values(data.values(screen.files, choice.question, columns))
    # Insurers of other schemes are no parts of this one.
    parts = [key for key in parts if key in values.areas_of(choice.scheme)]
    columns = _columns(screen, focus, parts)
    base = _base(focus, columns)
    comparison = tables.Comparison(
        screen,
        rows,
        columns,
        focus,
        base,
        frozenset(parts),
        choice.period_kind,
        choice.period,
        choice.trend,
        values,
        counts.Counts(_sent(screen, choice, columns)),
    )
    if not values:
        st.info(text("overview.no_values"))
        return
    with st.container(key="ts_body"):
        if len(columns) > _WIDE:
            _table(screen, comparison, choice)
            _charts(screen, comparison, choice)
        else:
            left, right = st.columns([2.1, 1], gap="medium")
            with left:
                _table(screen, comparison, choice)
            with right:
                _charts(screen, comparison, choice)


def _sent(screen: Screen, choice: filters.Choice, columns: list[str]) -> pl.DataFrame | None:
    """Counts of senders behind the values; they are told of both sexes and all ages together."""
    question = choice.question
    if question.sex_code != data.ALL or question.age_bands != (data.ALL,):
        return None
    return data.sent_counts(screen.files.statistics, choice.period_kind, choice.period, tuple(sorted(columns)))


# --- the ladder ----------------------------------------------------------------------------------


def _focus(screen: Screen) -> str:
    wanted = state.get("area")
    return wanted if wanted is not None and wanted in screen.ladder else screen.home


def _go(area: str, keep: str | None) -> None:
    """Move to ``area`` and keep the column of the area that was left."""
    kept = [key for key in state.several("columns") if key != area]
    state.put("area", area)
    state.put_several("columns", [*kept, keep] if keep and keep not in kept else kept)
    state.put("parts", None)


def _start_again() -> None:
    for name in ("area", "columns", "parts"):
        state.put(name, None)


def _part_levels(screen: Screen, focus: str) -> list[str]:
    found = [name for name in LEVELS[LEVELS.index(level(focus)) + 1 :] if _below(screen, focus, name)]
    return [name for name in found if name != "insurer" or level(focus) == "prefecture"]


def _districts(screen: Screen, focus: str) -> list[str]:
    """The districts of a town in every set, where the tenant has its own counts of them."""
    if level(focus) != "municipality":
        return []
    return [key for key in screen.ladder.below(focus, "district") if key in screen.own_areas]


def _district_sets(screen: Screen, focus: str) -> list[str]:
    found = {screen.ladder.district_set(key) for key in _districts(screen, focus)}
    return sorted(found, key=lambda name: (name != OWN_DISTRICTS, name))


def _district_set(screen: Screen, focus: str) -> str | None:
    """The set that is shown: the chosen one, else the first that the town has."""
    sets, chosen = _district_sets(screen, focus), state.get("set")
    return chosen if chosen in sets else next(iter(sets), None)


def _below(screen: Screen, focus: str, wanted: str) -> list[str]:
    # Districts are in no statistics: only the own ones have numbers, and only beside their town.
    if wanted == "district":
        chosen = _district_set(screen, focus)
        return [key for key in _districts(screen, focus) if screen.ladder.district_set(key) == chosen]
    known = set(data.areas_with_values(screen.files.statistics, wanted))
    return [key for key in screen.ladder.below(focus, wanted) if key in known]


def _ladder(screen: Screen) -> tuple[str, str | None]:
    text, focus = screen.text, _focus(screen)
    path = screen.ladder.path(focus)
    with st.container(key="ts_ladder", horizontal=True, vertical_alignment="center", gap="xsmall"):
        for step in path[:-1]:
            st.button(screen.area_name(step), key=f"go_{step}", type="tertiary", on_click=_go, args=(step, focus))
            st.html('<span class="ts-step">›</span>', width="content")
        st.html(f'<h1 class="ts-h ts-here">{html.escape(screen.area_name(focus))}</h1>', width="content")
        if len(path) > 1:
            st.button(
                text("overview.up"), key="go_up", help=text("overview.up_help"), on_click=_go, args=(path[-2], focus)
            )
        part_level = _part_switch(screen, focus)
        if part_level == "district":
            _set_switch(screen, focus)
        if part_level is not None:
            _go_down(screen, focus, part_level)
        if focus != screen.home or state.get("columns") is not None:
            st.button(text("overview.reset"), key="go_home", type="tertiary", on_click=_start_again)
    return focus, part_level


def _part_switch(screen: Screen, focus: str) -> str | None:
    text, levels = screen.text, _part_levels(screen, focus)
    if not levels:
        return None
    if state.get("parts") not in levels:
        state.put("parts", None)
    st.html(f'<span class="ts-step">{text("overview.parts")}</span>', width="content")
    picked = st.segmented_control(
        text("overview.parts"),
        levels,
        format_func=lambda name: text(f"level.by_{name}"),
        key=state.key("parts"),
        label_visibility="collapsed",
    )
    return None if picked is None else str(picked)


def _set_switch(screen: Screen, focus: str) -> None:
    """Which set of districts, where the town keeps more than one."""
    text, sets = screen.text, _district_sets(screen, focus)
    if len(sets) < 2:
        return
    if state.get("set") not in sets:
        state.put("set", sets[0])
    st.selectbox(
        text("overview.district_set"), sets, key=state.key("set"), label_visibility="collapsed", width=190,
        format_func=lambda name: text("level.own_districts") if name == OWN_DISTRICTS else name,
    )  # fmt: skip


def _go_down(screen: Screen, focus: str, part_level: str) -> None:
    text = screen.text

    def chosen() -> None:
        picked = st.session_state.get("go_down")
        if picked:
            _go(picked, focus)

    st.session_state["go_down"] = None
    st.selectbox(
        text("overview.go_down"), _below(screen, focus, part_level), index=None, format_func=screen.area_name,
        placeholder=text("overview.go_down"), key="go_down", on_change=chosen, label_visibility="collapsed", width=190,
    )  # fmt: skip


def _parts(screen: Screen, focus: str, part_level: str | None) -> list[str]:
    return _below(screen, focus, part_level) if part_level else []


def _columns(screen: Screen, focus: str, parts: list[str]) -> list[str]:
    ladder = screen.ladder
    town = ladder.at(focus, "municipality")
    by_level: dict[str, list[str | None]] = {
        "nation": [],
        "prefecture": [NATION],
        "medical_area": [ladder.at(focus, "prefecture"), NATION],
        "district": [town, ladder.at(focus, "prefecture"), ladder.peer(town) if town else None, NATION],
    }
    beside = by_level.get(level(focus), [ladder.at(focus, "prefecture"), ladder.peer(focus), NATION])
    kept = [key for key in state.several("columns") if key in ladder]
    order = {name: number for number, name in enumerate(reversed(LEVELS))} | {"peer": len(LEVELS) - 1.5}
    others = {key for key in [*beside, *kept] if key is not None and key != focus and key not in parts}
    narrow = sorted(
        (key for key in others if order[level(key)] < order[level(focus)]), key=lambda key: (order[level(key)], key)
    )
    wide = sorted((others - set(narrow)), key=lambda key: (order[level(key)], key))
    return [*narrow, focus, *parts, *wide]


def _wider(focus: str, columns: list[str]) -> list[str]:
    order = ("nation", "peer", "prefecture", "medical_area", "insurer", "municipality", "district")
    wider = order[: order.index(level(focus))]
    return [key for key in columns if level(key) in wider and level(key) in order[:4]]


def _base(focus: str, columns: list[str]) -> str:
    """The column that the others are compared with: the chosen one, or the whole that was taken apart."""
    return next((key for key in _wider(focus, columns) if level(key) == state.get("base")), focus)


# --- table and pictures ----------------------------------------------------------------------------


def _headers(screen: Screen, comparison: tables.Comparison, scheme: str) -> dict[str, str]:
    """How many places each wider column rests on; unions without a town are counted as insurers."""
    text, ladder = screen.text, screen.ladder
    unit = "insurer" if scheme == "kumiai" else "municipality"
    resting = data.areas_with_values(screen.files.statistics, unit, scheme)
    by_counts = data.areas_by_counts(screen.files.statistics, unit, scheme)
    notes = {}
    for key in comparison.columns:
        if level(key) in ("nation", "prefecture", "medical_area", "peer"):
            inside = [place for place in resting if _inside(screen, key, place)]
            sent = sum(place in by_counts for place in inside)
            notes[key] = text(f"overview.rests_on_{unit}", count=f"{len(inside) - sent:,}")
            if sent and key not in screen.own_areas:
                notes[key] += text("counts.header", count=f"{sent:,}")
        elif level(key) == "district" and (town := ladder.at(key, "municipality")) != comparison.focus:
            notes[key] = screen.area_name(town or key)
    return notes


def _inside(screen: Screen, area_key: str, place: str) -> bool:
    if level(area_key) == "nation":
        return True
    if level(area_key) == "peer":
        return screen.ladder.peer(place) == area_key
    return screen.ladder.at(place, level(area_key)) == area_key


def _table(screen: Screen, comparison: tables.Comparison, choice: filters.Choice) -> None:
    text = screen.text
    is_wide = len(comparison.columns) > _WIDE
    st.html(tables.table_html(comparison, _headers(screen, comparison, choice.scheme), is_wide=is_wide))
    if comparison.base != comparison.focus or comparison.parts:
        st.html(f'<p class="ts-note">{marks.legend(text, screen.area_name(comparison.base))}</p>')
    notes = [text("overview.click_hint")]
    if sources := comparison.sources():
        notes.append(html.escape(counts.note(text, sources)))
    has_districts = any(level(key) == "district" for key in comparison.columns)
    if has_districts and choice.age != data.ALL and choice.period_kind != "fiscal_year":
        notes.append(text("overview.no_ages_of_districts"))
    peers = [key for key in comparison.columns if level(key) == "peer"]
    if peers:
        notes.append(f"{text('level.peer')}：{text('level.peer_note')}")
        if not any(comparison.cell(row, peers[0]).status != "missing" for row in comparison.rows):
            notes.append(text("overview.no_peers"))
    st.html(f'<p class="ts-note">{"　".join(notes)}</p>')
    conditions = [(text("csv.area"), screen.area_name(comparison.focus)), *filters.printed_conditions(screen, choice)]
    name = text("overview.file_name", area=screen.area_name(comparison.focus), period=conditions[1][1])
    st.download_button(
        text("overview.download"), tables.table_csv(comparison, conditions), file_name=f"{name}.csv",
        mime="text/csv", key="download_overview", on_click=_log_download,
        args=(screen, "overview", comparison.focus),
    )  # fmt: skip


def _log_download(screen: Screen, page: str, area: str) -> None:
    screen.log("download", object=f"{page} {area}", result="done", edition=screen.edition)


def _base_switch(screen: Screen, focus: str, columns: list[str]) -> None:
    wider = [level(key) for key in _wider(focus, columns)]
    if wider:
        state.choose(
            "base", screen.text("overview.base"), wider, lambda name: screen.text(f"level.{name}"),
            default="prefecture", is_inline=True,
        )  # fmt: skip


def _charts(screen: Screen, comparison: tables.Comparison, choice: filters.Choice) -> None:
    text = screen.text
    missing = screen.missing_tables
    rows = {row.indicator.indicator_id: row for row in comparison.rows if row.indicator.indicator_id not in missing}
    default = "attendance_legal" if "attendance_legal" in rows else None
    picked = state.choose(
        "indicator", text("overview.chart_indicator"), list(rows), lambda name: rows[name].indicator.label,
        default=default,
    )  # fmt: skip
    row = rows[picked]
    st.altair_chart(trend.chart(comparison, row), key="chart_trend", theme=None)
    st.altair_chart(
        bars.comparison_chart(comparison, row, filters.printed_period(screen, choice.period_kind, choice.period)),
        key="chart_bars",
        theme=None,
    )

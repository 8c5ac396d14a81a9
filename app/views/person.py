"""個人の経過: the tenant's own persons, one by one, for a stated purpose, each look logged."""

from __future__ import annotations

import html
from typing import Any

import polars as pl
import streamlit as st

from app import persons, state
from app.charts import timeline
from app.show import day_name
from app.views.screen import Screen

_PURPOSES = tuple(str(number) for number in range(1, 7))
_SHOWN = 500
_LOGGED = "looked_at"  # what this tab already logged, so that a rerun of the same page is not a second look


def render(screen: Screen) -> None:
    """Draw the page, or the refusal."""
    text = screen.text
    wanted = state.get("person")
    if not screen.rights.sees_persons:
        _refuse(screen, wanted, "person.refused_role")
        return
    found = persons.find(screen.files.own, wanted) if wanted is not None else None
    if wanted is not None and found is None:
        _refuse(screen, wanted, "person.not_found_hint")
        st.button(text("person.back"), on_click=_open, args=(None,))
        return
    purpose = _purpose(screen)
    if purpose is None:
        return
    if found is None or wanted is None:
        _list(screen)
    else:
        _look(screen, wanted, purpose)
        _one(screen, wanted, found)


def _open(person_id: str | None) -> None:
    state.put("person", person_id)


def _refuse(screen: Screen, wanted: str | None, reason: str) -> None:
    text = screen.text
    named = "list" if wanted is None else wanted if persons.is_id(wanted) else "malformed"
    if st.session_state.get(_LOGGED) != ("refused", named):
        st.session_state[_LOGGED] = ("refused", named)
        screen.log("view_person", object=named, result="refused")
    st.html(
        f'<div class="ts-refused" role="alert" data-testid="refused"><b>{text("person.refused")}</b>'
        f"<span>{text(reason)}</span></div>"
    )


def _purpose(screen: Screen) -> str | None:
    text = screen.text
    names = {code: text(f"person.purpose_{code}") for code in _PURPOSES}
    with st.container(key="ts_purpose"):
        left, right = st.columns([1, 2.4], vertical_alignment="bottom")
        with left:
            picked = st.selectbox(
                text("person.purpose"),
                _PURPOSES,
                index=_PURPOSES.index(screen.session.purpose_code) if screen.session.purpose_code else None,
                format_func=names.__getitem__,
                placeholder=text("person.purpose_choose"),
                key="purpose",
            )
        with right:
            st.html(f'<p class="ts-note" style="padding-bottom:.5rem">{text("person.purpose_hint")}</p>')
    screen.session.purpose_code = picked
    return names[picked] if picked else None


def _look(screen: Screen, person_id: str, purpose: str) -> None:
    if st.session_state.get(_LOGGED) != (person_id, purpose):
        st.session_state[_LOGGED] = (person_id, purpose)
        screen.log("view_person", object=person_id, purpose=purpose, result="shown")


# --- the list ------------------------------------------------------------------------------------


def _list(screen: Screen) -> None:
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("person.list_heading")}</h1>')
    narrowed = _filter(screen)
    if persons.is_id(narrowed.search.strip()):
        state.put("person", narrowed.search.strip())
        st.session_state.pop("person_search", None)
        st.rerun()
    found = persons.listed(screen.files.own, narrowed, screen.reference_month)
    screen_state = (screen.session.purpose_code, str(narrowed))
    if st.session_state.get(_LOGGED) != screen_state:
        st.session_state[_LOGGED] = screen_state
        purpose = text(f"person.purpose_{screen.session.purpose_code}")
        screen.log("list_persons", object="list", purpose=purpose, result="shown", rows=str(found.height))
    if found.is_empty():
        st.info(text("person.no_one"))
        return
    count = (
        text("person.found", count=found.height)
        if found.height <= _SHOWN
        else text("person.found_first", count=found.height, shown=_SHOWN)
    )
    mark = f'<span style="color:#8a6200">{screen.mark}</span>　' if screen.mark else ""
    st.html(f'<p class="ts-note">{mark}{count}　{text("person.list_hint")}</p>')
    shown = found.head(_SHOWN)
    event = st.dataframe(
        _printed(screen, shown),
        hide_index=True,
        height=560,
        on_select="rerun",
        selection_mode="single-row",
        key="person_list",
        placeholder="－",
        column_config={
            text("person.last_checkup"): st.column_config.DateColumn(format="YYYY-MM-DD"),
            text("person.hba1c_short"): st.column_config.NumberColumn(format="%.1f"),
            text("person.systolic_short"): st.column_config.NumberColumn(format="%.0f"),
            text("person.points_year"): st.column_config.NumberColumn(format="localized"),
        },
    )
    rows = event.selection.rows
    if rows and rows[0] < shown.height:
        state.put("person", shown["person_id"][rows[0]])
        st.rerun()


def _filter(screen: Screen) -> persons.Filter:
    text = screen.text
    columns = st.columns([2, 0.8, 0.8, 0.9, 1.1, 1.3, 1.1], vertical_alignment="bottom")
    with columns[0]:
        search = st.text_input(text("person.search"), key="person_search", max_chars=64)
    with columns[1]:
        age_from = st.number_input(text("person.age_from"), 0, 120, value=None, step=1, key="person_age_from")
    with columns[2]:
        age_to = st.number_input(text("person.age_to"), 0, 120, value=None, step=1, key="person_age_to")
    with columns[3]:
        sex = st.selectbox(
            text("person.sex"), ("1", "2"), index=None, format_func=lambda code: text(f"sex.{code}"),
            placeholder=text("person.any"), key="person_sex",
        )  # fmt: skip
    with columns[4]:
        hba1c = st.number_input(
            text("person.hba1c"), 3.0, 20.0, value=None, step=0.1, format="%.1f", key="person_hba1c"
        )
    with columns[5]:
        systolic = st.number_input(text("person.systolic"), 60, 300, value=None, step=5, key="person_systolic")
    with columns[6]:
        district = st.selectbox(
            text("person.district"), persons.districts(screen.files.own), index=None,
            format_func=lambda name: screen.area_name(f"district:{name}"),
            placeholder=text("person.any"), key="person_district",
        )  # fmt: skip
    without_visit = st.checkbox(text("person.no_visit"), key="person_no_visit")
    return persons.Filter(search or "", age_from, age_to, sex, hba1c, systolic, district, without_visit)


def _printed(screen: Screen, frame: pl.DataFrame) -> pl.DataFrame:
    text = screen.text

    def named(section: str, codes: str | None) -> str:
        return "・".join(text.get(f"{section}.{code}", code) for code in codes.split()) if codes else ""

    return pl.DataFrame(
        {
            text("person.name"): frame["name_kanji"],
            text("person.kana"): frame["name_kana"],
            text("person.age"): frame["age"],
            text("sex.label"): [named("sex", code) for code in frame["sex_code"]],
            text("person.schemes"): [named("scheme", codes) for codes in frame["schemes"]],
            text("person.last_checkup"): frame["exam_date"],
            text("person.hba1c_short"): frame["hba1c"],
            text("person.systolic_short"): frame["systolic"],
            text("person.points_year"): frame["points_year"],
            text("person.care_level"): [named("care", code) for code in frame["care_level_code"]],
        }
    )


# --- one person ------------------------------------------------------------------------------------


def _one(screen: Screen, person_id: str, found: dict[str, Any]) -> None:
    text = screen.text
    st.button(f"‹ {text('person.back')}", key="person_back", type="tertiary", on_click=_open, args=(None,))
    st.html(_head(screen, found))
    history = persons.history(screen.files.own, person_id)
    shared = timeline.frame(text, screen.mark, screen.reference_month)
    with st.container(key="ts_timeline"):
        st.altair_chart(timeline.spans(shared, history), key="line_spans", theme=None)
        items = timeline.checkup_items(history)
        if items:
            note = f'<span class="ts-note" style="font-weight:400">　{text("person.threshold_note")}</span>'
            st.html(f'<h2 class="ts-h">{text("person.checkups")}{note}</h2>')
            for item in items:
                st.altair_chart(
                    timeline.checkup(shared, history, item, is_last=item == items[-1]), key=f"line_{item}", theme=None
                )
        else:
            st.html(f'<p class="ts-note">{text("person.no_checkups")}</p>')
        if history.claims.is_empty():
            st.html(f'<p class="ts-note">{text("person.no_claims")}</p>')
        else:
            st.altair_chart(timeline.claims(shared, history), key="line_claims", theme=None)
        if not history.care_months.is_empty():
            st.altair_chart(timeline.care_benefit(shared, history), key="line_care", theme=None)
    if items:
        st.html(_checkup_table(screen, history.checkups, items))
    purpose = text(f"person.purpose_{screen.session.purpose_code}")
    st.html(f'<p class="ts-note">{text("person.only_own")}　{text("person.logged", purpose=purpose)}</p>')


def _head(screen: Screen, found: dict[str, Any]) -> str:
    text, birth = screen.text, found.get("birth_date")
    parts = [f"<b>{html.escape(found.get('name_kanji') or '－')}</b>"]
    parts.append(f'<span class="kana">{html.escape(found.get("name_kana") or "")}</span>')
    if birth is not None:
        last = persons.last_day(screen.reference_month)
        age = last.year - birth.year - ((last.month, last.day) < (birth.month, birth.day))
        parts.append(
            f"<span>{text('person.birth', day=day_name(text, birth))}（{text('person.age_years', age=age)}）</span>"
        )
    parts.append(f"<span>{text.get('sex.' + str(found.get('sex_code')), '')}</span>")
    if found.get("address"):
        parts.append(f"<span>{html.escape(found['address'])}</span>")
    if screen.mark:
        parts.append(f'<span style="color:#8a6200">{screen.mark}</span>')
    return f'<div class="ts-person" data-testid="person">{"".join(parts)}</div>'


def _checkup_table(screen: Screen, checkups: pl.DataFrame, items: list[str]) -> str:
    text = screen.text
    limits = persons.thresholds(screen.reference_month)
    head = "".join(f"<th>{html.escape(text(f'item.{item}'))}</th>" for item in items)
    lines = []
    for row in checkups.sort("exam_date", descending=True).iter_rows(named=True):
        cells = []
        for item in items:
            value = row[item]
            lowest = limits.get(item, [(float("inf"), "")])[0][0]
            over = value is not None and value >= lowest
            digits = 1 if item in ("hba1c", "bmi") else 0
            printed = "－" if value is None else f"{value:.{digits}f}"
            cells.append(f'<td class="{"low" if over else ""}">{printed}</td>')
        metabolic = text.get(f"metabolic.{row['metabolic_code']}", "－")
        lines.append(
            f'<tr><td class="l">{day_name(text, row["exam_date"])}</td>{"".join(cells)}'
            f'<td class="l">{metabolic}</td></tr>'
        )
    caption = f"<caption>{screen.mark}</caption>" if screen.mark else ""
    return (
        f'<h2 class="ts-h">{text("person.checkup_table")}</h2><table class="ts" data-testid="checkups">{caption}<thead>'
        f'<tr><th class="l">{text("person.exam_date")}</th>{head}<th class="l">{text("item.metabolic")}</th></tr>'
        f"</thead><tbody>{''.join(lines)}</tbody></table>"
    )

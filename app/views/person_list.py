"""The tenant's own persons as a list: narrowed, sorted, searched by name; with the columns of the schemes it sees."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app import persons, state
from app.views.screen import Screen

_SHOWN = 5000


def draw(screen: Screen) -> None:
    """The choices, the list, and the look at whom was chosen."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("person.list_heading")}</h1>')
    narrowed = _filter(screen)
    if persons.is_id(narrowed.search.strip()):
        state.put("person", narrowed.search.strip())
        st.session_state.pop("person_search", None)
        st.rerun()
    found = persons.listed(screen.files.own, narrowed, screen.reference_month)
    if state.is_new_look(screen.session.purpose_code, str(narrowed)):
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
        height=620,
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
    medical = screen.sees_medical
    columns = iter(st.columns([1.7, 0.7, 0.7, 0.9, *([0.9, 1.1] if medical else []), 1.1], vertical_alignment="bottom"))
    with next(columns):
        search = st.text_input(text("person.search"), key="person_search", max_chars=64)
    with next(columns):
        age_from = st.number_input(text("person.age_from"), 0, 120, value=None, step=1, key="person_age_from")
    with next(columns):
        age_to = st.number_input(text("person.age_to"), 0, 120, value=None, step=1, key="person_age_to")
    with next(columns):
        sex = st.selectbox(
            text("person.sex"), ("1", "2"), index=None, format_func=lambda code: text(f"sex.{code}"),
            placeholder=text("person.any"), key="person_sex",
        )  # fmt: skip
    hba1c = systolic = None
    if medical:
        with next(columns):
            hba1c = st.number_input(
                text("person.hba1c"), 3.0, 20.0, value=None, step=0.1, format="%.1f", key="person_hba1c"
            )
        with next(columns):
            systolic = st.number_input(text("person.systolic"), 60, 300, value=None, step=5, key="person_systolic")
    with next(columns):
        district = st.selectbox(
            text("person.district"), persons.districts(screen.files.own), index=None,
            format_func=lambda name: screen.area_name(f"district:{name}"),
            placeholder=text("person.any"), key="person_district",
        )  # fmt: skip
    without_visit = medical and st.checkbox(text("person.no_visit"), key="person_no_visit")
    return persons.Filter(search or "", age_from, age_to, sex, hba1c, systolic, district, without_visit)


def _printed(screen: Screen, frame: pl.DataFrame) -> pl.DataFrame:
    text = screen.text

    def named(section: str, codes: str | None) -> str:
        return "・".join(text.get(f"{section}.{code}", code) for code in codes.split()) if codes else ""

    medical = {
        text("person.schemes"): [named("scheme", codes) or text("person.not_enrolled") for codes in frame["schemes"]],
        text("person.last_checkup"): frame["exam_date"],
        text("person.hba1c_short"): frame["hba1c"],
        text("person.systolic_short"): frame["systolic"],
        text("person.points_year"): frame["points_year"],
    }
    care = {text("person.care_level"): [named("care", code) or None for code in frame["care_level_code"]]}
    return pl.DataFrame(
        {
            text("person.name"): frame["name_kanji"],
            text("person.kana"): frame["name_kana"],
            text("person.age"): frame["age"],
            text("sex.label"): [named("sex", code) for code in frame["sex_code"]],
            **(medical if screen.sees_medical else {}),
            **(care if screen.sees_care else {}),
        }
    )

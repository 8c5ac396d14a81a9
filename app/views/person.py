"""個人の経過: the tenant's own persons, one by one, for a stated purpose, each look logged."""

from __future__ import annotations

import html
from typing import Any

import polars as pl
import streamlit as st

from app import persons, state
from app.charts import timeline
from app.show import day_name
from app.views import person_list, summary
from app.views.screen import Screen

_PURPOSES = tuple(str(number) for number in range(1, 7))


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
        person_list.draw(screen)
    else:
        _look(screen, wanted, purpose)
        _one(screen, wanted, found)


def _open(person_id: str | None) -> None:
    state.put("person", person_id)


def _refuse(screen: Screen, wanted: str | None, reason: str) -> None:
    text = screen.text
    named = "list" if wanted is None else wanted if persons.is_id(wanted) else "malformed"
    if state.is_new_look("refused", named):
        screen.log("view_person", object=named, result="refused")
    st.html(
        f'<div class="ts-refused" role="alert" data-testid="refused"><b>{text("person.refused")}</b>'
        f"<span>{text(reason)}</span></div>"
    )


def _purpose(screen: Screen) -> str | None:
    text = screen.text
    names = {code: text(f"person.purpose_{code}") for code in _PURPOSES}
    with st.container(key="ts_purpose", horizontal=True, vertical_alignment="center", gap="medium"):
        picked = st.selectbox(
            text("person.purpose"),
            _PURPOSES,
            index=_PURPOSES.index(screen.session.purpose_code) if screen.session.purpose_code else None,
            format_func=names.__getitem__,
            placeholder=text("person.purpose_choose"),
            key="purpose",
            width=340,
        )
        if picked is None:
            st.html(f'<p class="ts-note">{text("person.purpose_hint")}</p>', width="content")
        elif state.get("person") is not None:
            st.button(f"‹ {text('person.back')}", key="person_back", on_click=_open, args=(None,))
    screen.session.purpose_code = picked
    return names[picked] if picked else None


def _look(screen: Screen, person_id: str, purpose: str) -> None:
    if state.is_new_look(person_id, purpose):
        screen.log("view_person", object=person_id, purpose=purpose, result="shown")


# --- one person ------------------------------------------------------------------------------------


def _one(screen: Screen, person_id: str, found: dict[str, Any]) -> None:
    text = screen.text
    history = persons.history(screen.files.own, person_id)
    year = persons.year(screen.files.own, person_id, screen.reference_month)
    st.html(_head(screen, found) + summary.cards(screen, history, year, found.get("sex_code")))
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
        elif screen.sees_medical:
            st.html(f'<p class="ts-note">{text("person.no_checkups")}</p>')
        if not history.claims.is_empty():
            st.altair_chart(timeline.claims(shared, history), key="line_claims", theme=None)
        elif screen.sees_medical:
            st.html(f'<p class="ts-note">{text("person.no_claims")}</p>')
        if not history.care_months.is_empty():
            st.altair_chart(timeline.care_benefit(shared, history), key="line_care", theme=None)
    if items:
        st.html(_checkup_table(screen, history.checkups, items))
    purpose = text(f"person.purpose_{screen.session.purpose_code}")
    st.html(f'<p class="ts-note">{text("person.only_own")}　{text("person.logged", purpose=purpose)}</p>')


def _head(screen: Screen, found: dict[str, Any]) -> str:
    text, birth = screen.text, found.get("birth_date")
    kanji, kana = found.get("name_kanji"), found.get("name_kana") or "－"
    parts = [f"<b>{html.escape(kanji or kana)}</b>"]  # records of care hold no kanji
    if kanji:
        parts.append(f'<span class="kana">{html.escape(kana)}</span>')
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
    limits = persons.thresholds(screen.reference_month, None)
    head = "".join(f"<th>{html.escape(text(f'item.{item}'))}</th>" for item in items)
    lines = []
    for row in checkups.sort("exam_date", descending=True).iter_rows(named=True):
        cells = []
        for item in items:
            value = row[item]
            over = any(step.is_reached(value) for step in limits.get(item, []))
            printed = "－" if value is None else f"{value:.{persons.digits(item)}f}"
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

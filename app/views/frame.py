"""Around every page: the session check, the top bar, the mark of invented data, the style."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import streamlit as st

from app import data, state
from app.access.rights import NotPublished, rights
from app.access.sessions import COOKIE, Session
from app.runtime import Runtime, runtime
from app.show import month_name
from app.text import LANGUAGES, Text
from app.views import about, diseases, editions, league, linkage, overview, person, tree
from app.views.screen import Screen
from ingest.policy.access import AccessDenied

_VIEWS = {
    "overview": overview.render, "league": league.render, "diseases": diseases.render, "tree": tree.render,
    "linkage": linkage.render, "editions": editions.render, "person": person.render, "about": about.render,
}  # fmt: skip
_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_ICON = str(Path(__file__).resolve().parent.parent / "icon.png")
_CHECK_SECONDS = 20
_log = logging.getLogger("tsumugi.app")


def render() -> None:
    """Draw the page that the address names, for the session that the cookie names."""
    st.set_page_config(page_title="紡 Tsumugi", page_icon=_ICON, layout="wide")
    st.html(f"<style>{_STYLE}</style>")
    process = runtime()
    session = process.sessions.get(_session_id(), touch=True)
    if session is None:
        _ended(Text(st.query_params.get("lang", LANGUAGES[0])))
        return
    _watch()
    state.begin(session.account.user_name)
    text = Text(state.get("lang") or LANGUAGES[0])
    try:
        _draw(process, session, text)
    except AccessDenied:
        st.error(text("app.no_rights"))
    except NotPublished as problem:
        _log.warning("%s", problem)
        st.warning(text("app.not_published"))
    except Exception as problem:  # noqa: BLE001 - a user gets a sentence, never a traceback
        _log.error("%s at %s", type(problem).__name__, _where(problem))  # no message: it may hold a value
        st.error(text("app.broken"))


def _where(problem: Exception) -> str:
    frames = traceback.extract_tb(problem.__traceback__)
    return " < ".join(f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in reversed(frames[-6:]))


def _session_id() -> str | None:
    return st.context.cookies.get(COOKIE)


def _ended(text: Text) -> None:
    st.session_state.clear()
    st.html(
        f'<div class="ts-ended" role="alert"><p>{text("app.ended")}</p>'
        f'<p><a href="/login">{text("app.sign_in_again")}</a></p></div>'
    )


@st.fragment(run_every=_CHECK_SECONDS)
def _watch() -> None:
    """Clear an idle screen by itself: looking at the session here does not count as activity."""
    if runtime().sessions.get(_session_id(), touch=False) is None:
        st.rerun(scope="app")


def _draw(process: Runtime, session: Session, text: Text) -> None:
    allowed = rights(process.settings, process.grants, session.account)
    screen = Screen(text, process, session, allowed, data.files(allowed))
    view = _top_bar(screen)
    _VIEWS[view](screen)
    _foot(screen)
    state.finish()


def _top_bar(screen: Screen) -> str:
    text = screen.text
    may = {"person": screen.rights.sees_persons, "linkage": linkage.is_for(screen.rights)}
    shown = [name for name in _VIEWS if may.get(name, True)]
    if state.get("view") not in _VIEWS:
        state.put("view", "overview")
    wanted = state.get("view")
    # A role is offered no page that is not for it; asked for by address it gets the refusal.
    offered = shown if wanted in shown else [*shown, str(wanted)]
    with st.container(key="ts_top", horizontal=True, vertical_alignment="center"):
        st.html(f'<span class="ts-brand">{text("app.title")}</span>', width="content")
        view = st.segmented_control(
            text("nav.label"),
            offered,
            format_func=lambda name: text(f"nav.{name}"),
            key=state.key("view"),
            required=True,
            label_visibility="collapsed",
        )
        account = screen.session.account
        name = account.display_name if text.is_japanese else account.display_name_en
        st.html(f'<span class="ts-account">{text("app.signed_in", name=name)}</span>', width="stretch")
        other = next(language for language in LANGUAGES if language != text.language)
        st.button(
            text("app.switch_language"), key="switch_language", type="tertiary", on_click=state.put,
            args=("lang", other),
        )  # fmt: skip
        st.html(f'<a class="ts-out" href="/logout">{text("app.sign_out")}</a>', width="content")
    if screen.is_synthetic:
        st.html(f'<div class="ts-synthetic" role="note">{text("app.synthetic")}</div>')
    return str(view)


def _foot(screen: Screen) -> None:
    text = screen.text
    words = [
        text("about.reference_text", month=_reference(screen)),
        f"{text('about.edition')} {screen.edition}",
        text("about.provisional"),
        text("app.not_kdb"),
    ]
    st.html(f'<div class="ts-foot">{"　｜　".join(words)}</div>')


def _reference(screen: Screen) -> str:
    return month_name(screen.text, screen.reference_month)

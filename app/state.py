"""The state of a view, carried in the address: a link reopens what was on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import streamlit as st

PARAMETERS = (
    "view", "lang", "area", "columns", "parts", "set", "kind", "period", "scheme", "sex", "age", "base", "indicator",
    "scope", "level", "sort", "person", "classes", "within", "disease_indicator", "edition",
    "edition_parts",
)  # fmt: skip
_PREFIX = "q_"
_LETTER, _KANJI = 8, 14  # pixels of a letter
_AROUND_WORDS, _WIDEST = 58, 400  # pixels of frame, arrow and gaps
_T = TypeVar("_T")


def key(name: str) -> str:
    """The widget key of a parameter."""
    return _PREFIX + name


def begin(user_name: str) -> None:
    """Take the address into the state at the start of a session; forget another account's state."""
    if st.session_state.get("account") != user_name:
        for name in list(st.session_state):
            del st.session_state[name]
        st.session_state["account"] = user_name
        for name in PARAMETERS:
            if name in st.query_params:
                st.session_state[key(name)] = st.query_params[name]
    for name in PARAMETERS:
        if key(name) in st.session_state:  # a widget that is not drawn for a while would lose its value
            st.session_state[key(name)] = st.session_state[key(name)]


def get(name: str) -> str | None:
    """The value of a parameter."""
    value = st.session_state.get(key(name))
    return None if value in (None, "") else str(value)


def put(name: str, value: str | None) -> None:
    """Set a parameter; before its widget is drawn, or in a callback."""
    if value is None:
        st.session_state.pop(key(name), None)
    else:
        st.session_state[key(name)] = value


def several(name: str) -> list[str]:
    """A parameter that holds a list."""
    value = get(name)
    return value.split(",") if value else []


def put_several(name: str, values: Iterable[str]) -> None:
    """Set a parameter that holds a list; an empty list is kept as such."""
    st.session_state[key(name)] = ",".join(values)


def is_new_look(*look: object) -> bool:
    """Whether the tab did not show this before the rerun: a rerun of the same page is no second look."""
    if st.session_state.get("looked_at") == look:
        return False
    st.session_state["looked_at"] = look
    return True


def finish() -> None:
    """Write the state into the address."""
    wanted = {name: value for name in PARAMETERS if (value := get(name)) is not None}
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    format_func: Callable[[str], str],
    *,
    default: str | None = None,
    is_inline: bool = False,
    is_labelled: bool = True,
) -> str:
    """A select box bound to a parameter; a value that is not offered falls back to the default.

    One that is inline stands in a line with others: its label before it, and no wider than its words;
    one that is not labelled says by its values what it is, its label is for readers of the screen.
    """
    if get(name) not in options:
        put(name, default if default in options else options[0])
    width: int | Literal["stretch"] = "stretch"
    if is_inline:
        longest = max(_pixels(format_func(option)) for option in options)
        width = min(_WIDEST, (_pixels(label) if is_labelled else 0) + longest + _AROUND_WORDS)
    return str(
        st.selectbox(
            label, options, format_func=format_func, key=key(name), width=width,
            label_visibility="visible" if is_labelled else "collapsed",
        )
    )  # fmt: skip


def _pixels(words: str) -> int:
    return sum(_LETTER if letter.isascii() else _KANJI for letter in words)

"""The marks in a table: an arrow where a value differs beyond chance, ※ where one is hidden."""

from __future__ import annotations

import html
from collections.abc import Collection

from app.text import Text

_DIRECTIONS = ("bad", "good", "neutral")


def direction_of(sign: int, good_direction: str) -> str:
    """good, bad or neutral for a value that is higher (1) or lower (-1); empty where it is neither."""
    if sign == 0 or good_direction == "neutral":
        return "neutral" if sign else ""
    return "good" if (sign > 0) == (good_direction == "good") else "bad"


def mark(text: Text, sign: int, direction: str, base: str) -> str:
    """Solid for bad, an outline for good, a bare arrow for neither; never ▲, which reads as minus before a number."""
    words = text("marks.higher" if sign > 0 else "marks.lower", base=base) + text(f"marks.{direction}_note")
    return _arrow("↑" if sign > 0 else "↓", direction, words)


def legend(text: Text, base: str) -> str:
    """What the marks stand for."""
    kinds = "　".join(_arrow("↑", name, text(f"marks.{name}")) + text(f"marks.{name}") for name in _DIRECTIONS)
    return f"{html.escape(text('marks.legend', base=base))}　{kinds}　{text('marks.not_adjusted')}"


def _arrow(arrow: str, direction: str, words: str) -> str:
    words = html.escape(words, quote=True)
    return f'<span class="ts-mark {direction}" role="img" aria-label="{words}" title="{words}">{arrow}</span>'


def hidden(text: Text, status: str) -> str:
    """The mark in a cell whose value is hidden; its words are in the foot of the table."""
    return f'<abbr class="hid" title="{html.escape(text(f"cell.{status}"))}">{text(f"cell.{status}_mark")}</abbr>'


def hidden_foot(text: Text, statuses: Collection[str], *, span: int) -> str:
    """What the marks of hidden cells stand for, inside the table so that a picture of it holds them."""
    seen = [status for status in ("hidden_small", "hidden_complement") if status in statuses]
    notes = "　".join(f"{text(f'cell.{status}_mark')} {text(f'cell.{status}')}" for status in seen)
    return f'<tfoot><tr><td colspan="{span}" class="l">{notes}</td></tr></tfoot>' if notes else ""

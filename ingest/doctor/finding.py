"""What a check of `tsumugi doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]
MARKS: dict[State, str] = {"ok": "○", "note": "△", "wrong": "×"}
MACHINE = "この機械"


@dataclass(frozen=True)
class Finding:
    """One check at one place: its state, what was found, and where it is not well what mends it (Japanese)."""

    check: str
    place: str
    state: State
    what: str
    remedy: str = ""

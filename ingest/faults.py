"""Named places where a test kills the process, to show that every step may die anywhere and be repeated."""

from __future__ import annotations

import os

FAULT_VARIABLE = "TSUMUGI_FAULT"
EXIT_CODE = 137  # what a shell reports of a process that was killed


def point(name: str) -> None:
    """Die here, without clean-up, when $TSUMUGI_FAULT names this place."""
    if os.environ.get(FAULT_VARIABLE) == name:
        os._exit(EXIT_CODE)

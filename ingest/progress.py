"""How a long step tells where it is: a callback(description, done, total); total 0 while unknown."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]


def silent(description: str, done: int, total: int) -> None:
    """A callback that tells nobody."""

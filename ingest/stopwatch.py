"""How long the parts of a step took, for `tsumugi bench`: nothing is measured where nobody asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LAPS: ContextVar[dict[str, float] | None] = ContextVar("laps", default=None)


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds by part of everything that runs inside, filled as it runs."""
    laps: dict[str, float] = {}
    token = _LAPS.set(laps)
    try:
        yield laps
    finally:
        _LAPS.reset(token)


@contextmanager
def lap(part: str) -> Iterator[None]:
    """Add the time of what runs inside to ``part``."""
    laps = _LAPS.get()
    if laps is None:
        yield
        return
    start = time.perf_counter()
    try:
        yield
    finally:
        laps[part] = laps.get(part, 0.0) + time.perf_counter() - start

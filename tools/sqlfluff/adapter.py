"""What dbt's ``adapter`` is while sqlfluff renders a model: any dispatched macro renders to a plain value."""

from __future__ import annotations

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """Stands in for the engine's macro called ``name``."""
    if name == "month_series":
        return lambda *_: "select date '2020-04-01' as month"
    return lambda *_: "date '2020-04-01'"

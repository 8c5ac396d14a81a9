"""The small trend in a table cell: an SVG picture of two lines."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from app.charts import theme

_WIDTH, _HEIGHT, _PAD = 92, 22, 3


def picture(own: Sequence[float | None], base: Sequence[float | None], words: str) -> str:
    """An ``<img>`` of the own line over the pale line of the base; ``words`` is its text for readers.

    Years run left to right; a missing year breaks the line.
    """
    known = [value for value in (*own, *base) if value is not None]
    if len([value for value in own if value is not None]) < 2:
        return ""
    low, high = min(known), max(known)
    room = (high - low) or abs(high) or 1.0
    low -= room * 0.08
    high += room * 0.08
    step = (_WIDTH - 2 * _PAD) / max(1, len(own) - 1)

    def points(values: Sequence[float | None]) -> list[tuple[float, float] | None]:
        return [
            None
            if value is None
            else (_PAD + index * step, _HEIGHT - _PAD - (value - low) / (high - low) * (_HEIGHT - 2 * _PAD))
            for index, value in enumerate(values)
        ]

    def path(found: list[tuple[float, float] | None], colour: str, width: float) -> str:
        commands, pen_up = [], True
        for point in found:
            if point is None:
                pen_up = True
                continue
            commands.append(f"{'M' if pen_up else 'L'}{point[0]:.1f} {point[1]:.1f}")
            pen_up = False
        return f'<path d="{" ".join(commands)}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    own_points = points(own)
    last = next(point for point in reversed(own_points) if point is not None)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{html.escape(words)}</title>"
        f"{path(points(base), '#b3bec0', 1.2)}{path(own_points, theme.OWN, 1.8)}"
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.3" fill="{theme.OWN}"/></svg>'
    )
    source = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{html.escape(words)}" width="{_WIDTH}" height="{_HEIGHT}" src="data:image/svg+xml;base64,{source}">'
    )

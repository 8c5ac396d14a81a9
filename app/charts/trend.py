"""The course of one indicator over the years, one line an area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from app.areas import level
from app.charts import theme
from app.show import short_period

if TYPE_CHECKING:
    from app.views.comparison import Comparison, Row


def colours(comparison: Comparison) -> dict[str, str]:
    """A colour for each column: levels keep theirs; beside parts, which take turns, they step back into grey."""
    turn = iter(theme.PARTS * 5)
    found = {}
    for key in comparison.columns:
        colour = theme.LEVEL_COLOURS[level(key)]
        if key in comparison.parts:
            colour = next(turn)
        elif comparison.parts:
            colour = theme.INK if key == comparison.focus else theme.NO_DIFFERENCE
        found[comparison.screen.area_name(key)] = colour
    return found


def chart(comparison: Comparison, row: Row) -> alt.LayerChart:
    """Lines over the periods of the trend; a hidden or missing value leaves a gap."""
    screen, text, shape = comparison.screen, comparison.screen.text, row.indicator.shape
    labels = {day: short_period(text, comparison.period_kind, day) for day in comparison.trend}
    points = [
        {
            "period": labels[day],
            "area": screen.area_name(key),
            "value": comparison.cell(row, key, day).value(shape),
            "is_focus": key == comparison.focus,
        }
        for key in comparison.columns
        for day in comparison.trend
    ]
    frame = pl.DataFrame(points, schema={"period": pl.String, "area": pl.String, "value": pl.Float64, "is_focus": bool})
    scale = colours(comparison)
    base = alt.Chart(frame).encode(
        x=alt.X("period:N", sort=list(labels.values()), title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=shape.shown_unit, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=5)),
        color=alt.Color(
            "area:N", scale=alt.Scale(domain=list(scale), range=list(scale.values())),
            legend=alt.Legend(columns=8 if comparison.parts else 3, symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("area:N", title=text("league.name")),
            alt.Tooltip("period:N", title=text("period.label")),
            alt.Tooltip("value:Q", title=shape.shown_unit, format=f",.{shape.decimals}f"),
        ],
    )  # fmt: skip
    lines = base.mark_line().encode(strokeWidth=alt.condition("datum.is_focus", alt.value(3), alt.value(1.6)))
    dots = base.mark_circle(opacity=1).encode(size=alt.condition("datum.is_focus", alt.value(55), alt.value(26)))
    picture = theme.layered(screen.mark, lines, dots).properties(
        width="container", height=270, title=text("overview.chart_trend", name=row.indicator.name)
    )
    return theme.finished(picture)

"""Areas side by side in one period as bars, and the league table's picture of size and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from app.charts import theme, trend
from app.show import Shape
from app.text import Text

if TYPE_CHECKING:
    from app.views.comparison import Comparison, Row

_BAR_STEP = 24
_AROUND = 78  # title and axis: the height given to Vega holds them too
_VALUE_ROOM, _NAME_ROOM = 44, 60  # what stands beside the last bar or dot
_MOST_NAMES, _FEW_NAMES = 40, 12
_Z95, _Z998 = 1.959964, 3.090232


def comparison_chart(comparison: Comparison, row: Row, period: str) -> alt.LayerChart:
    """One bar a column of the comparison, in its order."""
    screen, text, shape = comparison.screen, comparison.screen.text, row.indicator.shape
    names = list(trend.names(comparison).values())
    cells = [comparison.cell(row, key) for key in comparison.columns]
    frame = pl.DataFrame(
        {
            "area": names,
            "value": [cell.value(shape) for cell in cells],
            "words": [
                shape.printed(cell.value(shape))
                if not cell.status.startswith("hidden")
                else text("cell." + cell.status)
                for cell in cells
            ],
        },
        schema={"area": pl.String, "value": pl.Float64, "words": pl.String},
    )
    scale = trend.colours(comparison)
    has_length = any(frame["value"].drop_nulls())  # bars of nothing but zeros give no scale
    scale_of_values = alt.Scale(zero=True) if has_length else alt.Scale(domain=[0, 1])
    base = alt.Chart(frame).encode(
        y=alt.Y("area:N", sort=names, title=None, axis=alt.Axis(labelColor=theme.INK)),
        x=alt.X("value:Q", title=shape.shown_unit, scale=scale_of_values, axis=alt.Axis(tickCount=5)),
    )
    drawn = base.mark_bar(height={"band": 0.68}).encode(
        color=alt.Color("area:N", scale=alt.Scale(domain=list(scale), range=list(scale.values())), legend=None),
        tooltip=[alt.Tooltip("area:N", title=text("league.name")), alt.Tooltip("words:N", title=shape.shown_unit)],
    )
    labels = (
        alt.Chart(frame)
        .transform_calculate(place="isValid(datum.value) ? datum.value : 0")
        .mark_text(align="left", dx=4, fontSize=11, color=theme.INK)
        .encode(y=alt.Y("area:N", sort=names), x="place:Q", text="words:N")
    )
    return theme.picture(
        screen.mark,
        drawn,
        labels,
        height=len(names) * _BAR_STEP + _AROUND,
        title=text("overview.chart_bars", name=row.indicator.name, period=period),
        right=_VALUE_ROOM,
    )


def funnel_chart(frame: pl.DataFrame, shape: Shape, text: Text, mark: str, title: str) -> alt.LayerChart:
    """Proportion against size with the limits of chance around the overall mean.

    Columns: name, value, numerator, denominator, is_own. Normal limits of a binomial proportion;
    cut at 0 and 100.
    """
    total, events = float(frame["denominator"].sum()), float(frame["numerator"].sum())
    mean = events / total if total else 0.0
    largest = max(frame["denominator"].to_list(), default=1.0) * 1.08
    sizes = [max(5.0, largest * step / 60) for step in range(1, 61)]
    limits = [
        {
            "size": size,
            "limit": min(max(mean + sign * z * (mean * (1 - mean) / size) ** 0.5, 0.0), 1.0) * shape.scale,
            "series": f"{z}{sign}",
            "kind": text("league.limits95") if z == _Z95 else text("league.limits998"),
        }
        for z in (_Z95, _Z998)
        for sign in (-1, 1)
        for size in sizes
    ]
    x = alt.X("size:Q", title=text("definition.denominator"), axis=alt.Axis(tickCount=6, format=",.0f"))
    y = alt.Y("limit:Q", title=shape.shown_unit, scale=alt.Scale(zero=False))
    kinds = [text("league.limits95"), text("league.limits998")]
    curves = (
        alt.Chart(pl.DataFrame(limits))
        .mark_line(color=theme.NO_DIFFERENCE, strokeWidth=1.3)
        .encode(
            x=x, y=y, detail="series:N",
            strokeDash=alt.StrokeDash("kind:N", scale=alt.Scale(domain=kinds, range=[[6, 3], [2, 3]])),
        )
    )  # fmt: skip
    middle = (
        alt.Chart(pl.DataFrame({"limit": [mean * shape.scale]}))
        .mark_rule(color=theme.NO_DIFFERENCE)
        .encode(y="limit:Q")
    )
    places = alt.Chart(frame.rename({"denominator": "size", "value": "limit"}))
    dots = places.mark_circle(opacity=0.95).encode(
        x=x,
        y=y,
        size=alt.condition("datum.is_own", alt.value(120), alt.value(60)),
        color=alt.condition("datum.is_own", alt.value(theme.OWN), alt.value("#7f979b")),
        tooltip=[
            alt.Tooltip("name:N", title=text("league.name")),
            alt.Tooltip("limit:Q", title=shape.shown_unit, format=f",.{shape.decimals}f"),
            alt.Tooltip("size:Q", title=text("definition.denominator"), format=",.0f"),
        ],
    )
    # Of many places the largest are named, and one's own; the others by the pointer.
    room = _MOST_NAMES if frame.height <= _MOST_NAMES else _FEW_NAMES
    named = frame.filter(pl.col("is_own") | (pl.col("denominator").rank("ordinal", descending=True) <= room))
    few = alt.Chart(named.rename({"denominator": "size", "value": "limit"}))
    names = few.mark_text(align="left", dx=7, dy=-7, fontSize=11, color=theme.INK).encode(x=x, y=y, text="name:N")
    return theme.picture(mark, curves, middle, dots, names, height=330, title=title, right=_NAME_ROOM)

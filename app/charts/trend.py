"""The course of one indicator over the years, one line an area, each named where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from app.areas import level
from app.charts import theme
from app.show import short_period

if TYPE_CHECKING:
    from app.views.comparison import Comparison, Row

_HEIGHT = 270
_AROUND = 60  # title and axis: the height given to Vega holds them too
_LINE = 15  # what a name needs at least
_LETTER, _LONGEST = 12, 130
_HALF_STEP = 40  # what the axis leaves blank beside the last period of five in a narrow picture
_MOST_NAMES = 30  # more lines than this are told apart by pointing at them


def names(comparison: Comparison) -> dict[str, str]:
    """What each column is called in a picture; the peer group by its kind, its size stands in the table."""
    screen = comparison.screen
    return {
        key: screen.text("level.peer") if level(key) == "peer" else screen.area_name(key) for key in comparison.columns
    }


def colours(comparison: Comparison) -> dict[str, str]:
    """A colour for each name: levels keep theirs; beside parts, which take turns, they step back into grey."""
    turn = iter(theme.PARTS * 5)
    found = {}
    for key, name in names(comparison).items():
        colour = theme.LEVEL_COLOURS[level(key)]
        if key == comparison.focus:
            colour = theme.INK if comparison.parts else theme.OWN
        elif key in comparison.parts:
            colour = next(turn)
        elif comparison.parts:
            colour = theme.NO_DIFFERENCE
        found[name] = colour
    return found


def chart(comparison: Comparison, row: Row) -> alt.LayerChart:
    """Lines over the periods of the trend; a hidden or missing value leaves a gap."""
    screen, text, shape = comparison.screen, comparison.screen.text, row.indicator.shape
    labels = {day: short_period(text, comparison.period_kind, day) for day in comparison.trend}
    rows = [
        (labels[day], name, comparison.cell(row, key, day).value(shape), _kind(comparison, key))
        for key, name in names(comparison).items()
        for day in comparison.trend
    ]
    frame = pl.DataFrame(
        rows,
        schema={"period": pl.String, "area": pl.String, "value": pl.Float64, "kind": pl.String},
        orient="row",
    )
    height = max(_HEIGHT, len(comparison.columns) * _LINE + _AROUND)
    low, high = _domain(frame["value"])
    scale = colours(comparison)
    shown = alt.selection_point(fields=["area"], on="pointerover", clear="pointerout", name="pointed")
    base = alt.Chart(frame).encode(
        x=alt.X("period:N", sort=list(labels.values()), title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=shape.shown_unit, scale=alt.Scale(domain=[low, high]), axis=alt.Axis(tickCount=5)),
        color=alt.Color("area:N", scale=alt.Scale(domain=list(scale), range=list(scale.values())), legend=None),
        opacity=alt.condition(shown, alt.value(1), alt.value(0.25)),
        tooltip=[
            alt.Tooltip("area:N", title=text("league.name")),
            alt.Tooltip("period:N", title=text("period.label")),
            alt.Tooltip("value:Q", title=shape.shown_unit, format=f",.{shape.decimals}f"),
        ],
    )
    kinds = ["own", "base", "other"]
    lines = base.mark_line().encode(
        strokeWidth=alt.StrokeWidth("kind:N", scale=alt.Scale(domain=kinds, range=[3.2, 1.8, 1.3]), legend=None),
        strokeDash=alt.StrokeDash("kind:N", scale=alt.Scale(domain=kinds, range=[[1, 0], [6, 3], [1, 0]]), legend=None),
    )
    dots = (
        base.mark_circle()
        .encode(size=alt.Size("kind:N", scale=alt.Scale(domain=kinds, range=[60, 30, 26]), legend=None))
        .add_params(shown)
    )
    ends = _ends(frame, labels[comparison.trend[-1]], low, high, height - _AROUND)
    layers = [lines, dots]
    if len(scale) <= _MOST_NAMES:
        named = base.mark_text(align="left", dx=8, fontSize=11.5, limit=_LONGEST).encode(y="place:Q", text="area:N")
        named.data = ends
        layers.append(named)
    longest = max((min(_LONGEST, len(name) * _LETTER) for name in ends["area"]), default=0)
    room = max(5, longest - _HALF_STEP)
    return theme.picture(
        screen.mark, *layers, height=height, title=text("overview.chart_trend", name=row.indicator.name), right=room
    )


def _kind(comparison: Comparison, key: str) -> str:
    if key == comparison.focus:
        return "own"
    return "base" if key == comparison.base else "other"


def _domain(values: pl.Series) -> tuple[float, float]:
    known = values.drop_nulls()
    low, high = (float(known.min()), float(known.max())) if known.len() else (0.0, 1.0)  # type: ignore[arg-type]
    room = (high - low or abs(high) or 1.0) * 0.08
    return max(low - room, 0.0) if low >= 0 else low - room, high + room


def _ends(frame: pl.DataFrame, last: str, low: float, high: float, pixels: int) -> pl.DataFrame:
    """Where each name stands beside the last period: at its line's end, or as near as its neighbours let it."""
    known = frame.filter(pl.col("value").is_not_null())
    found = known.unique("area", keep="last", maintain_order=True).sort("value").with_columns(period=pl.lit(last))
    places = apart(found["value"].to_list(), (high - low) * _LINE / pixels, low, high)
    return found.with_columns(place=pl.Series(places, dtype=pl.Float64))


def apart(wanted: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Ascending places at least ``step`` apart and within the bounds, as near to the wanted ones as can be."""
    groups: list[list[float]] = []  # of places less their turn's share of steps: those that collide meet in their mean
    for turn, place in enumerate(wanted):
        groups.append([place - turn * step])
        while len(groups) > 1 and _mean(groups[-2]) > _mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    met = [_mean(group) for group in groups for _ in group]
    places = [place + turn * step for turn, place in enumerate(met)]
    last = len(places) - 1
    return [max(min(place, high - (last - turn) * step), low + turn * step) for turn, place in enumerate(places)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

"""Colours and the look that every chart shares."""

from __future__ import annotations

from typing import Literal

import altair as alt

Place = tuple[Literal["left", "right"], int | str]  # alignment and x

FONT = "Noto Sans CJK JP, Noto Sans JP, Hiragino Sans, Yu Gothic UI, Meiryo, sans-serif"
INK = "#1f2a2c"
PALE = "#55646a"
GRID = "#e3e8e7"
OWN = "#1c6b72"
GOOD = "#2e7d4f"
BAD = "#c2571a"
NEUTRAL = "#2f6db5"
NO_DIFFERENCE = "#8a979b"
MARK = "#b98200"

# What stands beside the own column keeps its colour on every page; told apart by dash and weight as well.
LEVEL_COLOURS = {
    "nation": "#8a979b",
    "prefecture": "#c2571a",
    "medical_area": "#7a5ba6",
    "insurer": "#4d7f2a",
    "peer": "#2f6db5",
    "municipality": "#4f5d75",
    "district": "#a34a6b",
}
PARTS = ("#1c6b72", "#c2571a", "#2f6db5", "#7a5ba6", "#4d7f2a", "#a34a6b", "#b98200", "#4f5d75", "#0091a8", "#8d6e63")


@alt.theme.register("tsumugi", enable=True)
def _look() -> alt.theme.ThemeConfig:
    """Our fonts, lines and quiet axes; a theme, because configuring a chart copies it whole every time."""
    return {
        "config": {
            "font": FONT,
            "background": "#ffffff",
            "axis": {
                "labelColor": PALE, "titleColor": PALE, "labelFontSize": 12, "titleFontSize": 12,
                "titleFontWeight": "normal", "gridColor": GRID, "domainColor": "#9aa8aa", "tickColor": "#9aa8aa",
                "labelLimit": 180,
            },
            "view": {"stroke": None},
            "legend": {"labelFontSize": 12, "labelColor": INK, "orient": "bottom", "title": None, "labelLimit": 220},
            "title": {"fontSize": 13, "color": INK, "anchor": "start", "fontWeight": "bold", "offset": 6},
        }
    }  # fmt: skip


def picture(
    words: str,
    *layers: alt.Chart,
    height: int,
    title: str | None = None,
    at: Place | None = None,
    right: int = 5,
) -> alt.LayerChart:
    """The layers as one picture of the width it is given, with 架空データ written into it where ``words`` say so.

    The mark stands above the top right corner, or, with ``at`` (alignment and x), a line below the top.
    ``right`` is blank room beside the axes, for words that stand there.
    """
    mark = [_mark(words, at)] if words else []
    return alt.LayerChart(
        layer=[*layers, *mark],
        width="container",
        height=height,
        title=title or alt.Undefined,
        padding={"left": 5, "top": 5, "right": right, "bottom": 5},
    )


def _mark(words: str, at: Place | None) -> alt.Chart:
    align, x = at or ("right", "width")
    baseline: Literal["top", "bottom"] = "top" if at else "bottom"
    y = (18 if align == "left" else 2) if at else -6
    return (
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(align=align, baseline=baseline, fontWeight="bold", fontSize=11, color=MARK, opacity=0.85, text=words)
        .encode(x=alt.value(x), y=alt.value(y))
    )

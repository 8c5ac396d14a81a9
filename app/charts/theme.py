"""Colours and the look that every chart shares."""

from __future__ import annotations

import altair as alt

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

# The columns of a comparison keep their colour on every page; told apart by dash and weight as well.
LEVEL_COLOURS = {
    "nation": "#8a979b",
    "prefecture": "#c2571a",
    "medical_area": "#7a5ba6",
    "insurer": "#4d7f2a",
    "peer": "#2f6db5",
    "municipality": "#1c6b72",
    "district": "#a34a6b",
}
PARTS = ("#1c6b72", "#c2571a", "#2f6db5", "#7a5ba6", "#4d7f2a", "#a34a6b", "#b98200", "#4f5d75", "#0091a8", "#8d6e63")


def finished(chart: alt.LayerChart) -> alt.LayerChart:
    """The chart with our fonts, lines and quiet axes."""
    return (
        chart.configure(font=FONT, background="#ffffff")
        .configure_axis(
            labelColor=PALE, titleColor=PALE, labelFontSize=12, titleFontSize=12, titleFontWeight="normal",
            gridColor=GRID, domainColor="#9aa8aa", tickColor="#9aa8aa", labelLimit=180,
        )
        .configure_view(stroke=None)
        .configure_legend(labelFontSize=12, labelColor=INK, orient="bottom", title=None, labelLimit=220)
        .configure_title(fontSize=13, color=INK, anchor="start", fontWeight="bold", offset=6)
    )  # fmt: skip


def mark(words: str, at: tuple[str, int | str] | None = None) -> alt.Chart | None:
    """A layer that writes 架空データ into the picture itself; None where the data is real.

    It stands above the top right corner, or, with ``at`` (alignment and x), a line below the top.
    """
    if not words:
        return None
    align, x = at or ("right", "width")
    y, baseline = (18 if align == "left" else 2, "top") if at else (-6, "bottom")
    stamp = alt.Chart(alt.Data(values=[{}]))
    drawn = stamp.mark_text(fontWeight="bold", fontSize=11, color=MARK, opacity=0.85, text=words)
    drawn.mark.align, drawn.mark.baseline = align, baseline
    return drawn.encode(x=alt.value(x), y=alt.value(y))


def layered(words: str, *layers: alt.Chart, at: tuple[str, int | str] | None = None) -> alt.LayerChart:
    """The layers with the mark on top."""
    stamp = mark(words, at)
    return alt.LayerChart(layer=[*layers, *([stamp] if stamp is not None else [])])

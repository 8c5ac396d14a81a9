"""The league table: places ranked by one indicator, each with its bar in its own line."""

from __future__ import annotations

import csv
import html
import io
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from app.areas import level
from app.show import Shape, count, differs
from app.views import counts, marks
from app.views.comparison import CSV_BOM, Cell, cell_html
from app.views.screen import Indicator, Screen

ORDERS = ("value", "size", "code")


@dataclass(frozen=True)
class Place:
    """One line of the table."""

    area_key: str
    name: str
    cell: Cell
    is_own: bool


@dataclass(frozen=True)
class Ranking:
    """Everything the table prints; ``whole`` is the area that holds all places."""

    screen: Screen
    indicator: Indicator
    places: Sequence[Place]
    whole: Cell
    whole_name: str
    is_of_persons: bool  # whether each person counts once, so that chance can be reckoned
    sent: Mapping[str, tuple[counts.Sent, ...]] = field(default_factory=dict)  # by area: counts of senders

    @property
    def shape(self) -> Shape:
        return self.indicator.shape

    @property
    def overall(self) -> float | None:
        """What the values are compared with; the whole of a count is nothing to compare with."""
        return self.whole.value(self.shape) if self.shape.has_denominator else None

    @cached_property
    def _values(self) -> list[float]:
        known = (place.cell.value(self.shape) for place in self.places)
        return sorted(value for value in known if value is not None)

    def rank(self, place: Place) -> int | None:
        """Rank from the highest value; equal values share theirs."""
        value = place.cell.value(self.shape)
        return None if value is None else 1 + len(self._values) - bisect_right(self._values, value)

    def sources(self) -> list[counts.Sent]:
        """All counts of senders in the table."""
        return [each for place in self.places for each in self.sent.get(place.area_key, ())]

    def ordered(self, order: str) -> list[Place]:
        """The places from the highest value or the largest size down, or by code; hidden ones last."""

        def size(place: Place) -> float:
            known = place.cell.denominator if self.shape.has_denominator else place.cell.numerator
            return known if known is not None else float("-inf")

        def value(place: Place) -> float:
            known = place.cell.value(self.shape)
            return known if known is not None else float("-inf")

        by_code = sorted(self.places, key=lambda place: place.area_key)
        if order == "code":
            return by_code
        return sorted(by_code, key=size if order == "size" else value, reverse=True)

    def frame(self) -> pl.DataFrame:
        """The places with a value, for the picture of size and chance."""
        known = [place for place in self.places if place.cell.value(self.shape) is not None]
        return pl.DataFrame(
            {
                "name": [place.name for place in known],
                "value": [place.cell.value(self.shape) for place in known],
                "numerator": [place.cell.numerator for place in known],
                "denominator": [place.cell.denominator for place in known],
                "is_own": [place.is_own for place in known],
            },
            schema={"name": pl.String, "value": pl.Float64, "numerator": pl.Float64, "denominator": pl.Float64,
                    "is_own": pl.Boolean},
        )  # fmt: skip


def table_html(ranking: Ranking, order: str) -> str:
    """The table with a bar in each line and the value of the whole as a dashed line through them."""
    text, shape = ranking.screen.text, ranking.shape
    has_counts = shape.has_denominator
    known = [value for place in ranking.places if (value := place.cell.value(shape)) is not None]
    top = max([*known, ranking.overall or 0.0], default=0.0) or 1.0
    lines = []
    for place in ranking.ordered(order):
        rank = ranking.rank(place)
        own = f'<span class="ts-own">{text("league.own_mark")}</span>' if place.is_own else ""
        numbers = (
            f"<td>{_difference(ranking, place)}</td><td>{count(place.cell.numerator)}</td>"
            f"<td>{count(place.cell.denominator)}</td>"
            if has_counts
            else ""
        )
        lines.append(
            f'<tr class="{"own" if place.is_own else ""}"><td>{"－" if rank is None else rank}</td>'
            f'<th scope="row">{html.escape(place.name)}{own}</th><td>'
            f"{cell_html(text, shape, place.cell, False, counts.mark(text, ranking.sent.get(place.area_key, ())))}</td>"
            f"<td>{_bar(ranking, place, top)}</td>{numbers}</tr>"
        )
    heads = [text("league.difference"), text("definition.numerator"), text("definition.denominator")]
    counts_head = "".join(f"<th>{head}</th>" for head in heads) if has_counts else ""
    whole = ""
    if ranking.overall is not None:
        printed = shape.printed(ranking.overall)
        words = text("league.whole", name=ranking.whole_name, value=printed, rests_on=_rests_on(ranking))
        whole = f"<small>{html.escape(words)}</small>"
    caption = f"<caption>{html.escape(ranking.screen.mark)}</caption>" if ranking.screen.mark else ""
    statuses = {place.cell.status for place in ranking.places}
    return (
        f'<table class="ts ts-league" data-testid="league">{caption}<thead><tr><th>{text("league.rank")}</th>'
        f'<th class="l">{text("league.name")}</th><th>{text("league.value")}<small>{html.escape(shape.shown_unit)}'
        f'</small></th><th class="l">{whole}</th>{counts_head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        f"{marks.hidden_foot(text, statuses, span=7 if has_counts else 4)}</table>"
    )


def _rests_on(ranking: Ranking) -> str:
    """How many places the whole rests on: those with a value, also one that is hidden."""
    known = [place for place in ranking.places if place.cell.status != "missing"]
    unit = level(ranking.places[0].area_key)
    return ranking.screen.text(f"overview.rests_on_{unit}", count=f"{len(known):,}")


def _bar(ranking: Ranking, place: Place, top: float) -> str:
    value = place.cell.value(ranking.shape)
    if value is None:
        return ""
    line = "" if ranking.overall is None else f'<i style="left:{ranking.overall / top:.2%}"></i>'
    return f'<div class="ts-bar"><b style="width:{value / top:.2%}"></b>{line}</div>'


def _difference(ranking: Ranking, place: Place) -> str:
    shape, value = ranking.shape, place.cell.value(ranking.shape)
    if value is None or ranking.overall is None:
        return '<span class="none">－</span>'
    sign = _sign(ranking, place.cell)
    direction = marks.direction_of(sign, ranking.indicator.good_direction)
    difference = value - ranking.overall
    printed = f"{difference:+,.{shape.decimals}f}" if round(difference, shape.decimals) else "±0"
    drawn = marks.mark(ranking.screen.text, sign, direction, ranking.whole_name) if sign else ""
    colour = "neutral" if ranking.indicator.good_direction == "neutral" else direction or "flat"
    return f'<span class="{colour}">{drawn}{printed}</span>'


def _sign(ranking: Ranking, cell: Cell) -> int:
    whole = ranking.whole
    if not ranking.is_of_persons or None in (cell.numerator, cell.denominator, whole.numerator, whole.denominator):
        return 0
    inner = (float(cell.numerator or 0), float(cell.denominator or 0))
    # a place is compared with the rest of the whole, not with itself
    rest = (float(whole.numerator or 0) - inner[0], float(whole.denominator or 0) - inner[1])
    return differs(inner, rest) if min(rest) >= 0 else 0


def table_csv(ranking: Ranking, order: str, conditions: Sequence[tuple[str, str]]) -> bytes:
    """The table for a spreadsheet, its conditions and 架空データ in the first lines."""
    screen, text, shape = ranking.screen, ranking.screen.text, ranking.shape
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    if screen.is_synthetic:
        writer.writerow([text("app.synthetic")])
    writer.writerows(conditions)
    if sources := ranking.sources():
        writer.writerow([text("counts.label"), counts.note(text, sources)])
    writer.writerow([])
    writer.writerow(
        [text("league.rank"), text("league.name"), f"{text('league.value')}({shape.shown_unit})",
         text("definition.numerator"), text("definition.denominator"), text("csv.status")]
    )  # fmt: skip
    for place in ranking.ordered(order):
        value = place.cell.value(shape)
        writer.writerow(
            [
                ranking.rank(place) or "",
                place.name,
                "" if value is None else f"{value:.{shape.decimals + 2}f}",
                "" if place.cell.numerator is None else f"{place.cell.numerator:.0f}",
                "" if place.cell.denominator is None or not shape.has_denominator else f"{place.cell.denominator:.0f}",
                text("csv.shown") if value is not None else text.get(f"cell.{place.cell.status}", ""),
            ]
        )
    return (CSV_BOM + stream.getvalue()).encode()

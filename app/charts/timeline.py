"""One person's time line: pictures under each other on one axis of months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import altair as alt
import polars as pl

from app import persons
from app.charts import theme
from app.persons import ITEMS, History, thresholds
from app.show import fiscal_year
from app.text import Text

_LEFT = 190  # room for the words at the left, the same in every picture, so that the months stand in line
_YEARS = 5
_STAGGER = 30
_ROOM_MONTHS = 7  # blank at the right, where the names of the 判定値 stand
_SCHEME_COLOURS = {"kokuho": "#1c6b72", "kumiai": "#4d7f2a", "koki": "#7a5ba6"}
# From the bottom of the stack to its top.
_CLAIM_COLOURS = {"outpatient": "#7fb2b6", "pharmacy": "#b9a7d6", "dental": "#a9b665", "inpatient": "#c2571a"}
_CARE_COLOURS = {
    "06": "#e9dcc3", "11": "#e9dcc3", "12": "#e6cf9f", "13": "#ddb976", "21": "#d09a4e", "22": "#c17f33",
    "23": "#a9641f", "24": "#8a4d14", "25": "#6b390b",
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """What all pictures of one time line share."""

    text: Text
    mark: str
    start: date
    end: date

    def x(self, *, labels: bool) -> alt.X:
        """The axis of months, April to April; labels under the last picture of a group only."""
        aprils = [
            alt.DateTime(year=year, month=4, date=1)
            for year in range(self.start.year, self.end.year + 1)
            if date(year, 4, 1) < self.end
        ]
        words = "'令和' + (year(datum.value) - 2018) + '年度'" if self.text.is_japanese else "'FY' + year(datum.value)"
        axis = alt.Axis(
            values=aprils, labelExpr=words, labels=labels, ticks=labels, domain=labels, labelAlign="left", grid=True,
        )  # fmt: skip
        return alt.X(
            "day:T",
            title=None,
            axis=axis,
            scale=alt.Scale(domain=[_at(self.start), _at(_later(self.end, _ROOM_MONTHS))]),
        )


def _at(day: date) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day)


def _later(month: date, months: int) -> date:
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def frame(text: Text, mark: str, reference_month: date) -> Frame:
    """Five fiscal years up to the month of reference."""
    return Frame(text, mark, date(fiscal_year(reference_month) - _YEARS + 1, 4, 1), _later(reference_month, 1))


def _left(title: str, number_format: str | alt.UndefinedType = alt.Undefined) -> alt.Axis:
    return alt.Axis(
        title=title, titleAngle=0, titleAlign="left", titleX=-_LEFT, titleY=6, titleBaseline="middle",
        titleColor=theme.INK, titleLimit=_LEFT - 40, minExtent=_LEFT, maxExtent=_LEFT, grid=True, tickCount=3,
        format=number_format,
    )  # fmt: skip


def spans(shared: Frame, history: History) -> alt.LayerChart:
    """Enrolment by scheme and certification by level, as bars from start to end."""
    text = shared.text
    rows = [
        (
            text("person.enrolment"),
            text(f"scheme.{scheme}"),
            start,
            end,
            _SCHEME_COLOURS.get(scheme, theme.OWN),
            "#ffffff",
        )
        for scheme, _, start, end in history.enrolment.iter_rows()
    ]
    rows += [
        (text("person.care"), text.get(f"care.{code}", str(code)), start, end, _CARE_COLOURS.get(code, "#d09a4e"),
         "#ffffff" if code in ("22", "23", "24", "25") else theme.INK)
        for code, start, end in history.care.iter_rows()
    ]  # fmt: skip
    names = list(dict.fromkeys(row[0] for row in rows)) or [text("person.enrolment")]
    inside = [
        (name, label, max(start, shared.start), min(end or shared.end, shared.end), colour, ink)
        for name, label, start, end, colour, ink in rows
        if start is not None and start < shared.end and (end or shared.end) > shared.start
    ]
    data = pl.DataFrame(
        inside,
        schema={"lane": pl.String, "label": pl.String, "day": pl.Date, "until": pl.Date, "colour": pl.String,
                "ink": pl.String},
        orient="row",
    ).with_columns(pl.col("day", "until").cast(pl.Datetime("ms")))  # fmt: skip
    base = alt.Chart(data).encode(
        x=shared.x(labels=True),
        y=alt.Y("lane:N", sort=names, title=None, axis=alt.Axis(
            minExtent=_LEFT, maxExtent=_LEFT, labelAlign="left", labelPadding=_LEFT - 2, labelColor=theme.INK,
            ticks=False, domain=False, labelLimit=_LEFT - 10)),
    )  # fmt: skip
    drawn = base.mark_bar(height=17, stroke="#ffffff").encode(
        x2="until:T",
        color=alt.Color("colour:N", scale=None),
        tooltip=[
            alt.Tooltip("label:N", title=text("person.value")),
            alt.Tooltip("day:T", title=text("person.start"), format="%Y-%m-%d"),
            alt.Tooltip("until:T", title=text("person.end"), format="%Y-%m-%d"),
        ],
    )
    words = base.mark_text(align="left", dx=4, fontSize=11.5).encode(
        text="label:N", color=alt.Color("ink:N", scale=None)
    )
    return _finished(shared, 26 * len(names) + 34, drawn, words, at_right=True)


def claims(shared: Frame, history: History) -> alt.LayerChart:
    """Points a month by kind of receipt, one on the other."""
    text = shared.text
    words = {kind: text(f"person.{kind}") for kind in _CLAIM_COLOURS}
    order = pl.Enum(list(_CLAIM_COLOURS))
    data = (
        history.claims.filter(pl.col("month") >= shared.start, pl.col("month") < shared.end)
        .with_columns(pl.col("kind").cast(order))
        .group_by("month", "kind")
        .agg(pl.col("points").sum())
        .sort("month", "kind")
        .select(
            pl.col("month").cast(pl.Datetime("ms")).alias("day"),
            pl.col("kind").cast(pl.String).replace_strict(words),
            "points",
            top=pl.col("points").cum_sum().over("month"),
        )
        .with_columns(until=pl.col("day").dt.offset_by("1mo"), bottom=pl.col("top") - pl.col("points"))
    )
    drawn = (
        alt.Chart(data)
        .mark_rect(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            x=shared.x(labels=True),
            x2="until:T",
            y=alt.Y("bottom:Q", axis=_left(text("person.claims"), ",.0f")),
            y2="top:Q",
            color=alt.Color(
                "kind:N", scale=alt.Scale(domain=list(words.values()), range=list(_CLAIM_COLOURS.values()))
            ),
            tooltip=[
                alt.Tooltip("day:T", title=text("person.month"), format="%Y-%m"),
                alt.Tooltip("kind:N", title=text("person.value")),
                alt.Tooltip("points:Q", title=text("person.points"), format=",.0f"),
            ],
        )
    )
    return _finished(shared, 190, drawn)


def care_benefit(shared: Frame, history: History) -> alt.LayerChart:
    """Care benefit in yen a month; never on one axis with points."""
    data = (
        history.care_months.filter(pl.col("service_month") >= shared.start, pl.col("service_month") < shared.end)
        .select(pl.col("service_month").cast(pl.Datetime("ms")).alias("day"), "benefit_yen")
        .with_columns(until=pl.col("day").dt.offset_by("1mo"), bottom=pl.lit(0))
    )
    drawn = (
        alt.Chart(data)
        .mark_rect(color="#c17f33", stroke="#ffffff", strokeWidth=0.5)
        .encode(
            x=shared.x(labels=True),
            x2="until:T",
            y2="bottom:Q",
            y=alt.Y("benefit_yen:Q", axis=_left(shared.text("person.care_benefit"), ",.0f")),
        )
    )
    return _finished(shared, 130, drawn)


def checkup_items(history: History) -> list[str]:
    """The items that have any value."""
    return [name for name in ITEMS if history.checkups.height and history.checkups[name].drop_nulls().len()]


def checkup(shared: Frame, history: History, item: str, *, is_last: bool) -> alt.LayerChart:
    """One item's values over the years, with the steps of its 判定値."""
    text = shared.text
    data = (
        history.checkups.select(pl.col("exam_date").cast(pl.Datetime("ms")).alias("day"), pl.col(item).alias("value"))
        .drop_nulls()
        .filter(pl.col("day") >= shared.start)
    )
    steps = thresholds(shared.end, None).get(item, [])
    low = min([*data["value"], *[step.value for step in steps[:1]]], default=0.0)
    high = max([*data["value"], *[step.value for step in steps[:1]]], default=1.0)
    room = (high - low or abs(high) * 0.1 or 1.0) * 0.35
    scale = alt.Scale(domain=[low - room, high + room * 1.8], nice=False, zero=False)
    base = alt.Chart(data).encode(
        x=shared.x(labels=is_last), y=alt.Y("value:Q", scale=scale, axis=_left(text(f"item.{item}")))
    )
    digits = f".{persons.digits(item)}f"
    layers: list[alt.Chart] = [
        base.mark_line(color=theme.OWN, strokeWidth=2),
        base.mark_circle(color=theme.OWN, size=50, opacity=1).encode(
            tooltip=[
                alt.Tooltip("day:T", title=text("person.exam_date"), format="%Y-%m-%d"),
                alt.Tooltip("value:Q", title=text(f"item.{item}"), format=digits),
            ]
        ),
        base.mark_text(dy=-10, fontSize=11.5, color=theme.INK).encode(text=alt.Text("value:Q", format=digits)),
    ]
    for number, step in enumerate(steps):
        if low - room < step.value < high + room * 1.8:
            layers += _step(step.value, step.meaning, scale, shift=-_STAGGER * number)
    return _finished(shared, 104 if is_last else 82, *layers)


def _step(value: float, meaning: str, scale: alt.Scale, *, shift: int) -> list[alt.Chart]:
    line = alt.Chart(pl.DataFrame({"value": [value], "words": [f"{value:g}"], "meaning": [meaning]})).encode(
        y=alt.Y("value:Q", scale=scale), tooltip=[alt.Tooltip("meaning:N"), alt.Tooltip("words:N")]
    )
    return [
        line.mark_rule(color=theme.BAD, strokeDash=[4, 3], opacity=0.8),
        # neighbours stand a little apart, or 130 and 140 would be written over each other
        line.mark_text(align="right", dx=shift, dy=-6, fontSize=10.5, color=theme.BAD).encode(
            x=alt.value("width"), text="words:N"
        ),
    ]


def _finished(shared: Frame, height: int, *layers: alt.Chart, at_right: bool = False) -> alt.LayerChart:
    place: theme.Place = ("right", "width") if at_right else ("left", -_LEFT)
    return theme.picture(shared.mark, *layers, height=height, at=place)

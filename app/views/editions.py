"""確定版: which fiscal years are final, and which of the own figures changed since."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl
import streamlit as st

from app import data, state
from app.show import age_name, count, day_name, month_name, period_name
from app.views import filters
from app.views.comparison import CSV_BOM
from app.views.screen import Indicator, Screen

_SHOWN = 200  # lines on the screen; all of them are in the download
_WHOLE = "all"


@dataclass(frozen=True)
class Change:
    """One figure of now beside the edition: its words and both values, None where it is not there."""

    indicator: Indicator
    words: tuple[str, ...]  # indicator, class, scheme, sex, age
    frozen: float | None
    now: float | None

    @property
    def difference(self) -> float | None:
        """Now less the edition, where both are there."""
        return None if self.frozen is None or self.now is None else self.now - self.frozen


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("nav.editions")}</h1><p class="ts-note">{text("editions.about")}</p>')
    known = data.editions(screen.files.statistics)
    st.html(_years(screen, known))
    if known.is_empty():
        st.info(text("editions.none"))
        return
    if not screen.own_areas:
        st.info(text("editions.no_own"))
        return
    in_force = known.filter(pl.col("is_in_force"))
    names = dict(in_force.select("edition_id", "fiscal_year").iter_rows())
    with filters.row():
        edition = state.choose(
            "edition", text("editions.year"), list(names), lambda one: _year_name(screen, names[one]),
            is_inline=True,
        )  # fmt: skip
        areas = sorted(screen.own_areas, key=lambda key: (key != screen.home, screen.area_name(key)))
        area = state.choose("area", text("editions.area"), areas, screen.area_name, default=screen.home, is_inline=True)
        parts = state.choose(
            "edition_parts", text("editions.breakdown"), ("whole", "parts"), lambda name: text(f"editions.{name}"),
            is_inline=True,
        )  # fmt: skip
    found = data.edition_changes(screen.files.key, edition, area, is_whole=parts == "whole")
    changes = list(_changes(screen, found))
    title = text("editions.title", area=screen.area_name(area), year=_year_name(screen, names[edition]))
    st.html(f'<h2 class="ts-h">{html.escape(title)}</h2>')
    if not changes:
        st.info(text("editions.unchanged"))
        return
    st.html(_table(screen, changes[:_SHOWN]))
    st.html(f'<p class="ts-note">{text("editions.shown_of", shown=min(len(changes), _SHOWN), all=len(changes))}</p>')
    st.download_button(
        text("overview.download"), _csv(screen, title, edition, changes), file_name=f"{title}.csv", mime="text/csv",
        key="download_editions", on_click=_log_download, args=(screen, edition),
    )  # fmt: skip


def _year_name(screen: Screen, fiscal_year: int) -> str:
    return period_name(screen.text, "fiscal_year", date(fiscal_year, 4, 1))


def _years(screen: Screen, known: pl.DataFrame) -> str:
    """Every fiscal year with figures: its editions, or that it is provisional."""
    text = screen.text
    lines = []
    for period in data.periods(screen.files.statistics, "fiscal_year"):
        of_year = known.filter(pl.col("fiscal_year") == period.year).sort("is_in_force", descending=True)
        name = html.escape(period_name(text, "fiscal_year", period))
        if of_year.is_empty():
            cells = f'<td class="l">{text("editions.provisional")}</td>' + '<td class="l">－</td>' * 3 + "<td>－</td>"
            lines.append(f'<tr><th scope="row" class="l">{name}</th>{cells}</tr>')
        for one in of_year.iter_rows(named=True):
            standing = text("editions.in_force" if one["is_in_force"] else "editions.replaced")
            lines.append(
                f'<tr><th scope="row" class="l">{name}</th><td class="l">{standing}　{one["edition_id"]}</td>'
                f'<td class="l">{html.escape(day_name(text, one["frozen_date"]))}</td>'
                f'<td class="l">{html.escape(one["frozen_by_name"])}</td>'
                f'<td class="l">{html.escape(month_name(text, one["reference_month"]))}</td>'
                f"<td>{count(one['figures_count'])}</td></tr>"
            )
    heads = "".join(
        f'<th scope="col" class="{"" if name == "figures" else "l"}">{text(f"editions.{name}")}</th>'
        for name in ("year", "state", "frozen_on", "frozen_by", "reference", "figures")
    )
    return (
        f'<div class="ts-frame"><table class="ts" data-testid="editions">{_caption(screen)}<thead>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _changes(screen: Screen, found: pl.DataFrame) -> Iterator[Change]:
    """The changed figures that the screen knows, in the order of the catalogue."""
    text = screen.text
    everything = [*screen.indicators, *screen.disease_indicators]
    known = {one.indicator_id: (place, one) for place, one in enumerate(everything)}
    classes = _class_names(screen)
    rows = [row for row in found.iter_rows(named=True) if row["indicator_id"] in known]
    for row in sorted(rows, key=lambda row: (known[row["indicator_id"]][0], *_order(row))):
        one = known[row["indicator_id"]][1]
        frozen = one.shape.value(row["frozen_numerator"], row["frozen_denominator"])
        now = one.shape.value(row["numerator"], row["denominator"])
        if frozen != now:  # numerator and denominator may change and their ratio stay
            sex, age = row["sex_code"], row["age_band_code"]
            yield Change(
                one,
                (
                    one.label,
                    classes.get(row["class_code"], row["class_code"]),
                    text(f"scheme.{row['scheme_code']}"),
                    text(f"sex.{sex}"),
                    text("age.all") if age == _WHOLE else age_name(text, age),
                ),
                frozen,
                now,
            )


def _class_names(screen: Screen) -> dict[str, str]:
    name = "class_name" if screen.text.is_japanese else "english_class_name"
    known = data.disease_classes(screen.files.statistics)
    return dict(known.select("class_code", name).iter_rows())


def _order(row: dict[str, str]) -> tuple[str, ...]:
    return row["class_code"], row["scheme_code"], row["sex_code"], row["age_band_code"]


def _table(screen: Screen, changes: list[Change]) -> str:
    text = screen.text
    heads = [text(f"editions.{name}") for name in ("indicator", "class", "scheme", "sex", "age")]
    values = [text(f"editions.{name}") for name in ("frozen", "now", "difference")]
    head = "".join(f'<th scope="col" class="l">{name}</th>' for name in heads)
    head += "".join(f'<th scope="col">{name}</th>' for name in values)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="l" style="white-space:normal">{html.escape(word) or "－"}</td>' for word in one.words)
        + f"<td>{one.indicator.shape.printed(one.frozen)}</td><td>{one.indicator.shape.printed(one.now)}</td>"
        f"<td>{_signed(one)}</td></tr>"
        for one in changes
    )
    return (
        f'<div class="ts-frame"><table class="ts" data-testid="edition-changes">{_caption(screen)}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _signed(change: Change) -> str:
    printed = change.indicator.shape.printed(change.difference)
    return f"+{printed}" if change.difference is not None and change.difference > 0 else printed


def _csv(screen: Screen, title: str, edition: str, changes: list[Change]) -> bytes:
    """The table as CSV: what it is of above, one line a changed figure."""
    text = screen.text
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    if screen.is_synthetic:
        writer.writerow([text("app.synthetic")])
    writer.writerows([[title], [text("editions.in_force"), edition], [text("about.edition"), screen.edition], []])
    names = ("indicator", "class", "scheme", "sex", "age", "frozen", "now", "difference")
    writer.writerow([text(f"editions.{name}") for name in names])
    for one in changes:
        digits = one.indicator.shape.decimals + 2
        values = (one.frozen, one.now, one.difference)
        writer.writerow([*one.words, *("" if value is None else f"{value:.{digits}f}" for value in values)])
    return (CSV_BOM + stream.getvalue()).encode()


def _caption(screen: Screen) -> str:
    return f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""


def _log_download(screen: Screen, edition: str) -> None:
    screen.log("download", object=f"edition {edition}", result="done", edition=screen.edition)

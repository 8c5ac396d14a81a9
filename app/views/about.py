"""データについて: what this is and is not, what was loaded, how each number is defined, who may see what."""

from __future__ import annotations

import html
from datetime import date

import polars as pl
import streamlit as st

from app import data
from app.show import month_name, short_period
from app.views.screen import Indicator, Screen

_MONTHS_SHOWN = 13  # what a narrow window holds


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("about.heading")}</h1>')
    left, right = st.columns(2, gap="large")
    with left:
        for name, values in (
            ("what", {}),
            ("reference", {"month": month_name(text, screen.reference_month)}),
            ("provisional", {}),
            ("edition", {"edition": screen.edition}),
        ):
            _section(screen, name, **values)
    with right:
        for name in ("hidden", "peers", "limits"):
            _section(screen, name)
        _rights(screen)
    _coverage(screen)
    _tables(screen)
    _definitions(screen)


def _section(screen: Screen, name: str, **values: str) -> None:
    text = screen.text
    st.html(f'<h2 class="ts-h">{text(f"about.{name}")}</h2><p>{html.escape(text(f"about.{name}_text", **values))}</p>')


def _rights(screen: Screen) -> None:
    text, rights = screen.text, screen.rights
    persons = text("about.persons_yes" if rights.sees_persons else "about.persons_no")
    role = text(f"role.{rights.account.role_code}")
    words = text("about.access_text", tenant=rights.tenant_name, role=role, persons=persons)
    lines = "".join(
        f'<tr><td class="l">{text(f"scheme.{scheme}") if scheme else "－"}</td>'
        f'<td class="l">{html.escape(purpose)}</td>'
        f'<td class="l" style="white-space:normal">{html.escape(ground)}</td></tr>'
        for scheme, purpose, ground in rights.grants
    )
    st.html(
        f'<h2 class="ts-h">{text("about.access")}</h2><p>{html.escape(words)}</p>'
        f'<table class="ts"><thead><tr><th class="l">{text("about.scheme")}</th>'
        f'<th class="l">{text("about.purpose")}</th><th class="l">{text("about.ground")}</th></tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _coverage(screen: Screen) -> None:
    text = screen.text
    frame = data.coverage(screen.files.statistics)
    months = sorted(set(frame["month"].to_list()))[-_MONTHS_SHOWN:]
    heads = "".join(f"<th>{_month_head(screen, month)}</th>" for month in months)
    lines = []
    for stream in sorted(set(frame["stream"].to_list())):
        cells = {
            row["month"]: (row["insurers_arrived"], row["insurers_expected"])
            for row in frame.filter(pl.col("stream") == stream).iter_rows(named=True)
        }
        inner = "".join(_coverage_cell(cells.get(month)) for month in months)
        name = text.get(f"stream.{stream}", stream)
        lines.append(f'<tr><th scope="row" class="l">{html.escape(name)}</th>{inner}</tr>')
    st.html(
        f'<h2 class="ts-h">{text("about.coverage")}</h2><p class="ts-note">{text("about.coverage_text")}</p>'
        f'<div class="ts-wide"><table class="ts" data-testid="coverage"><thead><tr><th class="l">{text("about.stream")}'
        f"</th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _tables(screen: Screen) -> None:
    """The public tables, loaded or not, with the years and sources of each."""
    text = screen.text
    loaded = data.reference_tables(screen.files.statistics)
    needed = (table for tables in screen.tables_of.values() for table in tables)
    wanted = dict.fromkeys(table for table in needed if not table.endswith("_by_age"))
    lines = []
    for table in wanted:
        years = [
            f"{year} {source}"
            for year, source in loaded.filter(pl.col("table_name") == table).select("year", "source").iter_rows()
        ]
        told = "<br>".join(html.escape(year) for year in years or [text("about.table_none")])
        lines.append(f'<tr><th scope="row" class="l">{html.escape(screen.table_name(table))}</th>'
                     f'<td class="l" style="white-space:normal">{told}</td></tr>')  # fmt: skip
    st.html(
        f'<h2 class="ts-h">{text("about.tables")}</h2><p class="ts-note">{text("about.tables_text")}</p>'
        f'<table class="ts" data-testid="public-tables"><thead><tr><th class="l">{text("about.table")}</th>'
        f'<th class="l">{text("about.table_years")}</th></tr></thead><tbody>{"".join(lines)}</tbody></table>'
    )


def _month_head(screen: Screen, month: date) -> str:
    return html.escape(short_period(screen.text, "month", month))


def _coverage_cell(numbers: tuple[int, int] | None) -> str:
    if numbers is None:
        return '<td><span class="none">－</span></td>'
    arrived, expected = numbers
    return f'<td class="{"low" if arrived < expected else ""}">{arrived}/{expected}</td>'


def _definitions(screen: Screen) -> None:
    text = screen.text
    st.html(f'<h2 class="ts-h">{text("about.definitions")}</h2><p class="ts-note">{text("about.definitions_text")}</p>')
    columns = ("numerator", "denominator", "age_rule", "coverage", "source", "verified")
    head = "".join(f'<th class="l">{text(f"definition.{name}")}</th>' for name in columns)
    lines = "".join(_definition_line(screen, indicator) for indicator in screen.indicators)
    st.html(
        f'<table class="ts ts-text" data-testid="definitions"><thead><tr><th class="l">{text("overview.indicator")}'
        f"</th>{head}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _definition_line(screen: Screen, indicator: Indicator) -> str:
    text, row = screen.text, indicator.row
    verified = text("definition.is_verified" if indicator.is_verified else "definition.unverified")
    age_rule = text.get(f"definition.{row['age_rule']}", str(row["age_rule"]))
    words = (row["numerator_ja"], row["denominator_ja"], age_rule, row["coverage"], row["source"], verified)
    cells = "".join(f'<td class="l">{html.escape(str(word or "－"))}</td>' for word in words)
    name = f"{html.escape(indicator.name)}<small>{html.escape(indicator.shape.shown_unit)}</small>"
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'

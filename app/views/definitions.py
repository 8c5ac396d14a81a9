"""The definition of one indicator, as it stands behind its name and on the page about the data."""

from __future__ import annotations

import html

import polars as pl

from app import data
from app.show import count
from app.views.screen import Indicator, Screen


def as_list(screen: Screen, indicator: Indicator) -> str:
    """The definition of an indicator as a list: numerator, denominator, coverage, source, verification."""
    text, row = screen.text, indicator.row
    additive = "・".join(text(f"definition.add_{name}") for name in str(row["additive_over"] or "").split())
    entries = [
        ("definition.numerator", row["numerator_ja"]),
        ("definition.denominator", row["denominator_ja"]),
        ("definition.scale", f"×{row['scale']} {indicator.shape.shown_unit}"),
        ("definition.age_rule", text.get(f"definition.{row['age_rule']}", str(row["age_rule"]))),
        ("definition.coverage", row["coverage"]),
        ("definition.direction", text(f"definition.{indicator.good_direction}")),
        ("definition.additive", additive or text("definition.none")),
        ("definition.report", row["report_name"]),
        ("definition.version", row["definition_version"]),
        ("definition.source", row["source"]),
        ("definition.lineage", _lineage(screen, indicator)),
        *([("definition.tables", _tables(screen, indicator))] if indicator.indicator_id in screen.tables_of else []),
        ("definition.verified", text("definition.is_verified" if indicator.is_verified else "definition.unverified")),
    ]
    return "<dl>" + "".join(f"<dt>{text(k)}</dt><dd>{html.escape(str(v or '－'))}</dd>" for k, v in entries) + "</dl>"


def _tables(screen: Screen, indicator: Indicator) -> str:
    """The public tables that an indicator rests on, with year and source."""
    needed = {table.removesuffix("_by_age") for table in screen.tables_of[indicator.indicator_id]}
    rows = data.reference_tables(screen.files.statistics).filter(pl.col("table_name").is_in(needed))
    return "、".join(
        screen.text("definition.table_year", name=screen.table_name(table), year=year, source=source)
        for table, year, source in rows.iter_rows()
    )


def _lineage(screen: Screen, indicator: Indicator) -> str:
    text = screen.text
    rows = data.lineage(screen.files.statistics).filter(pl.col("indicator_id") == indicator.indicator_id)
    parts = [
        text(
            "definition.lineage_item",
            stream=text.get(f"stream.{stream}", stream),
            files=count(files or 0),
            records=count(records or 0),
        )
        for _, _, stream, files, records in rows.iter_rows()
    ]
    models = sorted(set(rows["measure_model"]))
    return "、".join([*parts, *(text("definition.lineage_model", model=model) for model in models)])

"""The two shapes of an export as queries on the published statistics: long (a row a figure) and wide (a row an area).

Columns and their order never depend on what the figures are: a program written for one month reads the next. A wide
table has four columns an indicator of the catalogue, filled or not. Rows come in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from ingest.export.choice import Period

LONG, WIDE = "long", "wide"
PARTS = ("value", "numerator", "denominator", "status")
"""Of an indicator in a wide table: columns ``<indicator_id>__<part>``."""
_BATCH_ROWS = 100_000
_KEYS = "period_kind, period, scheme_code, area_level, area_id, sex_code, age_band_code"
_KEYED_COLUMNS = """
    f.period_kind, f.period,
    (year(f.period) - CASE WHEN month(f.period) < 4 THEN 1 ELSE 0 END)::BIGINT AS fiscal_year,
    f.scheme_code, f.area_level, f.area_id, a.area_name, a.area_name_en, f.sex_code, f.age_band_code"""
_FIGURES = """
    WITH catalogue AS (
        SELECT *, denominator_ja IS NOT NULL AND denominator_ja NOT IN ('', 'なし') AS has_denominator
        FROM published.indicator
    ), figure AS (
        SELECT s.*, c.indicator_name, c.indicator_name_en, c.unit, c.sort_order, c.is_verified,
            round(s.numerator::DOUBLE / CASE WHEN c.has_denominator THEN nullif(s.denominator, 0) ELSE 1 END
                * c.scale::DOUBLE, 6) AS value
        FROM published.indicator_statistics s
        JOIN catalogue c ON c.indicator_id = s.indicator_id
            AND c.definition_version::VARCHAR = s.definition_version::VARCHAR
        WHERE list_contains($periods, s.period_kind || ' ' || s.period::DATE::VARCHAR)
    ), place AS (
        SELECT area_level, area_id, min(area_name) AS area_name, min(area_name_en) AS area_name_en
        FROM published.area GROUP BY area_level, area_id
    )"""


def indicator_ids(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The indicators of the catalogue in its printed order."""
    rows = connection.execute(
        "SELECT indicator_id FROM published.indicator GROUP BY indicator_id "
        "ORDER BY min(sort_order::BIGINT), indicator_id"
    ).fetchall()
    return [str(row[0]) for row in rows]


def batches(
    connection: duckdb.DuckDBPyConnection, shape: str, periods: Sequence[Period], data_note: str
) -> Iterator[pa.RecordBatch]:
    """The rows of one shape, some at a time; at least one batch, so that the columns are always known."""
    sql = _long() if shape == LONG else _wide(indicator_ids(connection))
    wanted = [f"{period.kind} {period.first.isoformat()}" for period in periods]
    reader = connection.execute(sql, {"periods": wanted, "data_note": data_note}).to_arrow_reader(_BATCH_ROWS)
    is_empty = True
    for batch in reader:
        is_empty = False
        yield batch
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def _long() -> str:
    order = ", ".join(f"f.{name}" for name in _KEYS.split(", "))
    return f"""{_FIGURES}
    SELECT f.indicator_id, f.definition_version::VARCHAR AS definition_version, f.indicator_name, f.indicator_name_en,
        {_KEYED_COLUMNS}, f.value, f.numerator::BIGINT AS numerator, f.denominator::BIGINT AS denominator, f.unit,
        f.value_status, f.is_verified::BOOLEAN AS is_verified, $data_note::VARCHAR AS data_note
    FROM figure f LEFT JOIN place a ON a.area_level = f.area_level AND a.area_id = f.area_id
    ORDER BY {order}, f.sort_order::BIGINT, f.indicator_id, f.definition_version::VARCHAR"""


def _wide(ids: Sequence[str]) -> str:
    of = {"value": "value", "numerator": "numerator::BIGINT", "denominator": "denominator::BIGINT",
          "status": "value_status"}  # fmt: skip
    columns = ", ".join(
        f"max({of[part]}) FILTER (indicator_id = '{_checked(name)}') AS {name}__{part}"
        for name in ids
        for part in PARTS
    )
    own = ", ".join(f"f.{name}__{part}" for name in ids for part in PARTS)
    order = ", ".join(f"f.{name}" for name in _KEYS.split(", "))
    # Of an indicator with two definitions in one period only the newer one has room in the row.
    return f"""{_FIGURES}, version AS (
        SELECT indicator_id, period_kind, period, max(definition_version) AS definition_version
        FROM figure GROUP BY indicator_id, period_kind, period
    ), pivoted AS (
        SELECT {_KEYS}, {columns}
        FROM figure JOIN version USING (indicator_id, period_kind, period, definition_version) GROUP BY {_KEYS}
    )
    SELECT {_KEYED_COLUMNS}, $data_note::VARCHAR AS data_note, {own}
    FROM pivoted f LEFT JOIN place a ON a.area_level = f.area_level AND a.area_id = f.area_id
    ORDER BY {order}"""


def _checked(name: str) -> str:
    if not name.isidentifier():  # it becomes the name of a column
        raise ValueError("an indicator of the statistics is not named as the catalogue names them")
    return name

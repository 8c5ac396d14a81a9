"""Rows that cannot be typed: which rule each breaks first, and the row as it is set aside.

Works on whole columns: a list of faults becomes one column with the number of the first fault that
holds; the few rows that have one are turned into ``SET_ASIDE_SCHEMA``.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ingest.formats.reading import MEASURES, SET_ASIDE_SCHEMA, empty_set_aside, reasons

_FAULT = "__fault"
LARGEST = 999_999_999
"""Largest number of a receipt and largest measure of any row: products and sums of a nation stay within 64 bits."""


@dataclass(frozen=True)
class Fault:
    """One rule a row can break: the field it speaks of, the reason code, and where it is broken."""

    field: str
    reason_code: str
    broken: pl.Expr


def split_faulty(
    frame: pl.DataFrame,
    table: str,
    faults: list[Fault],
    *,
    scheme: str | None = None,
    measures: dict[str, str] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows that break no rule, the others as set-aside rows).

    ``frame`` has ``source_row`` and ``line`` (the source text); ``scheme`` and ``measures`` name
    the columns that hold the scheme and the control measures. Messages name the field and the rule.
    """
    first = pl.coalesce([pl.when(fault.broken).then(pl.lit(number, pl.Int16)) for number, fault in enumerate(faults)])
    marked = frame.with_columns(first.alias(_FAULT))
    good = marked.filter(pl.col(_FAULT).is_null()).drop(_FAULT)
    bad = marked.filter(pl.col(_FAULT).is_not_null())
    if bad.is_empty():  # as nearly always; the words below would cost more than the rows
        return good, empty_set_aside()
    known = reasons()
    words = pl.DataFrame(
        {
            _FAULT: range(len(faults)),
            "field": [fault.field for fault in faults],
            "reason_code": [fault.reason_code for fault in faults],
            "message": [f"{fault.field}: {known[fault.reason_code].ja}" for fault in faults],
            "remedy": [known[fault.reason_code].remedy_ja for fault in faults],
        },
        schema_overrides={_FAULT: pl.Int16()},
    )
    held = {
        name: pl.when(pl.col(column).is_between(-LARGEST, LARGEST)).then(column)
        for name, column in (measures or {}).items()
    }
    aside = bad.select(
        pl.lit(table).alias("table_name"),
        "source_row",
        (pl.col(scheme) if scheme else pl.lit(None)).cast(pl.String).alias("scheme_code"),
        pl.col("line").alias("raw"),
        *[held.get(name, pl.lit(None)).cast(pl.Int64).alias(name) for name in MEASURES],
        pl.col(_FAULT),
    ).join(words, on=_FAULT, how="left", maintain_order="left")
    return good, aside.select(list(SET_ASIDE_SCHEMA)).cast(SET_ASIDE_SCHEMA)  # type: ignore[arg-type]

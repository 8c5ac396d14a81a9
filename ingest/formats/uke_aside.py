"""Lines of receipts that break a rule, as rows set aside."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.formats.reading import MEASURES, SET_ASIDE_SCHEMA, reasons
from ingest.formats.uke_scan import Array, Scan


def aside(
    table: str,
    block: Scan,
    lines: Array,
    fault: Array,
    faults: tuple[tuple[str, str], ...],
    parents: pl.DataFrame,
    measures: dict[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """The lines with a fault, each once, in the columns of ``SET_ASIDE_SCHEMA``.

    ``fault`` is the number of each line's fault, from 1 (0: none), among ``faults`` (field, reason);
    ``parents`` has the ``scheme_code`` of each receipt, ``measures`` what a line counts for.
    """
    bad = np.flatnonzero(fault > 0)
    bad = bad[np.unique(lines[bad], return_index=True)[1]]
    chosen, number = lines[bad], fault[bad] - 1
    known = reasons()
    owner = block.owner[chosen]
    schemes = (
        pl.select(pl.when(pl.Series(owner >= 0)).then(parents["scheme_code"].gather(np.maximum(owner, 0)))).to_series()
        if len(parents)
        else pl.repeat(None, len(chosen), dtype=pl.String, eager=True)
    )
    words = pl.DataFrame(
        {
            "field": [field for field, _ in faults],
            "reason_code": [reason for _, reason in faults],
            "message": [f"{field}: {known[reason].ja}" for field, reason in faults],
            "remedy": [known[reason].remedy_ja for _, reason in faults],
        }
    )[number]
    counted = {
        name: (measures or {}).get(name, pl.repeat(None, len(lines), dtype=pl.Int64, eager=True)).gather(bad)
        for name in MEASURES
    }
    return (
        pl.DataFrame({"source_row": block.row[chosen], "scheme_code": schemes, "raw": block.text_of(chosen), **counted})
        .with_columns(table_name=pl.lit(table))
        .hstack(words)
        .select(list(SET_ASIDE_SCHEMA))
        .cast(SET_ASIDE_SCHEMA)  # type: ignore[arg-type]
    )

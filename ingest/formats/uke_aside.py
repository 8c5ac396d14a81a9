"""Lines of receipts that break a rule, as rows set aside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import polars as pl

from ingest.formats.bits import Array
from ingest.formats.reading import MEASURES, SET_ASIDE_SCHEMA, reasons
from ingest.formats.uke_arrow import Texts, series
from ingest.formats.uke_scan import Scan

_NO_MEASURE = pl.Series([None], dtype=pl.Int64)
_NO_VIEW = np.zeros((1, 2), np.uint64)


def aside(
    table: str,
    block: Scan,
    lines: Array,
    fault: Array,
    faults: tuple[tuple[str, str], ...],
    scheme: Texts,
    measures: Mapping[str, tuple[Array, Array]] | None = None,
) -> pl.DataFrame:
    """The lines with a fault, each once, in the columns of ``SET_ASIDE_SCHEMA``.

    ``fault`` is the number of each line's fault, from 1 (0: none), among ``faults`` (field, reason);
    ``scheme`` has the ``scheme_code`` of each receipt, ``measures`` what a line counts for (numbers, and where there
    is one).
    """
    bad = np.flatnonzero(fault > 0)
    bad = bad[np.unique(lines[bad], return_index=True)[1]]
    chosen, number = lines[bad], fault[bad] - 1
    owner = block.owner[chosen]
    scheme = Texts(np.vstack([scheme.view, _NO_VIEW]), np.append(scheme.valid, False), scheme.out)
    found = {name: words.take(number).series() for name, words in _words(table, faults).items()} | {
        "source_row": pl.Series(block.row[chosen]),
        "scheme_code": scheme.take(np.where(owner >= 0, owner, -1)).series(),
        "raw": block.text_of(chosen),
    }
    for name in MEASURES:
        if measures and name in measures:
            value, valid = measures[name]
            found[name] = series(value[bad], valid[bad])
        else:
            found[name] = _NO_MEASURE.new_from_index(0, len(bad))
    return pl.DataFrame({name: found[name] for name in SET_ASIDE_SCHEMA})


@cache
def _words(table: str, faults: tuple[tuple[str, str], ...]) -> dict[str, Texts]:
    """What is said of each fault, by column."""
    known = [(field, reasons()[reason_code]) for field, reason_code in faults]
    return {
        "table_name": Texts.of([table] * len(known)),
        "field": Texts.of([field for field, _ in known]),
        "reason_code": Texts.of([reason.code for _, reason in known]),
        "message": Texts.of([f"{field}: {reason.ja}" for field, reason in known]),
        "remedy": Texts.of([reason.remedy_ja for _, reason in known]),
    }

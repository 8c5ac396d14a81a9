"""Lines of receipts that break a rule, as rows set aside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from ingest.formats.reading import MEASURES, SET_ASIDE_SCHEMA, reasons
from ingest.formats.uke_arrow import Texts, series
from ingest.formats.uke_scan import Scan
from ingest.formats.uke_words import Array

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
    known, owner = reasons(), block.owner[chosen]
    scheme = Texts(np.vstack([scheme.view, _NO_VIEW]), np.append(scheme.valid, False), scheme.out)
    found = {
        "table_name": Texts.of([table]).take(np.zeros(len(bad), np.int64)).series(),
        "source_row": pl.Series(block.row[chosen]),
        "field": Texts.of([field for field, _ in faults]).take(number).series(),
        "reason_code": Texts.of([reason for _, reason in faults]).take(number).series(),
        "message": Texts.of([f"{field}: {known[reason].ja}" for field, reason in faults]).take(number).series(),
        "remedy": Texts.of([known[reason].remedy_ja for _, reason in faults]).take(number).series(),
        "scheme_code": scheme.take(np.where(owner >= 0, owner, -1)).series(),
        "raw": block.text_of(chosen),
    }
    nothing = np.zeros(len(lines), np.int64), np.zeros(len(lines), bool)
    for name in MEASURES:
        value, valid = (measures or {}).get(name, nothing)
        found[name] = series(value[bad], valid[bad])
    return pl.DataFrame({name: found[name] for name in SET_ASIDE_SCHEMA})

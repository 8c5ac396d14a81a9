"""資格 CSV of 国保 (with 国保組合) and 後期, as a municipal system prints it.

The heading may differ from town to town: ``layouts/enrolment_profile_*.csv`` holds the spellings, by
default those of formats.md 4 (from memory, unverified). Dates in either era; 喪失 and 適用終了 exclusive.
"""

from __future__ import annotations

import polars as pl

from ingest.formats import cells
from ingest.formats.cells import Cell, derived
from ingest.formats.headercsv import HeaderCsv
from ingest.formats.reading import Reader


def _finish(own: list[Cell]) -> list[Cell]:
    """Schemes follow from the insurers, a missing 適用 period is the 資格 period, a missing 削除区分 is no."""
    by_name = {cell.column: cell for cell in own}
    by_name["scheme_code"] = derived("scheme_code", cells.scheme_value(by_name["insurer_number"].value))
    previous = by_name.get("previous_insurer_number")
    if previous is not None:
        by_name["previous_scheme_code"] = derived("previous_scheme_code", cells.scheme_value(previous.value))
    by_name.setdefault("is_deleted", derived("is_deleted", pl.lit(False)))
    # A 国保組合 prints no 適用 period: the 資格 period stands for it. Where a start is printed, a blank
    # end means that the period is open.
    start = by_name.get("applied_start_date")
    is_unprinted = pl.lit(True) if start is None else start.text.is_null()
    for applied, whole in (("applied_start_date", "acquired_date"), ("applied_end_date", "lost_date")):
        by_name[applied] = _either(applied, by_name.get(applied), by_name[whole], is_unprinted)
    return list(by_name.values())


def _either(column: str, printed: Cell | None, other: Cell, is_other: pl.Expr) -> Cell:
    """The date printed, or the other one where ``is_other``."""
    own = pl.lit(None, dtype=pl.String) if printed is None else printed.text
    return Cell(
        column,
        pl.when(is_other).then(other.text).otherwise(own),
        cells.date_value(cells.text_of(column)),
        other.label if printed is None else printed.label,
    )


READERS: tuple[Reader, ...] = (
    HeaderCsv("enrolment_kokuho_csv", "enrolment", "enrolment", "enrolment_profile_kokuho", "processed_date", _finish),
    HeaderCsv("enrolment_koki_csv", "enrolment", "enrolment", "enrolment_profile_koki", "processed_date", _finish),
)

"""地区割: which 行政区 of a municipality belongs to which 地区 of a named set (小学校区, 日常生活圏域).

No interchange format exists for it: the headings are Tsumugi's own (``layouts/district_set.csv``). A site
makes such a file from a town's two-column list (``district_list``) with `tsumugi districts import`.
"""

from __future__ import annotations

import polars as pl

from ingest.formats.cells import Cell, derived
from ingest.formats.headercsv import HeaderCsv
from ingest.formats.reading import Reader
from ingest.formats.rowcheck import Fault

FORMAT = "district_set_csv"
_PLACE = ("municipality_code", "district_set_name", "created_date", "version_number", "district_code")


def _finish(own: list[Cell]) -> list[Cell]:
    """A missing 削除区分 is no."""
    has_own = any(cell.column == "is_deleted" for cell in own)
    return own if has_own else [*own, derived("is_deleted", pl.lit(False))]


_NO_SET = Fault("set_district_name", "missing_field", ~pl.col("is_deleted") & pl.col("set_district_name").is_null())
_NO_PLACE = Fault(
    "district_code",
    "missing_field",
    ~pl.col("is_deleted") & pl.col("district_code").is_null() & pl.col("district_name").is_null(),
)
# Which of the two is meant cannot be told: all rows of the place wait.
_TWO_DISTRICTS = Fault(
    "set_district_name",
    "two_districts",
    pl.col("district_code").is_not_null() & (pl.col("set_district_name").drop_nulls().n_unique().over(_PLACE) > 1),
)

READERS: tuple[Reader, ...] = (
    HeaderCsv(
        FORMAT,
        "district_set",
        "district_set",
        "district_set",
        "created_date",
        _finish,
        broken=(_NO_SET, _NO_PLACE, _TWO_DISTRICTS),
    ),
)

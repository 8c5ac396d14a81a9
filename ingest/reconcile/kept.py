"""KDB's own numbers of prefecture, peers (同規模) and nation, kept at the site to be shown beside ours.

An encrypted DuckDB file in the site's home, like the directory. One row a figure; a form made later (作成年月日)
takes the place of an earlier one, whatever the order in which they are read. Nothing in it is of a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date

import polars as pl

from ingest import at_rest, warehouse
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import AT_REST
from ingest.settings import SiteSettings
from ingest.site.databases import REMEDY
from ingest.site.lock import locked

TABLE = "kdb_figure"
_KEY = "indicator_id, class_code, period_kind, period, scheme_code, area_level, area_id, sex_code, age_band_code"
_TYPES = {
    "indicator_id": "VARCHAR", "class_code": "VARCHAR", "period_kind": "VARCHAR", "period": "DATE",
    "scheme_code": "VARCHAR", "area_level": "VARCHAR", "area_id": "VARCHAR", "sex_code": "VARCHAR",
    "age_band_code": "VARCHAR",
    "value": "DOUBLE", "numerator": "BIGINT", "denominator": "BIGINT", "source": "VARCHAR", "created_date": "DATE",
}  # fmt: skip
_SCHEMA = {"VARCHAR": pl.String, "DATE": pl.Date, "DOUBLE": pl.Float64, "BIGINT": pl.Int64}


@dataclass(frozen=True)
class KdbFigure:
    """One number of KDB in our unit. ``age_band_code`` may be a span such as 40-74; ``source`` names form and day.

    ``class_code`` is the class of disease, '' where the indicator is of none, codes with a blank between them where the
    form prints several as one.
    """

    indicator_id: str
    class_code: str
    period_kind: str
    period: date
    scheme_code: str
    area_level: str
    area_id: str
    sex_code: str
    age_band_code: str
    value: float | None
    numerator: int | None
    denominator: int | None
    source: str
    created_date: date


def keep(site: SiteSettings, figures: Iterable[KdbFigure]) -> int:
    """Keep figures, each in place of an older one of the same key; returns how many rows changed.

    Raises SiteError while another step of the site is running, WarehouseError where the file is not as it was left.
    """
    names = [field.name for field in fields(KdbFigure)]
    frame = pl.DataFrame(
        [astuple(figure) for figure in figures],
        schema={name: _SCHEMA[_TYPES[name]] for name in names},
        orient="row",
    )
    if frame.is_empty():
        return 0
    key = KeyRing(site).secret(AT_REST)
    with locked(site.home):
        at_rest.opening(site.home, site.kdb_figures, REMEDY)
        with warehouse.open_database(site.kdb_figures, key, alias="kdb", spill=site.spill) as connection:
            columns = ", ".join(f"{name} {_TYPES[name]}" for name in names)
            connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})")
            # A table of the time when no form's diseases were read.
            connection.execute(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS class_code VARCHAR DEFAULT ''")
            connection.register("incoming", frame.to_arrow())
            connection.execute("BEGIN")
            # Of two on one day the greater text stands: a function of the content, so the order does not matter.
            connection.execute(
                f"CREATE TEMP TABLE newest AS SELECT * FROM (FROM {TABLE} UNION BY NAME FROM incoming) "
                f"QUALIFY row_number() OVER (PARTITION BY {_KEY} "
                "ORDER BY created_date DESC, source DESC, value DESC, numerator DESC, denominator DESC) = 1"
            )
            changed = connection.execute(f"SELECT count(*) FROM (FROM newest EXCEPT FROM {TABLE})").fetchone()
            if changed and changed[0]:
                connection.execute(f"DELETE FROM {TABLE}")
                connection.execute(f"INSERT INTO {TABLE} SELECT * FROM newest ORDER BY {_KEY}")
            connection.execute("COMMIT")
    return int(changed[0]) if changed else 0


def kept(site: SiteSettings) -> pl.DataFrame:
    """Everything that is kept, by key; without rows where nothing is."""
    if not site.kdb_figures.is_file():
        return pl.DataFrame(schema={name: _SCHEMA[dtype] for name, dtype in _TYPES.items()})
    at_rest.check(site.home, site.kdb_figures, REMEDY)
    key = KeyRing(site).secret(AT_REST)
    with warehouse.open_database(site.kdb_figures, key, alias="kdb", read_only=True) as connection:
        return connection.execute(f"FROM {TABLE} ORDER BY {_KEY}").pl()

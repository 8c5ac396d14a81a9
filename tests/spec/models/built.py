"""What dbt made of the landed rows, as the tests ask for it."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any

from ingest.center.home import open_warehouse
from ingest.sealing.keys import KeyRing
from tests.dbt_fixture import Row, World, person_id
from tests.spec.models.delivery import Delivery, Person
from tests.spec.models.recount import Figures, Key

_KEY = (
    "indicator_id",
    "period_kind",
    "period",
    "scheme_code",
    "area_level",
    "area_id",
    "sex_code",
    "age_band_code",
    "class_code",
)
_FIGURES = ("numerator", "denominator", "contributor_count", "denominator_contributor_count", "largest_contribution")


class Built:
    """What dbt made of the rows, read once a relation as dictionaries."""

    def __init__(self, world: World, landed: dict[str, list[Delivery]]) -> None:
        self.landed = landed
        center = world.settings.the_center()
        self._connection = open_warehouse(center, KeyRing(center))
        self._tables: dict[str, list[Row]] = {}

    def table(self, name: str) -> list[Row]:
        """Every row of ``schema.relation``."""
        if name not in self._tables:
            found = self._connection.execute(f"FROM {name}")
            columns = [column[0] for column in found.description or ()]
            self._tables[name] = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        return self._tables[name]

    def where(self, name: str, **values: Any) -> list[Row]:
        """Rows of a relation whose columns have these values."""
        return [row for row in self.table(name) if all(row[key] == value for key, value in values.items())]

    def lived(self, name: str, who: Person, **values: Any) -> list[Row]:
        """Rows of a relation that speak of a person."""
        return self.where(name, person_id=person_id(who.name), **values)

    @cached_property
    def facts(self) -> dict[Key, Figures]:
        """indicator_fact by its key."""
        rows = self.table("rollups.indicator_fact")
        found: dict[Any, Any] = {tuple(row[name] for name in _KEY): tuple(row[name] for name in _FIGURES)
                                 for row in rows}  # fmt: skip
        assert len(found) == len(rows), "a figure stands twice"
        return found

    def share(
        self,
        indicator: str,
        kind: str,
        period: date,
        scheme: str,
        area: str,
        sex: str = "all",
        band: str = "all",
        of_class: str = "",
    ) -> tuple[int, int] | None:
        """Numerator and denominator of one figure (``area`` as level:id); None where it is not there."""
        level, _, name = area.partition(":")
        figures = self.facts.get((indicator, kind, period, scheme, level, name, sex, band, of_class))
        return figures and figures[:2]

    def close(self) -> None:
        self._connection.close()

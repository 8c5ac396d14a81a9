"""What a reader of the statistics can work out: totals, their parts, and the one part that is hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

from tests.dbt_fixture import Row
from tests.spec.models.contributions import fiscal_year, seed
from tests.spec.models.recount import Areas

RULE = ("threshold", "min_peers")
FIGURE = ("indicator_id", "period_kind", "period", "scheme_code")
PLACE = ("area_level", "area_id", "sex_code", "age_band_code", "class_code")
CELL = RULE + FIGURE + PLACE

Cell = tuple[Any, ...]


def cell_of(row: Row) -> Cell:
    return tuple(row[name] for name in CELL)


class Group(NamedTuple):
    """A total and the parts that add up to it."""

    total: Row
    parts: list[Row]

    def lone(self) -> Row | None:
        """The only hidden part under a total that is shown."""
        hidden = [row for row in self.parts if row["value_status"] != "shown"]
        return hidden[0] if self.total["value_status"] == "shown" and len(hidden) == 1 else None

    def rest(self, side: str) -> int:
        """The total less its shown parts."""
        value: int = self.total[side] - sum(row[side] for row in self.parts if row["value_status"] == "shown")
        return value


class Reader:
    """The statistics in the hands of somebody who subtracts."""

    def __init__(self, rows: list[Row]) -> None:
        self._cells: dict[Cell, Row] = {cell_of(row): row for row in rows}
        self._areas = Areas()
        self._medical = {
            row["municipality_code"]: row["medical_area_code"] for row in seed("municipality_medical_area")
        }

    def _grouped(self, totals: Callable[[Row], list[dict[str, str]]]) -> Iterator[Group]:
        """Parts by the totals they belong to; ``totals`` says what the total has instead of the part's own values."""
        parts: dict[Cell, list[Row]] = defaultdict(list)
        for row in self._cells.values():
            for instead in totals(row):
                whole = tuple(instead.get(name, row[name]) for name in CELL)
                if whole in self._cells:
                    parts[(*whole, row["area_level"])].append(row)
        for (*whole, _), rows in parts.items():
            yield Group(self._cells[tuple(whole)], rows)

    def sexes(self) -> Iterator[Group]:
        return self._grouped(lambda row: [{"sex_code": "all"}] if row["sex_code"] != "all" else [])

    def ages(self) -> Iterator[Group]:
        return self._grouped(lambda row: [{"age_band_code": "all"}] if row["age_band_code"] != "all" else [])

    def areas(self) -> Iterator[Group]:
        """Each level in the next larger one of its ladder."""
        return self._grouped(lambda row: _named(self._next(row)))

    def far_areas(self) -> Iterator[Group]:
        """Each level in those beyond the next larger one."""
        return self._grouped(lambda row: _named(self._beyond(row)))

    def schemes(self) -> Iterator[Group]:
        """国保 and 後期 in 国保＋後期."""
        return self._grouped(
            lambda row: [{"scheme_code": "kokuho_koki"}] if row["scheme_code"] in ("kokuho", "koki") else []
        )

    def months(self) -> Iterator[Group]:
        """A month and the year to date before it, in the year to date."""
        for cell, row in self._cells.items():
            if row["period_kind"] == "month" and row["period"].month != 4:
                year = row["period"].year - (row["period"].month == 1)
                before = date(year, (row["period"].month - 2) % 12 + 1, 1)
                to_date, to_before = (self._at(cell, "year_to_date", month) for month in (row["period"], before))
                if to_date and to_before:
                    yield Group(to_date, [row, to_before])

    def again_and_again(self) -> dict[Cell, tuple[int, int]]:
        """Hidden figures that come out where every difference found serves the next one."""
        groups = [*self.sexes(), *self.ages(), *self.areas()]
        known = {cell: (row["numerator"], row["denominator"]) for cell, row in self._cells.items()
                 if row["value_status"] == "shown"}  # fmt: skip
        found: dict[Cell, tuple[int, int]] = {}
        while True:
            fresh: dict[Cell, tuple[int, int]] = {}
            for group in groups:
                total = known.get(cell_of(group.total))
                unknown = [row for row in group.parts if cell_of(row) not in known]
                if total and len(unknown) == 1:
                    shown = [known[cell_of(row)] for row in group.parts if row is not unknown[0]]
                    above, below = (total[side] - sum(values[side] for values in shown) for side in (0, 1))
                    fresh[cell_of(unknown[0])] = (above, below)
            if not fresh:
                return found
            known |= fresh
            found |= fresh

    def _at(self, cell: Cell, kind: str, period: date) -> Row | None:
        named = dict(zip(CELL, cell, strict=True)) | {"period_kind": kind, "period": period}
        return self._cells.get(tuple(named[name] for name in CELL))

    def _next(self, row: Row) -> list[tuple[str, str]]:
        level, area = row["area_level"], row["area_id"]
        if level == "municipality":
            peers = [("peer", group) for group in self._areas.peers(area, fiscal_year(row["period"]))]
            above = ("prefecture", area[:2]) if row["scheme_code"] == "care" else ("medical_area", self._medical[area])
            return [*peers, above]
        if level == "insurer":
            return [("prefecture", area[2:4] if row["scheme_code"] == "koki" else area[:2])]
        if level == "medical_area":
            return [("prefecture", area[:2])]
        return [("nation", "JP")] if level == "prefecture" else []

    def _beyond(self, row: Row) -> list[tuple[str, str]]:
        level, area = row["area_level"], row["area_id"]
        if level == "municipality" and row["scheme_code"] != "care":
            return [("prefecture", area[:2]), ("nation", "JP")]
        return [("nation", "JP")] if level in ("municipality", "insurer", "medical_area") else []


def _named(areas: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"area_level": level, "area_id": area} for level, area in areas]


def denominators(rows: list[Row]) -> list[Row]:
    """Indicators over the same persons tell one denominator: what one of them hides another may show."""
    over = {row["indicator_id"]: row["denominator_ja"] for row in seed("indicators")}
    found: dict[Cell, Row] = {}
    for row in rows:
        of_all = row | {"indicator_id": over[row["indicator_id"]], "numerator": 0}
        if row["value_status"] == "shown" or cell_of(of_all) not in found:
            found[cell_of(of_all)] = of_all
    return list(found.values())

"""The roll-up in plain Python: every figure counted from the persons, in every area, period, sex and age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from tests.spec.models.contributions import FAMILIES, Contribution, Table, fiscal_year, seed
from tests.spec.models.delivery import REFERENCE_MONTH, months_from

# indicator, period kind, period, scheme, area level, area, sex, age band, class
Key = tuple[str, str, date, str, str, str, str, str, str]
# numerator, denominator, persons in the numerator, persons in the denominator, largest share of one person
Figures = tuple[int, int, int, int, int]
# the 地区 of each 行政区, by town and set
Sets = dict[tuple[str, str], dict[str, str]]
Cell = tuple[str, str, int, str, str, str, str, str]


class Areas:
    """Which areas a place lies in, from the seeds and the 地区割 that landed."""

    def __init__(self, sets: Sets | None = None) -> None:
        self._sets = sets or {}
        self._prefecture = {row["insurer_number"]: row["prefecture_code"] for row in seed("insurers")}
        self._medical = {
            row["municipality_code"]: row["medical_area_code"] for row in seed("municipality_medical_area")
        }
        self._kind = {row["municipality_code"]: row["kind_code"] for row in seed("municipalities")}
        self._people: dict[str, dict[int, int]] = defaultdict(dict)
        for row in seed("municipality_population"):
            self._people[row["municipality_code"]][int(row["year"])] = int(row["population_count"])
        self._classes = seed("peer_classes")

    def peers(self, town: str, year: int) -> list[str]:
        """Same-size groups: by the population known when the year began, else by the first one known."""
        known = self._people[town]
        population = known[max((y for y in known if y <= year), default=min(known))]
        return [
            f"{row['reading_code']}:{row['peer_class_code']}"
            for row in self._classes
            if self._kind[town] in row["kind_codes"].split()
            and int(row["population_from"] or 0) <= population < int(row["population_to"] or population + 1)
        ]

    def of(self, row: Contribution, scheme: str) -> list[tuple[str, str]]:
        """Every (level, area) that a row counts in under a scheme."""
        found = [("nation", "JP"), ("prefecture", self._prefecture[row.insurer])]
        if scheme != "kokuho_koki":
            found.append(("insurer", row.insurer))
        if row.town and scheme != "kumiai":
            found.append(("municipality", row.town))
            found += [("peer", group) for group in self.peers(row.town, fiscal_year(row.month))]
            if scheme != "care" and row.town in self._medical:
                found.append(("medical_area", self._medical[row.town]))
            if row.district:
                found.append(("district", f"{row.town}-{row.district}"))
                for (town, name), places in self._sets.items():
                    if town == row.town and row.district in places:
                        found.append(("district", f"{town}-{name}/{places[row.district]}"))
        return found


def standing_sets(table: Table) -> Sets:
    """Of each town and set the 地区 of every 行政区, as the newest delivery of the set says."""
    versions: dict[tuple[str, str], dict[tuple[date, int], list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in table("raw.district_set"):
        key = row["municipality_code"], row["district_set_name"]
        versions[key][row["created_date"], row["version_number"]].append(row)
    found = {}
    for key, of_set in versions.items():
        rows = of_set[max(of_set)]
        if not any(row["is_deleted"] for row in rows):
            found[key] = {r["district_code"]: r["set_district_name"] for r in rows if r["district_code"]}
    return found


def recount(table: Table) -> dict[Key, Figures]:
    """Every figure of every indicator of the catalogue."""
    catalogue = {row["indicator_id"]: row for row in seed("indicators")}
    areas = Areas(standing_sets(table))
    cells: dict[Cell, list[Contribution]] = defaultdict(list)
    for family in FAMILIES:
        for row in family(table):
            offered = catalogue[row.indicator]["scheme_codes"].split()
            schemes = [row.scheme] + (["kokuho_koki"] if row.scheme in ("kokuho", "koki") else [])
            for scheme in schemes:
                if scheme not in offered:
                    continue
                for level, area in areas.of(row, scheme):
                    for sex in (row.sex, "all"):
                        for band in (row.band, "all"):
                            cells[
                                row.indicator, scheme, fiscal_year(row.month), level, area, sex, band, row.class_code
                            ].append(row)
    return _over_bases(_figures(cells, catalogue), catalogue)


def _figures(cells: dict[Cell, list[Contribution]], catalogue: dict[str, dict[str, str]]) -> dict[Key, Figures]:
    found: dict[Key, Figures] = {}
    for (indicator, scheme, year, *place), rows in cells.items():
        kinds = catalogue[indicator]["period_kinds"].split()
        is_sum = {"area", "period"} <= set(catalogue[indicator]["additive_over"].split())
        level, area, sex, band, of_class = place
        for kind, period, inside in _periods(rows, year):
            # Of an age in a district there are years alone.
            if kind in kinds and (kind == "fiscal_year" or level != "district" or band == "all"):
                figures = _sums(inside) if is_sum or of_class else _persons(inside)
                if is_sum or of_class or figures[1]:  # a share of nobody is not there
                    found[indicator, kind, period, scheme, level, area, sex, band, of_class] = figures
    return found


def _over_bases(found: dict[Key, Figures], catalogue: dict[str, dict[str, str]]) -> dict[Key, Figures]:
    """Figures of classes over the denominator of what they are a share of; what they are over is not shown."""
    bases = {row["indicator_id"]: row["base_indicator_id"] for row in seed("indicator_classes")}
    kinds = {row["indicator_id"]: row["class_kind_codes"].split() for row in seed("indicator_classes")}
    shown: dict[Key, Figures] = {}
    for key, figures in found.items():
        indicator, *cell, of_class = key
        if indicator in bases and of_class.partition("-")[0] not in kinds[indicator]:
            continue
        if bases.get(indicator):
            base = found.get((bases[indicator], *cell, ""), (0, 0, 0, 0, 0))  # type: ignore[arg-type]
            above, _, persons, _, largest = figures
            if "area" not in catalogue[indicator]["additive_over"].split():
                above, figures = persons, (persons, base[3], persons, base[3], int(bool(persons)))
                if base[3]:
                    shown[key] = figures
                continue
            figures = above, base[1], persons, base[3], largest
        shown[key] = figures
    return shown


def _periods(rows: list[Contribution], year: int) -> Iterator[tuple[str, date, list[Contribution]]]:
    """The months that hold something, and from the first of them on the year to date; its last is the year's."""
    last = min(REFERENCE_MONTH, date(year + 1, 3, 1))
    so_far: list[Contribution] = []
    for month in months_from(min(row.month for row in rows), last):
        inside = [row for row in rows if row.month == month]
        if inside:
            yield "month", month, inside
        so_far += inside
        yield "year_to_date", month, list(so_far)
    yield "fiscal_year", date(year, 4, 1), so_far


def _sums(rows: list[Contribution]) -> Figures:
    above: dict[bytes, int] = defaultdict(int)
    below: dict[bytes, int] = defaultdict(int)
    nameless: dict[date, int] = defaultdict(int)
    for row in rows:
        if row.person is None:
            nameless[row.month] += row.denominator
        else:
            above[row.person] += row.numerator
            below[row.person] += row.denominator
    return (
        sum(row.numerator for row in rows),
        sum(row.denominator for row in rows),
        sum(1 for share in above.values() if share),
        # Who is counted without a name: as many as in the largest month at least.
        sum(1 for share in below.values() if share) + max(nameless.values(), default=0),
        max(above.values(), default=0),
    )


def _persons(rows: list[Contribution]) -> Figures:
    """Different persons, and above the line only those who are below it (分母のうち)."""
    below = {row.person for row in rows if row.denominator}
    above = {row.person for row in rows if row.numerator} & below
    return len(above), len(below), len(above), len(below), int(bool(above))

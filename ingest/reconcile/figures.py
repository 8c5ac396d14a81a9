"""Our figures of the areas of one form: the tenant's own counts in full, of other areas the protected statistics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

import duckdb

from ingest.reconcile.period import Period

ALL = "all"
_COLUMNS = """
    indicator_id, period_kind, period::DATE, scheme_code, area_level || ':' || area_id, sex_code, age_band_code,
    class_code, numerator::BIGINT, denominator::BIGINT"""
_HERE = "WHERE list_contains($areas, area_level || ':' || area_id) ORDER BY definition_version"
Numbers = dict[tuple[str, str], tuple[int | None, int | None]]
"""Numerator and denominator by age band and class of disease ('' where the indicator is of none)."""


@dataclass(frozen=True)
class Figure:
    """Sums above and below the line; ``is_hidden`` where protection keeps them from us, and both are 0."""

    numerator: int
    denominator: int
    is_hidden: bool = False


@dataclass(frozen=True)
class Indicator:
    """What the catalogue says of an indicator."""

    indicator_id: str
    name: str
    block: str
    unit: str
    scale: Fraction
    has_denominator: bool
    is_additive_over_age: bool
    is_over_common_base: bool
    is_verified: bool
    numerator_ja: str
    denominator_ja: str
    coverage: str

    def value(self, figure: Figure) -> Fraction | None:
        """Σnumerator ÷ Σdenominator × scale; the numerator alone of a count."""
        if not self.has_denominator:
            return figure.numerator * self.scale
        return Fraction(figure.numerator, figure.denominator) * self.scale if figure.denominator else None


@dataclass(frozen=True)
class Key:
    """Which figure: ages is a band, ``all``, or a span such as 40-74 that is summed from its bands.

    ``class_codes`` are classes of disease that are taken together, none where the indicator is not told by class.
    """

    indicator_id: str
    period: Period
    scheme_code: str
    area: str
    sex_code: str = ALL
    ages: str = ALL
    class_codes: tuple[str, ...] = ()


class Figures:
    """The figures of ``areas`` (``level:id``) in the published files that are open."""

    def __init__(
        self,
        statistics: duckdb.DuckDBPyConnection,
        own: Iterable[duckdb.DuckDBPyConnection],
        areas: Iterable[str],
    ) -> None:
        self._statistics = statistics
        wanted = {"areas": sorted(set(areas))}
        self._held: dict[tuple[str, str, date, str, str, str], Numbers] = {}
        for row in statistics.execute(
            f"SELECT {_COLUMNS} FROM published.indicator_statistics {_HERE}", wanted
        ).fetchall():
            self._put(row)
        for connection in own:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM published.own_indicator {_HERE}", wanted)
            for row in rows.fetchall():
                self._put(row)

    def _put(self, row: tuple[Any, ...]) -> None:
        """Own counts come after the protected ones and newer definitions after older: the last one stands."""
        indicator_id, kind, period, scheme, area, sex, band, class_code, numerator, denominator = row
        held = self._held.setdefault((indicator_id, kind, period, scheme, area, sex), {})
        held[band, class_code] = (numerator, denominator)

    @cached_property
    def catalogue(self) -> dict[str, Indicator]:
        """The indicators, each by its newest definition."""
        rows = self._statistics.execute(
            "SELECT indicator_id, indicator_name, block_code, unit, scale::VARCHAR, denominator_ja, additive_over, "
            "is_verified::VARCHAR, numerator_ja, coverage, class_base_indicator_id IS NOT NULL "
            "FROM published.indicator "
            "ORDER BY indicator_id, definition_version"
        ).fetchall()
        return {
            row[0]: Indicator(
                indicator_id=row[0],
                name=row[1],
                block=row[2],
                unit=row[3],
                scale=Fraction(row[4]),
                has_denominator=row[5] not in (None, "", "なし"),
                is_additive_over_age="age" in str(row[6]).split(),
                is_verified=str(row[7]).lower() == "true",
                numerator_ja=row[8] or "",
                denominator_ja=row[5] or "",
                coverage=row[9] or "",
                is_over_common_base=row[10],
            )
            for row in rows
        }

    def peer_of(self, municipality: str, reading: str) -> str | None:
        """The peer group (同規模) of a municipality in a reading: ``<reading>:<class>``, None where it is in none."""
        found = self._statistics.execute(
            "SELECT min(parent_id) FROM published.area WHERE area_level = 'municipality' AND area_id = ? "
            "AND parent_level = 'peer' AND starts_with(parent_id, ?)",
            [municipality, f"{reading}:"],
        ).fetchone()
        return found[0] if found else None

    def incomplete_months(self, indicator_id: str, months: Iterable[date]) -> list[date]:
        """Months of which an expected delivery that the indicator rests on did not come, of whichever insurer."""
        rows = self._statistics.execute(
            "SELECT DISTINCT month::DATE FROM published.coverage "
            "SEMI JOIN (FROM published.lineage WHERE indicator_id = $indicator_id) USING (stream) "
            "WHERE insurers_arrived < insurers_expected AND list_contains($months, month::DATE) ORDER BY 1",
            {"months": sorted(months), "indicator_id": indicator_id},
        ).fetchall()
        return [row[0] for row in rows]

    def get(self, key: Key) -> Figure | None:
        """The figure of a key; None where there is none for it."""
        for period in (key.period, *key.period.same_as()):
            held = self._held.get(
                (key.indicator_id, period.kind, period.first, key.scheme_code, key.area, key.sex_code)
            )
            if held is not None:
                return self._summed(key, held)
        return None

    def _summed(self, key: Key, held: Numbers) -> Figure | None:
        """Over the ages and classes that the key takes together.

        Classes over one common base (a share of all, a rate of all members) have its denominator, however many there
        are; others bring their own (what a receipt costs).
        """
        indicator = self.catalogue.get(key.indicator_id)
        classes = key.class_codes or ("",)
        known = {band for band, class_code in held if class_code in classes}
        if key.ages in known or key.ages == ALL:
            bands = known & {key.ages}
        elif key.class_codes or indicator is None or not indicator.is_additive_over_age:
            return None  # a class that nobody of a band has has no row there, so its base would be missed
        else:
            bands = {band for band in known if _is_within(band, key.ages)}
        by_class = [[held[band, one] for band in bands if (band, one) in held] for one in classes]
        numbers = [pair for pairs in by_class for pair in pairs]
        if not numbers:
            return None
        if any(number is None for pair in numbers for number in pair):
            return Figure(0, 0, is_hidden=True)
        denominators = [sum(pair[1] or 0 for pair in pairs) for pairs in by_class]
        is_common = indicator is not None and indicator.is_over_common_base
        return Figure(sum(pair[0] or 0 for pair in numbers), max(denominators) if is_common else sum(denominators))


def _is_within(band: str, span: str) -> bool:
    """Whether a band such as 60-64 lies in a span such as 40-74."""
    low, mark, high = band.partition("-")
    first, _, last = span.partition("-")
    return bool(mark) and low.isdigit() and high.isdigit() and int(first) <= int(low) and int(high) <= int(last)

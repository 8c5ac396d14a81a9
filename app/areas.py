"""The ladder of areas: nation › prefecture › medical area › municipality › district, and peers beside it.

A municipality may be divided into districts more than once: by the 行政区 of the 資格 rows, and by each named
set (地区割) that it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

NATION = "nation:JP"
OWN_DISTRICTS = "-"
"""In place of a set's name: the districts of the 資格 rows themselves."""
LEVELS = ("nation", "prefecture", "medical_area", "insurer", "municipality", "district")


def level(area_key: str) -> str:
    """The level in ``level:id``."""
    return area_key.partition(":")[0]


def identifier(area_key: str) -> str:
    """The id in ``level:id``."""
    return area_key.partition(":")[2]


@dataclass(frozen=True)
class Ladder:
    """The published areas; an area is named by ``level:id`` everywhere in the dashboard."""

    frame: pl.DataFrame
    peer_reading: str  # which reading of 同規模 is shown

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        rows = self.frame.select(
            pl.col("area_level") + ":" + pl.col("area_id"), "area_name", "area_name_en"
        ).iter_rows()
        return {key: (name or key, english or name or key) for key, name, english in rows}

    @cached_property
    def _sets(self) -> dict[str, str]:
        named = self.frame.filter(pl.col("district_set_name").is_not_null())
        return dict(named.select(pl.col("area_level") + ":" + pl.col("area_id"), "district_set_name").iter_rows())

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        known = self.frame.filter(pl.col("parent_level").is_not_null())
        for child, parent in known.select(
            pl.col("area_level") + ":" + pl.col("area_id"), pl.col("parent_level") + ":" + pl.col("parent_id")
        ).iter_rows():
            found.setdefault(child, []).append(parent)
        return found

    def __contains__(self, area_key: str) -> bool:
        return area_key in self._names

    def name(self, area_key: str, *, japanese: bool = True) -> str:
        """The name of an area, as published."""
        pair = self._names.get(area_key)
        return identifier(area_key) if pair is None else pair[0 if japanese else 1]

    def parent(self, area_key: str) -> str | None:
        """The next level up on the ladder."""
        steps = [LEVELS.index(level(key)) for key in self._parents.get(area_key, []) if level(key) in LEVELS]
        if not steps:
            return None
        nearest = max(steps)
        return next(key for key in self._parents[area_key] if level(key) == LEVELS[nearest])

    def district_set(self, area_key: str) -> str:
        """The named set of a district; ``OWN_DISTRICTS`` where it is of none."""
        return self._sets.get(area_key, OWN_DISTRICTS)

    def path(self, area_key: str) -> list[str]:
        """From the nation down to the area itself."""
        found = [area_key]
        while (upper := self.parent(found[0])) is not None and upper not in found:
            found.insert(0, upper)
        return found

    def at(self, area_key: str, wanted_level: str) -> str | None:
        """The area of ``wanted_level`` that holds ``area_key``."""
        return next((key for key in self.path(area_key) if level(key) == wanted_level), None)

    def peer(self, area_key: str) -> str | None:
        """The peer group (同規模) of a municipality in the reading that is shown."""
        shown = f"peer:{self.peer_reading}:"
        return next((key for key in self._parents.get(area_key, []) if key.startswith(shown)), None)

    def parts(self, area_key: str) -> list[str]:
        """The areas one step below, in order of their ids."""
        return sorted(key for key in self._parents if self.parent(key) == area_key)

    def below(self, area_key: str, wanted_level: str) -> list[str]:
        """All areas of one level inside ``area_key``."""
        return sorted(
            key for key in self._names if level(key) == wanted_level and self.at(key, level(area_key)) == area_key
        )

"""Clinics and hospitals: which kinds a town has, and to which of them a person goes for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import seed
from ingest.synth.world.catalogue import CLINICS
from ingest.synth.world.numbers import check_digits
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
PEOPLE_EACH = {"internal": 6_000, "hospital": 25_000, "dental": 2_000, "pharmacy": 2_100}
"""Residents to one of a kind; dental and pharmacy: about 67,000 and 62,000 in Japan (unverified, general knowledge)."""
LEAST = {"internal": 2, "dental": 1, "pharmacy": 1}
POINT_TABLES = {"dental": "3", "pharmacy": "4"}
HOSPITAL_DIGITS = f"{CLINICS.index('hospital'):02d}"
"""The digits of an institution's code that say it is a hospital (``kind_digits``)."""


def kind_digits(code: pl.Series) -> pl.Series:
    """The two digits of institutions' codes that stand for their kind in this world."""
    return code.str.slice(5, 2)


def town_of(code: pl.Series) -> Ints:
    """Town numbers of institution codes of this world."""
    return code.str.slice(3, 2).cast(pl.Int64).to_numpy() - 1


@dataclass(frozen=True)
class Institutions:
    """``code`` by institution; ``first`` and ``count`` by town and kind of clinic."""

    code: list[str]
    first: Ints
    count: Ints

    @property
    def medical(self) -> list[str]:
        """Codes of clinics and hospitals: neither dentists nor pharmacies."""
        return [code for code in self.code if code[2] == "1"]

    def choose(self, town: Ints, kind: int, u: NDArray[np.float64]) -> Ints:
        """The institution of a kind for persons of the towns, by their fixed number ``u``."""
        return self.first[town, kind] + (u * self.count[town, kind]).astype(np.int64)


def make_institutions(towns: Towns) -> Institutions:
    """By the town's real population; a kind it is too small for is sought in the prefecture's largest town."""
    size = dict(seed("population_2025").group_by("municipality_code").agg(pl.col("population_count").sum()).iter_rows())
    population = np.array([size[code] for code in towns.code])
    first = np.zeros((len(towns), len(CLINICS)), dtype=np.int64)
    count = np.zeros_like(first)
    code: list[str] = []
    for town in range(len(towns)):
        for kind, name in enumerate(CLINICS):
            people_each = PEOPLE_EACH.get(name, 20_000)
            number = int(np.clip(round(population[town] / people_each), LEAST.get(name, 0), 30))
            first[town, kind], count[town, kind] = len(code), number
            local = np.array([(town + 1) % 100 * 10_000 + kind * 100 + i + 1 for i in range(number)], dtype=np.int64)
            code += [
                f"{towns.prefecture[town]:02d}{POINT_TABLES.get(name, '1')}{six:06d}{check}"
                for six, check in zip(local, check_digits(local), strict=True)
            ]
    for prefecture in set(towns.prefecture.tolist()):
        mine = towns.of_prefecture(prefecture)
        for kind in range(len(CLINICS)):
            best = mine[np.argmax(count[mine, kind])]
            lacking = mine[count[mine, kind] == 0]
            if count[best, kind] == 0:  # a world of villages: its doctors do everything
                first[lacking, kind], count[lacking, kind] = first[lacking, 0], count[lacking, 0]
            else:
                first[lacking, kind], count[lacking, kind] = first[best, kind], count[best, kind]
    return Institutions(code, first, count)

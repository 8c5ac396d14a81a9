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


@dataclass(frozen=True)
class Institutions:
    """``code`` by institution; ``first`` and ``count`` by town and kind of clinic."""

    code: list[str]
    first: Ints
    count: Ints

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
            people_each = {"internal": 6_000, "hospital": 25_000}.get(name, 20_000)
            number = int(np.clip(round(population[town] / people_each), 0 if name != "internal" else 2, 30))
            first[town, kind], count[town, kind] = len(code), number
            local = np.array([(town + 1) % 100 * 10_000 + kind * 100 + i + 1 for i in range(number)], dtype=np.int64)
            code += [
                f"{towns.prefecture[town]:02d}1{six:06d}{check}"
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

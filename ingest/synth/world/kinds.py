"""The seeds of illness as arrays: chronic conditions, acute episodes, admissions, cancers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.synth.calibration import seed
from ingest.synth.world.catalogue import CLINICS, Catalogue, Choice, chances, choice

Floats = NDArray[np.float64]

EPISODE_GROUPS = ("00_05", "06_14", "15_39", "40_64", "65_74", "75_plus")
ADMISSION_GROUPS = ("00_14", "15_39", "40_64", "65_74", "75_84", "85_plus")


@dataclass(frozen=True)
class Condition:
    """One row of the seed ``conditions``."""

    name: str
    row: int
    clinic: int
    interval: float
    diseases: Choice
    prescriptions: Choice | None
    tests: list[tuple[int, float]]
    care: int


@dataclass(frozen=True)
class Kind:
    """One row of ``episodes`` or ``admissions``."""

    name: str
    clinic: int
    rates: Floats
    season: Floats
    diseases: Choice
    prescriptions: Choice | None
    tests: list[tuple[int, float]]
    days: float
    sigma: float
    ward: str
    linked: list[tuple[int, float]]


@dataclass(frozen=True)
class Cancer:
    """One row of the seed ``cancers``: disease, operation (-1: none), drugs."""

    disease: int
    surgery: int
    prescriptions: Choice


def conditions(book: Catalogue) -> list[Condition]:
    """The chronic conditions, in the order of their seed."""
    return [
        Condition(
            name=c["condition"],
            row=i,
            clinic=CLINICS.index(c["clinic"]),
            interval=c["interval_months"],
            diseases=_needed(choice(c["diseases"], book.disease)),
            prescriptions=choice(c["prescriptions"], book.bundle),
            tests=chances(c["tests"], book.bundle),
            care=book.bundle[c["care"]] if c["care"] else -1,
        )
        for i, c in enumerate(seed("conditions").iter_rows(named=True))
    ]


def episodes(book: Catalogue) -> list[Kind]:
    """What brings people to a doctor for something new."""
    seasons = _seasons()
    return [
        Kind(
            name=e["episode"],
            clinic=CLINICS.index(e["clinic"]),
            rates=np.array([e[f"rate_{group}"] for group in EPISODE_GROUPS]) / 1000,
            season=seasons[e["season"]],
            diseases=_needed(choice(e["diseases"], book.disease)),
            prescriptions=choice(e["prescriptions"], book.bundle),
            tests=chances(e["tests"], book.bundle),
            days=e["days"],
            sigma=0.0,
            ward="",
            linked=[],
        )
        for e in seed("episodes").iter_rows(named=True)
    ]


def admissions(book: Catalogue, condition_names: list[str]) -> list[Kind]:
    """What brings people into hospital."""
    seasons = _seasons()
    rows = {name: i for i, name in enumerate(condition_names)}
    return [
        Kind(
            name=a["admission"],
            clinic=CLINICS.index("hospital"),
            rates=np.array([a[f"rate_{group}"] for group in ADMISSION_GROUPS]) / 1000,
            season=seasons[a["season"]],
            diseases=_needed(choice(a["diseases"], book.disease)),
            prescriptions=None,
            tests=chances(a["treatments"], book.bundle),
            days=a["length_days"],
            sigma=a["length_sigma"],
            ward=a["ward"],
            linked=chances(a["linked"], rows),
        )
        for a in seed("admissions").iter_rows(named=True)
    ]


def cancers(book: Catalogue) -> list[Cancer]:
    """Cancers by site."""
    return [
        Cancer(
            disease=book.disease[c["disease"]],
            surgery=book.bundle.get(c["surgery"], -1),
            prescriptions=_needed(choice(c["prescriptions"], book.bundle)),
        )
        for c in seed("cancers").iter_rows(named=True)
    ]


def _seasons() -> dict[str, Floats]:
    """Factors of January to December."""
    return {row[0]: np.array(row[1:13]) for row in seed("seasons").iter_rows()}


def _needed(found: Choice | None) -> Choice:
    if found is None:
        raise ValueError("a seed row names no disease")
    return found

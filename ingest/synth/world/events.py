"""What a month of care is made of: visits and stays with their diseases and bundles, as growing columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass
class Events:
    """Columns of visits (one event each), their diseases and their bundles; parts are joined when read."""

    visits: list[dict[str, Ints]] = field(default_factory=list)
    diseases: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)
    bundles: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)
    size: int = 0

    def add(
        self, person: Ints, institution: Ints, day: Ints, days: Ints, *, is_acute: bool,
        admission: Ints | None = None, stay_day: Ints | None = None,
    ) -> Ints:  # fmt: skip
        """Visits (or, with ``admission``, months of stays); returns their event numbers."""
        number = np.arange(self.size, self.size + len(person))
        self.visits.append(
            {
                "person": person,
                "institution": institution,
                "day": day,
                "days": days,
                "acute": np.full(len(person), int(is_acute)),
                "admission": np.full(len(person), -1) if admission is None else admission,
                "stay_day": np.zeros(len(person), dtype=np.int64) if stay_day is None else stay_day,
            }  # fmt: skip
        )
        self.size += len(person)
        return number

    def disease(self, event: Ints, disease: Ints, since: Ints) -> None:
        """A disease of the events, under treatment there since a day."""
        self.diseases.append((event, disease, since))

    def bundle(self, event: Ints, bundle: Ints | int, prescribed: Ints | int = 0) -> None:
        """A bundle of lines of the events; drugs for so many days."""
        if len(event):
            shape = event.shape
            self.bundles.append((event, np.broadcast_to(bundle, shape), np.broadcast_to(prescribed, shape)))

    def columns(self) -> dict[str, Ints]:
        """The visits as columns."""
        return {name: np.concatenate([v[name] for v in self.visits]) for name in self.visits[0]}

    def rows(self, what: list[tuple[Ints, Ints, Ints]]) -> tuple[Ints, Ints, Ints]:
        """Diseases or bundles as three columns."""
        return tuple(np.concatenate(part) for part in zip(*what, strict=True))  # type: ignore[return-value]

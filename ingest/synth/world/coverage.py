"""Who is liable for a person on a day, as the card shown at the desk says.

One who left 国保 and has not told the town may go on showing the old card until the notice is in; the
receipt then goes to an insurer whose member the person no longer is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed
from ingest.synth.world.enrolment import notice_days
from ingest.synth.world.lives import LEAVE
from ingest.synth.world.numbers import Records

Ints = NDArray[np.int64]

OLD_CARD_SHARE = 0.3
SHIFT = 1 << 18
OFFSET = 1 << 17  # days before 1970 are negative


@dataclass(frozen=True)
class Coverage:
    """Rows of ``records`` (sorted by person and start) with the day on which the card ceases to be shown."""

    records: pl.DataFrame
    key: Ints
    person: Ints
    start: Ints
    shown_until: Ints
    town: Ints
    name_key: Ints  # record row and day of each name
    surname: Ints

    def surname_on(self, row: Ints, day: Ints) -> Ints:
        """Surname under a record on a day (row of ``naming.surnames``)."""
        place = np.searchsorted(self.name_key, row * SHIFT + day + OFFSET, side="right") - 1
        # Before the first name of a record (a start put back): that first name.
        first = np.searchsorted(self.name_key, row * SHIFT)
        return self.surname[np.maximum(place, first)]

    def at(self, person: Ints, day: Ints) -> Ints:
        """Row of the record shown on a day; -1 where there is none."""
        row = np.searchsorted(self.key, person * SHIFT + day + OFFSET, side="right") - 1
        safe = np.maximum(row, 0)
        valid = (row >= 0) & (self.person[safe] == person) & (day < self.shown_until[safe])
        return np.where(valid, safe, -1)

    def in_month(self, day0: int, day1: int) -> tuple[Ints, Ints]:
        """Persons with a card at some time of the days [day0, day1), and the town of the latest."""
        rows = np.flatnonzero((self.start < day1) & (self.shown_until > day0))
        person = self.person[rows]
        last = np.append(person[1:] != person[:-1], True) if len(rows) else np.zeros(0, bool)
        return person[last], self.town[rows[last]]


def make_coverage(settings: SynthSettings, records: Records) -> Coverage:
    """The cards of everybody."""
    table = records.records
    _, closed = notice_days(settings, table)
    forever = 1 << 40
    end = table["end"].fill_null(forever).to_numpy()
    late = (table["next_reason"].fill_null(-1).to_numpy() == LEAVE) & (closed > end)
    shows = fixed(settings.seed, "old card", table["record"].cast(pl.Int64).to_numpy()) < OLD_CARD_SHARE
    until = np.where(late & shows, closed, end)
    person, start = table["person"].to_numpy(), table["start"].to_numpy()
    next_start = np.append(np.where(person[1:] == person[:-1], start[1:], forever), forever)
    row_of = table.select("record").with_row_index("row")
    names = records.names.join(row_of, on="record").sort("row", "start")
    return Coverage(
        records=table,
        key=person * SHIFT + start + OFFSET,
        person=person,
        start=start,
        shown_until=np.minimum(until, next_start),
        town=table["town"].to_numpy(),
        name_key=names["row"].cast(pl.Int64).to_numpy() * SHIFT + names["start"].to_numpy() + OFFSET,
        surname=names["surname"].to_numpy(),
    )

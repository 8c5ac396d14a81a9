"""The receipts of a month of every kind: 医科, DPC, 歯科 and 調剤; and, without any line, whose they are."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.world.dental import DENTAL_KEYS, DentalMaker
from ingest.synth.world.dpc import ACUTE_WARD, SET_KEYS, SUMMARY_KEYS, by_dpc, of_dpc_hospital, of_summary_set
from ingest.synth.world.events import Events
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.pharmacy import PHARMACY_KEYS, PRESCRIBED, dispensed_outside, prescribes_outside
from ingest.synth.world.receipts import KEYS_A_MONTH, ReceiptMaker, Receipts

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
NAMED: dict[str, pl.DataType] = {
    "source_row": pl.Int64(),
    "card": pl.Int64(),
    "day": pl.Int64(),
    "institution": pl.Int64(),
    "in_set": pl.Boolean(),
    "has_days": pl.Boolean(),
}
"""Whose the receipts of a month are: key, row of ``Coverage.records``, day of the first visit, institution of the
doctor, whether one of a 総括 set, whether it states its days."""


class AllKinds:
    """Makes the receipts of one month after another."""

    def __init__(self, maker: ReceiptMaker, institutions: Institutions) -> None:
        self.maker, self.institutions = maker, institutions
        self.dental = DentalMaker(maker, institutions)
        items = maker.book.items
        self._ward = self._bundles_with(items["item_code"] == ACUTE_WARD)
        self._drug = self._bundles_with((items["kind_code"] == "IY") & items["category_code"].is_in(PRESCRIBED))

    def month(self, month: int, events: Events, insured: Ints, town: Ints) -> Receipts:
        """Receipts of a 診療月: those of the events, and of the insured persons who saw a dentist."""
        number = self.maker.settings.seed
        seen = by_dpc(number, month, self.maker.month(month, events))
        seen = dispensed_outside(number, seen, self.institutions)
        return Receipts.joined([seen, self.dental.month(month, insured, town)])

    def named(self, month: int, events: Events, insured: Ints, town: Ints) -> pl.DataFrame:
        """Whose the receipts of ``month`` are (``NAMED``), without making their lines."""
        number = self.maker.settings.seed
        head, claim_of = self.maker.heads(month, events)
        code = self.maker.institution_code.gather(head.institution)
        stays = self.maker.with_bundles(events, head, claim_of, self._ward) & head.is_inpatient
        person = self.maker.coverage.person[head.card]
        in_set = stays & of_dpc_hospital(number, code) & of_summary_set(number, month, person, head.days)
        drugs = self.maker.with_bundles(events, head, claim_of, self._drug) & ~head.is_inpatient
        drugs &= prescribes_outside(number, code)
        whole = np.arange(len(head.card))
        dental = self.dental.heads(month, insured, town)
        parts = [
            (head, whole, 0, in_set, True),
            (head, np.flatnonzero(in_set), SET_KEYS, in_set[in_set], True),
            (head, np.flatnonzero(in_set), SUMMARY_KEYS, in_set[in_set], True),
            (head, np.flatnonzero(drugs), PHARMACY_KEYS, in_set[drugs], False),
            (dental, np.arange(len(dental.card)), DENTAL_KEYS, np.zeros(len(dental.card), bool), True),
        ]
        return pl.concat(
            pl.DataFrame(
                {
                    "source_row": rows + month * KEYS_A_MONTH + offset,
                    "card": of.card[rows],
                    "day": of.day[rows],
                    "institution": of.institution[rows],
                    "in_set": is_in_set,
                    "has_days": np.full(len(rows), has_days),
                },
                schema=NAMED,
            )
            for of, rows, offset, is_in_set, has_days in parts
        )

    def _bundles_with(self, wanted: pl.Series) -> Mask:
        """Which bundles have a line of one of the wanted items (by item)."""
        lines = self.maker.book.lines
        is_wanted = wanted.to_numpy()[lines.item]
        return np.add.reduceat(is_wanted.astype(np.int64), lines.first) > 0

"""The receipts of a month of every kind: 医科, DPC, 歯科 and 調剤."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.synth.world.dental import DentalMaker
from ingest.synth.world.dpc import by_dpc
from ingest.synth.world.events import Events
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.pharmacy import dispensed_outside
from ingest.synth.world.receipts import ReceiptMaker, Receipts

Ints = NDArray[np.int64]


class AllKinds:
    """Makes the receipts of one month after another."""

    def __init__(self, maker: ReceiptMaker, institutions: Institutions) -> None:
        self.maker, self.institutions = maker, institutions
        self.dental = DentalMaker(maker, institutions)

    def month(self, month: int, events: Events, insured: Ints, town: Ints) -> Receipts:
        """Receipts of a 診療月: those of the events, and of the insured persons who saw a dentist."""
        number = self.maker.settings.seed
        seen = by_dpc(number, month, self.maker.month(month, events))
        seen = dispensed_outside(number, seen, self.institutions)
        return Receipts.joined([seen, self.dental.month(month, insured, town)])

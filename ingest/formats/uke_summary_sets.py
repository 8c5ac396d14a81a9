"""Which of several HO records of a child of a DPC 総括 set is its own (domain/formats.md, rules 9 and 10).

Where a set was corrected, records are appended to the child's own: that of the 総括 as revised, then the child's
own as revised (188,014 / 207,282 / 188,001, measured on one sample). A child that was not revised itself
ends in the record of the 総括, whose amount would be counted beside the other children. So the list is read
by position, and by amount where the position cannot be right: what the 総括 has of all its children is never
less than what one of them has, so that an appended record of no more points than the child's own is its own.
That a set may be revised more than once, or a child without its 総括, is unverified (med).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.formats.compiled import loop
from ingest.formats.uke_columns import NUMBER
from ingest.formats.uke_layout import ITEM_LAYOUTS
from ingest.formats.uke_scan import Columns, Scan
from ingest.formats.uke_values import VALID

CHILD_CODES = ("2", "3")
"""レセプト総括区分 of the children of a set: 総括対象DPC, 総括対象医科入院."""


def own_records(block: Scan, insurers: NDArray[Any], is_child: NDArray[np.bool_]) -> NDArray[Any]:
    """The line of the HO record that stands for each receipt of the block: its last, of a child its last own; -1
    without any.

    ``insurers`` are the HO lines in their order, ``is_child`` tells the receipts that are children of a set.
    """
    owner = block.owner[insurers]
    chosen = np.full(len(block.receipt_line), -1, np.int64)
    chosen[owner] = insurers
    if is_child[owner].any():
        lines = insurers[is_child[owner]]
        held = Columns(block, lines, "HO", {"points": NUMBER}, block.layout[lines], ITEM_LAYOUTS)
        value, state = held.value("points")
        chosen[block.owner[lines]] = -1
        _last_own(lines, block.owner[lines], np.where(state == VALID, value, -1), chosen)
    return chosen


@loop
def _last_own(lines: Any, owner: Any, points: Any, chosen: Any) -> None:
    """``lines`` are those of one receipt after the other; an unreadable amount (-1) is taken by its position."""
    own = np.int64(-1)
    is_after_total = False
    for i in range(lines.size):
        receipt = owner[i]
        is_first = chosen[receipt] < 0
        if is_first or is_after_total or 0 <= points[i] <= own:
            chosen[receipt], own = lines[i], points[i]
            is_after_total = False
        else:
            is_after_total = True

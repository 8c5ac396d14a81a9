"""The compiled loop that lays the lines of receipts out as the columns of ``claim_item``, one row after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.compiled import loop
from ingest.formats.uke_lines import NO_OWNER
from ingest.formats.uke_values import VALID

NO_RECEIPT, OF_DONOR, OF_NO_CLAIM, OWN_FAULTS = 1, 2, 3, 3
"""Faults of a line that has no standing claim to belong to, before its own."""

TEXTS = ("scheme_code", "insurer_number", "item_kind_code", "item_code", "category_code", "burden_code")
NUMBERS = ("source_row", "parent_source_row", "sequence_number", "points", "times_count", "days_code")
NULLABLE = (
    "scheme_code",
    "insurer_number",
    "category_code",
    "burden_code",
    "quantity",
    "points",
    "times_count",
    "days_code",
)
SCHEME, INSURER, KIND, CODE, CATEGORY, BURDEN = range(len(TEXTS))
SOURCE_ROW, PARENT, SEQUENCE, POINTS, TIMES, DAYS = range(len(NUMBERS))
HAS_SCHEME, HAS_INSURER, HAS_CATEGORY, HAS_BURDEN, HAS_QUANTITY, HAS_POINTS, HAS_TIMES, HAS_DAYS = range(len(NULLABLE))

_NOTHING = np.uint64(0)
_REPLACEMENT = np.uint64(3 | 0xBDBFEF << 32)
"""View of U+FFFD, for a byte that is no character."""


@loop
def _byte(byte: int) -> Any:
    """The first half of the view of a character of one byte; its second half is 0."""
    return np.uint64(1) | np.uint64(byte) << np.uint64(32) if byte < 128 else _REPLACEMENT


@loop
def _two_digits(number: int) -> Any:
    """The first half of the view of a number of two digits."""
    return np.uint64(2) | np.uint64(48 + number // 10) << np.uint64(32) | np.uint64(48 + number % 10) << np.uint64(40)


@loop
def lay_out(
    count: int,
    line: Any,
    kind: Any,
    code: Any,
    category: Any,
    burden: Any,
    quantity: Any,
    quantity_state: Any,
    points: Any,
    points_state: Any,
    times: Any,
    times_state: Any,
    days: Any,
    no_days: int,
    row: Any,
    owner: Any,
    donor: Any,
    line_fault: Any,
    receipt_row: Any,
    is_kept: Any,
    scheme: Any,
    has_scheme: Any,
    insurer: Any,
    has_insurer: Any,
    month: Any,
    kinds: Any,
    texts: Any,
    numbers: Any,
    is_there: Any,
    decimals: Any,
    months: Any,
    fault: Any,
) -> int:
    """Fills the columns with the rows that have no fault; gives their number.

    Of the ``count`` items: ``line`` to ``days`` by row; of the block: ``row``, ``owner``, ``donor``, ``line_fault`` by
    line; of the claims: ``receipt_row``, ``is_kept``, views of ``scheme`` and ``insurer`` and whether there is one,
    ``month`` by receipt. ``texts`` has a column of views for each of ``TEXTS``, ``numbers`` one for each of
    ``NUMBERS``, ``is_there`` one for each of ``NULLABLE``; ``fault`` gets the number of each row's fault, 0 for none.
    """
    to, sequence, before = 0, 0, NO_OWNER
    for i in range(count):
        at = line[i]
        receipt = owner[at]
        sequence = sequence + 1 if receipt == before and i > 0 else 1
        before = receipt
        if receipt == NO_OWNER:
            fault[i] = NO_RECEIPT
        elif donor[at]:
            fault[i] = OF_DONOR
        elif not is_kept[receipt]:
            fault[i] = OF_NO_CLAIM
        elif line_fault[at]:
            fault[i] = OWN_FAULTS + line_fault[at]
        else:
            fault[i] = 0
        if fault[i]:
            continue
        for half in range(2):
            texts[SCHEME, to, half], texts[INSURER, to, half] = scheme[receipt, half], insurer[receipt, half]
            texts[KIND, to, half], texts[CODE, to, half] = kinds[kind[i], half], code[i, half]
            texts[CATEGORY, to, half], texts[BURDEN, to, half] = _NOTHING, _NOTHING
        is_there[HAS_SCHEME, to], is_there[HAS_INSURER, to] = has_scheme[receipt], has_insurer[receipt]
        is_there[HAS_CATEGORY, to], is_there[HAS_BURDEN, to] = category[i] >= 0, burden[i] > 0
        if category[i] >= 0:
            texts[CATEGORY, to, 0] = _two_digits(category[i])
        if burden[i]:
            texts[BURDEN, to, 0] = _byte(burden[i])
        months[to] = month[receipt]
        numbers[SOURCE_ROW, to], numbers[PARENT, to], numbers[SEQUENCE, to] = row[at], receipt_row[receipt], sequence
        numbers[POINTS, to], numbers[TIMES, to], numbers[DAYS, to] = points[i], times[i], days[i]
        decimals[to, 0], decimals[to, 1] = quantity[i], quantity[i] >> 63
        is_there[HAS_QUANTITY, to] = quantity_state[i] == VALID
        is_there[HAS_POINTS, to] = points_state[i] == VALID
        is_there[HAS_TIMES, to] = times_state[i] == VALID
        is_there[HAS_DAYS, to] = days[i] != no_days
        to += 1
    return to

"""The compiled loop over the lines of receipts: procedures, drugs, materials, fees.

It applies the rules at the head of domain/formats.md that go from line to line: 診療識別 inherited (5),
points on the last line of a group (6), yen under 97 (7), subtractions (8); and puts a pharmacy's groups
of 処方 (SH), drugs (IY, TO) and 調剤 (CZ) together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.bits import NOTHING, ONE, WIDE, first_bits, how_many, lowest, which_are
from ingest.formats.compiled import loop
from ingest.formats.uke_columns import MONTH_DAYS
from ingest.formats.uke_lines import NO_OWNER, RE, record_code
from ingest.formats.uke_text import put_short
from ingest.formats.uke_values import BLANK, UNREADABLE, VALID, date, digits, number, strip, ten_thousandths
from ingest.formats.uke_words import COMMA, split

KINDS = ("SI", "IY", "TO", "CD", "SS", "CZ", "KI")
"""Kinds of ``claim_item``, in the order of their numbers here."""
SI, IY, TO, CD, SS, CZ, KI = (record_code(name) for name in KINDS)
CO, SH, ST, GT = (record_code(name) for name in ("CO", "SH", "ST", "GT"))
MEDICAL, DENTAL, PHARMACY = range(3)

# Columns of ``places``: where a field stands in a record of a layout (-1: it has none).
CATEGORY, BURDEN, ITEM_CODE, QUANTITY, POINTS, TIMES, FIRST_DAY, DAY, USED, DRUG_POINTS, LESS_POINTS = range(11)
FIELDS = (
    "category_code",
    "burden_code",
    "item_code",
    "quantity",
    "points",
    "times_count",
    "first_day",
    "done_date",
    "used_amount",
    "drug_points",
    "reduction_points",
)
"""Fields of the layout in that order."""
SS_SLOT = KINDS.index("SS")
MOST_COLUMNS = 160
CODE_DIGITS = 9

NO_CATEGORY, BAD_CATEGORY = -1, -2
NO_DAYS = -1
FAULTS = (
    ("item_code", "missing_field"),
    ("item_code", "bad_code"),
    ("category_code", "bad_code"),
    ("burden_code", "bad_code"),
    ("quantity", "bad_number"),
    ("points", "bad_number"),
    ("times_count", "bad_number"),
)
"""Field and reason of the faults the loop finds, numbered from 1."""


@loop
def _column(columns: Any, count: int, place: int) -> tuple[int, int]:
    if place < 0 or place >= count:
        return 0, 0
    return columns[place], columns[place + 1] - columns[place] - 1


@loop
def _category(buf: Any, at: int, size: int) -> int:
    at, size = strip(buf, at, size)
    if size <= 0:
        return NO_CATEGORY
    if size == 2 and 48 <= buf[at] <= 57 and 48 <= buf[at + 1] <= 57:
        return (buf[at] - 48) * 10 + buf[at + 1] - 48
    return BAD_CATEGORY


@loop
def _code(buf: Any, at: int, size: int, view: Any, row: int) -> tuple[int, int]:
    """(the code as a number, state) of nine digits, whose view goes to ``view``."""
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    if size != CODE_DIGITS:
        return 0, UNREADABLE
    value = 0
    for place in range(CODE_DIGITS):
        digit = buf[at + place]
        if digit < 48 or digit > 57:
            return 0, UNREADABLE
        value = value * 10 + digit - 48
    put_short(buf, at, CODE_DIGITS, view, row)
    return value, VALID


@loop
def _fields(buf: Any, columns: Any, count: int, order: Any, fields: int, offset: Any, length: Any, value: Any) -> None:
    """Offset and length of each field of a line, and its digits as a number (-1: it has anything else).

    The first ``fields`` of ``order`` have (place, field). A field that is not there has offset and length 0.
    """
    for n in range(fields):
        place, field = order[n, 0], order[n, 1]
        at, size = _column(columns, count, place)
        offset[field], length[field], value[field] = at, size, digits(buf, at, size)


@loop
def _number(buf: Any, field: int, offset: Any, length: Any, value: Any) -> tuple[int, int]:
    """``number`` of a field, which in most cases ``_fields`` has read already."""
    if value[field] >= 0:
        return value[field], VALID
    if length[field] == 0:
        return 0, BLANK
    return number(buf, offset[field], length[field])


@loop
def _days(buf: Any, at: int, end: int) -> int:
    """Σ 2^(day-1) of the days with a number above zero, from the column of the first; ``NO_DAYS`` where none has."""
    bits, day = 0, 0
    while at < end and day < MONTH_DAYS:
        inside = first_bits(end - at)
        commas = which_are(buf, at, COMMA) & inside
        others = ~commas & inside
        while others != NOTHING:
            place = lowest(others)
            own = day + how_many(commas & first_bits(place))
            if own < MONTH_DAYS and 49 <= buf[at + place] <= 57:
                bits |= 1 << own
            others &= others - ONE
        day += how_many(commas)
        at += WIDE
    return bits if bits else NO_DAYS


@loop
def _day_bit(buf: Any, at: int, size: int, first_year: int, era_base: Any) -> int:
    """2^(day-1) of a date; 0 where there is none."""
    _, state = date(buf, at, size, False, first_year, era_base)
    if state != VALID:
        return 0
    at, size = strip(buf, at, size)
    return 1 << ((buf[at + size - 2] - 48) * 10 + buf[at + size - 1] - 49)


@loop
def _amount(buf: Any, columns: Any, count: int, place: int) -> int:
    at, size = _column(columns, count, place)
    value, state = number(buf, at, size)
    return value if state == VALID else 0


@loop
def read_items(
    buf: Any,
    body: Any,
    end: Any,
    kind: Any,
    owner: Any,
    donor: Any,
    table: Any,
    orders: Any,
    order_sizes: Any,
    places: Any,
    cz_groups: Any,
    ki_groups: Any,
    ss_groups: Any,
    special: Any,
    minus_codes: Any,
    minus_kinds: Any,
    uncounted: Any,
    first_year: int,
    era_base: Any,
    out_line: Any,
    out_kind: Any,
    out_code: Any,
    out_category: Any,
    out_burden: Any,
    out_quantity: Any,
    out_quantity_state: Any,
    out_points: Any,
    out_points_state: Any,
    out_times: Any,
    out_times_state: Any,
    out_days: Any,
    line_fault: Any,
    receipt_points: Any,
    columns: Any,
    offset: Any,
    length: Any,
    value: Any,
) -> int:
    """Rows of ``claim_item`` of all lines, and the points of each receipt as its lines give them.

    ``table`` is the layout of each line; ``places[layout, kind, field]``, and the same as (place, field) by place
    in the first ``order_sizes[layout, kind]`` of ``orders[layout, kind]``; ``*_groups`` are rows of
    (first place, groups, width, burden, code, times, quantity, points), -1 where a group has none;
    ``special`` the places of SH 単位薬剤料, CZ 調剤年月日, CZ 調剤数量, KI 算定日, ST before and after, GT.
    ``minus_codes`` (ascending) are recorded positive and subtracted, ``minus_kinds`` 7 always, 8 unless the
    line is inside a group. ``line_fault`` gets the number of the first of ``FAULTS`` of a line, 0 for none.
    ``columns``, ``offset``, ``length`` and ``value`` are room for what is known of one line.
    """
    views = out_code.reshape(-1)
    held_layout, held_slot = -1, -1
    rows = 0
    category = NO_CATEGORY  # the one in force
    before_open, before_category, before_is_item = False, NO_CATEGORY, False
    group_first, group_points, group_points_state, group_count, group_days, group_is_open = 0, 0, BLANK, 0, 0, False
    for line in range(body.size):
        code = kind[line]
        if code == RE:
            category, before_is_item = NO_CATEGORY, False
        closes = code in (SH, RE, KI, ST)
        if group_is_open and (closes or (table[line] != PHARMACY)):
            _close(rows, group_first, group_points, group_points_state, group_count, group_days,
                   out_points, out_points_state, out_times, out_times_state, out_days)  # fmt: skip
            group_is_open = False
        slot = (
            0 if code == SI else 1 if code == IY else 2 if code == TO else 3 if code == CD else 4 if code == SS else -1
        )
        if slot < 0 and code != CZ and code != KI and code != CO and code != SH and code != ST and code != GT:
            continue
        layout = table[line]
        most = MOST_COLUMNS
        if slot >= 0 and slot != SS_SLOT:  # nothing is wanted behind its last field
            most = orders[layout, slot, order_sizes[layout, slot] - 1, 0] + 1
        count = split(buf, body[line], end[line], most, columns)
        receipt = owner[line]
        counted = receipt != NO_OWNER and donor[line] == 0
        if code == CO:
            at, size = _column(columns, count, places[layout, 0, CATEGORY])
            own = _category(buf, at, size)
            if own != NO_CATEGORY and layout != PHARMACY:
                category = own
            continue
        if code == SH:
            at, size = _column(columns, count, special[0])
            group_points, group_points_state = number(buf, at, size)
            group_first, group_count, group_days, group_is_open = rows, 0, 0, True
            continue
        if code == GT:
            if counted:
                receipt_points[receipt] += _amount(buf, columns, count, special[6])
            continue
        if code == ST:
            if counted:
                receipt_points[receipt] += _amount(buf, columns, count, special[5]) - _amount(
                    buf, columns, count, special[4]
                )
            continue
        if code in (CZ, KI):
            groups = cz_groups if code == CZ else ki_groups
            at, size = _column(columns, count, special[1] if code == CZ else special[3])
            bit = _day_bit(buf, at, size, first_year, era_base)
            if code == CZ:
                group_count += _amount(buf, columns, count, special[2])
                group_days |= bit
                if counted:
                    receipt_points[receipt] += _amount(buf, columns, count, places[layout, 5, DRUG_POINTS]) - _amount(
                        buf, columns, count, places[layout, 5, LESS_POINTS]
                    )
            for g in range(groups.shape[0]):
                for n in range(groups[g, 1]):
                    first = groups[g, 0] + n * groups[g, 2]
                    at, size = _column(columns, count, first + groups[g, 4])
                    _, state = _code(buf, at, size, views, rows)
                    if state == BLANK:
                        continue
                    if state == UNREADABLE and line_fault[line] == 0:
                        line_fault[line] = 2
                    out_line[rows], out_kind[rows] = line, 5 if code == CZ else 6
                    out_category[rows], out_quantity[rows], out_quantity_state[rows] = NO_CATEGORY, 0, BLANK
                    out_burden[rows] = 0
                    if groups[g, 3] >= 0:
                        at, size = _column(columns, count, first + groups[g, 3])
                        at, size = strip(buf, at, size)
                        if size == 1:
                            out_burden[rows] = buf[at]
                        elif size > 1 and line_fault[line] == 0:
                            line_fault[line] = 4
                    at, size = _column(columns, count, first + groups[g, 7])
                    points, state = number(buf, at, size)
                    out_points[rows], out_points_state[rows] = points, state
                    if state == UNREADABLE and line_fault[line] == 0:
                        line_fault[line] = 6
                    times = 1
                    if groups[g, 5] >= 0:
                        at, size = _column(columns, count, first + groups[g, 5])
                        times, state = number(buf, at, size)
                        if state == BLANK:
                            times = 1
                        elif (state == UNREADABLE or times < 0) and line_fault[line] == 0:
                            line_fault[line] = 7
                    out_times[rows], out_times_state[rows] = times, VALID
                    out_days[rows] = bit if bit else NO_DAYS
                    if counted and out_points_state[rows] == VALID:
                        receipt_points[receipt] += points * times
                    rows += 1
            continue

        if held_layout != layout or held_slot != slot:  # what the record before had and this one has not
            offset[:], length[:], value[:] = 0, 0, -1
            held_layout, held_slot = layout, slot
        _fields(buf, columns, count, orders[layout, slot], order_sizes[layout, slot], offset, length, value)
        code_value, state = value[ITEM_CODE], VALID
        if length[ITEM_CODE] == CODE_DIGITS and code_value >= 0:
            put_short(buf, offset[ITEM_CODE], CODE_DIGITS, views, rows)
        else:
            code_value, state = _code(buf, offset[ITEM_CODE], length[ITEM_CODE], views, rows)
        fault = 1 if state == BLANK else 2 if state == UNREADABLE else 0
        own = NO_CATEGORY
        if length[CATEGORY]:
            own = (
                value[CATEGORY]
                if length[CATEGORY] == 2 and value[CATEGORY] >= 0
                else _category(buf, offset[CATEGORY], length[CATEGORY])
            )
        if slot != 3 and own != NO_CATEGORY:
            category = own
        in_force = own if slot == 3 else NO_CATEGORY if layout == PHARMACY else category
        if in_force == BAD_CATEGORY and fault == 0:
            fault = 3
        out_line[rows], out_kind[rows], out_category[rows] = line, slot, in_force
        out_burden[rows] = 0
        at, size = offset[BURDEN], length[BURDEN]
        if size:
            at, size = strip(buf, at, size)
        if size == 1:
            out_burden[rows] = buf[at]
        elif size > 1 and fault == 0:
            fault = 4
        quantity, quantity_state = value[QUANTITY] * 10_000, VALID
        if value[QUANTITY] < 0:
            quantity, quantity_state = ten_thousandths(buf, offset[QUANTITY], length[QUANTITY])
        if slot == 3 and quantity_state == BLANK:
            quantity, quantity_state = ten_thousandths(buf, offset[USED], length[USED])
        if quantity_state == UNREADABLE and fault == 0:
            fault = 5
        out_quantity[rows], out_quantity_state[rows] = quantity, quantity_state
        points, points_state = _number(buf, POINTS, offset, length, value)
        if points_state == UNREADABLE and fault == 0:
            fault = 6
        times, times_state = _number(buf, TIMES, offset, length, value)
        if (times_state == UNREADABLE or times < 0) and fault == 0:
            fault = 7
        out_points[rows], out_points_state[rows] = points, points_state
        out_times[rows], out_times_state[rows] = times, times_state
        if slot == 3:
            bit = _day_bit(buf, offset[DAY], length[DAY], first_year, era_base)
            out_days[rows] = bit if bit else NO_DAYS
        else:
            out_days[rows] = _days(buf, offset[FIRST_DAY], end[line]) if offset[FIRST_DAY] else NO_DAYS
        if fault and line_fault[line] == 0:
            line_fault[line] = fault
        rows += 1
        if slot == 3 or layout == PHARMACY:
            continue

        # Points stand on the last line of a group, net of the group: a line is inside a group when the line
        # before it, of the same 診療識別, has none yet.
        inside = before_is_item and before_open and (own == NO_CATEGORY or category == before_category)
        before_is_item, before_open, before_category = True, points_state != VALID, category
        is_counted = counted and points_state == VALID and (category < 0 or uncounted[category] == 0)
        if is_counted:
            sign = 1
            if state == VALID and minus_codes.size:
                found = np.searchsorted(minus_codes, code_value)
                is_minus = found < minus_codes.size and minus_codes[found] == code_value
                if is_minus and (minus_kinds[found] == 7 or not inside):
                    sign = -1
            receipt_points[receipt] += sign * points * (times if times_state == VALID else 1)
        if slot == SS_SLOT:
            for g in range(ss_groups.shape[0]):
                for n in range(ss_groups[g, 1]):
                    first = ss_groups[g, 0] + n * ss_groups[g, 2]
                    at, size = _column(columns, count, first + ss_groups[g, 4])
                    _, state = _code(buf, at, size, views, rows)
                    if state == BLANK:
                        continue
                    if state == UNREADABLE and line_fault[line] == 0:
                        line_fault[line] = 2
                    out_line[rows], out_kind[rows], out_category[rows] = line, 4, in_force
                    out_burden[rows] = out_burden[rows - 1]
                    at, size = _column(columns, count, first + ss_groups[g, 6])
                    quantity, quantity_state = ten_thousandths(buf, at, size)
                    if quantity_state == UNREADABLE and line_fault[line] == 0:
                        line_fault[line] = 5
                    out_quantity[rows], out_quantity_state[rows] = quantity, quantity_state
                    out_points[rows], out_points_state[rows] = 0, BLANK
                    out_times[rows], out_times_state[rows] = 0, BLANK
                    out_days[rows] = NO_DAYS
                    rows += 1
    if group_is_open:
        _close(rows, group_first, group_points, group_points_state, group_count, group_days,
               out_points, out_points_state, out_times, out_times_state, out_days)  # fmt: skip
    return rows


@loop
def _close(
    rows: int,
    first: int,
    points: int,
    points_state: int,
    count: int,
    days: int,
    out_points: Any,
    out_points_state: Any,
    out_times: Any,
    out_times_state: Any,
    out_days: Any,
) -> None:
    """What a pharmacy's group says once for its drugs: how often dispensed, on which days, points of one time."""
    last = -1
    for row in range(first, rows):
        if out_times_state[row] == BLANK:  # a drug or material; fees have their own times
            out_times[row], out_times_state[row] = count, VALID
            out_days[row] = days if days else NO_DAYS
            last = row
    if last >= 0 and points_state == VALID:
        out_points[last], out_points_state[last] = points, VALID

"""The compiled loop that reads the columns of lines of one record: texts, numbers, dates, codes, each line once."""

from __future__ import annotations

from typing import Any

from ingest.formats.bits import NOTHING, ONE, WIDE, first_bits, how_many, lowest, prefetch, which_are
from ingest.formats.compiled import loop
from ingest.formats.uke_text import Characters, put_folded, put_short, put_text
from ingest.formats.uke_values import BLANK, UNREADABLE, VALID, date, digits, number, strip
from ingest.formats.uke_words import COMMA, count_commas, split

TEXT, FOLDED, CODE, NUMBER, DATE, MONTH, DAYS, HOLDS = range(8)
"""How a column is read; the first three are texts. CODE: so many digits. DAYS: Σ 2^(day-1) of the 31 columns that
hold a 1. HOLDS: 1 where one of its groups of so many characters is the one looked for."""
TEXTS = (TEXT, FOLDED, CODE)
MONTH_DAYS = 31
_ONE = 49
AHEAD = 8
"""Lines that are fetched from memory before they are read."""


@loop
def _put_code(buf: Any, at: int, last: int, width: int, view: Any, row: int) -> int:
    """The view of a code of ``width`` digits; its state."""
    if last - at == width and digits(buf, at, width) >= 0:
        put_short(buf, at, width, view, row)
        return VALID
    at, size = strip(buf, at, last - at)
    if size <= 0:
        return BLANK
    if size != width:
        return UNREADABLE
    for place in range(at, at + size):
        if buf[place] < 48 or buf[place] > 57:
            return UNREADABLE
    put_short(buf, at, size, view, row)
    return VALID


@loop
def _days(buf: Any, at: int, last: int) -> int:
    """Σ 2^(day-1) of the columns from ``at`` on that hold a 1 and nothing else."""
    found, day = 0, 0
    while at < last and day < MONTH_DAYS:
        inside = first_bits(last - at)
        commas, ones = which_are(buf, at, COMMA) & inside, which_are(buf, at, _ONE) & inside
        while ones != NOTHING:
            place = lowest(ones)
            own, stop = day + how_many(commas & first_bits(place)), at + place + 1
            if own < MONTH_DAYS and buf[stop - 2] == COMMA and (stop == last or buf[stop] == COMMA):
                found |= 1 << own
            ones &= ones - ONE
        day += how_many(commas)
        at += WIDE
    return found


@loop
def _holds(buf: Any, at: int, last: int, width: int, group: int) -> bool:
    """Whether a slice of groups of ``width`` characters has the one whose bytes ``group`` is, the first the lowest."""
    at, size = strip(buf, at, last - at)
    for start in range(at, at + size - width + 1, width):
        word = 0
        for place in range(width):
            word |= int(buf[start + place]) << (8 * place)
        if word == group:
            return True
    return False


@loop
def _fetch_ahead(buf: Any, body: Any, line: int) -> None:
    """Has a line that comes soon fetched, of which the first 128 bytes hold nearly all that is read."""
    if line + AHEAD < body.size:
        prefetch(buf, body[line + AHEAD])
        prefetch(buf, body[line + AHEAD] + 64)


@loop
def count_columns(buf: Any, body: Any, end: Any, count: Any) -> None:
    """Number of columns of each line, from its record id on."""
    for line in range(body.size):
        _fetch_ahead(buf, body, line)
        count[line] = 1 + count_commas(buf, body[line], end[line])


@loop
def read_columns(
    buf: Any,
    body: Any,
    end: Any,
    layout: Any,
    order: Any,
    size: Any,
    first_year: int,
    era_base: Any,
    table: Characters,
    rows: int,
    room: int,
    view: Any,
    view_state: Any,
    value: Any,
    value_state: Any,
    out: Any,
    used: Any,
    columns: Any,
) -> None:
    """The wanted columns of each line; a line that ends at 0 is one that is not there.

    ``order[layout]`` has in its first ``size[layout]`` rows, by place: place, how it is read, the slot that takes it
    (of ``view`` for texts, of ``value`` for others), width and group. ``view`` (two numbers each), ``value`` and their
    states have ``rows`` places for each slot, one after the other; those of columns that a line has not are left as
    they are. ``out`` takes the bytes of long texts, those of a slot from ``slot * room`` on, ``used`` how many.
    ``columns`` is room for where the columns of one line begin.
    """
    for line in range(body.size):
        _fetch_ahead(buf, body, line)
        last, own = end[line], layout[line]
        if last == 0 or size[own] == 0:
            continue
        count = split(buf, body[line], last, order[own, size[own] - 1, 0] + 1, columns)
        for n in range(size[own]):
            place, how, slot = order[own, n, 0], order[own, n, 1], order[own, n, 2]
            if place >= count:
                break
            row, base = slot * rows + line, slot * room
            at, stop = columns[place], columns[place + 1] - 1
            if how == DAYS:
                value[row], value_state[row] = _days(buf, at, last), VALID
            elif stop == at:
                continue
            elif how == TEXT:
                view_state[row], to = put_text(buf, at, stop, table, view, row, out, base, base + used[slot])
                used[slot] = to - base
            elif how == FOLDED:
                view_state[row], to = put_folded(buf, at, stop, table, view, row, out, base, base + used[slot])
                used[slot] = to - base
            elif how == CODE:
                view_state[row] = _put_code(buf, at, stop, order[own, n, 3], view, row)
            elif how == NUMBER:
                value[row], value_state[row] = number(buf, at, stop - at)
            elif how == HOLDS:
                value[row] = _holds(buf, at, stop, order[own, n, 3], order[own, n, 4])
            else:
                value[row], value_state[row] = date(buf, at, stop - at, how == MONTH, first_year, era_base)

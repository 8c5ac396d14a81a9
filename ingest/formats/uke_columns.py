"""The compiled loop that reads the columns of lines of one record: texts, numbers, dates, codes, each line once."""

from __future__ import annotations

from typing import Any

from ingest.formats.compiled import loop
from ingest.formats.uke_text import Characters, put_folded, put_short, put_text
from ingest.formats.uke_values import BLANK, UNREADABLE, VALID, date, number, strip
from ingest.formats.uke_words import COMMA, COMMAS, column_end, count_commas, prefetch, skip_columns, word_at

TEXT, FOLDED, CODE, NUMBER, DATE, MONTH, DAYS, HOLDS = range(8)
"""How a column is read; the first three are texts. CODE: so many digits. DAYS: Σ 2^(day-1) of the 31 columns that
hold a 1. HOLDS: 1 where one of its groups of so many characters is the one looked for."""
TEXTS = (TEXT, FOLDED, CODE)
MONTH_DAYS = 31
AHEAD = 8
"""Lines that are fetched from memory before they are read."""


@loop
def _put_code(buf: Any, at: int, last: int, width: int, view: Any, row: int) -> int:
    """The view of a code of ``width`` digits; its state."""
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
        if at + 8 <= last and word_at(buf, at) == COMMAS:
            at, day = at + 8, day + 8
            continue
        if buf[at] == COMMA:
            day += 1
        elif buf[at] == 49 and buf[at - 1] == COMMA and (at + 1 == last or buf[at + 1] == COMMA):
            found |= 1 << day
        at += 1
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
) -> None:
    """The wanted columns of each line; a line that ends at 0 is one that is not there.

    ``order[layout]`` has in its first ``size[layout]`` rows, by place: place, how it is read, the slot that takes it
    (of ``view`` for texts, of ``value`` for others), width and group. ``view`` (two numbers each), ``value`` and their
    states have ``rows`` places for each slot, one after the other; those of columns that a line has not are left as
    they are. ``out`` takes the bytes of long texts, those of a slot from ``slot * room`` on, ``used`` how many.
    """
    for line in range(body.size):
        _fetch_ahead(buf, body, line)
        at, last, column = body[line], end[line], 0
        if last == 0:
            continue
        own = layout[line]
        for n in range(size[own]):
            place, how, slot = order[own, n, 0], order[own, n, 1], order[own, n, 2]
            at, missing = skip_columns(buf, at, last, place - column)
            if missing:
                break
            column = place
            row, base = slot * rows + line, slot * room
            if how == DAYS:
                value[row], value_state[row] = _days(buf, at, last), VALID
                continue
            stop = column_end(buf, at, last)
            if stop == at:
                continue
            if how == TEXT:
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

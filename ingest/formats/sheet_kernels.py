"""The loops that fill the columns of a table from lines of a file, compiled: numbers, days and texts where they stand.

Each goes over the lines of one record once and puts the cell of line ``i`` into row ``rows[i]`` of its column.
``fields`` has a row for each kind of line: the fields (from 0) that the columns are read from, -1 for none. States of
cells are those of ``cell_kernels``; of an empty cell nothing is put, so that columns begin as ``BLANK``.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.formats.bits import Array
from ingest.formats.bytecsv_kernels import Lines, cell, fetch_ahead
from ingest.formats.cell_kernels import BLANK, OTHER, VALID, day_of, era_of, put_plain_text, whole_number
from ingest.formats.compiled import loop
from ingest.formats.uke_text import ROOM, Characters

DONE, USED, OTHERS = 0, 1, 2
"""Places of what ``put_texts`` counts: lines done, bytes used beside the views, and cells it could not read."""


class Limits(NamedTuple):
    """By column the least and greatest number that pass, and whether a cell must be filled."""

    low: Array
    high: Array
    required: Array


@loop
def put_numbers(
    at: Lines, fields: Array, bounds: Array, limits: Limits,
    rows: Array, columns: Array, value: Array, state: Array, bad: Array,
) -> None:  # fmt: skip
    """Cells of at most 18 digits with at most a sign as numbers, into row ``columns[i]`` of ``value`` and ``state``.

    The fields of column ``i`` begin at ``bounds[i]``: the first that is filled counts. A row is ``bad`` whose number
    is of another form or beyond its limits, or where a cell of blanks or with a byte that is not ASCII comes before
    others.
    """
    buf = at.buf
    for number in range(at.lines.size):
        fetch_ahead(at, number)
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        kind = at.kinds[number] if at.kinds.size else 0
        row = rows[number]
        for column in range(bounds.size - 1):
            start, stop = 0, 0
            for place in range(bounds[column], bounds[column + 1]):
                start, stop = cell(buf, at.sep, base, last, fields[kind, place])
                if start < stop:
                    break
            if start == stop:
                if limits.required[column]:
                    bad[row] = True
                continue
            if bounds[column + 1] - bounds[column] > 1 and (buf[start] <= 32 or buf[start] > 126):
                bad[row] = True
            found, how = whole_number(buf, start, stop)
            value[columns[column], row], state[columns[column], row] = found, how
            if how == VALID:
                if found < limits.low[column] or found > limits.high[column]:
                    bad[row] = True
            elif how == OTHER or limits.required[column]:
                bad[row] = True


@loop
def put_days(
    at: Lines, fields: Array, year_before: Array, rows: Array, columns: Array, value: Array, state: Array
) -> int:
    """Dates (see ``cell_kernels.day_of``) as days from 1 January 1970, likewise; gives how many are of another form.

    ``fields`` has for each column the field of its date and that of its era. ``year_before`` has by the digit of an
    era the year before its first, the first year of all at 0.
    """
    buf, others = at.buf, 0
    for number in range(at.lines.size):
        fetch_ahead(at, number)
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        kind = at.kinds[number] if at.kinds.size else 0
        for column in range(fields.shape[1] // 2):
            start, stop = cell(buf, at.sep, base, last, fields[kind, 2 * column])
            if start == stop:
                continue
            era = 0
            if stop - start == 6:
                era = era_of(buf, *cell(buf, at.sep, base, last, fields[kind, 2 * column + 1]))
            found, how = day_of(buf, start, stop, era, year_before)
            value[columns[column], rows[number]], state[columns[column], rows[number]] = found, how
            others += how == OTHER
    return others


@loop
def put_texts(
    at: Lines, fields: Array, is_printed: bool, characters: Characters,
    rows: Array, view: Array, state: Array, held: Array, counts: Array,
) -> None:  # fmt: skip
    """Texts of one column as views of Arrow (see ``cell_kernels.put_plain_text``), longer ones in ``held``.

    ``counts`` says how far it came (``DONE``, ``USED``, ``OTHERS``): it stops where ``held`` may be too small.
    """
    for number in range(counts[DONE], at.lines.size):
        fetch_ahead(at, number)
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        kind = at.kinds[number] if at.kinds.size else 0
        start, stop = cell(at.buf, at.sep, base, last, fields[kind, 0])
        if start < stop:
            if counts[USED] + ROOM * (stop - start) > held.size:
                return
            row = rows[number]
            used, how = put_plain_text(at.buf, start, stop, is_printed, characters, view, row, held, counts[USED])
            counts[USED], state[row] = used, how
            counts[OTHERS] += how == OTHER
        counts[DONE] = number + 1


@loop
def spread(values: Array, has_value: Array, place_of: Array, ids: Array, rows: Array, out: Array, state: Array) -> None:
    """Puts into row ``rows[i]`` of a column what the text with number ``ids[i]`` says: the value at its place."""
    for number in range(ids.size):
        place, row = place_of[ids[number]], rows[number]
        out[row] = values[place]
        state[row] = VALID if has_value[place] else BLANK


@loop
def spread_views(
    values: Array, has_value: Array, place_of: Array, ids: Array, rows: Array, out: Array, state: Array
) -> None:
    """The same of texts as views of Arrow, two numbers each."""
    for number in range(ids.size):
        place, row = place_of[ids[number]], rows[number]
        out[2 * row], out[2 * row + 1] = values[2 * place], values[2 * place + 1]
        state[row] = VALID if has_value[place] else BLANK


@loop
def mark(is_bad: Array, place_of: Array, ids: Array, rows: Array, bad: Array) -> None:
    """Marks the rows of texts that break a rule."""
    for number in range(ids.size):
        if is_bad[place_of[ids[number]]]:
            bad[rows[number]] = True


@loop
def see(ids: Array, is_seen: Array) -> None:
    """Marks the texts that occur."""
    for number in range(ids.size):
        is_seen[ids[number]] = True

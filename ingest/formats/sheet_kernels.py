"""The loops that fill the columns of a table from lines of a file, compiled: numbers, days and texts where they stand.

The cells of line ``i`` go into row ``rows[i]`` of their columns. ``fields`` has a row for each kind of line: the
fields (from 0) that the columns are read from, -1 for none. States of cells are those of ``cell_kernels``; of an empty
cell nothing is put, so that columns begin as ``BLANK``.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.formats.bits import Array
from ingest.formats.bytecsv_kernels import Lines, cell, fetch_ahead
from ingest.formats.cell_kernels import BLANK, OTHER, VALID, day_of, era_of, put_plain_text, whole_number
from ingest.formats.compiled import loop, part_of_loop
from ingest.formats.uke_text import ROOM, Characters
from ingest.formats.vocabulary_kernels import FULL, Words, number_of


class Numbers(NamedTuple):
    """Columns of whole numbers: which rows of ``value`` and ``state`` they are, and by column the least and greatest
    that pass and whether one must be there. The fields of column ``i`` begin at ``bounds[i]``: the first that is filled
    counts."""

    fields: Array
    bounds: Array
    low: Array
    high: Array
    required: Array
    columns: Array
    value: Array
    state: Array


class Days(NamedTuple):
    """Columns of dates, as days from 1 January 1970: for each the field of its date and that of its era.
    ``year_before`` has by the digit of an era the year before its first, the first year of all at 0."""

    fields: Array
    year_before: Array
    columns: Array
    value: Array
    state: Array


class Texts(NamedTuple):
    """Columns of texts as views of Arrow, longer ones in ``held``; whether they stay as printed, and may be CP932."""

    fields: Array
    is_printed: Array
    columns: Array
    value: Array
    state: Array
    held: Array


class Ids(NamedTuple):
    """Columns of the numbers that texts have in a vocabulary."""

    fields: Array
    number: Array
    words: Words


class Counts(NamedTuple):
    """How far the lines are put, and what that took: places in an array of them."""

    done: int
    used: int
    others: int


COUNTS = Counts(0, 1, 2)


@loop
def put_lines(
    at: Lines, rows: Array, numbers: Numbers, days: Days, texts: Texts, ids: Ids, table: Characters,
    bad: Array, counts: Array,
) -> None:  # fmt: skip
    """Puts the cells of lines into their columns, each line at once: what costs is to wait for its bytes.

    ``counts`` says how far it came, the bytes used of ``texts.held`` and how many days and texts are of another form
    (``COUNTS``). It stops before a line for which the vocabulary or ``texts.held`` may be too small.
    """
    for number in range(counts[COUNTS.done], at.lines.size):
        fetch_ahead(at, number)
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        kind, row = at.kinds[number] if at.kinds.size else 0, rows[number]
        size = at.sep[last] - at.sep[base]
        if counts[COUNTS.used] + ROOM * size > texts.held.size:
            return
        if not _put_ids(at, base, last, kind, row, ids):
            return
        if _put_numbers(at, base, last, kind, row, numbers):
            bad[row] = True
        counts[COUNTS.others] += _put_days(at, base, last, kind, row, days)
        _put_texts(at, base, last, kind, row, texts, table, counts)
        counts[COUNTS.done] = number + 1


@part_of_loop
def _put_ids(at: Lines, base: int, last: int, kind: int, row: int, ids: Ids) -> bool:
    """Puts the numbers of texts; False where the vocabulary must grow before."""
    for place in range(ids.fields.shape[1]):
        start, stop = cell(at.buf, at.sep, base, last, ids.fields[kind, place])
        found = number_of(at.buf, start, stop - start, ids.words)
        if found == FULL:
            return False
        ids.number[place, row] = found
    return True


@part_of_loop
def _put_numbers(at: Lines, base: int, last: int, kind: int, row: int, numbers: Numbers) -> bool:
    """Puts cells of at most 18 digits with at most a sign; gives whether one is of another form or beyond its limits,
    or a cell of blanks or with a byte that is not ASCII comes before others."""
    is_bad = False
    for column in range(numbers.bounds.size - 1):
        start, stop = 0, 0
        for place in range(numbers.bounds[column], numbers.bounds[column + 1]):
            start, stop = cell(at.buf, at.sep, base, last, numbers.fields[kind, place])
            if start < stop:
                break
        if start == stop:
            is_bad |= numbers.required[column]
            continue
        if numbers.bounds[column + 1] - numbers.bounds[column] > 1:
            is_bad |= at.buf[start] <= 32 or at.buf[start] > 126
        found, how = whole_number(at.buf, start, stop)
        numbers.value[numbers.columns[column], row] = found
        numbers.state[numbers.columns[column], row] = how
        if how == VALID:
            is_bad |= found < numbers.low[column] or found > numbers.high[column]
        else:
            is_bad |= how == OTHER or numbers.required[column]
    return is_bad


@part_of_loop
def _put_days(at: Lines, base: int, last: int, kind: int, row: int, days: Days) -> int:
    """Puts dates (see ``cell_kernels.day_of``); gives how many are of another form."""
    others = 0
    for column in range(days.columns.size):
        start, stop = cell(at.buf, at.sep, base, last, days.fields[kind, 2 * column])
        if start == stop:
            continue
        era = 0
        if stop - start == 6:
            era = era_of(at.buf, *cell(at.buf, at.sep, base, last, days.fields[kind, 2 * column + 1]))
        found, how = day_of(at.buf, start, stop, era, days.year_before)
        days.value[days.columns[column], row], days.state[days.columns[column], row] = found, how
        others += how == OTHER
    return others


@part_of_loop
def _put_texts(
    at: Lines, base: int, last: int, kind: int, row: int, texts: Texts, table: Characters, counts: Array
) -> None:
    """Puts texts (see ``cell_kernels.put_plain_text``)."""
    for column in range(texts.columns.size):
        start, stop = cell(at.buf, at.sep, base, last, texts.fields[kind, column])
        if start == stop:
            continue
        place, used = texts.columns[column], counts[COUNTS.used]
        used, how = put_plain_text(
            at.buf, start, stop, texts.is_printed[column], table, texts.value[place], row, texts.held, used
        )
        texts.state[place, row] = how
        counts[COUNTS.used] = used
        counts[COUNTS.others] += how == OTHER


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

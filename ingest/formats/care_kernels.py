"""The loops over the lines of a care file, compiled: whether they stand in their frame, and which claim is whose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingest.formats.bits import NOTHING, Array, word_at
from ingest.formats.bytecsv_kernels import Lines, cell
from ingest.formats.cell_kernels import VALID, whole_number
from ingest.formats.compiled import loop, part_of_loop

NEITHER, CLAIM, LINE, BOTH = 0, 1, 2, 3
"""What a record is: ``BOTH`` a claim where the one before it has another key, else a line of that."""
UNKNOWN = 0
"""The row of a claim that is not known."""


@loop
def frame_kinds(at: Lines, row: int, kind: Array) -> int:
    """Puts the first field of each line into ``kind``; gives the first line that has no single byte there, or whose
    second field is not the number that runs from ``row`` on."""
    for number in range(at.lines.size):
        base, last = at.first[at.lines[number]], at.first[at.lines[number] + 1]
        start, stop = cell(at.buf, at.sep, base, last, 0)
        if stop - start != 1:
            return number
        kind[number] = at.buf[start]
        found, how = whole_number(at.buf, *cell(at.buf, at.sep, base, last, 1))
        if how != VALID or found != row + number:
            return number
    return int(at.lines.size)


@part_of_loop
def same_bytes(one: Array, at: int, other: Array, begin: int, size: int) -> bool:
    """Whether so many bytes are the same; eight may be read beyond both."""
    step = 0
    while size - step > 8:
        if word_at(one, at + step) != word_at(other, begin + step):
            return False
        step += 8
    if size == step:
        return True
    unlike = word_at(one, at + step) ^ word_at(other, begin + step)
    is_same: bool = unlike << np.uint64(8 * (8 - size + step)) == NOTHING
    return is_same


@loop
def tie(at: Lines, roles: Array, places: Array, row: int, odd: Array, held: Array, ends: Array, claim: Array) -> None:
    """Puts into ``claim`` for each line the row of the last claim before it, or of itself, where both have the same
    bytes in the fields of their key (``places`` by ``at.kinds``); else ``UNKNOWN``. ``roles`` says by kind what it is.

    The bytes of that claim's key are in ``held``, each field of it up to its place in ``ends``, whose last two are the
    row of the claim and its kind. After a claim that is ``odd`` none is known.
    """
    width = places.shape[1]
    for number in range(at.lines.size):
        line, kind = at.lines[number], at.kinds[number]
        role = roles[kind]
        claim[number] = UNKNOWN
        if role == NEITHER:
            continue
        if odd[number]:
            if role != LINE:
                ends[width] = UNKNOWN
            continue
        base, last = at.first[line], at.first[line + 1]
        if role != CLAIM and ends[width] != UNKNOWN and (role == LINE or ends[width + 1] == kind):
            same, begin = True, 0
            for place in range(width):
                start, stop = cell(at.buf, at.sep, base, last, places[kind, place])
                same &= stop - start == ends[place] - begin
                if not same or not same_bytes(at.buf, start, held, begin, stop - start):
                    same = False
                    break
                begin = ends[place]
            if same:
                claim[number] = ends[width]
                continue
        if role != LINE:
            end = 0
            for place in range(width):
                start, stop = cell(at.buf, at.sep, base, last, places[kind, place])
                for step in range(stop - start):
                    held[end + step] = at.buf[start + step]
                end += stop - start
                ends[place] = end
            claim[number] = ends[width] = row + line
            ends[width + 1] = kind


class Plans(NamedTuple):
    """What becomes of the records of each code (columns), by table (rows): the number of a plan, -1 for none, and the
    kind of line in it. ``role`` says by code what the record is, ``has_claims`` by table whether its rows are claims.
    """

    plan: Array
    kind: Array
    role: Array
    has_claims: Array


class Dealt(NamedTuple):
    """Lines of a block by what is made of them: by plan (rows) their numbers in the block, their kinds and the rows of
    the table that they become, how many are ``put`` there; by table where the rows stand in the file, and their claims,
    ``taken`` of each table."""

    lines: Array
    kinds: Array
    rows: Array
    put: Array
    source: Array
    claim: Array
    taken: Array

    @staticmethod
    def of(plans: int, tables: int, lines: int) -> Dealt:
        """Room for so many lines."""
        numbers, kinds, rows = (np.empty((plans, lines), np.int64) for _ in range(3))
        source, claim = (np.empty((tables, lines), np.int64) for _ in range(2))
        return Dealt(numbers, kinds, rows, np.zeros(plans, np.int64), source, claim, np.zeros(tables, np.int64))


@loop
def leave(at: Lines, odd: Array, width: Array, rest: Array) -> None:
    """Puts into ``rest`` which lines are odd or have fewer fields than ``width`` says of their kind."""
    for number in range(at.lines.size):
        line = at.lines[number]
        rest[number] = odd[line] or at.first[line + 1] - at.first[line] < width[at.kinds[number]]


@loop
def deal(at: Lines, row: int, rest: Array, claim: Array, plans: Plans, first: Array, dealt: Dealt) -> None:
    """Deals lines that are not ``rest`` to the plans of their kinds; ``first`` is the next row of each table.

    A record that is both a claim and a line is a row of claims only where it is its own ``claim``.
    """
    for number in range(at.lines.size):
        if rest[number]:
            continue
        line, kind = at.lines[number], at.kinds[number]
        is_line = plans.role[kind] == BOTH and claim[number] != row + line
        for table in range(first.size):
            plan = plans.plan[table, kind]
            if plan < 0 or (is_line and plans.has_claims[table]):
                continue
            place, taken = dealt.put[plan], dealt.taken[table]
            dealt.lines[plan, place], dealt.kinds[plan, place] = line, plans.kind[table, kind]
            dealt.rows[plan, place] = first[table] + taken
            dealt.source[table, taken], dealt.claim[table, taken] = row + line, claim[number]
            dealt.put[plan], dealt.taken[table] = place + 1, taken + 1

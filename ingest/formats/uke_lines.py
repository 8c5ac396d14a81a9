"""The lines of a block of receipts, found by compiled loops: record ids, receipts, and what a file is by a first look.

Receipts are CP932, whose second bytes are never a comma or a line end, so that lines and columns are found in the
bytes and only names need decoding.
"""

from __future__ import annotations

from typing import Any

from ingest.formats.compiled import loop
from ingest.formats.uke_text import Characters, count_characters
from ingest.formats.uke_words import COMMA, NEWLINE, line_end

RETURN, END_MARK = 13, 26
NO_RECORD = -1
"""Kind of a line that begins with no record id."""
NO_OWNER = -1


def record_code(record_id: str) -> int:
    """The number of a record id of two capital letters, as ``find_lines`` gives it."""
    return (ord(record_id[0]) - 65) * 26 + ord(record_id[1]) - 65


def record_name(code: int) -> str:
    """The record id of a number."""
    return chr(65 + code // 26) + chr(65 + code % 26)


IR, YK, RE, MN, HI, TI = (record_code(name) for name in ("IR", "YK", "RE", "MN", "HI", "TI"))


@loop
def _record(buf: Any, start: int, last: int) -> tuple[int, int]:
    """Place and number of the record id of a line; its start and ``NO_RECORD`` where it has none."""
    at = start
    for _ in range(5):
        if (
            at + 2 <= last
            and 65 <= buf[at] <= 90
            and 65 <= buf[at + 1] <= 90
            and (at + 2 == last or buf[at + 2] == COMMA)
        ):
            return at, (buf[at] - 65) * 26 + buf[at + 1] - 65
        while at < last and buf[at] != COMMA:
            at += 1
        if at == last:
            break
        at += 1
    return start, NO_RECORD


@loop
def _trim_end(buf: Any, start: int, stop: int) -> int:
    """End of a line without what ends it or the file."""
    while stop > start and (buf[stop - 1] == RETURN or buf[stop - 1] == END_MARK):
        stop -= 1
    return stop


@loop
def find_lines(buf: Any, size: int, first_row: int, body: Any, end: Any, row: Any, kind: Any) -> int:
    """Lines that are not blank: place of the record id, end, 1-based line number, number of the record id.

    The record id is the first of the first five columns that is two capital letters. Gives their number.
    """
    found, line, start = 0, 0, 0
    while start < size:
        stop, _ = line_end(buf, start, size)
        last = _trim_end(buf, start, stop)
        if last > start:
            end[found], row[found] = last, first_row + line
            body[found], kind[found] = _record(buf, start, last)
            found += 1
        line += stop < size
        start = stop + 1
    return found


@loop
def find_receipts(kind: Any, lines: int, owner: Any, donor: Any, head: Any, receipt_line: Any) -> int:
    """For each line the receipt it belongs to (by number from 0), whether it stands after a TI record, and
    the line of the IR or YK record over it.

    A receipt begins at the first of a run of MN, HI, IR, YK, RE records; what stands between that and
    the RE belongs to the RE that follows. Gives the number of receipts; ``receipt_line`` their RE.
    """
    receipts, current, head_line = 0, NO_OWNER, -1
    waiting = -1  # first line of a receipt whose RE has not come yet
    is_donor = False
    for line in range(lines):
        code = kind[line]
        if code in (IR, YK):
            head_line = line
        if code == RE:
            receipt_line[receipts] = line
            current = receipts
            receipts += 1
            is_donor = False
            if waiting >= 0:
                for earlier in range(waiting, line):
                    owner[earlier] = current
                waiting = -1
        elif code in (MN, HI, IR, YK):
            if waiting < 0:
                waiting = line
            current = NO_OWNER
            is_donor = False
        elif code == TI and current != NO_OWNER:
            is_donor = True
        owner[line], donor[line], head[line] = current, is_donor, head_line
    return receipts


@loop
def row_of_most(owner: Any, value: Any, best: Any, chosen: Any) -> None:
    """For each owner the last of its rows with the greatest value."""
    for row in range(owner.size):
        if chosen[owner[row]] < 0 or value[row] >= best[owner[row]]:
            best[owner[row]], chosen[owner[row]] = value[row], row


@loop
def survey(
    buf: Any, size: int, table: Characters, head_codes: Any, close_code: int, count: Any, first: Any, heads: Any
) -> tuple[int, int, int, int, int, int, int]:
    """What a block is, in one pass over its bytes, line by line.

    Gives line ends; the last record id; characters, those that cannot be read and the first line with one (0: none);
    where the line of the last head begins and ends (0, 0: there is none).

    ``count`` and ``first`` get the number of lines and the first line (from 1) of each record id, of lines without
    one under their last place. ``heads`` gets lines of heads (``head_codes``), 0 for none: [0] the first that
    another head follows before a ``close_code``, [1] one still open at the end; [2] is 1 where a head or a close
    came at all, [3] 1 where the first of them was a head.
    """
    line, last_code = 0, -2
    none = count.size - 1
    characters, unreadable, first_unreadable = 0, 0, 0
    head_start, head_end = 0, 0
    start = 0
    while start < size:
        stop, is_ascii = line_end(buf, start, size)
        line += 1
        last = _trim_end(buf, start, stop)
        if is_ascii:
            characters += last - start
        else:
            read, bad = count_characters(buf, start, last, table)
            characters += read
            if bad and first_unreadable == 0:
                first_unreadable = line
            unreadable += bad
        if last > start:
            _, code = _record(buf, start, last)
            last_code = code
            place = code if code >= 0 else none
            if count[place] == 0:
                first[place] = line
            count[place] += 1
            if code == close_code:
                heads[1], heads[2] = 0, 1
            elif code == head_codes[0] or code == head_codes[1]:
                head_start, head_end = start, last
                if heads[2] == 0:
                    heads[3] = 1
                if heads[1] and heads[0] == 0:
                    heads[0] = heads[1]
                heads[1], heads[2] = line, 1
        start = stop + 1
    ends = line - (size > 0 and buf[size - 1] != NEWLINE)
    return ends, last_code, characters, unreadable, first_unreadable, head_start, head_end

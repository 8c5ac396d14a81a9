"""The loops over the bytes of receipts, compiled: lines, receipts, columns, and typed columns.

Receipts are CP932, whose second bytes are never a comma or a line end, so that lines and columns are
found in the bytes and only names need decoding. Every function here is a plain loop over one array of
bytes (``numpy.uint8``) and knows positions only from its arguments; ``uke_items`` has the one that
applies the rules of the lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NEWLINE, COMMA, RETURN, END_MARK = 10, 44, 13, 26
NO_RECORD = -1
"""Kind of a line that begins with no record id."""
NO_OWNER = -1
VALID, BLANK, UNREADABLE = 0, 1, 2
"""States of a typed value: read, nothing there, and text that is no such value."""
LARGEST = 999_999_999
"""A receipt holds numbers of at most eight digits; a longer one is none."""


def record_code(record_id: str) -> int:
    """The number of a record id of two capital letters, as ``find_lines`` gives it."""
    return (ord(record_id[0]) - 65) * 26 + ord(record_id[1]) - 65


def record_name(code: int) -> str:
    """The record id of a number."""
    return chr(65 + code // 26) + chr(65 + code % 26)


IR, YK, RE, MN, HI, TI = (record_code(name) for name in ("IR", "YK", "RE", "MN", "HI", "TI"))


_LOW, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)


@njit(cache=True, nogil=True)
def _next_newline(buf: Any, words: Any, at: int) -> int:
    """Place of the next line end from ``at`` on, or the size; eight bytes at a time (``words`` are ``buf``)."""
    size = buf.size
    while at < size and at & 7:
        if buf[at] == NEWLINE:
            return at
        at += 1
    word = at >> 3
    while word < words.size:
        other = words[word] ^ _NEWLINES
        if (other - _LOW) & ~other & _HIGH:
            break
        word += 1
    at = max(at, word << 3)
    while at < size and buf[at] != NEWLINE:
        at += 1
    return at


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def find_lines(buf: Any, first_row: int, body: Any, end: Any, row: Any, kind: Any) -> int:
    """Lines that are not blank: place of the record id, end, 1-based line number, number of the record id.

    The record id is the first of the first five columns that is two capital letters. Gives their number.
    """
    size, found, line = buf.size, 0, 0
    words = buf[: size // 8 * 8].view(np.uint64)
    start = 0
    while start < size:
        stop = _next_newline(buf, words, start)
        last = stop
        while last > start and (buf[last - 1] == RETURN or buf[last - 1] == END_MARK):
            last -= 1
        if last > start:
            end[found], row[found] = last, first_row + line
            body[found], kind[found] = _record(buf, start, last)
            found += 1
        if stop < size:
            line += 1
        start = stop + 1
    return found


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def locate(buf: Any, body: Any, end: Any, layout: Any, order: Any, size: Any, offset: Any, length: Any) -> None:
    """Offset and length of columns of each line; length -1 where the line has none.

    ``order[layout]`` has (place, field) by place in its first ``size[layout]`` rows.
    """
    for line in range(body.size):
        for field in range(offset.shape[0]):
            offset[field, line], length[field, line] = 0, -1
        at, last, column = body[line], end[line], 0
        for n in range(size[layout[line]]):
            place, field = order[layout[line], n, 0], order[layout[line], n, 1]
            while column < place and at < last:
                column += buf[at] == COMMA
                at += 1
            if column < place or last == 0:
                break
            stop = at
            while stop < last and buf[stop] != COMMA:
                stop += 1
            offset[field, line], length[field, line] = at, stop - at


@njit(cache=True, nogil=True)
def count_columns(buf: Any, body: Any, end: Any, count: Any) -> None:
    """Number of columns of each line, from its record id on."""
    for line in range(body.size):
        columns = 1
        for at in range(body[line], end[line]):
            columns += buf[at] == COMMA
        count[line] = columns


@njit(cache=True, nogil=True)
def trim(buf: Any, offset: Any, length: Any) -> int:
    """Takes blanks (ideographic ones too) off both ends of each slice, in place; gives the bytes left, or -1 less
    them when not all are ASCII."""
    total, is_ascii = 0, True
    for i in range(offset.size):
        at, last = offset[i], offset[i] + max(length[i], 0)
        first, stop = last, last
        while at < last:
            byte = buf[at]
            width = 1
            if byte >= 128:
                is_ascii = False
                width = 2 if (byte <= 0x9F or 0xE0 <= byte <= 0xFC) and at + 1 < last and buf[at + 1] >= 64 else 1
            is_blank = byte in (32, 9) or (width == 2 and byte == 0x81 and buf[at + 1] == 0x40)
            if not is_blank:
                first, stop = min(first, at), at + width
            at += width
        if length[i] >= 0:
            offset[i], length[i] = first, stop - first if first < last else 0
            total += length[i]
    return total if is_ascii else -1 - total


@njit(cache=True, nogil=True)
def copy_slices(buf: Any, offset: Any, length: Any, gap: int, out: Any, starts: Any) -> int:
    """The slices one after the other, each followed by ``gap`` line ends; ``starts`` where each begins."""
    at = 0
    for i in range(offset.size):
        starts[i] = at
        for place in range(offset[i], offset[i] + max(length[i], 0)):
            out[at] = buf[place]
            at += 1
        for _ in range(gap):
            out[at] = NEWLINE
            at += 1
    starts[offset.size] = at
    return at


@njit(cache=True, nogil=True)
def fold(buf: Any, offset: Any, length: Any, out: Any, starts: Any, is_other: Any) -> None:
    """The slices in half width, one after the other: full-width digits, letters, hyphens and blanks as ASCII.

    A slice with any other character that is not ASCII comes out empty and is told in ``is_other``.
    """
    to = 0
    for i in range(offset.size):
        starts[i] = to
        at, last = offset[i], offset[i] + max(length[i], 0)
        begin = to
        while at < last:
            byte = buf[at]
            if byte < 128:
                out[to] = byte
                at, to = at + 1, to + 1
                continue
            second = buf[at + 1] if at + 1 < last else 0
            folded = 0
            if byte == 0x82:
                if 0x4F <= second <= 0x58:
                    folded = second - 0x4F + 48
                elif 0x60 <= second <= 0x79:
                    folded = second - 0x60 + 65
                elif 0x81 <= second <= 0x9A:
                    folded = second - 0x81 + 97
            elif byte == 0x81:
                folded = 32 if second == 0x40 else 45 if second == 0x7C else 0
            if folded == 0:
                is_other[i] = True
                to = begin
                break
            out[to] = folded
            at, to = at + 2, to + 1
        while to > begin and out[to - 1] == 32:
            to -= 1
        skip = begin
        while skip < to and out[skip] == 32:
            skip += 1
        if skip > begin:
            for place in range(skip, to):
                out[place - skip + begin] = out[place]
            to -= skip - begin
    starts[offset.size] = to


@njit(cache=True, nogil=True)
def strip(buf: Any, at: int, size: int) -> tuple[int, int]:
    """The slice without blanks around it (ideographic ones too)."""
    last = at + size
    while at < last:
        if buf[at] == 32 or buf[at] == 9:
            at += 1
        elif at + 1 < last and buf[at] == 0x81 and buf[at + 1] == 0x40:
            at += 2
        else:
            break
    while last > at:
        if buf[last - 1] == 32 or buf[last - 1] == 9:
            last -= 1
        elif last - 1 > at and buf[last - 2] == 0x81 and buf[last - 1] == 0x40:
            last -= 2
        else:
            break
    return at, last - at


@njit(cache=True, nogil=True)
def number(buf: Any, at: int, size: int) -> tuple[int, int]:
    """(value, state) of a whole number with at most a sign."""
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    negative = buf[at] == 45
    if negative or buf[at] == 43:
        at, size = at + 1, size - 1
    if size == 0 or size > 18:
        return 0, UNREADABLE
    value = 0
    for place in range(at, at + size):
        digit = buf[place] - 48
        if digit < 0 or digit > 9:
            return 0, UNREADABLE
        value = value * 10 + digit
    if value > LARGEST:
        return 0, UNREADABLE
    return (-value if negative else value), VALID


@njit(cache=True, nogil=True)
def numbers(buf: Any, offset: Any, length: Any, value: Any, state: Any) -> None:
    """``number`` of each slice."""
    for i in range(offset.size):
        value[i], state[i] = number(buf, offset[i], length[i])


@njit(cache=True, nogil=True)
def ten_thousandths(buf: Any, at: int, size: int) -> tuple[int, int]:
    """(value in 1/10,000, state) of a number with at most a decimal point; further places are rounded half up."""
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    negative = buf[at] == 45
    if negative or buf[at] == 43:
        at, size = at + 1, size - 1
    value, places, digits, point = 0, 0, 0, False
    for place in range(at, at + size):
        byte = buf[place]
        if byte == 46 and not point:
            point = True
            continue
        digit = byte - 48
        if digit < 0 or digit > 9:
            return 0, UNREADABLE
        digits += 1
        if not point or places < 4:
            value = value * 10 + digit
            places += point
        elif places == 4:
            value += digit >= 5
            places += 1
        if value > 10**17:
            return 0, UNREADABLE
    if digits == 0:
        return 0, UNREADABLE
    while places < 4:
        value *= 10
        places += 1
    if value >= 10**18:
        return 0, UNREADABLE
    return (-value if negative else value), VALID


@njit(cache=True, nogil=True)
def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a day of the Gregorian calendar; a day that is none gives -10_000_000."""
    if month < 1 or month > 12 or day < 1 or day > 31:
        return -10_000_000
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    longest = 31
    if month == 2:
        longest = 29 if leap else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        longest = 30
    if day > longest:
        return -10_000_000
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@njit(cache=True, nogil=True)
def date(buf: Any, at: int, size: int, is_month: bool, first_year: int, era_base: Any) -> tuple[int, int]:
    """(days since 1970, state) of YYYYMMDD or GYYMMDD, or the first day of YYYYMM or GYYMM.

    ``era_base[G]`` is the year before the first of the era, 0 where G is no era.
    """
    at, size = strip(buf, at, size)
    if size <= 0:
        return 0, BLANK
    value = 0
    for place in range(at, at + size):
        digit = buf[place] - 48
        if digit < 0 or digit > 9 or size > 8:
            return 0, UNREADABLE
        value = value * 10 + digit
    if is_month:
        value, size = value * 100 + 1, size + 2
    if size == 8:
        year = value // 10_000
    elif size == 7 and era_base[value // 1_000_000] > 0:
        year = era_base[value // 1_000_000] + value // 10_000 % 100
    else:
        return 0, UNREADABLE
    if year < first_year:
        return 0, UNREADABLE
    days = day_number(year, value // 100 % 100, value % 100)
    return (days, VALID) if days > -10_000_000 else (0, UNREADABLE)


@njit(cache=True, nogil=True)
def dates(
    buf: Any, offset: Any, length: Any, is_month: bool, first_year: int, era_base: Any, value: Any, state: Any
) -> None:
    """``date`` of each slice."""
    for i in range(offset.size):
        value[i], state[i] = date(buf, offset[i], length[i], is_month, first_year, era_base)


@njit(cache=True, nogil=True)
def _line_end(buf: Any, words: Any, at: int) -> tuple[int, bool]:
    """``_next_newline``, and whether all up to there is ASCII (or else perhaps not: a word may reach beyond)."""
    size = buf.size
    seen = np.uint64(0)
    while at < size and at & 7:
        if buf[at] == NEWLINE:
            return at, seen & _HIGH == 0
        seen |= np.uint64(buf[at])
        at += 1
    word = at >> 3
    while word < words.size:
        seen |= words[word]
        other = words[word] ^ _NEWLINES
        if (other - _LOW) & ~other & _HIGH:
            break
        word += 1
    at = max(at, word << 3)
    while at < size and buf[at] != NEWLINE:
        seen |= np.uint64(buf[at])
        at += 1
    return at, seen & _HIGH == 0


@njit(cache=True, nogil=True)
def _count_characters(buf: Any, start: int, stop: int, single: Any, pair: Any) -> tuple[int, int]:
    """Characters of a slice and those that cannot be read (tables: ``character_tables``)."""
    characters, unreadable, at = 0, 0, start
    while at < stop:
        byte = buf[at]
        characters += 1
        at += 1
        if byte < 128:
            continue
        cannot = single[byte]
        if cannot == 2:
            cannot = pair[byte * 256 + buf[at]] if at < stop else 2
            if cannot == 2:
                cannot = 1
            else:
                at += 1
        unreadable += cannot
    return characters, unreadable


@njit(cache=True, nogil=True)
def survey(
    buf: Any, single: Any, pair: Any, head_codes: Any, close_code: int, count: Any, first: Any, heads: Any
) -> tuple[int, int, int, int, int]:
    """What a block is, in one pass over its bytes.

    ``count`` and ``first`` get the number of lines and the first line (from 1) of each record id, of lines without
    one under their last place. ``heads`` gets lines of heads (``head_codes``), 0 for none: [0] the first that
    another head follows before a ``close_code``, [1] one still open at the end; [2] is 1 where a head or a close
    came at all, [3] 1 where the first of them was a head. Gives line ends, the last record id, characters, those
    that cannot be read, the first line with one (0: none).
    """
    size, line, last_code = buf.size, 0, -2
    words = buf[: size // 8 * 8].view(np.uint64)
    none = count.size - 1
    characters, unreadable, first_unreadable = 0, 0, 0
    start = 0
    while start < size:
        stop, is_ascii = _line_end(buf, words, start)
        line += 1
        last = stop
        while last > start and (buf[last - 1] == RETURN or buf[last - 1] == END_MARK):
            last -= 1
        if is_ascii:
            characters += last - start
        else:
            read, bad = _count_characters(buf, start, last, single, pair)
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
            elif code in (head_codes[0], head_codes[1]):
                if heads[2] == 0:
                    heads[3] = 1
                if heads[1] and heads[0] == 0:
                    heads[0] = heads[1]
                heads[1], heads[2] = line, 1
        start = stop + 1
    ends = line - (size > 0 and buf[size - 1] != NEWLINE)
    return ends, last_code, characters, unreadable, first_unreadable


def character_tables() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """``single`` and ``pair`` of ``count_characters`` as Python's CP932 reads them."""
    single, pair = np.zeros(256, np.uint8), np.full(65536, 2, np.uint8)
    for byte in range(128, 256):
        read = bytes([byte]).decode("cp932", errors="replace")
        single[byte] = 2 if read == "\ufffd" else 1 if "\ue000" <= read <= "\uf8ff" else 0
        if single[byte] != 2:
            continue
        for second in range(64, 256):
            read = bytes([byte, second]).decode("cp932", errors="replace")
            if len(read) == 1:
                pair[byte * 256 + second] = 1 if "\ue000" <= read <= "\uf8ff" else 0
    return single, pair


@njit(cache=True, nogil=True)
def day_bits(buf: Any, body: Any, end: Any, first_day: int, bits: Any) -> None:
    """Σ 2^(day-1) of the 31 columns from ``first_day`` on that hold a 1."""
    for line in range(body.size):
        column, at, last, found = 0, body[line], end[line], 0
        while at < last:
            if buf[at] == COMMA:
                column += 1
            elif (
                first_day <= column < first_day + 31
                and buf[at] == 49
                and buf[at - 1] == COMMA
                and (at + 1 == last or buf[at + 1] == COMMA)
            ):
                found |= 1 << (column - first_day)
            at += 1
        bits[line] = found


@njit(cache=True, nogil=True)
def digit_codes(buf: Any, offset: Any, length: Any, out: Any, state: Any) -> None:
    """Codes of as many digits as ``out`` has columns, one a row, and their states."""
    width = out.shape[1]
    for i in range(offset.size):
        at, size = strip(buf, offset[i], length[i])
        state[i] = BLANK if size <= 0 else VALID if size == width else UNREADABLE
        for place in range(width):
            if state[i] != VALID:
                break
            out[i, place] = buf[at + place]
            if not 48 <= buf[at + place] <= 57:
                state[i] = UNREADABLE


@njit(cache=True, nogil=True)
def holds_group(buf: Any, offset: Any, length: Any, group: Any, found: Any) -> None:
    """Whether a slice of groups of as many characters as ``group`` has one that equals it."""
    width = group.size
    for i in range(offset.size):
        at, size = strip(buf, offset[i], length[i])
        for start in range(at, at + size - width + 1, width):
            same = True
            for place in range(width):
                same = same and buf[start + place] == group[place]
            found[i] = found[i] or same


@njit(cache=True, nogil=True)
def line_of_most(lines: Any, owner: Any, value: Any, best: Any, chosen: Any) -> None:
    """For each owner the last of its lines with the greatest value."""
    for i in range(lines.size):
        if owner[i] != NO_OWNER and (chosen[owner[i]] < 0 or value[i] >= best[owner[i]]):
            best[owner[i]], chosen[owner[i]] = value[i], lines[i]

"""What goes wrong with a file on its way: each mutation is a pure function of bytes and a random source.

Numbers decide everything: the same number gives the same mutant on every machine.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.archives import is_archive, mutated_inside
from tests.fuzz.corpus import originals

Mutation = Callable[[bytes, Random], bytes]
LONG_LINE = 10_000_000
MANY_COLUMNS = 100_000
WRONG_DATES = (
    "43101", "4310101", "5991301", "20241301", "20240230", "202413", "00000101", "000001", "0000", "令和99年1月1日",
    "令和0年1月1日", "R60230", "50600", "99999999", "999912", "10000101", "0000年", "令和99", "昭和64年13月",
    "2024/13", "9999/12/31", "00010101", "6010101", "-2024010", "5.4.1", "９９９９１２３１", "99991231",
)  # fmt: skip
WRONG_NUMBERS = (
    "9" * 18, "9223372036854775807", "9" * 40, "-1", "+5", "1e9", "NaN", "inf", "-0", "1_000", "0x10", "①", "1,000",
    "1.5", ".", "-", "00000000000000000001",
)  # fmt: skip


# -- bytes ---------------------------------------------------------------------------------------


def flip_bytes(data: bytes, random: Random) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 20))):
        out[random.randrange(len(out))] = random.randrange(256)
    return bytes(out)


def flip_one_bit(data: bytes, random: Random) -> bytes:
    out = bytearray(data)
    out[random.randrange(len(out))] ^= 1 << random.randrange(8)
    return bytes(out)


def cut_anywhere(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def cut_the_head_off(data: bytes, random: Random) -> bytes:
    return data[random.randrange(len(data)) :]


def double(data: bytes, random: Random) -> bytes:
    return data + data


def lose_a_stretch(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    return data[:start] + data[start + random.randrange(1, 200) :]


def put_bytes_in(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + random.randbytes(random.choice((1, 2, 50))) + data[place:]


def put_a_control_character_in(data: bytes, random: Random) -> bytes:
    what = random.choice((b"\x00", b"\x1a", b"\x00\x00", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\x1b$B", b"\x85"))
    place = random.randrange(len(data))
    return data[:place] + what + data[place:]


# -- records -------------------------------------------------------------------------------------


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def drop_records(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        if len(lines) > 1:
            del lines[random.randrange(len(lines))]
    return b"".join(lines)


def drop_the_first_or_last_record(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    return b"".join(lines[1:] if random.random() < 0.5 else lines[:-1])


def repeat_records(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    for _ in range(random.choice((1, 1, 3))):
        lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
    return b"".join(lines)


def reorder_records(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    kind = random.randrange(3)
    if kind == 0:
        random.shuffle(lines)
    elif kind == 1:
        one, other = random.randrange(len(lines)), random.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    else:
        start = random.randrange(len(lines))
        lines[start:] = lines[start:][::-1]
    return b"".join(lines)


def put_blank_lines_in(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    for _ in range(3):
        blank = random.choice((b"\r\n", b"\n", b"  \r\n", "　\r\n".encode("cp932"), b",,,\r\n", b"\x1a\r\n"))
        lines.insert(random.randrange(len(lines) + 1), blank)
    return b"".join(lines)


def join_two_lines(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    place = random.choice((0, 1, random.randrange(len(lines)))) % len(lines)
    lines[place] = lines[place].rstrip(b"\r\n")
    return b"".join(lines)


def break_a_line(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + random.choice((b"\r\n", b"\n", b"\r")) + data[place:]


def wrong_counts(data: bytes, random: Random) -> bytes:
    """Another number in a field of the first or last lines: control records, IR, GO, end records."""
    lines = _lines(data)
    place = random.choice((0, -1, -2)) if len(lines) > 1 else 0
    fields = lines[place].split(b",")
    numbers = [n for n, field in enumerate(fields) if field.strip(b' "\r\n').isdigit()]
    if numbers:
        other = random.choice((b"0", b"1", b"999999", b"-1", b"9" * 25, "①".encode("cp932"), b"", b"1.5", b"9" * 5000))
        fields[random.choice(numbers)] = other
    lines[place] = b",".join(fields)
    return b"".join(lines)


def renumbered(data: bytes) -> bytes:
    """A file of care with its record numbers and count made right again, so that its records are read after all."""
    lines = [line for line in _lines(data) if line.strip()]
    fields = [line.split(b",") for line in lines]
    records = sum(field[0].strip(b'"') == b"2" for field in fields)
    for number, field in enumerate(fields, start=1):
        if len(field) > 1 and field[0].strip(b'"') in (b"1", b"2", b"3"):
            end = field[1][len(field[1].rstrip(b"\r\n")) :]
            field[1] = b"%d" % number + end
        if number == 1 and len(field) > 3:
            field[3] = b"%d" % records
    return b"".join(b",".join(field) for field in fields)


# -- fields --------------------------------------------------------------------------------------


def _with_field(data: bytes, random: Random, change: Callable[[str], str], of: str = r"[^\" ]") -> bytes:
    """Some field of some lines changed that holds ``of``; in CP932, where the other characters become ``?``.

    Now and then the same column of all lines, as where a program writes it wrong.
    """
    if random.random() < 0.2:
        column = random.randrange(45)
        lines = [line.rstrip(b"\r\n").decode("cp932", errors="replace").split(",") for line in _lines(data)]
        for fields in lines[1:]:
            if column < len(fields) and re.search(of, fields[column]):
                fields[column] = change(fields[column])
        return b"".join(",".join(fields).encode("cp932", errors="replace") + b"\r\n" for fields in lines)
    lines = _lines(data)
    for _ in range(random.choice((1, 1, 4))):
        place = random.randrange(len(lines))
        body = lines[place].rstrip(b"\r\n")
        end = lines[place][len(body) :]
        fields = body.decode("cp932", errors="replace").split(",")
        filled = [n for n, field in enumerate(fields) if re.search(of, field)] or [0]
        chosen = random.choice(filled)
        fields[chosen] = change(fields[chosen])
        lines[place] = ",".join(fields).encode("cp932", errors="replace") + end
    return b"".join(lines)


def _inside(field: str, value: str) -> str:
    """The value in place of what stood there, in quotes where that was."""
    return f'"{value}"' if field.startswith('"') else value


def empty_a_field(data: bytes, random: Random) -> bytes:
    return _with_field(data, random, lambda field: _inside(field, ""))


def remove_a_field(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    place = random.randrange(len(lines))
    fields = lines[place].split(b",")
    del fields[random.randrange(len(fields))]
    lines[place] = b",".join(fields)
    return b"".join(lines)


def oversize_a_field(data: bytes, random: Random) -> bytes:
    size = random.choice((300, 5000, 140_000))
    letter = random.choice(("9", "A", "あ", "0", " "))
    return _with_field(data, random, lambda field: _inside(field, letter * size))


def put_a_wrong_date_in(data: bytes, random: Random) -> bytes:
    wrong = random.choice(WRONG_DATES)
    return _with_field(data, random, lambda field: _inside(field, wrong), r"^\"?[0-9年月/]{5,11}\"?$")


def put_a_wrong_number_in(data: bytes, random: Random) -> bytes:
    wrong = random.choice(WRONG_NUMBERS)
    return _with_field(data, random, lambda field: _inside(field, wrong), r"^\"?[0-9.]{1,5}\"?$")


def put_markup_in(data: bytes, random: Random) -> bytes:
    mark = random.choice(("[/red]", "[bold", "<script>", "\\", "{0}", "%s", "'; DROP TABLE", "=1+1", "$1", "(", "[/]"))
    return _with_field(data, random, lambda field: field[:1] + mark + field[1:])


def digits_to_full_width(data: bytes, random: Random) -> bytes:
    return _with_field(
        data, random, lambda f: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() and c.isascii() else c for c in f)
    )


def to_half_width(data: bytes, random: Random) -> bytes:
    if random.random() < 0.3:
        text = unicodedata.normalize("NFKC", data.decode("cp932", errors="replace"))
        return text.encode("cp932", errors="replace")
    return _with_field(data, random, lambda field: unicodedata.normalize("NFKC", field))


def put_blanks_in(data: bytes, random: Random) -> bytes:
    blank = random.choice((" ", "　", "\t", "   ", "　 ", "\x1c"))
    place = random.randrange(3)
    return _with_field(
        data, random, lambda f: (blank + f, f + blank, f[: len(f) // 2] + blank + f[len(f) // 2 :])[place]
    )


def exchange_fields(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    place = random.randrange(len(lines))
    fields = lines[place].rstrip(b"\r\n").split(b",")
    one, other = random.randrange(len(fields)), random.randrange(len(fields))
    fields[one], fields[other] = fields[other], fields[one]
    lines[place] = b",".join(fields) + b"\r\n"
    return b"".join(lines)


def put_quotes_or_commas_in(data: bytes, random: Random) -> bytes:
    what = random.choice((b'"', b'""', b",", b",,,", b'","', b"'"))
    place = random.randrange(len(data))
    return data[:place] + what + data[place:]


# -- encodings and line ends ----------------------------------------------------------------------


def other_encoding(data: bytes, random: Random) -> bytes:
    encoding = random.choice(
        ("utf-8", "utf-8-sig", "euc_jp", "utf-16", "utf-16-le", "utf-16-be", "iso2022_jp", "utf-32")
    )
    return data.decode("cp932", errors="replace").encode(encoding, errors="replace")


def half_in_another_encoding(data: bytes, random: Random) -> bytes:
    lines = _lines(data)
    place = random.randrange(len(lines))
    rest = b"".join(lines[place:]).decode("cp932", errors="replace")
    return b"".join(lines[:place]) + rest.encode(random.choice(("utf-8", "euc_jp", "iso2022_jp")), errors="replace")


def other_line_ends(data: bytes, random: Random) -> bytes:
    lines = [line.rstrip(b"\r\n") for line in _lines(data)]
    ends = random.choice(((b"\n",), (b"\r",), (b"\r\n", b"\n", b"\r"), (b"\r\r\n",), (b"\n\r",), (b"\x85",)))
    return b"".join(line + random.choice(ends) for line in lines)


def no_line_end(data: bytes, random: Random) -> bytes:
    return data.rstrip(b"\r\n\x1a")


# -- size ----------------------------------------------------------------------------------------


def very_long_line(data: bytes, random: Random) -> bytes:
    filler = random.choice((b"9", b"A", b'"', b",", "あ".encode("cp932"), b"ab,", b'"a",'))
    lines = _lines(data)
    place = random.randrange(len(lines))
    body = lines[place].rstrip(b"\r\n")
    lines[place] = body + filler * (LONG_LINE // len(filler)) + b"\r\n"
    return b"".join(lines)


def very_many_columns(data: bytes, random: Random) -> bytes:
    filler = random.choice((b",", b",1", b',"x"'))
    lines = _lines(data)
    if random.random() < 0.5:
        return b"".join(line.rstrip(b"\r\n") + filler * (MANY_COLUMNS // 20) + b"\r\n" for line in lines)
    place = random.randrange(min(3, len(lines)))
    lines[place] = lines[place].rstrip(b"\r\n") + filler * MANY_COLUMNS + b"\r\n"
    return b"".join(lines)


# -- other files under the name ------------------------------------------------------------------

_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, (b"&a%d;" % (n - 1) if n else b"&a;") * 10) for n in range(9))
    + b'<!ENTITY x SYSTEM "file:///etc/passwd">]><ClinicalDocument xmlns="urn:hl7-org:v3">&a8;&x;</ClinicalDocument>'
)


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def another_file(data: bytes, random: Random) -> bytes:
    """Nothing, blanks, noise, a PDF, an archive, a workbook, the file itself packed."""
    kind = random.randrange(9)
    if kind == 0:
        return b""
    if kind == 1:
        return random.choice((b"\r\n", b" ", b"\x1a", b"\x00", "　".encode("cp932"), b"\xef\xbb\xbf", b"\xff\xfe")) * 3
    if kind == 2:
        return random.randbytes(4000)
    if kind == 3:
        return (
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + random.randbytes(500) + b"%%EOF"
        )
    if kind == 4:
        return _zip({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/x.bin": data})
    if kind == 5:
        return _zip({"data.csv": data})
    if kind == 6:
        return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + random.randbytes(2000)
    if kind == 7:
        return data[:1] * len(data)
    return b"<html><body>502 Bad Gateway</body></html>\r\n"


def zip_bomb(data: bytes, random: Random) -> bytes:
    """An archive that unpacks to a thousand times its size, in the shape of a checkup archive."""
    name = random.choice(("1610123459_16002800_202407010_1/DATA/h16101234592024060300001.xml", "a.csv", "../../a.xml"))
    return _zip({name: b"<a>" + b" " * 20_000_000, name + "2": _zip({"b": b"0" * 5_000_000})})


def entity_bomb(data: bytes, random: Random) -> bytes:
    """XML whose entities grow without end and fetch a file, bare or in an archive."""
    name = "1610123459_16002800_202407010_1/DATA/h16101234592024060300001.xml"
    return (
        _BOMB if random.random() < 0.5 else _zip({name: _BOMB, "1610123459_16002800_202407010_1/ix08_V08.xml": _BOMB})
    )


def huge_document(data: bytes, random: Random) -> bytes:
    """XML within the size of a member, of one long text, one long attribute, elements without end, deep nesting."""
    head, tail = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><code code="10"/>', b"</ClinicalDocument>"
    size = 3_500_000
    body = random.choice(
        (b"<text>" + random.randbytes(size // 2).hex().encode() + b"</text>",
         b'<text a="' + b"x" * size + b'"/>',
         b'<observation><code code="9N001000000000001"/></observation>' * (size // 60),
         b"<a>" * (size // 7) + b"</a>" * (size // 7),
         b"<a" + b"".join(b' b%d=""' % n for n in range(size // 12)) + b"/>")
    )  # fmt: skip
    name = "1610123459_16002800_202407010_1/DATA/h16101234592024070101000001.xml"
    document = head + body + tail
    return document if random.random() < 0.3 else _zip({name: document})


COMMON: tuple[Mutation, ...] = (
    flip_bytes, flip_one_bit, cut_anywhere, cut_the_head_off, double, lose_a_stretch, put_bytes_in,
    put_a_control_character_in, drop_records, drop_the_first_or_last_record, repeat_records, reorder_records,
    put_blank_lines_in, join_two_lines, break_a_line, wrong_counts, empty_a_field, remove_a_field, oversize_a_field,
    put_a_wrong_date_in, put_a_wrong_number_in, put_markup_in, digits_to_full_width, to_half_width, put_blanks_in,
    exchange_fields, put_quotes_or_commas_in, other_encoding, half_in_another_encoding, other_line_ends, no_line_end,
    another_file,
)  # fmt: skip
HEAVY: tuple[Mutation, ...] = (very_long_line, very_many_columns, zip_bomb, entity_bomb, huge_document)
INSIDE = 0.7
"""How often what happens to an archive happens to its members."""
RENUMBERED = 0.6
"""How often a file of care is numbered anew after what happened to it."""
HEAVY_EVERY, HEAVY_TURN = 60, 5
"""One mutant in so many is a heavy one, the first early enough for a short run."""
FIELDS: tuple[Mutation, ...] = (
    put_a_wrong_date_in, put_a_wrong_number_in, empty_a_field, digits_to_full_width, put_blanks_in, put_markup_in,
)  # fmt: skip
"""Mutations that seldom cost the file: their rows are what the sum rule is about."""


@dataclass(frozen=True)
class Mutant:
    """A mutated file and how it came about."""

    number: int
    original: str
    format: str
    mutations: tuple[str, ...]
    data: bytes

    def __str__(self) -> str:
        return f"mutant {self.number}: {self.original}, {' + '.join(self.mutations)}, {len(self.data)} bytes"


def mutant(number: int, *, is_made: bool = True) -> Mutant:
    """The mutant of this number; ``number`` modulo the originals picks the file, the rest is drawn from it.

    Its bytes are left empty where ``is_made`` is false.
    """
    every = originals()
    turn, place = divmod(number, len(every))
    original = every[place]
    random = Random(number)
    if turn % HEAVY_EVERY == HEAVY_TURN:
        chosen = [HEAVY[(turn // HEAVY_EVERY + place) % len(HEAVY)]]
    elif random.random() < 0.25:
        chosen = random.choices(FIELDS, k=random.choice((1, 2, 6)))
    else:
        # The turn goes through all of them whatever the number of originals, so that a short run meets each.
        first = COMMON[(7 * turn + place) % len(COMMON)]
        chosen = [first, *random.choices(COMMON, k=random.choice((0, 0, 0, 1, 2)))]
    data = original.data if is_made else b""
    for mutate in chosen:
        if is_archive(data) and mutate not in HEAVY and random.random() < INSIDE:
            data = mutated_inside(data, mutate, random)
        else:
            data = mutate(data, random) if data else data
    is_of_care = original.format in ("care_1111", "care_5311", "care_7131")
    if is_of_care and chosen[0] not in HEAVY and random.random() < RENUMBERED:
        data = renumbered(data)
    return Mutant(number, original.name, original.format, tuple(m.__name__ for m in chosen), data)

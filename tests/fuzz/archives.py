"""Mutations inside an archive: of its members as records, of the attributes of a document, of a member's bytes.

A ZIP whose own bytes were changed seldom lets its reader get as far as the documents.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random

Member = tuple[str, bytes]
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, OSError, ValueError,
    OverflowError, RuntimeError, EOFError,
)  # fmt: skip
"""What reading a damaged archive may raise."""
_ATTRIBUTE = re.compile(r'(?<=[a-zA-Z]=")([^"]*)(?=")')
_ELEMENT = re.compile(r"<(\w+)[^<>]*(?:/>|>[^<>]*</\1>)")
WRONG_VALUES = (
    "", " ", "　", "20241301", "00000000", "99999999", "2024", "-1", "1e9", "NaN", "9" * 40, "１３１", "①", "5,8", "H",
    "L", "1.2.392.200119.6.101", "160028", "&lt;a&gt;", "[/red]", "true", "NI", "x" * 5000, "&#0;", "&#xD800;", "&bad;",
)  # fmt: skip
"""What may stand in an attribute: values of another kind, and references that no document may hold."""


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as those of a ZIP."""
    return data.startswith(b"PK\x03\x04")


def mutated_inside(data: bytes, mutate: Callable[[bytes, Random], bytes], random: Random) -> bytes:
    """The archive packed again: members lost, doubled or exchanged, a document changed, or ``mutate`` on a member."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except BROKEN:
        return mutate(data, random)
    if not members:
        return mutate(data, random)
    how = random.randrange(4)
    if how == 0:
        members = random.choice((_lose, _double, _exchange, _rename))(members, random)
    else:
        place = random.randrange(len(members))
        name, content = members[place]
        if how == 1 and content:
            members[place] = (name, mutate(content, random))
        elif content:
            members[place] = (name, _in_document(content, random))
    return _packed(members)


def _packed(members: list[Member]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def _lose(members: list[Member], random: Random) -> list[Member]:
    del members[random.randrange(len(members))]
    return members


def _double(members: list[Member], random: Random) -> list[Member]:
    members.insert(random.randrange(len(members) + 1), random.choice(members))
    return members


def _exchange(members: list[Member], random: Random) -> list[Member]:
    random.shuffle(members)
    return members


def _rename(members: list[Member], random: Random) -> list[Member]:
    """Another name for a member: of another folder, of no number, outside the archive."""
    place = random.randrange(len(members))
    name, content = members[place]
    other = random.choice(
        ("a.xml", "../../../etc/a.xml", "/DATA/h1.xml", "C:\\DATA\\h1.xml", name.upper(),
         name.replace("DATA", "CLAIMS"),
         name + ".txt", name.replace("/", "\\"), "DATA/表示.xml", "x" * 300 + ".xml", name.replace("h1", "g1"))
    )  # fmt: skip
    members[place] = (other, content)
    return members


def _in_document(content: bytes, random: Random) -> bytes:
    """Some attributes with wrong values, or some elements lost or doubled."""
    text = content.decode("utf-8", errors="replace")
    pattern = random.choice((_ATTRIBUTE, _ATTRIBUTE, _ELEMENT))
    for _ in range(random.choice((1, 1, 3, 8))):
        found = list(pattern.finditer(text))
        if not found:
            break
        chosen = random.choice(found)
        if pattern is _ELEMENT:
            put = random.choice(("", chosen[0] * 2, f"<section>{chosen[0]}</section>"))
        else:
            put = random.choice(WRONG_VALUES)
        text = text[: chosen.start()] + put + text[chosen.end() :]
    return text.encode("utf-8")

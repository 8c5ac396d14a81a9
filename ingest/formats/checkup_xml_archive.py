"""The 特定健診 archive as bytes: members of a ZIP, one after the other, never unpacked to disk.

Goes in: the path of a ZIP (or of one XML document). Comes out: ``Member``s with their bytes, or with the
fault that keeps them shut. What a ZIP may do to its reader is bounded here: the size of a member, how much
larger it is than its packed bytes, both for the whole archive, members that share bytes, encryption. A ZIP
that lost its end has no directory; what lies before the cut is found by the headers of the members.
Source: formats.md 2.1 (names and places of the members: seen; names inside DATA: unverified hi).
"""

from __future__ import annotations

import lzma
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.formats.checkup_xml_packed import PackedMembers
from ingest.formats.reading import FileRefused

MEMBER_BYTES = 4 << 20
"""A document has some 30 KB; one larger than this is not opened."""
RATIO = 200
RATIO_FROM = 256 << 10
"""Members above this size may be at most ``RATIO`` times their packed bytes (documents are 10 to 40 times)."""
TOTAL_FLOOR = 64 << 20

LOCAL = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = b"PK\x07\x08"
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x1, 0x8, 0x800
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
_KNOWN_NAME = re.compile(rb"(?:ix|su|hc|hg|cc|gc|co)08_V(\d\d)")
_DOCUMENT_NAME = re.compile(rb"(?:^|[/\\])DATA[/\\][hg]\d{26,27}\.xml$", re.IGNORECASE)
_DATA_NAME = re.compile(r"^[hg]\d{18}(\d)\d(\d{6})\.xml$", re.IGNORECASE)

DECRYPT = "支払基金・国保連の復号ソフトなどで復号し、パスワードのないZIPを置いてください"
_PACKED_NAMES = (".zip", ".lzh", ".7z", ".rar", ".gz", ".tgz", ".tar", ".cab")
_PACKED_MARKS = (LOCAL, b"7z\xbc\xaf", b"Rar!")
UNPACK = "中の圧縮ファイルを取り出し、それぞれを置いてください"
RESEND = "送付元に確かめ、健診の文書だけを入れたZIPを取り直してください"


@dataclass(frozen=True)
class Fault:
    """Why a member is not read: a reason of ``reasons.csv``, words about it, what to do."""

    reason_code: str
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class Member:
    """One member: its path in the archive, its bytes unless nobody asked for them or a fault forbids."""

    name: str
    data: bytes | None
    fault: Fault | None = None


def folder_of(name: str) -> str:
    """DATA, CLAIMS, XSD or another folder that a member lies in, upper case; empty at the top."""
    return name.replace("\\", "/").rpartition("/")[0].rpartition("/")[2].upper()


def base_of(name: str) -> str:
    """The name of a member without its folders, safe to print."""
    base = name.replace("\\", "/").rpartition("/")[2][:80]
    return base if base.isprintable() else "".join(c if c.isprintable() else "?" for c in base)


def serial_of(base: str) -> int | None:
    """Same-day serial and running number of a document's name as one number; None of another name."""
    match = _DATA_NAME.match(base)
    return int(match[1]) * 1_000_000 + int(match[2]) if match else None


def version_in(head: bytes) -> str | None:
    """The version (V08) when the first bytes are of a ZIP with the members of a checkup archive, else None."""
    if not head.startswith(LOCAL):
        return None
    is_one, version, place = False, None, 0
    while place >= 0:
        if len(head) < place + _LOCAL_HEADER.size:
            break
        length = _LOCAL_HEADER.unpack_from(head, place)[9]
        name = head[place + _LOCAL_HEADER.size :][:length]
        known = _KNOWN_NAME.search(name)
        is_one = is_one or known is not None or _DOCUMENT_NAME.search(name) is not None
        if known is not None and version is None:
            version = f"V{known[1].decode('ascii')}"
        place = head.find(LOCAL, place + 4)
    return (version or "V08") if is_one else None


class Archive:
    """A ZIP whose directory is whole, or one that was cut (``is_cut``).

    Raises FileRefused ``not_opened`` where a member is encrypted or an archive itself, or the sizes are those of a
    bomb.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_cut = False
        self._infos: list[zipfile.ZipInfo] = []
        self._zip: zipfile.ZipFile | None = None
        self._packed: PackedMembers | None = None
        try:
            self._zip = zipfile.ZipFile(path)
            self._packed = PackedMembers(path, self._zip, MEMBER_BYTES)
            self._infos = [info for info in self._zip.infolist() if not info.is_dir()]
        except _BROKEN:
            self.is_cut = True
        try:
            self._check()
        except FileRefused:
            self.close()
            raise

    def close(self) -> None:
        """Shuts the file."""
        for opened in (self._packed, self._zip):
            if opened is not None:
                opened.close()

    def _check(self) -> None:
        size = self.path.stat().st_size
        for info in self._infos:
            if info.flag_bits & _ENCRYPTED:
                raise FileRefused("not_opened", f"{base_of(info.filename)}が暗号化されています", remedy=DECRYPT)
            if _is_packed_name(info.filename) or self._is_packed(info):
                raise _nested(_name_of(info))
        packed = sum(info.compress_size for info in self._infos)
        if packed > size:
            raise FileRefused("not_opened", "ZIPの中の文書が互いに重なっています", remedy=RESEND)
        if sum(info.file_size for info in self._infos) > TOTAL_FLOOR + RATIO * size:
            raise FileRefused("not_opened", f"展開すると元の{RATIO}倍を超えるZIPです", remedy=RESEND)

    def _is_packed(self, info: zipfile.ZipInfo) -> bool:
        """Whether a member that is no document begins as an archive does."""
        if info.filename.lower().endswith((".xml", ".xsd")) or self._zip is None:
            return False
        try:
            with self._zip.open(info) as handle:
                return handle.read(4) in _PACKED_MARKS
        except _BROKEN:
            return False

    def members(self, is_wanted: Callable[[str], bool]) -> Iterator[Member]:
        """Every member in the order of the directory; the bytes of those that are wanted."""
        if self.is_cut:
            yield from _salvaged(self.path)
            return
        for number, info in enumerate(self._infos):
            name = _name_of(info)
            yield self.member(number) if is_wanted(name) else Member(name, None)

    def member(self, number: int) -> Member:
        """One member of a whole archive by its place in the directory, from 0."""
        info, archive, packed = self._infos[number], self._zip, self._packed
        assert archive is not None and packed is not None  # noqa: S101  (a cut archive has no numbers)
        name = _name_of(info)
        fault = _size_fault(info.file_size, info.compress_size)
        if fault is not None:
            return Member(name, None, fault)
        content = packed.read(info)
        if content is not None:
            return Member(name, content)
        try:
            with archive.open(info) as handle:
                return Member(name, handle.read(MEMBER_BYTES))
        except _BROKEN as error:
            if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
                return Member(name, None, Fault("checksum", "ZIPの検査値(CRC)が合いません"))
            return Member(name, None, Fault("contract", "ZIPから取り出せません", RESEND))


def _is_packed_name(name: str) -> bool:
    return name.lower().endswith(_PACKED_NAMES)


def _nested(name: str) -> FileRefused:
    """An archive in the archive: what it holds would be passed over."""
    return FileRefused("not_opened", f"ZIPの中に圧縮ファイル({base_of(name)})があります", remedy=UNPACK)


def _name_of(info: zipfile.ZipInfo) -> str:
    """A name that is not marked as UTF-8 is CP932 in archives made in Japan (formats.md 2.1)."""
    if info.flag_bits & _UTF8 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("cp932")
    except UnicodeError:
        return info.filename


def _size_fault(size: int, packed: int) -> Fault | None:
    if size > MEMBER_BYTES:
        return Fault("not_opened", f"展開すると{MEMBER_BYTES >> 20}MBを超えます", RESEND)
    if size > RATIO_FROM and size > RATIO * max(packed, 1):
        return Fault("not_opened", f"展開すると{RATIO}倍を超えます", RESEND)
    return None


def _salvaged(path: Path) -> Iterator[Member]:
    """The whole members before the cut, by their own headers; ends at the first that is not whole."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place, budget = 0, TOTAL_FLOOR + RATIO * len(data)
        while data[place : place + 4] == LOCAL and place + _LOCAL_HEADER.size <= len(data) and budget > 0:
            _, _, flags, method, _, _, crc, packed, _, name_length, extra = _LOCAL_HEADER.unpack_from(data, place)
            raw_name = data[place + _LOCAL_HEADER.size : place + _LOCAL_HEADER.size + name_length]
            name = raw_name.decode("utf-8" if flags & _UTF8 else "cp932", errors="replace")
            if flags & _ENCRYPTED:
                raise FileRefused("not_opened", f"{base_of(name)}が暗号化されています", remedy=DECRYPT)
            if _is_packed_name(name):
                raise _nested(name)
            start = place + _LOCAL_HEADER.size + name_length + extra
            found = _inflated(data, start, method, None if flags & _SIZES_FOLLOW else packed)
            if found is None:
                return
            content, end = found
            if not flags & _SIZES_FOLLOW and zlib.crc32(content) != crc:
                return
            place = end
            if flags & _SIZES_FOLLOW:
                place += 16 if data[end : end + 4] == _DESCRIPTOR else 12
            budget -= len(content)
            if not name.endswith(("/", "\\")):
                yield Member(name, content)


def _inflated(data: mmap.mmap, start: int, method: int, packed: int | None) -> tuple[bytes, int] | None:
    """The bytes of a member and where it ends; None where it is cut, too large or packed in another way."""
    if packed is not None and start + packed > len(data):
        return None
    if method == zipfile.ZIP_STORED and packed is not None and packed <= MEMBER_BYTES:
        return data[start : start + packed], start + packed
    if method != zipfile.ZIP_DEFLATED:
        return None
    source = data[start : start + (MEMBER_BYTES if packed is None else min(packed, MEMBER_BYTES))]
    unpacker = zlib.decompressobj(-15)
    try:
        content = unpacker.decompress(source, MEMBER_BYTES)
    except zlib.error:
        return None
    if not unpacker.eof:
        return None
    return content, start + len(source) - len(unpacker.unused_data)

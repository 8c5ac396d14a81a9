"""Readers of the real file formats: what a file is, told by its content, and what is in it."""

from __future__ import annotations

from pathlib import Path

from ingest.formats import care_1111, care_5311, care_7131, checkup_xml, counts, district_set, enrolment, fkac167, uke
from ingest.formats.reading import FileRefused, Problem, Reader, Reading

__all__ = ["READERS", "FileRefused", "Problem", "Reader", "Reading", "read", "recognise"]

HEAD_BYTES = 65536
UNPACK = "ZIPは展開して中のファイルを、Excelは元のシステムからCSVで出力し直したものを置いてください"

READERS: tuple[Reader, ...] = (
    *uke.READERS,
    *fkac167.READERS,
    *checkup_xml.READERS,
    *care_1111.READERS,
    *care_5311.READERS,
    *care_7131.READERS,
    *enrolment.READERS,
    *counts.READERS,
    *district_set.READERS,
)
"""Every reader, asked in this order."""


def recognise(path: Path) -> tuple[Reader, str]:
    """The reader of a file and the edition, by the file's first bytes, never by its name.

    Raises FileRefused('unrecognised').
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    if not head:
        raise FileRefused("unrecognised", "空のファイルです")
    for reader in READERS:
        edition = reader.recognise(head)
        if edition is not None:
            return reader, edition
    if head.startswith(b"PK\x03\x04"):
        raise FileRefused("unrecognised", "ZIPかExcelなどのファイルで、中に健診の文書がありません", remedy=UNPACK)
    raise FileRefused("unrecognised", "どの様式にも当てはまりません")


def read(path: Path) -> Reading:
    """What a file holds, by the reader that recognises it; raises FileRefused."""
    reader, _ = recognise(path)
    return reader.read(path)

"""特定健診 XML (V08): an archive of hc08 and hg08 documents, or one of them.

Goes in: a ZIP with ``ix08``, ``su08`` and one document a person in ``DATA/``, read member by member. Comes
out: one ``checkup`` an hc08 document and at most one ``checkup_result`` an item; of hg08 documents, where there
are any, ``guidance`` and ``guidance_session`` (see ``checkup_xml_guidance``); ``source_row`` is the place of the
document among the documents of the archive, from 1. What a document may not be (not well-formed, with a DTD,
too large, without a field that every checkup needs) is set aside with its text. Items, statuses and codes are
those of FKAC167. Sources: formats.md 2.1 to 2.3, V08 schemas.

``data_number`` is the same-day serial and running number in the name of the document (unverified hi), its
place in the archive where the name is of another kind.
"""

from __future__ import annotations

from pathlib import Path

from ingest.formats import checkup_xml_archive, checkup_xml_document
from ingest.formats.checkup_xml_archive import MEMBER_BYTES, Archive, Member
from ingest.formats.checkup_xml_walk import FORMAT, Walk, is_opened
from ingest.formats.reading import FileRefused, Reader, Reading


class CheckupXml:
    """Reader of the archive and of a single document."""

    format = FORMAT
    stream = "checkup"

    def recognise(self, head: bytes) -> str | None:
        """The version of the schemas (V08) of a ZIP with their members or of a ClinicalDocument."""
        return checkup_xml_archive.version_in(head) or checkup_xml_document.version_in(head)

    def read(self, path: Path) -> Reading:
        """Checkups and their results.

        Raises FileRefused: ``truncated`` where the ZIP lost its end or a single document breaks off,
        ``not_opened`` for an encrypted ZIP, a ZIP bomb, a single document with a DTD, ``encoding`` for a
        single document that is not in UTF-8.
        """
        with path.open("rb") as handle:
            head = handle.read(65536)
        edition = self.recognise(head) or "V08"
        if not head.startswith(checkup_xml_archive.LOCAL):
            return _read_single(path, edition)
        archive = Archive(path)
        try:
            walk = Walk()
            walk.all(archive.members(is_opened))
            if archive.is_cut:
                found = walk.reading(edition, None)
                raise FileRefused(
                    "truncated",
                    f"ZIPの末尾の目録を読めません。途中までに{walk.count}件の文書があります",
                    records=dict(walk.records),
                    tables=found.tables,
                    set_aside=found.set_aside,
                )
            return walk.reading(edition, archive.member)
        finally:
            archive.close()


def _read_single(path: Path, edition: str) -> Reading:
    if path.stat().st_size > MEMBER_BYTES:
        raise FileRefused("not_opened", f"{MEMBER_BYTES >> 20}MBを超える文書です")
    only = Member(path.name, path.read_bytes())
    walk = Walk()
    walk.one(path.name, only.data or b"")
    for fault in walk.faults.values():
        if fault.reason_code in ("truncated", "not_opened", "encoding"):
            raise FileRefused(fault.reason_code, fault.message, remedy=fault.remedy, records=dict(walk.records))
    return walk.reading(edition, lambda _: only)


READERS: tuple[Reader, ...] = (CheckupXml(),)

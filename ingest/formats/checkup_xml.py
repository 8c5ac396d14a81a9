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

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET  # noqa: S405  (parsing is in checkup_xml_document.parse)

import polars as pl

from ingest.formats import cells, checkup_xml_archive, checkup_xml_document
from ingest.formats.cells import Cell, derived
from ingest.formats.checkup_xml_archive import MEMBER_BYTES, Archive, Fault, Member, base_of, folder_of, serial_of
from ingest.formats.checkup_xml_document import Collector, first_value, header_fields, local_name, parse, report_code
from ingest.formats.checkup_xml_guidance import GuidanceCollector
from ingest.formats.checkup_xml_items import results, variants
from ingest.formats.contracts import CHECKUP
from ingest.formats.csvlayout import cell
from ingest.formats.reading import SET_ASIDE_SCHEMA, FileRefused, Problem, Reader, Reading, empty_set_aside, reasons

RAW_CHARS = 64 << 10
"""How much of a document is kept when it is set aside."""
RAW_TOTAL = 256 << 20

_TOTALS = {"index": ("ix08", "totalRecordCount"), "summary": ("su08", "totalSubjectCount")}


class CheckupXml:
    """Reader of the archive and of a single document."""

    format = "checkup_xml"
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
            walk = _Walk()
            walk.all(archive.members(_is_opened))
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
    walk = _Walk()
    walk.document(0, base_of(path.name), parse(only.data or b""))
    for fault in walk.faults.values():
        if fault.reason_code in ("truncated", "not_opened", "encoding"):
            raise FileRefused(fault.reason_code, fault.message, remedy=fault.remedy, records=dict(walk.records))
    return walk.reading(edition, lambda _: only)


def _is_opened(name: str) -> bool:
    """Documents, index and summary are; schemas, settlements and what is no XML are counted only."""
    return name.lower().endswith(".xml") and folder_of(name) not in ("XSD", "CORESCHEMAS", "CLAIMS")


def _is_guidance(name: str) -> bool:
    """Whether the name of a document that nobody can open is that of 特定保健指導."""
    return name[:1].lower() == "g"


class _Walk:
    """One pass over the members."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.faults: dict[int, Fault] = {}  # source_row: why the document is not taken
        self.count = 0
        self._collector = Collector()
        self._guidance = GuidanceCollector()
        self._places: dict[int, tuple[int, str]] = {}  # source_row: place and name of the member
        self._totals: dict[str, str | None] = {}
        self._problems: list[Problem] = []
        self._strange: list[str] = []

    def all(self, members: Iterator[Member]) -> None:
        """Takes every member."""
        for place, member in enumerate(members):
            self._take(place, member)

    def _take(self, place: int, member: Member) -> None:
        if member.data is None and member.fault is None or not _is_opened(member.name):
            kind = "cc08" if folder_of(member.name) == "CLAIMS" else "other"
            self.records[kind] += 1
            return
        name = base_of(member.name)
        root = member.fault or parse(member.data or b"")
        kind = "" if isinstance(root, Fault) else local_name(root)
        if kind in _TOTALS or name[:4].lower() in ("ix08", "su08"):
            self._take_total(name, root)
            return
        if kind not in ("ClinicalDocument", ""):
            self.records["other"] += 1
            self._strange.append(name)
            return
        self.document(place, name, root)

    def document(self, place: int, name: str, root: ET.Element | Fault) -> None:
        """Takes one document, or counts it as one that cannot be taken."""
        self.count += 1
        self._places[self.count] = (place, name)
        if isinstance(root, Fault):
            self.records["hg08" if _is_guidance(name) else "hc08"] += 1
            self.faults[self.count] = root
        elif report_code(root).startswith("2"):
            self.records["hg08"] += 1
            self._guidance.take(root, self.count, name, serial_of(name))
        else:
            self.records["hc08"] += 1
            self._collector.take(root, self.count, name, serial_of(name))

    def _take_total(self, name: str, root: ET.Element | Fault) -> None:
        if isinstance(root, ET.Element) and local_name(root) in _TOTALS:
            record, element = _TOTALS[local_name(root)]
            self.records[record] += 1
            self._totals[record] = first_value(root, element)
            return
        self.records[name[:4].lower()] += 1
        words = root.message if isinstance(root, Fault) else "交換用基本情報・集計情報ではありません"
        reason = root.reason_code if isinstance(root, Fault) else "unknown_record"
        self._problems.append(Problem("", None, name, reason, words, reasons()[reason].remedy_ja))

    def reading(self, edition: str, reopen: Callable[[int], Member] | None) -> Reading:
        """Everything taken; ``reopen`` gives a member again, for the text of the documents set aside."""
        documents = self._collector.documents()
        checkup, aside = cells.typed(documents.with_columns(text=pl.lit(None, pl.String)), CHECKUP, _cells(documents))
        table, results_aside, problems = results(self._collector.observations(), checkup)
        tables = {"checkup": checkup, "checkup_result": table}
        months = [checkup["exam_month"]]
        set_aside = pl.concat([aside, self._unopened(), results_aside])
        if self.records["hg08"]:
            guided, guidance_aside = self._guidance.tables()
            tables |= guided
            months.append(guided["guidance"]["guidance_month"])
            set_aside = pl.concat([set_aside, guidance_aside])
        return Reading(
            format=CheckupXml.format,
            edition=edition,
            months=cells.months_of(*months),
            records=dict(sorted(self.records.items())),
            tables=tables,
            set_aside=self._with_members(set_aside, reopen),
            problems=[
                *self._problems,
                *self._file_problems(documents),
                *problems,
                *self._collector.problems(),
                *self._guidance.problems(),
            ],
        )

    def _unopened(self) -> pl.DataFrame:
        rows = [
            {
                "table_name": "guidance" if _is_guidance(self._places[source_row][1]) else "checkup",
                "source_row": source_row,
                "field": "",
                "reason_code": fault.reason_code,
                "message": fault.message,
                "remedy": fault.remedy or reasons()[fault.reason_code].remedy_ja,
            }
            for source_row, fault in self.faults.items()
        ]
        return pl.DataFrame(rows, schema=SET_ASIDE_SCHEMA) if rows else empty_set_aside()

    def _with_members(self, aside: pl.DataFrame, reopen: Callable[[int], Member] | None) -> pl.DataFrame:
        """Messages begin with the member; a document has its text as ``raw``."""
        names = {row: name for row, (_, name) in self._places.items()}
        raws: dict[int, str] = {}
        left = RAW_TOTAL
        is_document = pl.col("table_name").is_in(["checkup", "guidance"])
        for row in aside.filter(is_document)["source_row"]:
            data = reopen(self._places[row][0]).data if reopen is not None else None
            raws[row] = (data or b"").decode("utf-8", errors="replace")[: min(RAW_CHARS, left)]
            left -= len(raws[row])
        row = pl.col("source_row")
        member = row.replace_strict(names, default="", return_dtype=pl.String)
        text = row.replace_strict(raws, default="", return_dtype=pl.String) if raws else pl.col("raw")
        return aside.with_columns(
            message=member + ": " + pl.col("message"),
            raw=pl.when(is_document).then(text).otherwise(pl.col("raw")),
        ).sort("source_row", maintain_order=True)

    def _file_problems(self, documents: pl.DataFrame) -> list[Problem]:
        found = []
        for record, (_, element) in zip(("ix08", "su08"), _TOTALS.values(), strict=True):
            said = self._totals.get(record, "")
            if record in self._totals and (said or "").strip() != str(self.count):
                found.append(
                    Problem(
                        "checkup",
                        None,
                        f"{record} {element}",
                        "total_mismatch",
                        f"{record}の件数({element})が文書の数{self.count}件と合いません",
                        "送付元に件数の相違を照会し、足りない文書があれば取り直してください",
                    )
                )
        unnamed = [*documents.filter(pl.col("serial").is_null())["source_row"], *self._guidance.unnamed()]
        if unnamed:
            found.append(
                Problem(
                    "checkup",
                    min(unnamed),
                    "ファイル名",
                    "unknown_record",
                    f"文書名に一連番号のない文書が{len(unnamed)}件あり、並び順で代えました",
                    "同じ日の訂正の前後は文書名で決まります。元の名前のまま取り込んでください",
                )
            )
        twice = [name for name, times in Counter(name for _, name in self._places.values()).items() if times > 1]
        if twice:
            found.append(
                Problem(
                    "checkup",
                    None,
                    "ファイル名",
                    "contract",
                    f"同じ名前の文書が{len(twice)}種類あります({'、'.join(twice[:5])})。どちらも読みました",
                    "どちらが正しい文書か送付元に確かめてください。新旧は文書名の一連番号で決まるため、区別できません",
                )
            )
        if self._strange:
            found.append(_read_past(f"様式にない文書({'、'.join(self._strange[:5])})", len(self._strange)))
        return found


def _read_past(what: str, count: int) -> Problem:
    return Problem("", None, "", "unknown_record", f"{what}が{count}件あります", reasons()["unknown_record"].remedy_ja)


def _cells(documents: pl.DataFrame) -> list[Cell]:
    """The cells of ``checkup``, of the text columns of ``documents``."""
    own: dict[str, Cell] = {}
    for field in header_fields():
        text = pl.col(field.contract_column)
        if field.kind == "date":  # a time of day, as HL7 allows, is no part of the date
            text = text.str.strip_chars().str.replace(r"^(\d{8})\d{1,6}(?:[.+-].*)?$", "$1")
        own.setdefault(field.contract_column, cell(field.contract_column, field.kind, text, field.column_name))
    for variant in variants():
        if variant.checkup_column:
            column = variant.checkup_column
            own[column] = cell(column, "printed", pl.col(column), variant.item_name)
    own["scheme_code"] = derived("scheme_code", cells.scheme_value(own["insurer_number"].value))
    own["exam_month"] = derived("exam_month", own["exam_date"].value.dt.truncate("1mo"))
    own["data_number"] = derived("data_number", pl.coalesce("serial", "source_row"))
    own["is_deleted"] = derived("is_deleted", pl.lit(False))
    return list(own.values())


READERS: tuple[Reader, ...] = (CheckupXml(),)

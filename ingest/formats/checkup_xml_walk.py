"""One pass over the members of a 特定健診 archive: what each is, in their order, and what they say together.

Goes in: members (``checkup_xml_archive``). Comes out: one ``Reading``. Members are taken a block at a time, so that
plain documents are read together and no more than a block is in memory; their numbers are those of their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET  # noqa: S405  (parsing is in checkup_xml_document.parse)

import polars as pl

from ingest.formats import cells
from ingest.formats.checkup_xml_archive import Fault, Member, base_of, folder_of, serial_of
from ingest.formats.checkup_xml_checkups import Checkups
from ingest.formats.checkup_xml_document import DOCUMENT, first_value, local_name, parse, report_code
from ingest.formats.checkup_xml_guidance import GuidanceCollector
from ingest.formats.reading import SET_ASIDE_SCHEMA, Problem, Reading, empty_set_aside, reasons

FORMAT = "checkup_xml"
BLOCK_BYTES = 16 << 20
"""So many bytes of documents are read together."""
RAW_CHARS = 64 << 10
"""How much of a document is kept when it is set aside."""
RAW_TOTAL = 256 << 20

_TOTALS = {"index": ("ix08", "totalRecordCount"), "summary": ("su08", "totalSubjectCount")}


def is_opened(name: str) -> bool:
    """Documents, index and summary are; schemas, settlements and what is no XML are counted only."""
    return name.lower().endswith(".xml") and folder_of(name) not in ("XSD", "CORESCHEMAS", "CLAIMS")


def _is_guidance(name: str) -> bool:
    """Whether the name of a document that nobody can open is that of 特定保健指導."""
    return name[:1].lower() == "g"


def _is_total(name: str) -> bool:
    """Whether a name is that of an index or a summary."""
    return name[:4].lower() in ("ix08", "su08")


class Walk:
    """What was found so far; ``count`` documents, ``records`` by kind, ``faults`` of those not taken by their row."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.faults: dict[int, Fault] = {}
        self.count = 0
        self._checkups = Checkups()
        self._guidance = GuidanceCollector()
        self._places: dict[int, tuple[int, str]] = {}  # source_row: place and name of the member
        self._unnamed: list[int] = []
        self._totals: dict[str, str | None] = {}
        self._problems: list[Problem] = []
        self._strange: list[str] = []

    def all(self, members: Iterator[Member]) -> None:
        """Takes every member."""
        block: list[tuple[int, str, bytes | Fault]] = []
        size = 0
        for place, member in enumerate(members):
            if member.data is None and member.fault is None or not is_opened(member.name):
                self.records["cc08" if folder_of(member.name) == "CLAIMS" else "other"] += 1
                continue
            block.append((place, base_of(member.name), member.fault or member.data or b""))
            size += len(member.data or b"")
            if size >= BLOCK_BYTES:
                self._take(block)
                block, size = [], 0
        self._take(block)

    def one(self, name: str, data: bytes) -> None:
        """Takes a document that came alone."""
        self._document(0, base_of(name), parse(data))
        self._take([])

    def _take(self, block: list[tuple[int, str, bytes | Fault]]) -> None:
        """Takes some members: documents that are plain together, the others as trees."""
        likely = {
            place: data
            for place, name, data in block
            if not isinstance(data, Fault) and not _is_total(name) and not _is_guidance(name)
        }
        found = self._checkups.plain(list(likely.values()))
        plain = {place for place, is_plain in zip(likely, found.is_plain, strict=True) if is_plain}
        rows, serials = [], []
        for place, name, data in block:
            if place in plain:
                rows.append(self._number(place, name, "hc08"))
                serials.append(self._serial(name))
            else:
                self._take_tree(place, name, data if isinstance(data, Fault) else parse(data))
        self._checkups.put(found, rows, serials)

    def _take_tree(self, place: int, name: str, root: ET.Element | Fault) -> None:
        kind = "" if isinstance(root, Fault) else local_name(root)
        if kind in _TOTALS or _is_total(name):
            self._take_total(name, root)
        elif kind not in (DOCUMENT, ""):
            self.records["other"] += 1
            self._strange.append(name)
        else:
            self._document(place, name, root)

    def _document(self, place: int, name: str, root: ET.Element | Fault) -> None:
        """Takes one document, or counts it as one that cannot be taken."""
        if isinstance(root, Fault):
            self.faults[self._number(place, name, "hg08" if _is_guidance(name) else "hc08")] = root
        elif report_code(root).startswith("2"):
            self._guidance.take(root, self._number(place, name, "hg08"), name, serial_of(name))
        else:
            row = self._number(place, name, "hc08")
            self._checkups.take(root, row, self._serial(name))

    def _number(self, place: int, name: str, kind: str) -> int:
        """The ``source_row`` of the next document."""
        self.records[kind] += 1
        self.count += 1
        self._places[self.count] = (place, name)
        return self.count

    def _serial(self, name: str) -> int | None:
        """The serial of the last document, which is noted where its name holds none."""
        serial = serial_of(name)
        if serial is None:
            self._unnamed.append(self.count)
        return serial

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
        tables, aside, problems = self._checkups.tables()
        set_aside = pl.concat([aside, self._unopened()])
        months = [tables["checkup"]["exam_month"]]
        if self.records["hg08"]:
            guided, guidance_aside = self._guidance.tables()
            tables |= guided
            months.append(guided["guidance"]["guidance_month"])
            set_aside = pl.concat([set_aside, guidance_aside])
        return Reading(
            format=FORMAT,
            edition=edition,
            months=cells.months_of(*months),
            records=dict(sorted(self.records.items())),
            tables=tables,
            set_aside=self._with_members(set_aside, reopen),
            problems=[*self._problems, *self._file_problems(), *problems, *self._guidance.problems()],
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

    def _file_problems(self) -> list[Problem]:
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
        unnamed = [*self._unnamed, *self._guidance.unnamed()]
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

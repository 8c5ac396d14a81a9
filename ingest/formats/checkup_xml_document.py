"""One document of the 特定健診 archive: parsed with no DTD and no entity, its header and observations as text.

Goes in: the bytes of one XML document. Comes out: an element tree (or the ``Fault`` that keeps it shut), and,
collected over many documents, columns of text: one line a document (the fields of
``layouts/checkup_xml_header.csv``), one line an observation. Names of elements are compared without their
namespace, which changed between editions. Nothing is interpreted here but where a value stands.
Source: formats.md 2.2; V08 schemas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET  # noqa: S405  (no DTD gets as far as the parser: see parse)

import polars as pl

from ingest.formats.checkup_xml_archive import Fault
from ingest.formats.checkup_xml_items import (
    HIGH,
    LOW,
    NOT_DONE,
    NOT_MEASURABLE,
    OBSERVATIONS,
    ODD,
    unknown_problem,
    variant_numbers,
    variants,
)
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import Problem

RANGE_SYSTEM = "2.16.840.1.113883.5.83"
"""Code system of H and L in a value: beyond what the method can measure (formats.md 2.2, seen)."""

AS_XML = "送付元にXMLとして正しい文書を作り直すよう依頼してください"
AS_UTF8 = "UTF-8で出力し直してください"
NO_DTD = "送付元にDTDと実体宣言のない文書を作り直すよう依頼してください"

_BOM = b"\xef\xbb\xbf"
_OID_CHARS = len("1.2.392.200119.6.209")
"""An id may have the insurer behind its OID, as those of tickets do (seen in public programs)."""
_ENDS_EARLY = {3, 5}  # expat: no element found, unclosed token


@dataclass(frozen=True)
class HeaderField:
    """Where a column of ``checkup`` stands in a document; ``root`` tells the id from others beside it."""

    contract_column: str
    kind: str
    column_name: str
    path: tuple[str, ...]
    attribute: str
    root: str


@layout_cache
def header_fields() -> tuple[HeaderField, ...]:
    """The layout ``layouts/checkup_xml_header.csv``; of two lines of one column the first counts."""
    return tuple(
        HeaderField(
            row["contract_column"],
            row["type"],
            row["column_name"],
            tuple(row["element"].split("/")),
            row["attribute"],
            row["root"],
        )
        for row in layout_rows("checkup_xml_header")
    )


def parse(data: bytes) -> ET.Element | Fault:
    """The root element, or why there is none: DTD or entities, another encoding, not well-formed.

    Entities are declared only inside a document type declaration, and that has one spelling in UTF-8. The
    parser is held to UTF-8 but takes UTF-16 for what it is; a zero byte, which UTF-16 markup cannot do
    without and XML in UTF-8 cannot have, keeps it out. So looking for the bytes is enough.
    """
    if b"\0" in data:
        return Fault("encoding", "UTF-8として読めません", AS_UTF8)
    if b"<!DOCTYPE" in data:
        return Fault("not_opened", "DTDまたは実体の宣言があります", NO_DTD)
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314
    try:
        parser.feed(data.removeprefix(_BOM))
        return parser.close()
    except ET.ParseError as error:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return Fault("encoding", "UTF-8として読めません", AS_UTF8)
        line, column = error.position
        reason = "truncated" if error.code in _ENDS_EARLY else "contract"
        return Fault(reason, f"XMLとして読めません({line}行{column + 1}桁)", AS_XML)
    except ValueError:
        return Fault("contract", "XMLとして読めません", AS_XML)


def local_name(root: ET.Element) -> str:
    """The name of an element without its namespace."""
    return root.tag.rpartition("}")[2]


def first_value(root: ET.Element, name: str) -> str | None:
    """``@value`` of the first child of this name, whatever its namespace."""
    return next((child.get("value") for child in root if local_name(child) == name), None)


def report_code(root: ET.Element) -> str:
    """報告区分 of a ClinicalDocument: 10 特定健診, 20-29 特定保健指導; empty where it has none."""
    return next((child.get("code", "") for child in root if local_name(child) == "code"), "")


class Headers:
    """Reads the header fields of documents; finds its way once for every namespace."""

    def __init__(self) -> None:
        self._plans: dict[str, _Steps] = {}

    def read(self, root: ET.Element, namespace: str) -> dict[str, str | int | None]:
        """The text of every header field that the document has, by its column."""
        found: dict[str, str | int | None] = {}
        if namespace not in self._plans:
            self._plans[namespace] = _plan(namespace)
        levels: list[list[ET.Element]] = [[root]]
        for parent, tag, by_root in self._plans[namespace]:
            level = levels[parent]
            here = level[0].findall(tag) if len(level) == 1 else [c for e in level for c in e.findall(tag)]
            levels.append(here)
            if by_root:
                for element in here:
                    oid = element.get("root", "")
                    field = by_root.get(oid) or by_root.get(oid[:_OID_CHARS]) or by_root.get("")
                    if field is not None and field.contract_column not in found:
                        text = element.get(field.attribute) or _low_of(element, field, namespace)
                        if text and not text.isspace():
                            found[field.contract_column] = text
        return found


class Collector:
    """What many documents say, gathered as columns of text."""

    def __init__(self) -> None:
        self.unknown: dict[str, int] = {}
        self._documents: dict[str, list[str | int | None]] = {name: [] for name in self._columns()}
        self._frames: list[pl.DataFrame] = []
        self._flat: list[Any] = []  # the observations, one value after the other: no object a row
        self._headers = Headers()
        self._numbers = variant_numbers()
        self._kinds = [v.item.value_kind if v.item is not None else v.checkup_column for v in variants()]

    @staticmethod
    def _columns() -> list[str]:
        own = dict.fromkeys(field.contract_column for field in header_fields())
        texts = dict.fromkeys(v.checkup_column for v in variants() if v.checkup_column)
        return ["source_row", "member", "serial", *own, *texts]

    def take(self, root: ET.Element, source_row: int, member: str, serial: int | None) -> None:
        """Adds one ClinicalDocument."""
        namespace = root.tag.removesuffix("ClinicalDocument")
        found = self._headers.read(root, namespace)
        found |= self._observations(root, namespace, source_row)
        found |= {"source_row": source_row, "member": member, "serial": serial}
        for name, column in self._documents.items():
            column.append(found.get(name))
        if len(self._flat) > 1_000_000:
            self._flush()

    def documents(self) -> pl.DataFrame:
        """One line a document: ``source_row``, ``member``, ``serial``, the text of every header field."""
        whole = {"source_row": pl.Int64, "serial": pl.Int64}
        return pl.DataFrame(self._documents, schema={n: whole.get(n, pl.String) for n in self._documents})

    def observations(self) -> list[pl.DataFrame]:
        """One line an observation of a carried item (``OBSERVATIONS``), in document order, in some frames."""
        self._flush()
        return self._frames

    def problems(self) -> list[Problem]:
        """What concerns the file and not one document."""
        return unknown_problem(self.unknown)

    def _flush(self) -> None:
        width = len(OBSERVATIONS)
        columns = {name: self._flat[place::width] for place, name in enumerate(OBSERVATIONS)}
        self._frames.append(pl.DataFrame(columns, schema=OBSERVATIONS))
        self._flat.clear()

    def _observations(self, root: ET.Element, namespace: str, source_row: int) -> dict[str, str | int | None]:
        texts: dict[str, str | int | None] = {}
        code_tag, value_tag = namespace + "code", namespace + "value"
        told_tag = namespace + "interpretationCode"
        number_of, kinds, add = self._numbers.get, self._kinds, self._flat.extend
        for observation in root.iter(namespace + "observation"):
            coded = observation.find(code_tag)
            code = None if coded is None else coded.get("code")
            if code is None:
                continue  # a group: its parts are observations of their own
            number = number_of(code)
            if number is None:
                self.unknown[code] = self.unknown.get(code, 0) + 1
                continue
            kind = kinds[number]
            if kind in _CARRIED:
                if observation.get("negationInd") in _TRUE:
                    add((source_row, number, None, None, NOT_DONE, None))
                    continue
                interpreted = observation.find(told_tag)
                told = None if interpreted is None else interpreted.get("code")
                values = observation.findall(value_tag)
                if len(values) == 1:  # a plain PQ or CD, as nearly all are
                    said = values[0].get
                    if kind == _NUMERIC:
                        text = said("value")
                        if text is not None:
                            add((source_row, number, text, said("unit"), None, told))
                            continue
                    else:
                        text = said("code")
                        if text is not None and text not in _RANGE:
                            add((source_row, number, text, None, None, told))
                            continue
                for text, unit, state in _values(values, kind):
                    add((source_row, number, text, unit, state, told))
            elif kind:
                value = observation.find(value_tag)
                if value is not None:
                    texts.setdefault(kind, value.text)
        return texts


_NUMERIC, _CODED = "numeric", "code"
_CARRIED = frozenset((_NUMERIC, _CODED))
_TRUE, _RANGE = frozenset(("true", "1")), frozenset(("H", "L"))
_Steps = list[tuple[int, str, dict[str, HeaderField]]]


def _plan(namespace: str) -> _Steps:
    """Steps down to every header field: the level to start at, the tag, the field by the ``root`` of its id."""
    places: dict[tuple[str, ...], int] = {(): 0}
    steps: _Steps = []
    for field in header_fields():
        for depth in range(1, len(field.path) + 1):
            path = field.path[:depth]
            if path not in places:
                steps.append((places[path[:-1]], namespace + path[-1], {}))
                places[path] = len(steps)
        steps[places[field.path] - 1][2][field.root] = field
    return steps


def _low_of(element: ET.Element, field: HeaderField, namespace: str) -> str | None:
    """``low/@value`` of an interval in place of the value."""
    low = element.find(namespace + "low") if field.attribute == "value" else None
    return None if low is None else low.get("value")


def _values(values: list[ET.Element], kind: str) -> list[tuple[str | None, str | None, str | None]]:
    """(text, unit, state) of one observation: a number or code, H or L alone or beside a number, or none."""
    state: str | None = None
    said: list[tuple[str | None, str | None]] = []
    for value in values:
        code, null = value.get("code"), value.get("nullFlavor")
        if null is not None:
            state = state or (NOT_MEASURABLE if null == "NI" else ODD)
        elif code in _RANGE and value.get("codeSystem", RANGE_SYSTEM) == RANGE_SYSTEM:
            state = HIGH if code == "H" else LOW
        elif kind == _NUMERIC and code is not None:
            state = ODD
        else:
            text = value.get("value") if kind == _NUMERIC else code
            text = text if text is not None else value.text
            if text is not None and text.strip():
                said.append((text, value.get("unit")))
    if said and state == NOT_MEASURABLE:
        state = None  # a value beside the nullFlavor is a value
    return [(text, unit, state) for text, unit in said or [(None, None)]]


_HEAD_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>/]")
_HEAD_VERSION = re.compile(rb"h[cg]08_V(\d\d)\.xsd")


def version_in(head: bytes) -> str | None:
    """V08 when the first bytes are of one ClinicalDocument of its own, else None."""
    if not head.removeprefix(_BOM).lstrip().startswith(b"<") or _HEAD_ROOT.search(head) is None:
        return None
    named = _HEAD_VERSION.search(head)
    return f"V{named[1].decode('ascii')}" if named else "V08"

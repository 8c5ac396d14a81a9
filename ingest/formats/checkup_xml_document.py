"""One document of the 特定健診 archive as an element tree: parsed with no DTD and no entity.

Goes in: the bytes of one XML document. Comes out: the tree, or the ``Fault`` that keeps it shut. Names of elements are
compared without their namespace, which changed between editions. Source: formats.md 2.2; V08 schemas.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET  # noqa: S405  (no DTD gets as far as the parser: see parse)
from xml.parsers import expat

from ingest.formats.checkup_xml_archive import Fault

AS_XML = "送付元にXMLとして正しい文書を作り直すよう依頼してください"
AS_UTF8 = "UTF-8で出力し直してください"
NO_DTD = "送付元にDTDと実体宣言のない文書を作り直すよう依頼してください"

DOCUMENT = "ClinicalDocument"
BOM = b"\xef\xbb\xbf"
_ENDS_EARLY = {3, 5}  # expat: no element found, unclosed token


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
    try:
        return tree(data)
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


def tree(data: bytes) -> ET.Element:
    """The root element of a document without a DTD; raises ParseError or ValueError where it is not well-formed."""
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314
    parser.feed(data.removeprefix(BOM))
    root: ET.Element = parser.close()
    return root


def is_well_formed(data: bytes) -> bool:
    """Whether ``parse`` gives a root element, at half of its time: the same parser, which builds nothing."""
    if b"\0" in data or b"<!DOCTYPE" in data:
        return False
    parser = expat.ParserCreate("utf-8", "}")
    try:
        parser.Parse(data.removeprefix(BOM), True)
    except expat.ExpatError:
        return False
    return True


def local_name(root: ET.Element) -> str:
    """The name of an element without its namespace."""
    return root.tag.rpartition("}")[2]


def first_value(root: ET.Element, name: str) -> str | None:
    """``@value`` of the first child of this name, whatever its namespace."""
    return next((child.get("value") for child in root if local_name(child) == name), None)


def report_code(root: ET.Element) -> str:
    """報告区分 of a ClinicalDocument: 10 特定健診, 20-29 特定保健指導; empty where it has none."""
    return next((child.get("code", "") for child in root if local_name(child) == "code"), "")


_HEAD_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>/]")
_HEAD_VERSION = re.compile(rb"h[cg]08_V(\d\d)\.xsd")


def version_in(head: bytes) -> str | None:
    """V08 when the first bytes are of one ClinicalDocument of its own, else None."""
    if not head.removeprefix(BOM).lstrip().startswith(b"<") or _HEAD_ROOT.search(head) is None:
        return None
    named = _HEAD_VERSION.search(head)
    return f"V{named[1].decode('ascii')}" if named else "V08"

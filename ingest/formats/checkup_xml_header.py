"""The header of the documents of the 特定健診 archive: person, insurer, institution, tickets, dates, as text.

``layouts/checkup_xml_header.csv`` says where each field stands; a way down there is worked out once for all documents.
Source: formats.md 2.2; V08 schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET  # noqa: S405  (trees only: parsing is in checkup_xml_document.parse)

from ingest.formats.layout_files import layout_cache, layout_rows

OID_CHARS = len("1.2.392.200119.6.209")
"""An id may have the insurer behind its OID, as those of tickets do (seen in public programs)."""

Texts = dict[str, str | int | None]


@dataclass(frozen=True)
class HeaderField:
    """Where a column of ``checkup`` stands in a document; ``root`` tells the id from others beside it."""

    contract_column: str
    kind: str
    column_name: str
    path: tuple[str, ...]
    attribute: str
    root: str


class Step(NamedTuple):
    """One step down: the level to start at (0 the document, else a step by its number from 1), the name of the element,
    the fields that stand there by the ``root`` of their id."""

    parent: int
    name: str
    fields: dict[str, HeaderField]


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


@layout_cache
def header_columns() -> tuple[str, ...]:
    """The columns that the header fills, each once."""
    return tuple(dict.fromkeys(field.contract_column for field in header_fields()))


@layout_cache
def header_steps() -> tuple[Step, ...]:
    """The steps down to every header field."""
    places: dict[tuple[str, ...], int] = {(): 0}
    steps: list[Step] = []
    for field in header_fields():
        for depth in range(1, len(field.path) + 1):
            path = field.path[:depth]
            if path not in places:
                steps.append(Step(places[path[:-1]], path[-1], {}))
                places[path] = len(steps)
        steps[places[field.path] - 1].fields[field.root] = field
    return tuple(steps)


def header_texts(root: ET.Element, namespace: str) -> Texts:
    """The text of every header field that a document has, by its column."""
    found: Texts = {}
    levels: list[list[ET.Element]] = [[root]]
    for parent, name, by_root in header_steps():
        level, tag = levels[parent], namespace + name
        here = level[0].findall(tag) if len(level) == 1 else [c for e in level for c in e.findall(tag)]
        levels.append(here)
        if by_root:
            for element in here:
                oid = element.get("root", "")
                field = by_root.get(oid) or by_root.get(oid[:OID_CHARS]) or by_root.get("")
                if field is not None and field.contract_column not in found:
                    text = element.get(field.attribute) or _low_of(element, field, namespace)
                    if text and not text.isspace():
                        found[field.contract_column] = text
    return found


def _low_of(element: ET.Element, field: HeaderField, namespace: str) -> str | None:
    """``low/@value`` of an interval in place of the value."""
    low = element.find(namespace + "low") if field.attribute == "value" else None
    return None if low is None else low.get("value")

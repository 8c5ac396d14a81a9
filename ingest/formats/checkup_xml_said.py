"""What an observation of an hc08 document says: a number or code, H or L, or why there is none.

Goes in: an observation as an element. Comes out: ``Told``, which means the same wherever it comes again. Nothing is
typed here (see ``checkup_xml_results``). Source: formats.md 2.2.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET  # noqa: S405  (trees only: parsing is in checkup_xml_document.parse)

from ingest.formats.checkup_xml_items import is_numeric

OBSERVATION = "observation"
Told = tuple[int, str | None, str | None, str | None, str | None]
"""The place of the code in ``variants``, value, unit, state, interpretation."""
NOT_DONE, NOT_MEASURABLE, HIGH, LOW, ODD = "not_done", "not_measurable", "high", "low", "odd"
"""What an observation says beside its value; ``ODD``: a code or nullFlavor that the format does not have."""
RANGE_SYSTEM = "2.16.840.1.113883.5.83"
"""Code system of H and L in a value: beyond what the method can measure (formats.md 2.2, seen)."""

_TRUE, _RANGE = frozenset(("true", "1")), frozenset(("H", "L"))


def told_of(observation: ET.Element, namespace: str, variant: int) -> list[Told]:
    """What an observation of a carried item says; with several values, each of them."""
    if observation.get("negationInd") in _TRUE:
        return [(variant, None, None, NOT_DONE, None)]
    interpreted = observation.find(namespace + "interpretationCode")
    told = None if interpreted is None else interpreted.get("code")
    values, numeric = observation.findall(namespace + "value"), is_numeric()[variant]
    if len(values) == 1:  # a plain PQ or CD, as nearly all are
        text = values[0].get("value" if numeric else "code")
        if text is not None and (numeric or text not in _RANGE):
            return [(variant, text, values[0].get("unit") if numeric else None, None, told)]
    return [(variant, text, unit, state, told) for text, unit, state in _values(values, numeric)]


def _values(values: list[ET.Element], numeric: bool) -> list[tuple[str | None, str | None, str | None]]:
    """(text, unit, state) of one observation: a number or code, H or L alone or beside a number, or none."""
    state: str | None = None
    said: list[tuple[str | None, str | None]] = []
    for value in values:
        code, null = value.get("code"), value.get("nullFlavor")
        if null is not None:
            state = state or (NOT_MEASURABLE if null == "NI" else ODD)
        elif code in _RANGE and value.get("codeSystem", RANGE_SYSTEM) == RANGE_SYSTEM:
            state = HIGH if code == "H" else LOW
        elif numeric and code is not None:
            state = ODD
        else:
            text = value.get("value") if numeric else code
            text = text if text is not None else value.text
            if text is not None and text.strip():
                said.append((text, value.get("unit")))
    if said and state == NOT_MEASURABLE:
        state = None  # a value beside the nullFlavor is a value
    return [(text, unit, state) for text, unit in said or [(None, None)]]

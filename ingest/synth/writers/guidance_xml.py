"""Writes one 特定保健指導 document (hg08): sections of contacts with their dates, forms, minutes and points.

The structure is that which public programs read (see ``layouts/guidance_items.csv``); the XSD of hg08 is not
at hand, so that only the header is held against a schema (that of hc08).
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from ingest.synth.writers.checkup_xml_head import OID, document_head, ticket

_GUIDANCE_SECTIONS = {
    "first": ("90030", "初回面接", "3003"),
    "support": ("90040", "継続的支援", "3001"),
    "interim": ("90050", "中間評価", "3004"),
    "final": ("90060", "実績評価", "3005"),
}
"""Section, title and code system of the forms of each kind of contact (that of support is unverified)."""
_MINUTES = {"first": "1022000013", "interim": "1032000013"}
_MEASURED = {("interim", "waist"): "1032001031", ("interim", "weight"): "1032001032",
             ("final", "waist"): "1042001031", ("final", "weight"): "1042001032"}  # fmt: skip
_FORMS_B = ("2", "5", "7")
"""支援形態 of 支援B: 個別B, 電話B, e-mail B."""


def guidance_document(row: dict[str, Any], sessions: list[dict[str, Any]], sender: str) -> str:
    """One hg08 document of one row of ``guidance`` and its ``sessions``.

    ValueError where the dates of the guidance are not those of its sessions: the format says them only there.
    """
    _check_dates(row, sessions)
    day = row["final_evaluation_date"] or row["first_interview_date"] or row["guidance_month"]
    level = row["support_level_code"]
    parts = [
        *document_head(row, day, sender, "hg08", row["report_code"], level, ticket(row["ticket_number"], "210")),
        "<component><structuredBody>",
        _guidance_section("90010", "指導共通情報", [_act("", [_coded("1020000001", level)])]),
    ]
    for kind, (code, title, forms) in _GUIDANCE_SECTIONS.items():
        acts = [_act(_contact(s, forms), _told_of(s)) for s in sessions if s["session_kind_code"] == kind]
        if acts:
            parts.append(_guidance_section(code, title, acts))
    totals = [
        _quantity(code, row[name])
        for code, name in (("1041800114", "planned_points"), ("1042800114", "points"))
        if row[name] is not None
    ]
    if row["support_end_date"] is not None:
        totals.append(_observed("1042000022", f'<value xsi:type="ST">{row["support_end_date"]:%Y%m%d}</value>'))
    if totals:
        parts.append(_guidance_section("90070", "指導集計情報", [_act("", totals)]))
    return "".join(parts) + "</structuredBody></component></ClinicalDocument>\n"


def _check_dates(row: dict[str, Any], sessions: list[dict[str, Any]]) -> None:
    for kind, name in (("first", "first_interview"), ("interim", "interim_evaluation"), ("final", "final_evaluation")):
        told = [s["session_date"] for s in sessions if s["session_kind_code"] == kind and s["session_date"]]
        if row[f"{name}_date"] != (told[-1] if told else None):
            raise ValueError(f"{name}_date is not that of the session")


def _guidance_section(code: str, title: str, acts: list[str]) -> str:
    entries = "".join(f"<entry>{act}</entry>" for act in acts)
    return (
        f'<component><section><code code="{code}" codeSystem="{OID}.1010"/><title>{title}</title><text/>{entries}'
        "</section></component>"
    )


def _act(head: str, observations: list[str]) -> str:
    related = "".join(f'<entryRelationship typeCode="COMP">{text}</entryRelationship>' for text in observations)
    own = head or '<code nullFlavor="NA"/>'
    return f'<act classCode="ACT" moodCode="EVN">{own}{related}</act>'


def _contact(session: dict[str, Any], forms: str) -> str:
    form, day, staff = session["support_form_code"], session["session_date"], session["staff_kind_code"]
    code = '<code nullFlavor="NI"/>' if form is None else f'<code code={quoteattr(form)} codeSystem="{OID}.{forms}"/>'
    when = "" if day is None else f'<effectiveTime value="{day:%Y%m%d}"/>'
    who = (
        ""
        if staff is None
        else (
            f'<performer><assignedEntity><id nullFlavor="NI"/><code code={quoteattr(staff)} codeSystem="{OID}.3020"/>'
            "</assignedEntity></performer>"
        )
    )
    return code + when + who


def _told_of(session: dict[str, Any]) -> list[str]:
    """Minutes, points and measurements of one contact."""
    kind = session["session_kind_code"]
    support = "10322000" if session["support_form_code"] in _FORMS_B else "10321000"
    told = []
    if session["minute_count"] is not None:
        width = f'<effectiveTime><width value="{session["minute_count"]}" unit="min"/></effectiveTime>'
        told.append(_observed(_MINUTES.get(kind, f"{support}13"), width))
    if session["points"] is not None:
        told.append(_quantity(f"{support}14", session["points"]))
    for (of_kind, name), code in _MEASURED.items():
        if of_kind == kind and session[name] is not None:
            told.append(_quantity(code, f"{session[name]:f}", "cm" if name == "waist" else "kg"))
    return told


def _observed(code: str, value: str) -> str:
    return f'<observation classCode="OBS" moodCode="EVN"><code code="{code}"/>{value}</observation>'


def _coded(code: str, value: str) -> str:
    return _observed(code, f'<value xsi:type="CD" code={quoteattr(value)}/>')


def _quantity(code: str, value: object, unit: str = "") -> str:
    return _observed(code, f'<value xsi:type="PQ" value="{value}"{f" unit={quoteattr(unit)}" if unit else ""}/>')

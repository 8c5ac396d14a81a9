"""特定保健指導 documents (hg08) against formats.md 2.2, read without the reader: no XSD of hg08 is at hand.

``shared/samples/checkup_xsd`` has schemas of ix08, su08, hc08, cc08 and co08 only. What the field guide writes of
hg08 (unverified med) is held here: the header of hc08, the sections, and the main facts of a guidance.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

from ingest.formats import read
from tests.unit.formats.checkup_xml_samples import GUIDANCE, SESSIONS, hg08, packed

P = "1.2.392.200119.6"
HL7 = "{urn:hl7-org:v3}"


def root_of(text: str) -> ET.Element:
    return ET.fromstring(text.encode())


def at(element: ET.Element, path: str) -> list[ET.Element]:
    return element.findall("/".join(HL7 + name for name in path.split("/")))


def extension(root: ET.Element, path: str, oid: str) -> str | None:
    """The id of this OID, or of the OID with an insurer behind it."""
    return next(
        (e.get("extension") for e in at(root, path) if (e.get("root") or "").removeprefix(P + oid)[:1] in ("", ".")),
        None,
    )


def section(root: ET.Element, code: str) -> ET.Element:
    (found,) = [
        part
        for part in at(root, "component/structuredBody/component/section")
        if at(part, "code")[0].get("code") == code
    ]
    return found


def observed(part: ET.Element) -> dict[str, ET.Element]:
    return {str(at(o, "code")[0].get("code")): o for o in part.iter(f"{HL7}observation")}


def day(element: ET.Element) -> date:
    return date.fromisoformat(element.get("value", ""))


def test_there_is_no_schema_of_guidance_at_hand(shared: Path) -> None:
    assert not list((shared / "samples" / "checkup_xsd").rglob("hg08*")), "hold the documents to the schema"


def test_a_guidance_has_the_header_of_a_checkup() -> None:
    root = root_of(hg08())
    assert root.tag == f"{HL7}ClinicalDocument"
    assert at(root, "typeId")[0].attrib == {"root": "2.16.840.1.113883.1.3", "extension": "POCD_HD000040"}
    (code,) = at(root, "code")
    assert code.get("codeSystem") == f"{P}.1001" and str(code.get("code")).startswith("2")
    patient = "recordTarget/patientRole"
    assert extension(root, f"{patient}/id", ".101") == "00162024"
    assert extension(root, f"{patient}/id", ".204") == GUIDANCE["symbol"]
    assert extension(root, f"{patient}/id", ".205") == GUIDANCE["number"]
    assert at(root, f"{patient}/patient/administrativeGenderCode")[0].get("code") == GUIDANCE["sex_code"]
    assert day(at(root, f"{patient}/patient/birthTime")[0]) == GUIDANCE["birth_date"]
    assert day(at(root, "effectiveTime")[0]) == GUIDANCE["created_date"]


def test_the_institution_and_the_usage_ticket_stand_where_the_guide_says() -> None:
    root = root_of(hg08())
    organisation = "documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/id"
    assert extension(root, organisation, ".102") == GUIDANCE["institution_code"]
    assert extension(root, "participant/associatedEntity/id", ".210") == GUIDANCE["ticket_number"]


def test_every_main_fact_of_a_guidance_is_in_the_document_and_read_from_it(tmp_path: Path) -> None:
    """保健指導区分, 初回面接日, 支援ポイント合計, 最終評価日, 体重 and 腹囲 at the evaluation."""
    root = root_of(hg08())
    plain = {
        "support_level_code": at(observed(section(root, "90010"))["1020000001"], "value")[0].get("code"),
        "first_interview_date": day(at(section(root, "90030"), "entry/act/effectiveTime")[0]),
        "interim_evaluation_date": day(at(section(root, "90050"), "entry/act/effectiveTime")[0]),
        "final_evaluation_date": day(at(section(root, "90060"), "entry/act/effectiveTime")[0]),
        "points": int(at(observed(section(root, "90070"))["1042800114"], "value")[0].get("value", "")),
        "planned_points": int(at(observed(section(root, "90070"))["1041800114"], "value")[0].get("value", "")),
        "waist": float(at(observed(section(root, "90060"))["1042001031"], "value")[0].get("value", "")),
        "weight": float(at(observed(section(root, "90060"))["1042001032"], "value")[0].get("value", "")),
    }
    assert plain == {name: GUIDANCE[name] for name in plain}
    row = read(packed(tmp_path / "a.zip", hg08())).tables["guidance"].row(0, named=True)
    assert {name: float(row[name]) if name in ("waist", "weight") else row[name] for name in plain} == plain


def test_the_points_of_the_supports_add_up_to_the_total_of_the_document(tmp_path: Path) -> None:
    root = root_of(hg08())
    acts = at(section(root, "90040"), "entry/act")
    points = [
        int(at(o, "value")[0].get("value", ""))
        for act in acts
        for code, o in observed(act).items()
        if code[-2:] == "14"
    ]
    assert len(acts) == len([s for s in SESSIONS if s["session_kind_code"] == "support"])
    assert sum(points) == GUIDANCE["points"]
    tables = read(packed(tmp_path / "a.zip", hg08())).tables
    read_points = tables["guidance_session"].filter(session_kind_code="support")["points"]
    assert read_points.to_list() == points

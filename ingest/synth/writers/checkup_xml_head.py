"""What the documents of 特定健診 (hc08) and 特定保健指導 (hg08) begin with: header, person, tickets. formats.md 2.2."""

from __future__ import annotations

from datetime import date
from typing import Any
from xml.sax.saxutils import quoteattr

from ingest.formats.checkup_xml_header import header_fields

HL7 = "urn:hl7-org:v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
OID = "1.2.392.200119.6"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def document_head(
    row: dict[str, Any], day: date, sender: str, schema: str, report: str, service: str, tickets: str
) -> list[str]:
    """Everything before the body of a document: ``day`` is that of the event, ``service`` its code."""
    institution = row["institution_code"]
    created = f"{row['created_date']:%Y%m%d}"
    organisation = f'<representedOrganization><id root="{OID}.102" extension={quoteattr(institution or sender)}/>'
    performer = (
        f'<performer typeCode="PRF"><assignedEntity><id nullFlavor="NI"/>{organisation}</representedOrganization>'
        "</assignedEntity></performer>"
    )
    author = organisation if institution else "<representedOrganization>"
    system = "1006" if schema == "hg08" else "1002"
    return [
        f'{DECLARATION}<ClinicalDocument xmlns="{HL7}" xmlns:xsi="{XSI}"'
        f' xsi:schemaLocation="{HL7} ../XSD/{schema}_V08.xsd">'
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><id nullFlavor="NI"/>'
        f'<code code="{report}" codeSystem="{OID}.1001"/><effectiveTime value="{created}"/>'
        '<confidentialityCode code="N"/>',
        _patient(row),
        f'<author><time value="{created}"/><assignedAuthor><id nullFlavor="NI"/>{author}</representedOrganization>'
        "</assignedAuthor></author>",
        '<custodian><assignedCustodian><representedCustodianOrganization><id nullFlavor="NI"/>'
        "</representedCustodianOrganization></assignedCustodian></custodian>",
        tickets,
        f'<documentationOf><serviceEvent><code code="{service}" codeSystem="{OID}.{system}"/>'
        f'<effectiveTime value="{day:%Y%m%d}"/>{performer if institution else ""}</serviceEvent></documentationOf>',
    ]


def _patient(row: dict[str, Any]) -> str:
    insurer = str(row["insurer_number"]).zfill(8)
    ids = [
        f'<id root="{field.root}" extension={quoteattr(insurer if field.kind == "insurer" else row[column])}/>'
        for field in header_fields()
        if field.path[-2:] == ("patientRole", "id") and row[column := field.contract_column] is not None
    ]
    return (
        f"<recordTarget><patientRole>{''.join(ids)}<patient>"
        f'<administrativeGenderCode code={quoteattr(row["sex_code"])} codeSystem="{OID}.1104"/>'
        f'<birthTime value="{row["birth_date"]:%Y%m%d}"/></patient></patientRole></recordTarget>'
    )


def ticket(number: str | None, kind: str) -> str:
    """受診券 (kind 209) or 利用券 (210)."""
    if number is None:
        return ""
    return (
        f'<participant typeCode="HLD"><functionCode code="{int(kind) - 208}" codeSystem="{OID}.208"/>'
        f'<associatedEntity classCode="IDENT"><id root="{OID}.{kind}" extension={quoteattr(number)}/>'
        "</associatedEntity></participant>"
    )

"""The written archive against the V08 schemas; the layouts against the public list of item codes."""

from __future__ import annotations

import csv
import importlib
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ingest.formats.checkup_xml_header import header_fields
from ingest.formats.checkup_xml_items import variants
from ingest.formats.fkac167_results import items
from ingest.synth.writers.checkup_xml import write_checkup_archive
from tests.handmade import frame
from tests.spec.xsd_check import Schema
from tests.unit.formats.checkup_xml_samples import CHECKUP, HEIGHT, hc08, hg08, pq

STATUSES = ("measured", "high", "low", "not_done", "not_measurable")


def written(path: Path) -> list[tuple[str, bytes]]:
    """(schema, bytes) of every member of an archive with every item in every status, 国保 and 後期."""
    old = {"scheme_code": "koki", "insurer_number": "39162026", "symbol": None, "branch": None, "ticket_number": None}
    checkups = [CHECKUP | {"data_number": n, "doctor_name": "架空", "doctor_opinion": "<所見>"} for n in range(1, 6)]
    checkups[4] |= old | {"institution_code": None}
    results: list[dict[str, Any]] = []
    for number, checkup in enumerate(checkups, start=1):
        for place, item in enumerate(items()):
            status = STATUSES[(number + place) % 5]
            has_value = status in STATUSES[:3]
            results.append(
                {name: checkup[name] for name in ("scheme_code", "insurer_number", "exam_month")}
                | {"parent_source_row": number, "item_id": item.item_id, "status_code": status}
                | ({"numeric_value": 100} if has_value and item.value_kind == "numeric" else {})
                | ({"code_value": item.codes[0]} if has_value and item.codes else {})
            )
    write_checkup_archive(frame("checkup", checkups), frame("checkup_result", results), path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        kinds = [base[:4] if base[:4] in ("ix08", "su08") else "hc08" for base in (n.rpartition("/")[2] for n in names)]
        return [(kind, archive.read(name)) for kind, name in zip(kinds, names, strict=True)]


def test_what_is_written_is_valid_against_the_schemas(shared: Path, tmp_path: Path) -> None:
    folder = shared / "samples" / "checkup_xsd"
    schemas = {kind: Schema(folder / f"{kind}_V08.xsd") for kind in ("hc08", "ix08", "su08")}
    members = written(tmp_path / "a.zip")
    assert [kind for kind, _ in members] == ["ix08", "su08"] + ["hc08"] * 5
    for kind, data in members:
        assert schemas[kind].faults(ET.fromstring(data)) == []


def test_the_header_and_sections_of_guidance_are_valid_as_far_as_a_schema_is_at_hand(shared: Path) -> None:
    """The XSD of hg08 is not among the samples: but for entries and the code system of the service it is hc08."""
    root = ET.fromstring(hg08().replace("119.6.1006", "119.6.1002").encode())
    namespace = root.tag.removesuffix("ClinicalDocument")
    sections = list(root.iter(f"{namespace}section"))
    assert [section.find(f"{namespace}code").get("code") for section in sections] == [  # type: ignore[union-attr]
        "90010", "90030", "90040", "90050", "90060", "90070",
    ]  # fmt: skip
    for section in sections:
        for entry in section.findall(f"{namespace}entry"):
            section.remove(entry)
    assert Schema(shared / "samples" / "checkup_xsd" / "hc08_V08.xsd").faults(root) == []


def test_what_is_written_is_valid_by_another_validator(shared: Path, tmp_path: Path) -> None:
    try:
        etree = importlib.import_module("lxml.etree")
    except ImportError:
        pytest.skip("lxml is no part of the project: the check above is our own")
    folder = shared / "samples" / "checkup_xsd"
    for kind, data in written(tmp_path / "a.zip"):
        etree.XMLSchema(etree.parse(str(folder / f"{kind}_V08.xsd"))).assertValid(etree.fromstring(data))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<confidentialityCode code="N"/>', ""),
        ('<effectiveTime value="20240710"/>', '<effectiveTime value="today"/>'),
        ('extension="POCD_HD000040"', 'extention="POCD_HD000040"'),
        ('xsi:type="PQ"', 'xsi:type="PQX"'),
        ('classCode="OBS"', 'classCode="XYZ"'),
        ("<author>", "<writer>"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(shared: Path, old: str, new: str) -> None:
    schema = Schema(shared / "samples" / "checkup_xsd" / "hc08_V08.xsd")
    text = hc08(pq(HEIGHT, "160", "cm"))
    assert not schema.faults(ET.fromstring(text.encode()))
    wrong = text.replace(old, new, 1).replace("</author>", "</writer>" if new == "<writer>" else "</author>", 1)
    assert wrong != text and schema.faults(ET.fromstring(wrong.encode()))


def test_the_layout_holds_every_published_item_code(shared: Path) -> None:
    with (shared / "reference" / "checkups" / "jlac_item_codes.tsv").open(encoding="utf-8", newline="") as handle:
        published = {row["code"]: row["name"] for row in csv.DictReader(handle, delimiter="\t")}
    ours = {v.item_code: v for v in variants()}
    assert set(published) == {code for code, v in ours.items() if v.mark == "seen"}
    assert all(ours[code].item_name == name for code, name in published.items())


def test_the_numbers_of_the_header_are_those_of_the_schemas(shared: Path) -> None:
    schema = (shared / "samples" / "checkup_xsd" / "co08_V08.xsd").read_text(encoding="utf-8")
    known = {f.contract_column for f in header_fields() if f.root and f'value="{f.root}"' in schema}
    assert known == {"insurer_number", "symbol", "number", "institution_code", "ticket_number",
                     "guidance_ticket_number"}  # fmt: skip

"""The 特定健診 XML archive: a document becomes one checkup and its results, whatever methods it names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.formats import Reading, read, recognise
from ingest.formats.checkup_xml_items import variants
from ingest.formats.fkac167_results import items
from ingest.formats.inspect import inspect_files
from tests.unit.formats.checkup_xml_samples import (
    HBA1C,
    HEIGHT,
    RANGE,
    SMOKING,
    SYSTOLIC,
    SYSTOLIC_FIRST,
    cd,
    hc08,
    hg08,
    ix08,
    observed,
    packed,
    pq,
)


def result(reading: Reading, item: str) -> tuple[Any, ...]:
    row = reading.tables["checkup_result"].filter(pl.col("item_id") == item)
    assert row.height == 1
    return row.select("numeric_value", "code_value", "status_code").row(0)


def only(tmp_path: Path, *observations: str) -> Reading:
    return read(packed(tmp_path / "a.zip", hc08(*observations)))


def test_a_document_becomes_a_checkup_and_a_result_for_each_item(tmp_path: Path) -> None:
    one = hc08(pq(HEIGHT, "160.5", "cm"), cd(SMOKING, "2"), doctor_name="架空 医師", doctor_opinion="異常 & なし")
    reading = read(packed(tmp_path / "a.zip", one, hc08()))
    person = reading.tables["checkup"].row(0, named=True)
    assert person["insurer_number"] == "162024" and person["scheme_code"] == "kokuho" and person["symbol"] == "高"
    assert (person["number"], person["branch"], person["sex_code"]) == ("0012", "01", "1")
    assert (person["birth_date"], person["exam_date"]) == (date(1955, 1, 7), date(2024, 6, 3))
    assert (person["created_date"], person["exam_month"]) == (date(2024, 7, 10), date(2024, 6, 1))
    assert (person["institution_code"], person["ticket_number"]) == ("1610123459", "24123456789")
    assert (person["doctor_name"], person["doctor_opinion"]) == ("架空 医師", "異常 & なし")
    assert reading.tables["checkup"]["source_row"].to_list() == [1, 2]
    assert reading.tables["checkup_result"]["parent_source_row"].to_list() == [1, 1]
    assert result(reading, "height") == (Decimal("160.5"), None, "measured")
    assert result(reading, "smoking") == (None, "2", "measured")
    assert reading.months == ["2024-06"] and reading.records == {"hc08": 2, "ix08": 1}
    assert not reading.problems and reading.set_aside.is_empty() and reading.edition == "V08"


def test_not_done_not_measurable_out_of_range_and_absent_are_four_things(tmp_path: Path) -> None:
    reading = only(
        tmp_path,
        observed(HEIGHT, "", ' negationInd="true"'),
        observed("9N006000000000001", '<value xsi:type="PQ" nullFlavor="NI"/>'),
        observed(SYSTOLIC, f'<value xsi:type="CD" code="H" {RANGE}/>'),
        observed(HBA1C, f'<value xsi:type="CD" code="L" {RANGE}/><value xsi:type="PQ" value="3.1" unit="%"/>'),
    )
    assert result(reading, "height") == (None, None, "not_done")
    assert result(reading, "weight") == (None, None, "not_measurable")
    assert result(reading, "systolic") == (None, None, "high")
    assert result(reading, "hba1c") == (Decimal("3.1"), None, "low")
    assert reading.tables["checkup_result"].height == 4


def told(reading: Reading, item: str) -> tuple[Any, ...]:
    row = reading.tables["checkup_result"].filter(pl.col("item_id") == item)
    return row.select("method_code", "unit_code", "interpretation_code").row(0)


def test_method_unit_and_interpretation_are_those_of_the_file(tmp_path: Path) -> None:
    high = f'<value xsi:type="CD" code="H" {RANGE}/>'
    reading = only(
        tmp_path,
        observed(SYSTOLIC_FIRST, '<value xsi:type="PQ" value="152" unit="mmHg"/><interpretationCode code="H"/>'),
        observed(HBA1C, '<value xsi:type="PQ" value="5.4" unit="%"/><interpretationCode code="N"/>'),
        observed(HEIGHT, high + '<value xsi:type="PQ" value="210" unit="cm"/><interpretationCode code="A"/>'),
        observed(SMOKING, "", ' negationInd="true"'),
    )
    assert told(reading, "systolic") == (SYSTOLIC_FIRST, "mmHg", "H") and result(reading, "systolic")[2] == "measured"
    assert told(reading, "hba1c") == (HBA1C, "%", "N")
    assert told(reading, "height") == (HEIGHT, "cm", None) and result(reading, "height")[2] == "high"
    assert told(reading, "smoking") == (SMOKING, None, None)


def test_every_method_of_an_item_becomes_the_same_item(tmp_path: Path) -> None:
    for item in items():
        of_item = [v for v in variants() if v.item is item]
        assert of_item, item.item_id
        assert item.value_kind == "code" or all(item.unit in v.units for v in of_item)
        for number, variant in enumerate(of_item):
            code = variant.item_code
            text = pq(code, "20", variant.units[0]) if item.value_kind == "numeric" else cd(code, item.codes[0])
            if number == len(of_item) - 1:  # the last method of each: one file an item is enough
                reading = only(tmp_path, text)
                assert reading.set_aside.is_empty() and not reading.problems
                assert reading.tables["checkup_result"]["item_id"].to_list() == [item.item_id]


def test_the_layout_ties_the_codes_of_the_field_guide_to_the_items_of_fkac167() -> None:
    codes = [v.item_code for v in variants()]
    assert len(codes) == len(set(codes)) and {i.item_id for i in items()} == {
        v.item.item_id for v in variants() if v.item
    }
    of = {v.item_code: v.item.item_id for v in variants() if v.item}
    assert of["3F077000002391901"] == "ldl" and of["3D010000001927201"] == "glucose_fasting"
    assert {v.mark for v in variants()} <= {"seen", "unverified hi", "unverified lo"}


def test_of_two_variants_one_with_a_value_counts_then_the_order_of_the_layout(tmp_path: Path) -> None:
    first, third = pq(SYSTOLIC_FIRST, "150", "mm[Hg]"), pq(SYSTOLIC, "140", "mm[Hg]")
    reading = only(tmp_path, first, third)
    assert result(reading, "systolic")[0] == Decimal(140)
    assert [(p.field, p.reason_code) for p in reading.problems] == [("収縮期血圧", "contract")]
    assert "1件" in reading.problems[0].message
    not_done = observed(SYSTOLIC, "", ' negationInd="true"')
    assert result(only(tmp_path, first, not_done), "systolic") == (Decimal(150), None, "measured")


def test_a_code_the_layout_does_not_know_is_named_and_read_past(tmp_path: Path) -> None:
    reading = only(tmp_path, pq("1Z999000000000001", "1", "cm"), pq(HEIGHT, "160", "cm"), cd("花子", "1"))
    assert [(p.field, p.reason_code) for p in reading.problems] == [("1Z999000000000001、ほか", "unknown_record")]
    assert reading.tables["checkup_result"].height == 1 and reading.set_aside.is_empty()


def test_a_known_code_that_is_not_carried_is_no_problem(tmp_path: Path) -> None:
    assert not only(tmp_path, pq("9N021000000000001", "80", "cm2")).problems


@pytest.mark.parametrize(
    ("observation", "item", "reason"),
    [
        (pq(HEIGHT, "高い", "cm"), "height", "bad_number"),
        (pq(HEIGHT, "1.605", "m"), "height", "bad_code"),
        (observed(HEIGHT, '<value xsi:type="PQ"/>'), "height", "missing_field"),
        (observed(HEIGHT, '<value xsi:type="CD" code="9"/>'), "height", "bad_code"),
        (observed(HEIGHT, '<value xsi:type="PQ" nullFlavor="UNK"/>'), "height", "bad_code"),
        (cd(SMOKING, "9"), "smoking", "bad_code"),
    ],
)
def test_a_result_that_cannot_be_read_is_set_aside_alone(
    tmp_path: Path, observation: str, item: str, reason: str
) -> None:
    reading = only(tmp_path, observation, pq(HBA1C, "5.5", "%"))
    assert reading.tables["checkup"].height == 1
    assert reading.tables["checkup_result"]["item_id"].to_list() == ["hba1c"]
    aside = reading.set_aside.row(0, named=True)
    assert (aside["table_name"], aside["field"], aside["reason_code"]) == ("checkup_result", item, reason)
    assert aside["message"].startswith("h16101234592024071001000001.xml: ") and "高い" not in aside["message"]
    assert "code=" in aside["raw"] and aside["source_row"] == 1


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ('<birthTime value="19550107"/>', '<birthTime value="19551307"/>', "birth_date", "bad_date"),
        ('<birthTime value="19550107"/>', "", "birth_date", "missing_field"),
        ('<effectiveTime value="20240603"/>', "", "exam_date", "missing_field"),
        ('administrativeGenderCode code="1"', 'administrativeGenderCode code="3"', "sex_code", "bad_code"),
        ('extension="00162024"', 'extension=""', "insurer_number", "missing_insurer"),
        ('extension="0012"', 'extension=" "', "number", "missing_field"),
    ],
)
def test_a_document_without_what_every_checkup_needs_is_set_aside_with_its_text(
    tmp_path: Path, old: str, new: str, field: str, reason: str
) -> None:
    bad = hc08(pq(HEIGHT, "160", "cm"))
    assert old in bad
    reading = read(packed(tmp_path / "a.zip", bad.replace(old, new), hc08(pq(HEIGHT, "170", "cm"))))
    assert reading.tables["checkup"]["source_row"].to_list() == [2]
    assert reading.tables["checkup_result"]["numeric_value"].to_list() == [Decimal(170)]
    aside = reading.set_aside.row(0, named=True)
    assert (aside["source_row"], aside["field"], aside["reason_code"]) == (1, field, reason)
    assert aside["message"].startswith("h16101234592024071001000001.xml: ") and aside["raw"] == bad.replace(old, new)
    assert "19551307" not in aside["message"]


def test_a_person_of_a_union_is_koki_and_has_no_symbol(tmp_path: Path) -> None:
    old = {"scheme_code": "koki", "insurer_number": "39162026", "symbol": None, "branch": None, "number": "00000123"}
    table = read(packed(tmp_path / "a.zip", hc08(**old))).tables["checkup"]
    assert table.select("scheme_code", "insurer_number", "symbol", "number").rows() == [
        ("koki", "39162026", None, "00000123")
    ]


def test_namespaces_and_prefixes_do_not_matter_and_times_of_day_are_no_part_of_a_date(tmp_path: Path) -> None:
    text = (
        hc08(pq(HEIGHT, "160", "cm")).replace("urn:hl7-org:v3", "urn:another").replace("20240603", "202406030930+0900")
    )
    prefixed = text.replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("<x:?", "<?")
    prefixed = prefixed.replace('xmlns="urn:another"', 'xmlns:x="urn:another"')
    reading = read(packed(tmp_path / "a.zip", text, prefixed))
    assert reading.tables["checkup"]["exam_date"].to_list() == [date(2024, 6, 3)] * 2
    assert reading.tables["checkup_result"].height == 2


def test_one_document_alone_is_recognised_and_read(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_text("\ufeff" + hc08(pq(HEIGHT, "160", "cm")), encoding="utf-8")
    assert recognise(path)[0].format == "checkup_xml" and recognise(path)[1] == "V08"
    reading = read(path)
    assert reading.tables["checkup_result"].height == 1 and reading.records == {"hc08": 1}


def test_a_total_that_is_not_the_number_of_documents_is_a_problem(tmp_path: Path) -> None:
    reading = read(packed(tmp_path / "a.zip", hc08(), total=3))
    assert [(p.field, p.reason_code) for p in reading.problems] == [("ix08 totalRecordCount", "total_mismatch")]


def test_settlements_schemas_and_guidance_are_counted_and_not_taken_for_checkups(tmp_path: Path) -> None:
    others = {"top__CLAIMS__c1.xml": "<x/>", "top__XSD__hc08_V08.xsd": "<x/>", "top__DATA__odd.xml": "<strange/>"}
    reading = read(packed(tmp_path / "a.zip", hc08(), hg08(), **others))
    assert reading.records == {"cc08": 1, "hc08": 1, "hg08": 1, "ix08": 1, "other": 2}
    assert reading.tables["checkup"].height == 1
    assert [p.reason_code for p in reading.problems] == ["unknown_record"]
    assert reading.tables["guidance"].height == 1 and "odd.xml" in reading.problems[0].message


def test_later_documents_of_one_day_have_the_larger_number(tmp_path: Path) -> None:
    others = {"top__DATA__h16101234592024071021000001.xml": hc08(), "top__DATA__mine.xml": hc08()}
    reading = read(packed(tmp_path / "a.zip", hc08(), total=3, **others))
    assert reading.tables["checkup"]["data_number"].to_list() == [1, 2_000_001, 3]
    assert [(p.line, p.field) for p in reading.problems] == [(3, "ファイル名")]


def test_every_document_is_in_the_table_or_set_aside(tmp_path: Path) -> None:
    bad = hc08().replace("20240603", "20240699")
    reading = read(packed(tmp_path / "a.zip", hc08(), bad, "<ClinicalDocument", hc08()[:-30], hc08(), ""))
    aside = reading.set_aside.filter(pl.col("table_name") == "checkup")
    assert reading.records["hc08"] == 6 == reading.tables["checkup"].height + aside.height
    assert aside["source_row"].to_list() == [2, 3, 4, 6]


def test_inspect_tells_what_the_archive_holds_without_a_value_of_a_person(tmp_path: Path) -> None:
    bad = hc08(number="花子9876").replace("20240603", "20240699")
    entry = inspect_files([packed(tmp_path / "a.zip", bad, bad, hc08())])[0]
    assert (entry["format"], entry["edition"], entry["months"]) == ("checkup_xml", "V08", ["2024-06"])
    assert entry["records"] == {"hc08": 3, "ix08": 1} and not entry["is_refused"]
    assert [(p["field"], p["reason_code"], p["count"]) for p in entry["problems"]] == [("exam_date", "bad_date", 2)]
    assert "花子" not in str(entry) and "20240699" not in str(entry)


def test_the_index_alone_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "i.xml"
    path.write_text(ix08(1), encoding="utf-8")
    assert inspect_files([path])[0]["is_refused"]

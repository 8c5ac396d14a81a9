"""特定保健指導 in the XML archive: a document becomes one guidance and its contacts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.formats import Reading, read
from ingest.formats.checkup_xml_guidance import guidance_items, session_kinds
from ingest.formats.contracts import CONTRACTS
from ingest.formats.inspect import inspect_files
from ingest.synth.writers.checkup_xml import write_checkup_archive
from tests.handmade import frame
from tests.unit.formats.checkup_xml_samples import CHECKUP, GUIDANCE, SESSIONS, hc08, hg08, packed

HELD = ["session_kind_code", "session_date", "support_form_code", "minute_count", "points"]


def only(tmp_path: Path, text: str) -> Reading:
    return read(packed(tmp_path / "a.zip", text))


def test_guidance_lies_beside_checkups_in_one_archive_and_is_read_back_as_written(tmp_path: Path) -> None:
    own = frame("guidance", [GUIDANCE | {"source_row": 2}])
    sessions = frame("guidance_session", [row | {"source_row": 2, "parent_source_row": 2} for row in SESSIONS])
    checkup = frame("checkup", [CHECKUP])
    path = tmp_path / "a.zip"
    write_checkup_archive(checkup, frame("checkup_result", []), path, guidance=(own, sessions))
    reading = read(path)
    assert reading.set_aside.is_empty() and not reading.problems
    assert reading.records == {"hc08": 1, "hg08": 1, "ix08": 1, "su08": 1}
    assert reading.tables["checkup"].equals(checkup)
    assert reading.tables["guidance"].equals(own)
    kinds = list(dict.fromkeys(session_kinds().values()))  # the order of the sections
    in_order = sessions.sort(pl.col("session_kind_code").replace_strict(kinds, range(len(kinds))), maintain_order=True)
    told = reading.tables["guidance_session"]
    assert told.drop("sequence_number").equals(in_order.drop("sequence_number"))
    assert told["sequence_number"].to_list() == [1, 2, 3, 4, 5, 6]
    assert reading.months == ["2024-06", "2024-09"]


def test_points_minutes_and_forms_stand_on_each_contact(tmp_path: Path) -> None:
    sessions = only(tmp_path, hg08()).tables["guidance_session"]
    assert sessions.select(HELD).rows() == [
        ("first", date(2024, 9, 12), "1", 30, None),
        ("support", date(2024, 10, 1), "4", 15, 60),
        ("support", date(2024, 11, 20), "7", None, 20),
        ("support", date(2024, 12, 10), "3", 80, 140),
        ("interim", date(2024, 10, 30), "3", 10, None),
        ("final", date(2024, 12, 20), "1", None, None),
    ]


def test_an_interview_in_two_parts_is_dated_by_the_second(tmp_path: Path) -> None:
    text = hg08(SESSIONS[:1], interim_evaluation_date=None, final_evaluation_date=None, report_code="21")
    part = text[
        text.index('<component><section><code code="90030"') : text.index('<component><section><code code="90070"')
    ]
    first = part.replace('"90030"', '"90020"').replace("20240912", "20240905")
    reading = only(tmp_path, text.replace(part, first + part))
    assert reading.tables["guidance_session"]["session_date"].to_list() == [date(2024, 9, 5), date(2024, 9, 12)]
    assert reading.tables["guidance"]["first_interview_date"].to_list() == [date(2024, 9, 12)]


def test_the_year_is_that_of_the_ticket_and_without_one_that_of_the_first_interview(tmp_path: Path) -> None:
    day = date(2025, 2, 3)
    late = [SESSIONS[0] | {"session_date": day}]
    told = {"first_interview_date": day, "interim_evaluation_date": None, "final_evaluation_date": None}
    documents = [hg08(late, **told, ticket_number=number) for number in ("23111111111", None)]
    table = read(packed(tmp_path / "a.zip", *documents)).tables["guidance"]
    assert table["guidance_fiscal_year"].to_list() == [2023, 2024]
    assert table["guidance_month"].to_list() == [date(2025, 2, 1)] * 2


def test_the_number_of_a_ticket_is_found_where_the_insurer_stands_behind_its_oid(tmp_path: Path) -> None:
    text = hg08().replace('119.6.210"', '119.6.210.100162024"')
    assert only(tmp_path, text).tables["guidance"]["ticket_number"].to_list() == ["24987654321"]
    checkup = hc08().replace('119.6.209"', '119.6.209.100162024"')
    assert only(tmp_path, checkup).tables["checkup"]["ticket_number"].to_list() == ["24123456789"]


@pytest.mark.parametrize(
    ("old", "new", "table", "field", "reason"),
    [
        ('<code code="22" ', '<code code="29" ', "guidance", "report_code", "bad_code"),
        ('value="220"', 'value="many"', "guidance", "points", "bad_number"),
        ('code="1020000001"', 'code="1020000002"', "guidance", "support_level_code", "missing_field"),
        ('<effectiveTime value="20241001"/>', '<effectiveTime value="20241099"/>', "guidance_session",
         "session_date", "bad_date"),
        ('value="86.5000" unit="cm"', 'value="865" unit="mm"', "guidance_session", "waist", "bad_number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_set_aside_with_its_field(
    tmp_path: Path, old: str, new: str, table: str, field: str, reason: str
) -> None:
    assert old in hg08()
    reading = read(packed(tmp_path / "a.zip", hg08().replace(old, new, 1), hg08(number="0013")))
    aside = reading.set_aside.row(0, named=True)
    assert (reading.set_aside.height, aside["table_name"], aside["field"], aside["reason_code"]) == (
        1, table, field, reason,
    )  # fmt: skip
    assert aside["message"].startswith("h1610123459") and "0012" not in aside["message"]
    whole = table == "guidance"
    assert reading.tables["guidance"].height == 2 - whole
    assert reading.tables["guidance_session"].height == 12 - (6 if whole else 1)
    if whole:
        assert aside["raw"].startswith("<?xml")


def test_a_guidance_document_that_nobody_can_open_is_counted_as_one(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", hc08(), total=2, top__DATA__g16101234592025011001000007="")
    broken = packed(tmp_path / "b.zip", hc08(), total=2, **{"top__DATA__g16101234592025011001000007.xml": hg08()[:900]})
    assert read(path).records["hc08"] == 1
    reading = read(broken)
    assert reading.records["hg08"] == 1 and reading.tables["guidance"].is_empty()
    assert reading.set_aside.select("table_name", "reason_code").rows() == [("guidance", "truncated")]


def test_item_codes_that_the_layout_does_not_know_are_named(tmp_path: Path) -> None:
    reading = only(tmp_path, hg08().replace("1041800114", "1049999999"))
    assert [(p.table, p.field, p.reason_code) for p in reading.problems] == [
        ("guidance", "1049999999", "unknown_record")
    ]
    assert reading.tables["guidance"]["planned_points"].to_list() == [None]


def test_a_single_guidance_document_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "g16101234592025011001000007.xml"
    path.write_text(hg08(), encoding="utf-8")
    entry: dict[str, Any] = inspect_files([path])[0]
    assert (entry["format"], entry["records"], entry["months"]) == ("checkup_xml", {"hg08": 1}, ["2024-09"])
    assert read(path).tables["guidance"]["data_number"].to_list() == [7]


def test_every_code_of_the_layout_goes_to_a_contract_column_or_nowhere_and_says_how_sure_it_is() -> None:
    assert set(session_kinds().values()) == {"first", "support", "interim", "final"}
    for item in guidance_items().values():
        assert not item.column or item.column in CONTRACTS[item.table].names()
        assert len(item.code) == 10

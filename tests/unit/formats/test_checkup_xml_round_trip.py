"""Whatever is written as an archive is read back the same, by any method, and the bytes depend on nothing else."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import read
from ingest.formats.checkup_xml_items import variants
from ingest.formats.fkac167_results import Item, items
from ingest.synth.writers.checkup_xml import write_checkup_archive, write_checkup_document
from tests.handmade import frame
from tests.unit.formats.checkup_xml_samples import CHECKUP


def words(size: int = 8) -> st.SearchStrategy[str | None]:
    text = st.text("亜架空太郎髙﨑①㈱アイウ A1,\"<&>'　", min_size=1, max_size=size)
    return st.none() | text.map(str.strip).filter(bool)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def result_of(item: Item) -> st.SearchStrategy[dict[str, Any]]:
    number = st.integers(0, 10**7).map(lambda n: Decimal(n) / 10000)
    said = number if item.value_kind == "numeric" else st.sampled_from(item.codes)
    column = "numeric_value" if item.value_kind == "numeric" else "code_value"
    statuses = st.sampled_from(["measured", "high", "low"] if item.value_kind == "numeric" else ["measured"])
    done = st.tuples(said, statuses).map(lambda pair: {column: pair[0], "status_code": pair[1]})
    bare = st.sampled_from(["not_done", "not_measurable", "high", "low"]).map(lambda status: {"status_code": status})
    told = st.fixed_dictionaries({"interpretation_code": st.sampled_from([None, "L", "N", "H"])})
    said_more = st.tuples(done, told).map(lambda pair: pair[0] | pair[1])
    return (said_more | bare).map(lambda fields: {"item_id": item.item_id} | fields)


RESULTS = st.lists(st.sampled_from(items()), unique=True, max_size=12).flatmap(
    lambda chosen: st.tuples(*(result_of(item) for item in sorted(chosen, key=items().index)))
)
DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))
ROWS = st.fixed_dictionaries(
    {
        "insurer": st.sampled_from([("kokuho", "162024"), ("kumiai", "163014"), ("koki", "39162026")]),
        "symbol": st.none() | st.text("高岡富A1-", min_size=1, max_size=5),
        "number": digits(8),
        "branch": st.none() | digits(2),
        "birth_date": DAYS,
        "sex_code": st.sampled_from("12"),
        "exam_date": st.dates(date(2018, 4, 1), date(2026, 3, 31)),
        "created_date": DAYS,
        "institution_code": st.none() | digits(10),
        "ticket_number": st.none() | digits(11),
        "doctor_name": words(),
        "doctor_opinion": words(20),
        "results": RESULTS,
    }
)


def frames(rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    checkups, results = [], []
    for place, row in enumerate(rows, start=1):
        scheme, insurer = row["insurer"]
        month = row["exam_date"].replace(day=1)
        own = {"scheme_code": scheme, "insurer_number": insurer, "exam_month": month}
        kept = {name: value for name, value in row.items() if name not in ("insurer", "results")}
        checkups.append(kept | own | {"source_row": place, "data_number": place * 400_000})
        results += [own | r | {"source_row": place, "parent_source_row": place} for r in row["results"]]
    return frame("checkup", checkups), frame("checkup_result", results)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(0, 3))
def test_an_archive_is_read_back_as_it_was_written(rows: list[dict[str, Any]], method: int) -> None:
    checkup, results = frames(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        write_checkup_archive(checkup, results, path, method=method)
        first = path.read_bytes()
        write_checkup_archive(checkup, results, path, method=method)
        assert path.read_bytes() == first
        reading = read(path)
    assert reading.set_aside.is_empty() and not reading.problems
    assert reading.tables["checkup"].equals(checkup)
    told = ["method_code", "unit_code"]
    assert reading.tables["checkup_result"].drop(told).equals(results.drop(told))
    of_item = {item.item_id: [v for v in variants() if v.item is item] for item in items()}
    for line in reading.tables["checkup_result"].iter_rows(named=True):
        chosen = of_item[line["item_id"]][method % len(of_item[line["item_id"]])]
        assert line["method_code"] == chosen.item_code
        assert line["unit_code"] == (None if line["numeric_value"] is None else chosen.units[0])
    again = reading.tables["checkup_result"]
    with tempfile.TemporaryDirectory() as folder:
        write_checkup_archive(checkup, again, Path(folder) / "b.zip", method=method + 1)
        assert read(Path(folder) / "b.zip").tables["checkup_result"].equals(again)


def test_one_document_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    checkup = frame("checkup", [CHECKUP])
    write_checkup_document(checkup, frame("checkup_result", []), tmp_path / "h16101234592024071001000001.xml")
    reading = read(tmp_path / "h16101234592024071001000001.xml")
    assert reading.tables["checkup"].equals(checkup) and not reading.problems


@pytest.mark.parametrize(
    "change", [{"is_deleted": True}, {"address_number": "1"}, {"data_number": 10**7}, {"data_number": None}]
)
def test_the_writer_refuses_what_the_format_cannot_hold(tmp_path: Path, change: dict[str, Any]) -> None:
    rows = [CHECKUP, CHECKUP] if change == {"data_number": None} else [CHECKUP | change]
    with pytest.raises(ValueError):
        write_checkup_archive(frame("checkup", rows), frame("checkup_result", []), tmp_path / "a.zip")

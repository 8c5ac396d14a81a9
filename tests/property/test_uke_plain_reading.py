"""Receipts of every kind, in parts of any size, are read as a slow reading in plain Python reads them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.uke import UkeReader
from tests.plain_uke import CZ_CODES, MINUS, read_plain

HEADS = {
    "medical": "IR,2,16,1,1234567,,架空医療機関,202404,,00",
    "dpc": "IR,2,16,1,1234567,,架空医療機関,202404,,00",
    "dental": "IR,2,16,3,1234567,,架空歯科医院,202404,,00",
    "pharmacy": "YK,2,16,4,1234567,架空薬局,202404,00,",
}
TYPES = {"medical": "1112", "dpc": "1111", "dental": "3112", "pharmacy": "4112"}
WIDTHS = {"medical": 38, "dpc": 40, "dental": 38, "pharmacy": 42}
SEARCH_NUMBER = {"medical": 18, "dpc": 20, "dental": 19, "pharmacy": 37}
CODES = st.from_regex(r"\A[1-8][0-9]{8}\Z") | st.just(MINUS)
POINTS = st.integers(0, 99_999)
MARCH = st.integers(1, 31).map(lambda day: f"202403{day:02}")
DAYS = st.lists(st.sampled_from(["", "", "0", "1", "2"]), min_size=31, max_size=31)
QUANTITY = st.sampled_from(["", "1", "0.5", "12.25", "100.0001"])


def line(record_id: str, width: int, values: dict[int, Any]) -> str:
    columns = [record_id, *[""] * (width - 1)]
    for place, value in values.items():
        columns[place] = str(value)
    return ",".join(columns)


@st.composite
def treatment(draw: Any, kind: str) -> str:
    names = ["SI", "IY", "TO", "SS"] if kind == "dental" else ["SI", "IY", "TO"]
    name = draw(st.sampled_from(names))
    points = {"SS": 76, "TO": 12}.get(name, 5) if kind == "dental" else 5
    first = {"SI": 7, "IY": 8, "TO": 14, "SS": 78}[name] if kind == "dental" else 17 if name == "TO" else 13
    values = {1: draw(st.sampled_from(["", "12", "21", "60", "97"])), 2: 1, 3: draw(CODES), 4: draw(QUANTITY)}
    values[points] = draw(st.just("") | POINTS)
    values[points + 1] = draw(st.integers(1, 31))
    values |= {first + place: value for place, value in enumerate(draw(DAYS))}
    if name == "SS":
        for number in draw(st.sets(st.integers(0, 34), max_size=3)):
            values |= {6 + 2 * number: draw(CODES), 7 + 2 * number: draw(st.integers(1, 9))}
    return line(name, max(values) + 1, values)


@st.composite
def dispensing(draw: Any) -> list[str]:
    """{SH, IY or TO, CZ}."""
    lines = [line("SH", 10, {1: 1, 5: draw(st.integers(0, 500))})]
    for name in draw(st.lists(st.sampled_from(["IY", "TO"]), min_size=1, max_size=3)):
        lines.append(line(name, 10 if name == "IY" else 7, {1: 1, 2: draw(CODES), 3: draw(QUANTITY)}))
    for _ in range(draw(st.integers(1, 2))):
        values = {3: draw(MARCH), 5: draw(st.integers(1, 90)), 13: draw(POINTS), 66: draw(st.just("") | POINTS)}
        for at in draw(st.sets(st.sampled_from(CZ_CODES))):
            values |= {at: draw(CODES), at + 1: draw(POINTS)}
        lines.append(line("CZ", 71, values))
    return lines


@st.composite
def basic_fee(draw: Any) -> str:
    values = {1: draw(MARCH), 3: 1, 4: draw(CODES), 5: draw(POINTS)}
    for number in draw(st.sets(st.integers(0, 11), max_size=3)):
        values |= {8 + 4 * number: draw(CODES), 9 + 4 * number: draw(st.integers(1, 4)), 10 + 4 * number: draw(POINTS)}
    return line("KI", 114, values)


@st.composite
def body(draw: Any, kind: str) -> list[str]:
    if kind == "pharmacy":
        groups = draw(st.lists(dispensing(), max_size=3))
        return [*(text for group in groups for text in group), *draw(st.lists(basic_fee(), max_size=2))]
    lines = ["SI,12,1,112007410,,73,1" + "," * 37]  # the first names its 診療識別
    if kind == "dental":
        lines = ["SI,12,1,312007410,,73,1" + "," * 31]
    lines += draw(st.lists(treatment(kind), max_size=5))
    if kind == "dpc":
        lines.append(line("GT", 12, {1: "202403", 2: 1, 8: draw(POINTS), 9: 93}))
        for _ in range(draw(st.integers(0, 3))):
            values = {1: draw(MARCH), 2: 33, 3: 1, 4: 1, 5: draw(CODES), 6: draw(QUANTITY), 9: draw(st.integers(1, 9))}
            lines.append(line("CD", 11, values))
    return lines


@st.composite
def receipt(draw: Any, kind: str) -> list[str]:
    values = {1: 1, 2: TYPES[kind], 3: "202403", 4: "架空　太郎", 5: 1, 6: "19500401", 7: "070"}
    values[SEARCH_NUMBER[kind]] = "S1"
    if kind == "dpc":
        values[18] = 0
    insurer = {1: "  160028", 2: "１２", 3: "３４５", 4: 1}
    lines = [line("RE", WIDTHS[kind], values), line("HO", 14, insurer | {5: draw(POINTS)})]
    if kind == "dpc":
        lines.append("BU,050050xx9910x0,20240301,20240310,1,")
    if draw(st.booleans()):
        lines.append("JD,1," + ",".join(draw(st.lists(st.sampled_from(["", "1", "2"]), min_size=31, max_size=31))))
    lines += draw(body(kind))
    if draw(st.booleans()):
        lines.append(line("HO", 14, insurer | {5: draw(POINTS)}))
    return lines


@st.composite
def files(draw: Any) -> list[str]:
    """An insurer's file, where kinds are mixed, or one institution's."""
    kinds = st.sampled_from(sorted(HEADS))
    if draw(st.booleans()):
        lines = []
        for kind in draw(st.lists(kinds, min_size=1, max_size=6)):
            lines += ["MN,16001,,16001", HEADS[kind], *draw(receipt(kind)), "EX,,,", "RC,Ver00001,x"]
        return [f"1,{number},0,{text}" for number, text in enumerate(lines, 1)]
    kind = draw(kinds)
    receipts = draw(st.lists(receipt(kind), min_size=1, max_size=6))
    return [HEADS[kind], *(text for one in receipts for text in one), f"GO,{len(receipts)},0,99"]


@settings(max_examples=60, deadline=None)
@given(files(), st.sampled_from(["\r\n", "\n"]), st.sampled_from([200, 2000, 10**6]))
def test_the_reader_reads_what_a_plain_reading_reads(lines: list[str], end: str, block_bytes: int) -> None:
    data = (end.join(lines) + end).encode("cp932")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data)
        reading = UkeReader(block_bytes).read(path)
    expected = read_plain(data).receipts
    assert reading.set_aside.is_empty()
    claims = reading.tables["claim"]
    assert claims.select("claim_kind_code", "points", "original_points", "line_points", "visit_days_code").rows() == [
        (one.kind, one.adjudicated, one.submitted, one.line_points, one.visits) for one in expected
    ]
    items = reading.tables["claim_item"].sort("parent_source_row", "sequence_number")
    for row, one in zip(claims["source_row"], expected, strict=True):
        found = items.filter(pl.col("parent_source_row") == row)
        assert found["sequence_number"].to_list() == list(range(1, len(one.items) + 1))
        if one.items:
            assert found.select(list(one.items[0])).to_dicts() == one.items

"""Whatever is written in a real CSV layout is read back the same, and no damage ends in a traceback."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import FileRefused, read
from ingest.formats.csvlayout import layout
from ingest.formats.fkac167_results import FLAG_PREFIX, Item, items
from ingest.synth.writers.care import UNIT_PRICE, write_care_1111, write_care_5311
from ingest.synth.writers.counts import write_care_insured_count, write_population
from ingest.synth.writers.enrolment import write_enrolment
from ingest.synth.writers.fkac167 import items_of, write_fkac167
from tests.handmade import frame

Rows = list[dict[str, Any]]


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def words(alphabet: str, size: int) -> st.SearchStrategy[str | None]:
    return st.none() | st.text(alphabet, min_size=1, max_size=size).map(str.strip).filter(bool)


def rows(columns: dict[str, st.SearchStrategy[Any]], most: int = 4) -> st.SearchStrategy[Rows]:
    return st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=most)


NAMES = words('亜架空太郎髙﨑①㈱アイウｱｲｳ A1,"　', 8)
SYMBOLS = words("高岡富A1-", 5)
DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))
MONTHS = st.dates(date(2015, 1, 1), date(2030, 12, 1)).map(lambda day: day.replace(day=1))
SEXES = st.sampled_from("12")
INSURERS = st.sampled_from([("kokuho", "162024"), ("kumiai", "163014"), ("kokuho", "010017")])
KOKI = st.just(("koki", "39162026"))
MUNICIPALITIES = st.sampled_from(["16202", "16208", "31386", "01100"])
BANDS = st.sampled_from(["00-04", "05-09", "40-44", "75-79", "95+"])
STYLES = st.fixed_dictionaries(
    {
        "dates": st.sampled_from(["seireki", "wareki", "mixed"]),
        "encoding": st.sampled_from(["cp932", "utf-8-sig"]),
        "is_quoted": st.booleans(),
        "spelling": st.integers(0, 2),
    }
)


def enrolment_rows(insurers: st.SearchStrategy[tuple[str, str]], *, is_koki: bool) -> st.SearchStrategy[Rows]:
    none = st.none()
    return rows(
        {
            "insurer": insurers,
            "symbol": none if is_koki else SYMBOLS,
            "number": digits(8) if is_koki else digits(5),
            "branch": none if is_koki else none | digits(2),
            "address_number": none | digits(15),
            "name_kanji": NAMES,
            "name_kana": NAMES,
            "birth_date": DAYS,
            "sex_code": SEXES,
            "address": NAMES,
            "municipality_code": none | MUNICIPALITIES,
            "district_code": none | digits(3),
            "district_name": NAMES,
            "acquired_date": DAYS,
            "acquired_reason_code": none | digits(2),
            "lost_date": none | DAYS,
            "lost_reason_code": none | digits(2),
            "applied_start_date": DAYS,
            "applied_end_date": none | DAYS,
            "previous": none | INSURERS | KOKI,
            "previous_symbol": SYMBOLS,
            "previous_number": none | digits(4),
            "is_deleted": st.booleans(),
            "processed_date": DAYS,
            "record_number": st.integers(1, 999),
        }
    ).map(lambda whole: [_with_insurers(row) for row in whole])


def _with_insurers(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its insurers, and no period that ends before it begins."""
    for start, end in (("acquired_date", "lost_date"), ("applied_start_date", "applied_end_date")):
        if row[end] is not None:
            row[start], row[end] = sorted((row[start], row[end]))
    scheme, number = row.pop("insurer")
    previous = row.pop("previous") or (None, None)
    return row | {
        "scheme_code": scheme,
        "insurer_number": number,
        "previous_scheme_code": previous[0],
        "previous_insurer_number": previous[1],
    }


CHECKUPS = rows(
    {
        "insurer": INSURERS | KOKI,
        "symbol": SYMBOLS,
        "number": digits(8),
        "branch": st.none() | digits(2),
        "birth_date": DAYS,
        "sex_code": SEXES,
        "exam_date": st.dates(date(2018, 4, 1), date(2026, 3, 31)),
        "institution_code": st.none() | digits(10),
        "ticket_number": st.none() | digits(11),
        "data_number": st.integers(1, 10**9),
        "is_deleted": st.booleans(),
        "doctor_name": NAMES,
        "doctor_opinion": NAMES,
    }
)
CARE_CLAIMS = rows(
    {
        "insurer_number": st.sampled_from(["162081", "313023"]),
        "number": digits(10) | digits(9).map(lambda text: "H" + text),
        "birth_date": DAYS,
        "sex_code": SEXES,
        "service_month": MONTHS,
        "adjudication_month": MONTHS,
        "creation_code": st.sampled_from("123"),
        "reference_number": digits(10),
        "input_form_code": st.none() | st.sampled_from(["7131", "71A3"]),
        "care_level_code": st.none() | st.sampled_from(["06", "12", "25"]),
        "certified_start_date": st.none() | DAYS,
        "certified_end_date": st.none() | DAYS,
        "benefit_rate": st.none() | st.integers(70, 100),
        "units": st.integers(0, 10**7),
        "benefit_yen": st.integers(0, 10**8),
        "user_yen": st.integers(0, 10**7),
    }
)
CARE_SERVICES = rows(
    {
        "parent": st.integers(0, 3),
        "service_type_code": st.sampled_from(["11", "2A", "51"]),
        "days_count": st.none() | st.integers(0, 31),
        "units": st.integers(0, 10**7),
        "benefit_yen": st.integers(0, 10**8),
        "user_yen": st.none() | st.integers(0, 10**7),
    },
    most=6,
)
TIES = st.sampled_from(
    [
        (None, None, None, None),
        ("kokuho", "162081", "砺-A", "123"),
        ("kokuho", "162081", None, "00123"),
        ("koki", "39162083", None, "00000123"),
    ]
)
CERTIFICATIONS = rows(
    {
        "insurer_number": st.sampled_from(["162081", "313023"]),
        "number": digits(10),
        "name_kana": words("アイウエオｱｲｳ 　ー", 8),
        "birth_date": DAYS,
        "sex_code": SEXES,
        "municipality_code": st.none() | MUNICIPALITIES,
        "event_date": DAYS,
        "event_code": st.sampled_from("123"),
        "event_reason_code": digits(2),
        "corrected_date": st.none() | DAYS,
        "correction_code": st.sampled_from("023"),
        "insured_start_date": st.none() | DAYS,
        "insured_end_date": st.none() | DAYS,
        "care_level_code": st.none() | st.sampled_from(["01", "06", "11", "25"]),
        "certified_start_date": st.none() | DAYS,
        "certified_end_date": st.none() | DAYS,
        "tie": TIES,
        "is_address_exception": st.booleans(),
    }
)


def through(write: Callable[[Path], None]) -> dict[str, pl.DataFrame]:
    """The tables of what was written, without line numbers; nothing may be set aside."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        write(path)
        reading = read(path)
    assert reading.set_aside.is_empty(), reading.set_aside.select("field", "reason_code").rows()
    return reading.tables


def same(found: pl.DataFrame, meant: pl.DataFrame) -> bool:
    lines = ("source_row", "parent_source_row")
    return found.drop(lines, strict=False).equals(meant.drop(lines, strict=False))


@settings(max_examples=30, deadline=None)
@given(
    st.booleans().flatmap(lambda is_koki: enrolment_rows(KOKI if is_koki else INSURERS, is_koki=is_koki)),
    STYLES,
    st.booleans(),
)
def test_enrolment_is_read_back_as_it_was_written(whole: Rows, style: dict[str, Any], is_wide: bool) -> None:
    table = frame("enrolment", whole)
    found = through(lambda path: write_enrolment(table, path, is_wide=is_wide, **style))
    assert same(found["enrolment"], table)


@settings(max_examples=30, deadline=None)
@given(CHECKUPS, st.sampled_from(["term3", "term4"]), st.data(), STYLES, st.booleans())
def test_checkups_are_read_back_as_they_were_written(
    whole: Rows, edition: Any, data: st.DataObject, style: dict[str, Any], is_wide: bool
) -> None:
    created = date(2026, 5, 1)
    checkups, results = [], []
    for number, row in enumerate(whole, start=1):
        scheme, insurer = row.pop("insurer")
        own = {"scheme_code": scheme, "insurer_number": insurer, "exam_month": row["exam_date"].replace(day=1)}
        checkups.append(row | own | {"created_date": created})
        results.extend(own | {"parent_source_row": number} | result for result in _results(data, edition))
    checkup, result = frame("checkup", checkups), frame("checkup_result", results)
    options = {
        "edition": edition,
        "dates": "seireki" if style["dates"] == "mixed" else style["dates"],
        "encoding": style["encoding"],
        "is_quoted": style["is_quoted"],
        "is_wide": is_wide,
    }
    found = through(lambda path: write_fkac167(checkup, result, path, **options))
    assert same(found["checkup"], checkup)
    told = ["method_code", "unit_code"]  # what the heading and the layout say: spec/test_checkup_layouts
    assert same(found["checkup_result"].drop(told), result.drop(told))
    first = found["checkup"]["source_row"].min()
    assert isinstance(first, int)
    assert (found["checkup_result"]["parent_source_row"] - first + 1).equals(result["parent_source_row"])


def _results(data: st.DataObject, edition: Any) -> Rows:
    drawn: Rows = []
    available = set(items_of(edition))
    for item in items():
        if item.item_id not in available or not data.draw(st.booleans()):
            continue
        status = data.draw(st.sampled_from(["measured", "not_done", "not_measurable"]))
        numeric = code = None
        if status == "measured" and item.value_kind == "numeric":
            numeric = data.draw(st.decimals(0, 9999, places=4))
            status = data.draw(st.sampled_from(["measured", "high", "low"])) if _has_flag(item, edition) else status
        elif status == "measured":
            code = data.draw(st.sampled_from(item.codes))
        drawn.append({"item_id": item.item_id, "numeric_value": numeric, "code_value": code, "status_code": status})
    return drawn


def _has_flag(item: Item, edition: str) -> bool:
    flags = {column.column_name for column in layout("fkac167") if column.edition == edition}
    return any(FLAG_PREFIX + heading in flags for heading in item.headings)


@settings(max_examples=30, deadline=None)
@given(CARE_CLAIMS, CARE_SERVICES, st.booleans())
def test_care_claims_are_read_back_as_they_were_written(claims: Rows, services: Rows, is_quoted: bool) -> None:
    keys = {(c["insurer_number"], c["number"], c["service_month"], c["reference_number"]): c for c in claims}
    claims = list(keys.values())
    services = sorted((s | {"parent": s["parent"] % len(claims)} for s in services), key=lambda s: s["parent"])
    children = [
        {k: v for k, v in s.items() if k != "parent"}
        | {"parent_source_row": s["parent"] + 1}
        | {k: claims[s["parent"]][k] for k in ("insurer_number", "service_month", "benefit_rate")}
        | {"unit_price": int(UNIT_PRICE)}
        for s in services
    ]
    claim, service = frame("care_claim", claims), frame("care_service", children)
    found = through(lambda path: write_care_1111(claim, service, path, is_quoted=is_quoted))
    assert same(found["care_claim"], claim) and same(found["care_service"], service)
    line_of = dict(zip(claim["source_row"], found["care_claim"]["source_row"], strict=True))
    assert [line_of[row] for row in service["parent_source_row"]] == found["care_service"][
        "parent_source_row"
    ].to_list()


@settings(max_examples=30, deadline=None)
@given(CERTIFICATIONS, st.booleans())
def test_certifications_are_read_back_as_they_were_written(whole: Rows, is_quoted: bool) -> None:
    table = _certifications(whole)
    found = through(lambda path: write_care_5311(table, path, is_quoted=is_quoted))
    assert same(found["care_certification"], table)


def _certifications(whole: Rows) -> pl.DataFrame:
    names = ("related_scheme_code", "related_insurer_number", "related_symbol", "related_number")
    return frame(
        "care_certification",
        [
            {k: v for k, v in row.items() if k != "tie"}
            | dict(zip(names, row["tie"], strict=True))
            | {"corrected_date": row["corrected_date"] or row["event_date"]}
            for row in whole
        ],
    )


@settings(max_examples=20, deadline=None)
@given(
    rows(
        {
            "municipality_code": MUNICIPALITIES,
            "year": st.integers(1990, 2040),
            "sex_code": SEXES,
            "age_band_code": BANDS,
            "population_count": st.integers(0, 10**7),
            "created_date": DAYS,
        }
    ),
    STYLES,
)
def test_population_is_read_back_as_it_was_written(whole: Rows, style: dict[str, Any]) -> None:
    table = frame("population", whole)
    assert same(through(lambda path: write_population(table, path, **style))["population"], table)


@settings(max_examples=20, deadline=None)
@given(
    rows(
        {
            "insurer_number": st.just("162081"),
            "municipality_code": MUNICIPALITIES,
            "month": MONTHS,
            "sex_code": SEXES,
            "age_band_code": BANDS,
            "insured_class_code": st.sampled_from("12"),
            "insured_count": st.integers(0, 10**7),
            "created_date": DAYS,
        }
    ),
    STYLES,
)
def test_insured_counts_are_read_back_as_they_were_written(whole: Rows, style: dict[str, Any]) -> None:
    table = frame("care_insured_count", whole)
    found = through(lambda path: write_care_insured_count(table, path, **style))
    assert same(found["care_insured_count"], table)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One small good file of each format."""
    folder = tmp_path_factory.mktemp("whole")
    day, month = date(2024, 5, 3), date(2024, 5, 1)
    person = {"number": "123", "birth_date": date(1955, 1, 2), "sex_code": "1"}
    kokuho = person | {"scheme_code": "kokuho", "insurer_number": "162024"}
    checkups = [kokuho | {"exam_date": day, "exam_month": month, "created_date": day, "data_number": n} for n in (1, 2)]
    result = {
        "scheme_code": "kokuho",
        "insurer_number": "162024",
        "parent_source_row": 1,
        "exam_month": month,
        "item_id": "smoking",
        "code_value": "1",
    }
    write_fkac167(frame("checkup", checkups), frame("checkup_result", [result]), folder / "0.csv", is_quoted=True)
    enrolment = kokuho | {"acquired_date": day, "applied_start_date": day, "processed_date": day, "name_kanji": "架空"}
    write_enrolment(frame("enrolment", [enrolment] * 3), folder / "1.csv")
    care = person | {"insurer_number": "162081"}
    claim = care | {
        "service_month": month,
        "adjudication_month": month,
        "reference_number": "1",
        "units": 1,
        "benefit_yen": 9,
        "user_yen": 1,
    }
    service = {"insurer_number": "162081", "parent_source_row": 1, "service_month": month, "units": 1, "benefit_yen": 9}
    write_care_1111(frame("care_claim", [claim]), frame("care_service", [service]), folder / "2.csv")
    change = care | {"event_date": day, "corrected_date": day, "name_kana": "カクウ"}
    write_care_5311(frame("care_certification", [change] * 2), folder / "3.csv")
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_rows_are_never_lost(
    whole_files: list[bytes], data: st.DataObject
) -> None:
    body = bytearray(data.draw(st.sampled_from(whole_files)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        kind = data.draw(st.sampled_from(["cut", "byte", "insert"]))
        if kind == "cut" and at:
            del body[at:]
        elif kind == "byte":
            body[at] = data.draw(st.integers(0, 255))
        else:
            body[at:at] = data.draw(
                st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\x00", b"\xff", "架".encode("cp932")])
            )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(bytes(body))
        try:
            reading = read(path)
        except FileRefused:
            return
    own = {
        "checkup": "checkup",
        "enrolment": "enrolment",
        "H1": "care_claim",
        "T1": "care_service",
        "D1": "care_line",
        "5311": "care_certification",
    }
    for record, table in own.items():
        if record in reading.records:
            aside = reading.set_aside.filter(pl.col("table_name") == table).height
            assert reading.records[record] == reading.tables[table].height + aside

"""A small site by hand: files in the real formats in its inbox, results as the center would seal them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ingest.settings import Settings
from ingest.synth.writers.care import write_care_1111, write_care_5311
from ingest.synth.writers.checkup_xml import write_checkup_archive
from ingest.synth.writers.counts import write_care_insured_count, write_district_set, write_population
from ingest.synth.writers.enrolment import write_enrolment
from ingest.synth.writers.fkac167 import write_fkac167
from ingest.synth.writers.uke import write_uke
from tests.handmade import frame, month

KOKUHO, OTHER_KOKUHO, KOKI, CARE = "160028", "160077", "39160023", "169508"
JUNE = date(2024, 6, 1)
ELSEWHERE = "310029"  # 国保 of the other prefecture
NAME, KANA, NUMBER, BIRTH = "紡木糸世", "ツムギイトヨ", "8765431", date(1951, 7, 23)


def person(number: int = 0, /, **changes: Any) -> dict[str, Any]:
    """Columns that name one invented person of 高岡市 国保."""
    return {
        "scheme_code": "kokuho",
        "insurer_number": KOKUHO,
        "symbol": "たかおか",
        "number": str(int(NUMBER) + number),
        "name_kanji": NAME if number == 0 else f"架空{number}郎",
        "name_kana": KANA if number == 0 else "カクウ" + "アイウエオカキクケコ"[number % 10] * (1 + number // 10),
        "birth_date": BIRTH.replace(day=1 + (BIRTH.day + number) % 27),
        "sex_code": "2",
    } | changes


def write_enrolments(path: Path, rows: list[dict[str, Any]]) -> None:
    """An enrolment file; rows are ``person()`` and what differs."""
    whole = {
        "municipality_code": "16202",
        "district_code": "01",
        "address": "架空町1番地",
        "acquired_date": date(2020, 4, 1),
        "applied_start_date": date(2020, 4, 1),
        "processed_date": date(2020, 4, 10),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_enrolment(frame("enrolment", [whole | row for row in rows]), path)


def write_claims(
    path: Path, rows: list[dict[str, Any]], *, billed: date = JUNE, prefecture_code: str = "16",
    scheme: str = "kokuho", edition: str = "seireki",
) -> None:  # fmt: skip
    """A UKE file with one diagnosis and one item a receipt; rows are ``person()`` and what differs."""
    served = date(billed.year - (billed.month == 1), (billed.month - 2) % 12 + 1, 1)
    whole = [
        {
            "search_number": f"{row.get('insurer_number') or '0'}{billed:%Y%m}{number:06d}",
            "service_month": served,
            "adjudication_month": billed,
            "points": 291 + number,
            "original_points": 291 + number,
            "line_points": 291 + number,
        }
        | row
        for number, row in enumerate(rows, start=1)
    ]
    claims = frame("claim", whole)
    lines = [
        {
            "parent_source_row": number,
            "scheme_code": row["scheme_code"],
            "insurer_number": row["insurer_number"],
            "service_month": row["service_month"],
        }
        for number, row in enumerate(whole, start=1)
    ]
    items = [line | {"points": row["points"]} for line, row in zip(lines, whole, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_uke(
        claims, frame("claim_diagnosis", lines), frame("claim_item", items), path,
        prefecture_code=prefecture_code, scheme=scheme, edition=edition,  # type: ignore[arg-type]
    )  # fmt: skip


def write_checkups(path: Path, rows: list[dict[str, Any]]) -> None:
    """A checkup file with two results a person: FKAC167, or the archive in XML where the name ends so."""
    whole = [
        {
            "exam_date": date(2024, 6, 3),
            "exam_month": month(2024, 6),
            "institution_code": "1610123459",
            "ticket_number": f"2400000{number:04d}",
            "data_number": number,
            "created_date": date(2024, 7, 1),
        }
        | {name: value for name, value in row.items() if not name.startswith("name_")}
        for number, row in enumerate(rows, start=1)
    ]
    results = [
        {
            "scheme_code": row["scheme_code"],
            "insurer_number": row["insurer_number"],
            "parent_source_row": number,
            "exam_month": row["exam_month"],
            "item_id": item_id,
            "numeric_value": value,
        }
        for number, row in enumerate(whole, start=1)
        for item_id, value in (("hba1c", 5.8), ("systolic", 131))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write = write_checkup_archive if path.suffix == ".zip" else write_fkac167
    write(frame("checkup", whole), frame("checkup_result", results), path)


def care_person(number: int = 0, /, **changes: Any) -> dict[str, Any]:
    """Columns that name one invented insured of the care union."""
    return {
        "scheme_code": "care",
        "insurer_number": CARE,
        "number": f"{1234567 + number:010d}",
        "birth_date": date(1938, 2, 3),
        "sex_code": "1",
    } | changes


def write_care(path: Path, rows: list[dict[str, Any]], *, adjudicated: date = JUNE) -> None:
    """A 介護給付実績 with one service a record."""
    served = date(adjudicated.year - (adjudicated.month == 1), (adjudicated.month - 2) % 12 + 1, 1)
    whole = [
        {
            "service_month": served,
            "adjudication_month": adjudicated,
            "reference_number": f"{number:010d}",
            "care_level_code": "21",
            "units": 1000 + number,
            "benefit_yen": 9000 + number,
            "user_yen": 1000,
        }
        | row
        for number, row in enumerate(rows, start=1)
    ]
    services = [
        {
            "scheme_code": "care",
            "insurer_number": row["insurer_number"],
            "parent_source_row": number,
            "service_month": row["service_month"],
            "units": row["units"],
            "benefit_yen": row["benefit_yen"],
            "days_count": 4,
        }
        for number, row in enumerate(whole, start=1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_care_1111(frame("care_claim", whole), frame("care_service", services), path)


def write_certifications(path: Path, rows: list[dict[str, Any]]) -> None:
    """A 受給者異動連絡票."""
    whole = {
        "event_date": date(2024, 4, 1),
        "corrected_date": date(2024, 4, 1),
        "insured_start_date": date(2003, 2, 2),
        "care_level_code": "21",
        "certified_start_date": date(2024, 4, 1),
        "certified_end_date": date(2025, 3, 31),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_care_5311(frame("care_certification", [whole | row for row in rows]), path)


def write_counts(path: Path, months: list[date]) -> None:
    """Insured of care by municipality, sex and band."""
    rows = [
        {
            "insurer_number": CARE,
            "municipality_code": "16208",
            "month": day,
            "sex_code": sex,
            "age_band_code": "65-69",
            "insured_count": 120,
            "created_date": date(2024, 7, 1),
        }
        for day in months
        for sex in ("1", "2")
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_care_insured_count(frame("care_insured_count", rows), path)


def write_people(path: Path, municipality_code: str = "16202") -> None:
    """A population table of one municipality."""
    rows = [
        {
            "municipality_code": municipality_code,
            "year": 2024,
            "sex_code": sex,
            "age_band_code": "65-69",
            "population_count": 900,
            "created_date": date(2024, 2, 1),
        }
        for sex in ("1", "2")
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_population(frame("population", rows), path)


def write_districts(path: Path, municipality_code: str = "16202") -> None:
    """A 地区割 of one municipality."""
    rows = [
        {
            "municipality_code": municipality_code,
            "district_set_name": "小学校区",
            "district_code": code,
            "district_name": name,
            "set_district_name": "紡小",
        }
        for code, name in (("01", "下関"), ("02", "定塚"))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_district_set(frame("district_set", rows), path)


def fill_inbox(settings: Settings, site: str = "16") -> Path:
    """One good file of every stream in the inbox of a site of 富山; returns the inbox."""
    inbox = settings.site(site).inbox
    people = [person(number) for number in range(4)]
    write_enrolments(inbox / "enrolment" / "a.csv", people)
    write_claims(inbox / "medical" / "a.UKE", people)
    write_checkups(inbox / "checkup" / "a.csv", people)
    write_care(inbox / "care" / "1111.csv", [care_person(number) for number in range(3)])
    write_certifications(inbox / "care" / "5311.csv", [care_person(number) for number in range(3)])
    write_counts(inbox / "counts" / "a.csv", [month(2024, 5), month(2024, 6)])
    write_people(inbox / "population" / "a.csv")
    write_districts(inbox / "district_set" / "a.csv")
    return inbox

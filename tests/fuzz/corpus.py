"""Good files of every format that a reader knows, small, invented, and the same each time: what is mutated.

``PLANTED`` is what no message may say of the people in them.
"""

from __future__ import annotations

import io
import tempfile
import unicodedata
import zipfile
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from ingest.formats.contracts import CARE_LINE_KIND_CODES
from ingest.formats.enrolment_profile import Profile
from ingest.formats.enrolment_proposal import propose
from ingest.synth.writers.care import write_care_1111, write_care_5311, write_care_7131
from ingest.synth.writers.checkup_xml import write_checkup_archive
from ingest.synth.writers.enrolment import write_enrolment, write_vendor_enrolment
from ingest.synth.writers.fkac167 import write_fkac167
from ingest.synth.writers.uke import write_uke
from tests import site_world as world
from tests.fuzz.corpus_kinds import write_hospitals_file, write_institutions_file, write_insurers_file
from tests.handmade import frame, month

PEOPLE = 6


@dataclass(frozen=True)
class Original:
    """One good file: the format that its reader answers, and its bytes."""

    name: str
    format: str
    data: bytes

    def text(self) -> str:
        """What a person could read in it; of an archive, the text of its documents."""
        if not self.data.startswith(b"PK"):
            return self.data.decode("cp932")
        with zipfile.ZipFile(io.BytesIO(self.data)) as archive:
            return "\n".join(archive.read(name).decode("utf-8") for name in archive.namelist())


def _people(**changes: Any) -> list[dict[str, Any]]:
    return [world.person(number, **changes) for number in range(PEOPLE)]


def _uke(path: Path, edition: Any) -> None:
    """Two institutions, receipts with several diagnoses and items, one of public funds alone, one corrected."""
    claims, diagnoses, items = [], [], []
    for number, person in enumerate(_people(), start=1):
        served = month(2024, 5)
        own = {
            "scheme_code": "kokuho", "insurer_number": world.KOKUHO, "service_month": served,
            "parent_source_row": number,
        }  # fmt: skip
        claims.append(
            person
            | {
                "search_number": f"{world.KOKUHO}202406{number:06d}",
                "service_month": served,
                "adjudication_month": month(2024, 6),
                "institution_code": "1610123459" if number < 4 else "1611234567",
                "points": 900 - (number == 2) * 50,
                "original_points": 900,
                "line_points": 900,
                "meal_count": 3 if number == 3 else None,
                "meal_yen": 1470 if number == 3 else None,
                "admission_date": date(2024, 5, 2) if number == 3 else None,
            }
        )
        for sequence in (1, 2):
            diagnoses.append(
                own | {"sequence_number": sequence, "start_date": date(2024, 4, sequence), "is_main": sequence == 1}
            )
        for sequence, (kind, points) in enumerate([("SI", 291), ("IY", 309), ("TO", 300)], start=1):
            line = {"sequence_number": sequence, "item_kind_code": kind, "points": points}
            items.append(own | line | {"quantity": Decimal("1.5"), "category_code": "12" if sequence < 3 else "21"})
    write_uke(
        frame("claim", claims), frame("claim_diagnosis", diagnoses), frame("claim_item", items), path,
        prefecture_code="16", scheme="kokuho", edition=edition,
    )  # fmt: skip


QUESTIONS = (
    "koki_health", "koki_satisfaction", "koki_three_meals", "koki_hard_food", "koki_choking", "koki_weight_loss",
    "koki_slow_walk", "koki_fall", "koki_exercise", "koki_forgetful", "koki_date_unknown", "koki_smoking",
    "koki_goes_out", "koki_contact", "koki_consults",
)  # fmt: skip
"""後期高齢者の質問票, in its order."""
KOKI: dict[str, Any] = {"scheme_code": "koki", "insurer_number": world.KOKI, "symbol": None, "branch": None}


def _checkups(**changes: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A checkup a person, with three results and one that was not done; of 後期 the fifteen questions beside."""
    rows = [
        {name: value for name, value in person.items() if not name.startswith("name_")}
        | {
            "exam_date": date(2024, 6, 3),
            "exam_month": month(2024, 6),
            "institution_code": "1610123459",
            "ticket_number": f"2400000{number:04d}",
            "data_number": number,
            "created_date": date(2024, 7, 1),
            "branch": "01",
        }
        | changes
        for number, person in enumerate(_people(), start=1)
    ]
    is_koki = changes.get("scheme_code") == "koki"
    values: list[dict[str, Any]] = [
        {"item_id": "hba1c", "numeric_value": Decimal("5.8")},
        {"item_id": "systolic", "numeric_value": Decimal(131)},
        {"item_id": "bmi", "numeric_value": Decimal("22.4")},
        *({"item_id": item, "code_value": "1"} for item in QUESTIONS if is_koki),
    ]
    results = [
        {
            "scheme_code": rows[0]["scheme_code"],
            "insurer_number": rows[0]["insurer_number"],
            "parent_source_row": number,
            "exam_month": month(2024, 6),
        }
        | value
        for number in range(1, PEOPLE + 1)
        for value in values
    ]
    return rows, results


def _fkac167(path: Path, edition: Any, *, is_quoted: bool, is_wide: bool, **changes: Any) -> None:
    rows, results = _checkups(**changes)
    write_fkac167(
        frame("checkup", rows), frame("checkup_result", results), path,
        edition=edition, is_quoted=is_quoted, is_wide=is_wide,
    )  # fmt: skip


def _checkup_xml(path: Path, *, guided: int = 2, **changes: Any) -> None:
    """An archive with a checkup of everybody, each kind of status among their results, and the guidance of some."""
    rows, results = _checkups(address_number=None, **changes)
    for number, status in enumerate(("not_done", "not_measurable", "high", "low")):
        results.append(
            results[0]
            | {"parent_source_row": number + 1, "item_id": "ldl", "numeric_value": None, "status_code": status}
        )
    pair = _guidance(rows[:guided])
    write_checkup_archive(frame("checkup", rows), frame("checkup_result", results), path, guidance=pair)


def _guidance_xml(path: Path) -> None:
    """An archive with nothing but guidance."""
    rows, _ = _checkups()
    write_checkup_archive(frame("checkup", []), frame("checkup_result", []), path, guidance=_guidance(rows))


def _guidance(rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    own = ("scheme_code", "insurer_number", "symbol", "number", "branch", "birth_date", "sex_code")
    guided = [
        {name: row[name] for name in own}
        | {
            "source_row": PEOPLE + number,
            "guidance_fiscal_year": 2024,
            "guidance_month": month(2024, 6),
            "ticket_number": f"2450000{number:04d}",
            "first_interview_date": date(2024, 6, 20),
            "report_code": "21",
            "points": 80 * number,
            "created_date": date(2024, 7, 1),
            "data_number": number,
        }
        for number, row in enumerate(rows, start=1)
    ]
    contacts = [
        {
            "scheme_code": row["scheme_code"],
            "insurer_number": row["insurer_number"],
            "parent_source_row": PEOPLE + number,
            "guidance_month": month(2024, 6),
            "session_kind_code": kind,
            "session_date": date(2024, 6, 20 + 5 * place),
            "support_form_code": "1",
            "minute_count": 20,
        }
        for number, row in enumerate(rows, start=1)
        for place, kind in enumerate(("first", "support"))
    ]
    return frame("guidance", guided), frame("guidance_session", contacts)


def _care(path: Path, *, is_quoted: bool) -> None:
    claims, services = [], []
    for number in range(1, PEOPLE + 1):
        own = {
            "scheme_code": "care",
            "insurer_number": world.CARE,
            "service_month": month(2024, 5),
            "benefit_yen": 9000,
            "units": 1000,
        }
        claims.append(
            world.care_person(number - 1)
            | own
            | {
                "adjudication_month": month(2024, 6),
                "reference_number": f"{number:010d}",
                "care_level_code": "21",
                "user_yen": 1000,
            }
        )
        services += [own | {"parent_source_row": number, "service_type_code": code} for code in ("15", "17")]
    paid = [
        world.care_person(0)
        | {"insurer_number": world.CARE, "service_month": month(2024, 5), "adjudication_month": month(2024, 6)}
        | {"reference_number": "0000000099", "benefit_yen": 4400}
    ]
    write_care_1111(
        frame("care_claim", claims), frame("care_service", services), path,
        high_cost=frame("care_high_cost", paid), is_quoted=is_quoted,
    )  # fmt: skip


def _care_whole(path: Path, *, is_claimed: bool) -> None:
    """Every kind of line; as 請求明細書, two plans (様式七) among the forms."""
    claims, services, lines, paid = [], [], [], []
    for number in range(1, PEOPLE + 1):
        own = {"insurer_number": world.CARE, "service_month": month(2024, 5), "parent_source_row": number}
        money = {"units": 1000, "benefit_yen": 9000}
        person = world.care_person(number - 1) | {"insurer_number": world.CARE, "service_month": month(2024, 5)}
        adjudicated = {"adjudication_month": month(2024, 6), "reference_number": f"{number:010d}"}
        form = {"input_form_code": "8124" if number > 4 else "7131", "care_level_code": "21", "user_yen": 1000}
        claims.append(person | adjudicated | money | form)
        services.append(own | money)
        kinds = ("D5", "D5") if number > 4 else CARE_LINE_KIND_CODES
        lines += [own | {"line_kind_code": kind, "units": 100, "amount_yen": 1000, "times_count": 2} for kind in kinds]
        kind = "DE" if number == 2 else "D8"
        decided = {"line_kind_code": kind, "benefit_yen": 700, "decided_date": date(2024, 6, 9)}
        paid.append(person | adjudicated | decided)
    claim, service, line = frame("care_claim", claims), frame("care_service", services), frame("care_line", lines)
    line = line.with_columns(service_type_code=pl.lit("15"), item_code=pl.lit("1111"))
    if is_claimed:
        write_care_7131(claim, service, line, path)
    else:
        high_cost = frame("care_high_cost", paid)
        write_care_1111(claim, service, path, line=line, high_cost=high_cost, exchange_code="1112")


def _certifications(path: Path, code: Any) -> None:
    rows = [
        world.care_person(number)
        | {
            "name_kana": world.person(number)["name_kana"],
            "event_date": date(2024, 4, 1),
            "corrected_date": date(2024, 4, 1),
            "insured_start_date": date(2003, 2, 2),
            "care_level_code": "21",
            "certified_start_date": date(2024, 4, 1),
            "certified_end_date": date(2025, 3, 31),
            "related_scheme_code": "kokuho",
            "related_insurer_number": world.KOKUHO,
            "related_number": str(int(world.NUMBER) + number),
        }
        for number in range(PEOPLE)
    ]
    write_care_5311(frame("care_certification", rows), path, record_code=code, is_quoted=code == "5311")


def _enrolment(path: Path, *, is_koki: bool = False, is_vendors: bool = False) -> None:
    rows = [
        person
        | {
            "municipality_code": "16202",
            "district_code": "01",
            "address": "架空町1番地",
            "acquired_date": date(2020, 4, 1),
            "applied_start_date": date(2020, 4, 1),
            "processed_date": date(2020, 4, 10),
        }
        | (KOKI if is_koki else {})
        for person in _people()
    ]
    if is_vendors:
        write_vendor_enrolment(frame("enrolment", rows), path)
        return
    write_enrolment(
        frame("enrolment", rows), path, dates="mixed" if is_koki else "wareki", is_quoted=is_koki, is_wide=not is_koki
    )


@cache
def vendors_profile() -> Profile:
    """The profile by which the site of these tests reads the vendor's 資格 file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vendor.csv")
        _enrolment(path, is_vendors=True)
        return propose(path).profile({}, {})


def confirmed_profiles() -> dict[str, Profile]:
    """What the site confirmed, by the fingerprint of the heading row."""
    return {vendors_profile().fingerprint: vendors_profile()}


@cache
def originals() -> tuple[Original, ...]:
    """The good files, in a fixed order."""
    writers: dict[str, tuple[str, Any]] = {
        "uke-seireki": ("uke", lambda path: _uke(path, "seireki")),
        "uke-wareki": ("uke", lambda path: _uke(path, "wareki")),
        "uke-insurer": ("uke", lambda path: _uke(path, "insurer")),
        "uke-returned": ("uke", lambda path: _uke(path, "returned")),
        "uke-kinds": ("uke", write_insurers_file),
        "uke-dental": ("uke", lambda path: write_institutions_file(path, "dental")),
        "uke-pharmacy": ("uke", lambda path: write_institutions_file(path, "pharmacy")),
        "uke-dpc": ("uke", write_hospitals_file),
        "fkac167-term3": ("fkac167_csv", lambda path: _fkac167(path, "term3", is_quoted=False, is_wide=True)),
        "fkac167-term4": ("fkac167_csv", lambda path: _fkac167(path, "term4", is_quoted=True, is_wide=False)),
        "fkac167-koki": (
            "fkac167_csv",
            lambda path: _fkac167(path, "term4", is_quoted=False, is_wide=False, **KOKI),
        ),
        "checkup-xml": ("checkup_xml", _checkup_xml),
        "checkup-xml-koki": ("checkup_xml", lambda path: _checkup_xml(path, guided=0, **KOKI)),
        "guidance-xml": ("checkup_xml", _guidance_xml),
        "care-1111": ("care_1111", lambda path: _care(path, is_quoted=False)),
        "care-1111-quoted": ("care_1111", lambda path: _care(path, is_quoted=True)),
        "care-1112-whole": ("care_1111", lambda path: _care_whole(path, is_claimed=False)),
        "care-7131": ("care_7131", lambda path: _care_whole(path, is_claimed=True)),
        "care-5311": ("care_5311", lambda path: _certifications(path, "5311")),
        "care-5341": ("care_5311", lambda path: _certifications(path, "5341")),
        "enrolment-kokuho": ("enrolment_kokuho_csv", _enrolment),
        "enrolment-koki": ("enrolment_koki_csv", lambda path: _enrolment(path, is_koki=True)),
        "enrolment-vendor": ("enrolment_profile_csv", lambda path: _enrolment(path, is_vendors=True)),
        "insured-counts": (
            "care_insured_count_csv",
            lambda path: world.write_counts(path, [month(2024, number) for number in range(1, 7)]),
        ),
        "population": ("population_csv", world.write_people),
        "districts": ("district_set_csv", world.write_districts),
    }
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (kind, write) in writers.items():
            path = Path(folder, name)
            write(path)
            found.append(Original(name, kind, path.read_bytes()))
    return tuple(found)


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@cache
def planted() -> frozenset[str]:
    """Names, numbers and birth dates of everybody in the files, as a message could spell them."""
    found: set[str] = set()
    for number in range(PEOPLE):
        for person in (world.person(number), world.care_person(number)):
            born = person["birth_date"]
            found |= {person["number"], _wide(person["number"]), person["number"].lstrip("0")}
            found |= {f"{born:%Y%m%d}", f"{born:%Y/%m/%d}", f"{born:%Y-%m-%d}", f"3{born.year - 1925}{born:%m%d}"}
            if "name_kanji" in person:
                kana = person["name_kana"]
                found |= {person["name_kanji"], kana, unicodedata.normalize("NFKC", kana)}
    return frozenset(found)

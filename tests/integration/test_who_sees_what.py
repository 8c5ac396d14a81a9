"""The table in docs/explanation/who-sees-what.md, row by row, over the whole road."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ingest import warehouse
from ingest.policy.access import load_grants, tenants
from ingest.progress import silent
from ingest.road import run_road
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, Settings
from ingest.synth.writers.care import write_care_1111, write_care_5311
from ingest.synth.writers.enrolment import write_enrolment
from ingest.synth.writers.fkac167 import write_fkac167
from ingest.synth.writers.uke import write_uke
from tests.handmade import demo_workspace, frame, month

PAGE = PROJECT_ROOT / "docs" / "explanation" / "who-sees-what.md"
TENANT_OF_COLUMN = {
    "国保中央会": "center",
    "国保連合会": "federation-16",
    "富山県": "prefecture-16",
    "広域連合": "koiki-16",
    "国保組合": "kumiai-163014",
    "砺波市 国保": "kokuho-16208",
    "小矢部市 国保": "kokuho-16209",
    "小矢部市 衛生": "eisei-16209",
    "小矢部市 介護": "kaigo-16209",
}
TONAMI, OYABE, OYABE_LATE, UNION = "160077", "160085", "39160080", "169508"
PERSON = {
    "name_kanji": "紡野　糸夫",
    "name_kana": "ツムギノ　イトオ",
    "birth_date": date(1949, 6, 15),
    "sex_code": "1",
}
ROWS = {
    "国保 資格 砺波市 2023-04": ("enrolment", "kokuho", TONAMI),
    "国保 レセプト 砺波市 2023-05": ("claim", "kokuho", TONAMI, month(2023, 5)),
    "国保 健診 砺波市 2023-06": ("checkup", "kokuho", TONAMI, date(2023, 6, 20)),
    "国保 資格 小矢部市 2023-10": ("enrolment", "kokuho", OYABE),
    "国保 レセプト 小矢部市 2024-01": ("claim", "kokuho", OYABE, month(2024, 1)),
    "国保 レセプト 小矢部市 2024-06": ("claim", "kokuho", OYABE, month(2024, 6)),
    "後期 資格 小矢部市 2024-06": ("enrolment", "koki", OYABE_LATE),
    "後期 レセプト 小矢部市 2024-08": ("claim", "koki", OYABE_LATE, month(2024, 8)),
    "介護 認定 小矢部市 2024-09": ("care_certification", "care", UNION, date(2024, 9, 1)),
    "介護 給付 小矢部市 2024-10": ("care_month", "care", UNION, month(2024, 10)),
}
MONTH_COLUMN = {
    "claim": "service_month",
    "checkup": "exam_date",
    "care_certification": "certified_start_date",
    "care_month": "service_month",
}


def _files(inbox: Path) -> None:
    in_tonami = PERSON | {"scheme_code": "kokuho", "insurer_number": TONAMI, "symbol": "砺", "number": "1200345"}
    in_oyabe = PERSON | {"scheme_code": "kokuho", "insurer_number": OYABE, "symbol": "小矢", "number": "3300678"}
    late = PERSON | {"scheme_code": "koki", "insurer_number": OYABE_LATE, "number": "40012345", "branch": None}
    spells = [
        in_tonami | {"municipality_code": "16208", "district_code": "01", "district_name": "出町",
                     "acquired_date": date(2015, 4, 1), "applied_start_date": date(2015, 4, 1),
                     "lost_date": None, "applied_end_date": date(2023, 10, 10), "processed_date": date(2023, 10, 12)},
        in_oyabe | {"municipality_code": "16209", "district_code": "01", "district_name": "石動",
                    "acquired_date": date(2015, 4, 1), "applied_start_date": date(2023, 10, 10),
                    "lost_date": date(2024, 6, 15), "applied_end_date": date(2024, 6, 15),
                    "previous_scheme_code": "kokuho", "previous_insurer_number": TONAMI, "previous_symbol": "砺",
                    "previous_number": "1200345", "processed_date": date(2024, 6, 20)},
    ]  # fmt: skip
    write_enrolment(frame("enrolment", spells), inbox / "kokuho.csv")
    koki = late | {
        "municipality_code": "16209", "district_code": "01", "district_name": "石動",
        "acquired_date": date(2024, 6, 15), "applied_start_date": date(2024, 6, 15), "previous_scheme_code": "kokuho",
        "previous_insurer_number": OYABE, "previous_symbol": "小矢", "previous_number": "3300678",
        "processed_date": date(2024, 6, 25),
    }  # fmt: skip
    write_enrolment(frame("enrolment", [koki]), inbox / "koki.csv")
    for scheme, visits in (
        ("kokuho", [(in_tonami, 2023, 5), (in_oyabe, 2024, 1), (in_oyabe, 2024, 6)]),
        ("koki", [(late, 2024, 8)]),
    ):
        claims = [
            who | {"service_month": month(y, m), "adjudication_month": month(y, m + 1), "points": 73,
                   "original_points": 73, "search_number": f"{scheme}{y}{m:02d}000000000001",
                   "claim_type_code": "1112" if scheme == "kokuho" else "1318"}
            for who, y, m in visits
        ]  # fmt: skip
        keys = {"scheme_code": scheme}
        lines = [
            keys | {"insurer_number": c["insurer_number"], "parent_source_row": i, "service_month": c["service_month"]}
            for i, c in enumerate(claims, start=1)
        ]
        write_uke(
            frame("claim", claims),
            frame("claim_diagnosis", lines),
            frame("claim_item", [line | {"points": 73} for line in lines]),
            inbox / f"{scheme}.UKE",
            prefecture_code="16",
            scheme=scheme,  # type: ignore[arg-type]
        )
    exam = {k: v for k, v in in_tonami.items() if k not in ("name_kanji", "name_kana")} | {
        "exam_date": date(2023, 6, 20), "exam_month": month(2023, 6), "created_date": date(2023, 8, 1),
        "institution_code": "1610123459",
    }  # fmt: skip
    value = {"scheme_code": "kokuho", "insurer_number": TONAMI, "parent_source_row": 1, "exam_month": month(2023, 6)}
    results = [
        value | {"item_id": "hba1c", "numeric_value": 6.1},
        value | {"item_id": "systolic", "numeric_value": 138},
    ]
    write_fkac167(frame("checkup", [exam]), frame("checkup_result", results), inbox / "FKAC167.csv", edition="term3")
    insured = {"insurer_number": UNION, "number": "0000456789"}
    care_person = {k: v for k, v in PERSON.items() if k != "name_kanji"} | insured
    certification = care_person | {
        "municipality_code": "16209", "event_date": date(2024, 9, 1), "corrected_date": date(2024, 9, 1),
        "insured_start_date": date(2014, 6, 14), "care_level_code": "21", "certified_start_date": date(2024, 9, 1),
        "certified_end_date": date(2025, 8, 31), "related_scheme_code": "koki",
        "related_insurer_number": OYABE_LATE, "related_number": "40012345",
    }  # fmt: skip
    write_care_5311(frame("care_certification", [certification]), inbox / "5311.csv")
    record = {k: v for k, v in care_person.items() if k != "name_kana"} | {
        "service_month": month(2024, 10), "adjudication_month": month(2024, 11), "reference_number": "0000000001",
        "care_level_code": "21", "certified_start_date": date(2024, 9, 1), "certified_end_date": date(2025, 8, 31),
        "units": 2000, "benefit_yen": 18000, "user_yen": 2000,
    }  # fmt: skip
    service = {
        "insurer_number": UNION, "parent_source_row": 1, "service_month": month(2024, 10), "days_count": 4,
        "units": 2000, "benefit_yen": 18000, "user_yen": 2000,
    }  # fmt: skip
    write_care_1111(frame("care_claim", [record]), frame("care_service", [service]), inbox / "1111.csv")


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_workspace(tmp_path_factory.mktemp("who_sees_what"))
    _files(settings.sites["16"].inbox)
    run_road(settings, silent)
    return settings


def _seen(settings: Settings, tenant_id: str) -> set[str]:
    """The rows of the table found in the tenant's files, by what they are and not by who asks."""
    site = settings.sites["16"]
    found: set[str] = set()
    sets = tenants(load_grants()).filter(pl.col("tenant_id") == tenant_id)["scheme_set"].to_list()
    for scheme_set in sets:
        path = site.published / "tenants" / tenant_id / f"{scheme_set}.duckdb"
        if not path.is_file():
            continue
        connection = warehouse.open_hardened(path, KeyRing(site).tenant_key(tenant_id, scheme_set))
        # Care files hold no kanji name; the kana is the same in all.
        names = {
            row[0].replace("　", "").replace(" ", "")
            for row in connection.execute("SELECT name_kana FROM person").fetchall()
        }
        assert names <= {"ツムギノイトオ"}
        for label, (table, scheme, insurer, *rest) in ROWS.items():
            wanted = [scheme, insurer, *rest]
            more = f" AND {MONTH_COLUMN[table]} = ?" if rest else ""
            sql = f"SELECT count(*) FROM {table} WHERE scheme_code = ? AND insurer_number = ?{more}"
            if connection.execute(sql, wanted).fetchone() != (0,):
                found.add(label)
        connection.close()
    return found


def _page() -> tuple[list[str], dict[str, list[str]]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    header = [cell.strip() for cell in lines[0].strip("|").split("|")]
    body = {}
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        body[cells[0]] = cells[1:]
    return header[1:], body


def test_the_page_names_every_row_and_column_of_the_test() -> None:
    columns, body = _page()
    assert columns == list(TENANT_OF_COLUMN)
    assert list(body) == list(ROWS)


@pytest.mark.parametrize("column", list(TENANT_OF_COLUMN))
def test_each_role_sees_just_the_rows_that_the_page_says(road: Settings, column: str) -> None:
    columns, body = _page()
    at = columns.index(column)
    expected = {label for label, cells in body.items() if cells[at] == "●"}
    assert _seen(road, TENANT_OF_COLUMN[column]) == expected


def test_it_is_one_person_behind_all_these_numbers(road: Settings) -> None:
    center = road.the_center()
    connection = warehouse.open_database(center.warehouse, KeyRing(center).secret("at-rest"), read_only=True)
    ids = connection.execute("SELECT DISTINCT person_id FROM link.identity_person").fetchall()
    assert len(ids) == 1

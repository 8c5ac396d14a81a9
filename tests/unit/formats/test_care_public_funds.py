"""公費1 to 3 of a care line: the days or times that each pays for, as adjudicated, else as claimed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest.formats import read
from ingest.synth.writers.care import write_care_1111, write_care_7131
from tests.handmade import frame

OWN: dict[str, Any] = {"insurer_number": "162081", "service_month": date(2024, 5, 1)}
CLAIM = OWN | {
    "number": "0000000001",
    "birth_date": date(1940, 1, 7),
    "sex_code": "2",
    "adjudication_month": date(2024, 6, 1),
    "reference_number": "1",
    "units": 100,
    "benefit_yen": 900,
    "user_yen": 100,
}
SERVICE = OWN | {"parent_source_row": 1, "units": 100, "benefit_yen": 900}
COUNTS = {"public_times_count": 3, "public2_times_count": 2, "public3_times_count": 1}
COLUMNS = ("times_count", *COUNTS, "units")


def line(kind: str, **more: Any) -> dict[str, Any]:
    whole = {"line_kind_code": kind, "parent_source_row": 1, "service_type_code": "15", "item_code": "1111"}
    return OWN | whole | {"times_count": 4, "units": 100} | more


@pytest.mark.parametrize("kind", ["D1", "DD", "D3"])
def test_the_days_that_each_of_three_public_funds_pays_for_are_kept(tmp_path: Path, kind: str) -> None:
    write_care_1111(
        frame("care_claim", [CLAIM]), frame("care_service", [SERVICE]), tmp_path / "a",
        line=frame("care_line", [line(kind, **COUNTS), line(kind)]),
    )  # fmt: skip
    reading = read(tmp_path / "a")
    assert reading.set_aside.is_empty() and not reading.problems
    assert reading.tables["care_line"].select(COLUMNS).rows() == [(4, 3, 2, 1, 100), (4, None, None, None, 100)]


def test_they_stand_at_the_places_that_the_record_has_for_them_and_those_adjudicated_count(tmp_path: Path) -> None:
    """D1 (formats.md 3.3): 種類, 項目, 単位数, 日数回数, 公費×3, サービス単位数, 公費×3, 摘要, 後_{the same}."""
    write_care_1111(frame("care_claim", [CLAIM]), frame("care_service", [SERVICE]), tmp_path / "a")
    lines = (tmp_path / "a").read_text("cp932").splitlines()
    cells = lines[2].split(",")
    assert cells[4].strip('"') == "D1"
    first = 4 + 5 + 1  # after the code: 保険者, 被保険者, 提供年月, 事業所, 整理番号
    cells[first : first + 12] = ["15", "1111", "100", "9", "8", "7", "6", "900", "", "", "", ""]
    cells[first + 12 : first + 20] = ["50", "5", "4", "", "2", "250", "", ""]
    lines[2] = ",".join(cells)
    (tmp_path / "b").write_bytes("".join(f"{text}\r\n" for text in lines).encode("cp932"))
    row = read(tmp_path / "b").tables["care_line"].select(COLUMNS).row(0)
    assert row == (5, 4, 7, 2, 250), "公費2 was not adjudicated: what was claimed stands"


def test_a_claim_form_has_them_too(tmp_path: Path) -> None:
    write_care_7131(
        frame("care_claim", [CLAIM]), frame("care_service", [SERVICE]),
        frame("care_line", [line("D1", **COUNTS)]), tmp_path / "a",
    )  # fmt: skip
    assert read(tmp_path / "a").tables["care_line"].select(COLUMNS).rows() == [(4, 3, 2, 1, 100)]

"""What mutated files (tests/fuzz) found in the readers, each once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingest.formats import read
from ingest.synth.writers.care import write_care_7131
from tests.handmade import frame


def test_a_record_of_no_known_form_is_not_taken_for_the_kind_of_line_that_its_form_looks_like(tmp_path: Path) -> None:
    own = {"insurer_number": "162081", "service_month": date(2024, 5, 1)}
    claim = own | {
        "number": "0000000001", "birth_date": date(1940, 1, 7), "sex_code": "2", "adjudication_month": date(2024, 6, 1),
        "reference_number": "1", "units": 100, "benefit_yen": 900, "user_yen": 100,
    }  # fmt: skip
    line = own | {"parent_source_row": 1, "line_kind_code": "DC", "times_count": 2, "units": 100}
    write_care_7131(
        frame("care_claim", [claim]), frame("care_service", []), frame("care_line", [line, line]), tmp_path / "a"
    )
    assert read(tmp_path / "a").tables["care_line"].height == 2
    lines = (tmp_path / "a").read_text("cp932").splitlines()
    assert [cell.strip('"') for cell in lines[3].split(",")[2:4]] == ["7131", "13"]
    lines[3] = lines[3].replace("7131", "13", 1)
    (tmp_path / "a").write_bytes("".join(f"{text}\r\n" for text in lines).encode("cp932"))
    reading = read(tmp_path / "a")
    assert reading.tables["care_line"]["source_row"].to_list() == [3]
    assert reading.set_aside.is_empty()
    assert [problem.reason_code for problem in reading.problems] == ["unknown_record"]

"""What ``tsumugi inspect`` says of a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from uke_samples import GO, HO, IR, SI, re_line, receipt, write

from ingest.formats.inspect import inspect_files, render

SAMPLE = Path(__file__).parents[4] / "shared" / "samples" / "RECEIPTC_GAIRAI_SAMPLE.UKE"


@pytest.mark.skipif(not SAMPLE.exists(), reason="the public sample lies outside the repository")
def test_the_public_sample_has_75_claims_that_all_add_up_6_of_them_without_an_insurer() -> None:
    (result,) = inspect_files([SAMPLE])
    claims = result["claims"]
    assert (result["format"], result["edition"], result["months"]) == ("uke", "provider-seireki", ["2021-10"])
    assert len(claims) == result["records"]["RE"] == 75
    assert sum(claim["insurer_number"] is None for claim in claims) == 6
    assert all(claim["reconciles"] is True for claim in claims)
    assert claims[0] == {
        "claim_kind": "medical",
        "claim_type": "1122",
        "service_month": "2021-10",
        "insurer_number": "01010016",
        "header_points": 13642,
        "original_points": 13642,
        "line_points": 13642,
        "days": 1,
        "diagnosis_count": 3,
        "is_summary": False,
        "reconciles": True,
    }
    assert result["problems"] == []


def test_a_corrected_claim_reconciles_with_what_was_submitted(tmp_path: Path) -> None:
    lines = [IR, *receipt(), "JY,2,4,0,,,10,0,", HO.replace(",73,", ",63,"), GO]
    (claim,) = inspect_files([write(tmp_path / "a", lines)])[0]["claims"]
    assert (claim["header_points"], claim["line_points"], claim["reconciles"]) == (63, 73, True)


def test_a_claim_whose_lines_do_not_add_up_says_so(tmp_path: Path) -> None:
    lines = [IR, *receipt(), SI.replace(",73,", ",5,"), GO]
    (claim,) = inspect_files([write(tmp_path / "a", lines)])[0]["claims"]
    assert (claim["line_points"], claim["reconciles"]) == (78, False)


def test_a_summary_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    summary = re_line().split(",")
    summary = ",".join([*summary[:18], "1", "3", *summary[18:]])
    (claim,) = inspect_files([write(tmp_path / "a", [IR, summary, HO, GO])])[0]["claims"]
    assert (claim["is_summary"], claim["reconciles"]) == (True, None)


def test_a_file_of_no_known_format_is_answered_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\x89PNG not a receipt")
    results = inspect_files([path, tmp_path / "missing", tmp_path])
    for result in results:
        assert result["format"] is None and result["is_refused"]
        (problem,) = result["problems"]
        assert problem["reason_code"] == "unrecognised" and problem["remedy"]
        assert "claims" not in result
    assert json.loads(json.dumps(results)) == results


def test_a_truncated_file_keeps_its_format_and_says_where_it_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [IR, *receipt(), GO])
    path.write_bytes(path.read_bytes()[:-40])
    (result,) = inspect_files([path])
    assert (result["format"], result["is_refused"], result["problems"][0]["line"]) == ("uke", True, 5)


def test_rows_set_aside_are_told_once_per_reason_with_their_number(tmp_path: Path) -> None:
    lines = [IR, *receipt(1, birth="x"), *receipt(2, birth="y"), *receipt(3), "GO,3,219,99"]
    (result,) = inspect_files([write(tmp_path / "a", lines)])
    told = {(p["table"], p["field"]): (p["line"], p["count"]) for p in result["problems"]}
    assert told[("claim", "birth_date")] == (2, 2)
    assert len(result["claims"]) == 1


def test_neither_the_json_nor_the_screen_shows_a_person(tmp_path: Path) -> None:
    lines = [IR, *receipt(1), *receipt(2, birth="19501340"), "GO,2,146,99"]
    results = inspect_files([write(tmp_path / "a", lines)])
    screen = io.StringIO()
    render(Console(file=screen, width=160), results)
    assert "1112" in screen.getvalue() and "birth_date" in screen.getvalue()
    for told in (screen.getvalue(), json.dumps(results, ensure_ascii=False)):
        for secret in ("太郎", "タロウ", "19500401", "1950-04-01", "19501340", "３４５", "345", "S0001"):
            assert secret not in told

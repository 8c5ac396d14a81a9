"""What an operator reads in the morning: one entry a fault, however many files it was in."""

from __future__ import annotations

import io

from rich.console import Console

from ingest.status import render

PROBLEM = {"table_name": "claim", "field": "sex_code", "reason_code": "bad_code", "message": "性別コードが誤り"}


def _page(problems: list[dict[str, object]]) -> str:
    site = {
        "deliveries": {"taken": 2},
        "rows": {},
        "refused": [],
        "waiting": [],
        "held": [],
        "missing": [],
        "expected": 3,
    }
    screen = io.StringIO()
    render(Console(file=screen, width=80), {"sites": {"16": site | {"problems": problems}}})
    return screen.getvalue()


def test_the_same_fault_in_two_files_is_one_entry_with_its_first_place_and_the_remedy() -> None:
    page = _page(
        [
            PROBLEM | {"file_name": "a.UKE", "rows": 2, "first_line": 17},
            PROBLEM | {"file_name": "b.UKE", "rows": 3, "first_line": 4},
        ]
    )
    assert "× claim.sex_code: 性別コードが誤り（2ファイル 5行、最初は a.UKE:17）" in page
    assert "→ 該当行のコードを原本で確かめてください" in page
    assert page.count("× claim") == 1


def test_the_most_frequent_fault_comes_first() -> None:
    page = _page(
        [
            PROBLEM | {"file_name": "a.UKE", "rows": 1, "first_line": 1},
            PROBLEM | {"file_name": "a.UKE", "rows": 9, "first_line": 2, "field": "days_count"},
        ]
    )
    assert page.index("days_count") < page.index("sex_code")

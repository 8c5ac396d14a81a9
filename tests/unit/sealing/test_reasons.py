"""Every code by which a batch can be refused is in the list, in the page of the format, and has a remedy."""

from __future__ import annotations

import ast
import io
from pathlib import Path

from rich.console import Console

from ingest.sealing.reasons import batch_reasons
from ingest.settings import PROJECT_ROOT
from ingest.status import render

_RAISED = ("BatchRefused", "ManifestError")
_OF_ANSWERS = {"receipt"}  # raised where an answer is read: that is no batch, and nobody answers it


def raised() -> set[str]:
    """First arguments of what is raised by name anywhere in the code, where they are plain text."""
    found = set()
    for path in (PROJECT_ROOT / "ingest").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_raised = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _RAISED
            if is_raised and node.args and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                found.add(node.args[0].value)  # type: ignore[attr-defined]
    return found - _OF_ANSWERS


def test_every_code_that_is_raised_is_in_the_list_and_in_the_page() -> None:
    codes = raised()
    assert {"signature", "hash", "same_number", "total_mismatch"} <= codes
    assert codes <= batch_reasons().keys()
    page = (PROJECT_ROOT / "docs" / "reference" / "envelope.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_every_reason_has_a_text_and_a_remedy() -> None:
    assert all(reason.ja and reason.remedy_ja for reason in batch_reasons().values())


def test_the_status_of_the_center_says_what_to_do_about_a_refused_batch(tmp_path: Path) -> None:
    row = {"site": "16", "sequence": 3, "reason_code": "hash", "message": "0001_claim.parquet"}
    figures = {"sites": {}, "center": {"batches": [], "refused": [row], "held": []}}
    screen = io.StringIO()
    render(Console(file=screen, width=200), figures)
    assert "× 16 のバッチ 3: ファイルの内容が目録と違う（hash 0001_claim.parquet）" in screen.getvalue()
    assert "→ 送付元で `tsumugi run`" in screen.getvalue()

"""An error is told in one line, to the last letter."""

from __future__ import annotations

import pytest
import typer

from ingest.console import told_errors
from ingest.settings import SettingsError


def test_what_stands_in_brackets_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), told_errors():
        raise SettingsError("inbox/[写し] 医科.UKE: 3行目 points [bad_number]")
    assert capsys.readouterr().err.strip() == "error: inbox/[写し] 医科.UKE: 3行目 points [bad_number]"


def test_an_error_that_nobody_expected_tells_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), told_errors():
        int("山田太郎")
    told = capsys.readouterr().err
    assert "ValueError" in told and "山田" not in told

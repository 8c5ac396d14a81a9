"""Splink beside the linker: asked for without being installed, and where it is."""

from __future__ import annotations

import importlib.util

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.evaluation.evaluate import evaluate
from ingest.progress import silent
from ingest.synth.settings import one_prefecture


def test_a_referee_that_is_not_installed_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "splink" else real(name, *more)
    )
    result = CliRunner().invoke(app, ["link", "evaluate", "--people", "200", "--months", "1", "--referee"])
    assert result.exit_code == 1
    assert "pip install splink" in result.output


def test_the_referee_finds_most_pairs_of_the_same_identities() -> None:
    pytest.importorskip("splink")
    told = evaluate(one_prefecture("16", people=1000, months=3), silent, with_referee=True)
    assert told["referee"]["identities"] == told["identities"]
    assert told["referee"]["recall"] > 0.9


def test_planted_pairs_are_spelt_as_the_help_says() -> None:
    result = CliRunner().invoke(app, ["link", "evaluate", "--plant", "triplets=3"])
    assert result.exit_code == 1
    assert "twins=N" in result.output

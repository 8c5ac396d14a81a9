"""Worlds that many tests share; each is made once a test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.progress import silent
from ingest.settings import Settings

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public samples beside the repository; tests that read it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("the public samples are not beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def tiny_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """About 300 invented people whose files went the whole road once."""
    from ingest.road import run_road
    from ingest.synth.run import synthesise
    from ingest.synth.settings import tiny
    from tests.handmade import demo_workspace

    settings = demo_workspace(tmp_path_factory.mktemp("tiny_road"))
    synthesise(settings.workspace, tiny(), silent)
    run_road(settings, silent)
    yield settings

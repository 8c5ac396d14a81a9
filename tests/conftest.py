"""Worlds that many tests share; each is made once a test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.progress import silent
from ingest.settings import Settings

SHARED_WORLDS = ("tiny_road", "road")
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


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a world run in the process that made it."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        for world in SHARED_WORLDS:
            if world in names:
                scope = world if world == "tiny_road" else item.nodeid.split("::")[0]
                item.add_marker(pytest.mark.xdist_group(scope))

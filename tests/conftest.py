"""Worlds that many tests share; each is made once a test process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.center import build
from ingest.progress import silent
from ingest.settings import Settings
from tests import parsed_project

SHARED_WORLD = "tiny_road"
_GROUP = re.compile(r'xdist_group\("(\w+)"\)')
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def project_parsed_once() -> Iterator[None]:
    """Builds of the project in this process hand on what dbt parsed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "run_dbt", parsed_project.run_dbt)
        yield


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file run in one process, and so do those of a group and all that walk ``tiny_road``: each world is
    made once.

    Files are dealt out in their order, in which those that take minutes come first.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByWorld(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return _world(config.rootpath / file) or file

    config.option.loadscopereorder = False
    return ByWorld(config, log)


@cache
def _world(path: Path) -> str | None:
    """The world that the tests of a file share with those of others."""
    text = path.read_text(encoding="utf-8")
    group = _GROUP.search(text)
    return group[1] if group else SHARED_WORLD if SHARED_WORLD in text else None

"""A crash of a process that holds keys writes none of its memory to disk."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, Settings
from tests.handmade import demo_workspace

_CRASH = """
import os, sys
from pathlib import Path
from ingest import settings
from ingest.sealing.keys import KeyRing
workspace = settings.load(Path(sys.argv[1]))
key = (workspace.site("16").home / "keys" / "at-rest.key").read_text()
if sys.argv[2] == "holds keys":
    KeyRing(workspace.site("16")).secret("at-rest")
os.abort()
"""


@pytest.fixture()
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path / "workspace")


def crashed(settings: Settings, folder: Path, how: str) -> bytes:
    """What a process that was aborted left in its folder."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _CRASH, str(settings.workspace), how],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2),
    )
    assert done.returncode == -signal.SIGABRT, done.stderr.decode()
    return done.stdout + done.stderr + b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_dump_is_written_and_holds_the_key_where_nothing_forbids_it(settings: Settings, tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY or not pattern.is_file():
        pytest.skip("this machine lets no process write a dump")
    if "/" in pattern.read_text() or "|" in pattern.read_text():
        pytest.skip("dumps of this machine go elsewhere")
    key = KeyRing(settings.site("16")).secret("at-rest").hex().encode()
    assert key in crashed(settings, tmp_path / "crash", "holds none")


def test_a_process_that_holds_keys_leaves_no_dump(settings: Settings, tmp_path: Path) -> None:
    assert crashed(settings, tmp_path / "crash", "holds keys") == b""

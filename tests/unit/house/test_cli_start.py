"""`tsumugi --help` answers at once: what is slow to load is loaded by the command that needs it."""

from __future__ import annotations

import subprocess
import sys


def test_the_command_line_starts_without_the_readers() -> None:
    code = "import sys, ingest.cli; print(*({'polars', 'numba', 'ingest.formats'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_doctor_comes_also_where_the_readers_cannot_be_loaded() -> None:
    code = "import sys; sys.modules['numba'] = None; import ingest.doctor as d; print(d.machine.loops().state)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "wrong"

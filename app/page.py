"""One rerun of the dashboard: who is it, what may they open, which page do they want."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from app.views.frame import render  # noqa: E402

render()

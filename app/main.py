"""The dashboard's server: Streamlit behind the gate.

Run by ``tsumugi serve`` (see ``app/serve.py``) or ``streamlit run app/main.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # Streamlit puts app/ there, not its parent

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from app.access.gate import Gate, routes  # noqa: E402
from app.runtime import runtime  # noqa: E402

app = st.App(
    Path(__file__).with_name("page.py"),
    routes=routes(runtime()),
    middleware=[Middleware(Gate, runtime=runtime())],
)

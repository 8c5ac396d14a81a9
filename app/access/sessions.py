"""Sessions on the server: a random id in a cookie, everything else here.

A session ends after the idle time, after eight hours, on sign-out, or when the process ends. It is
looked up on every rerun of a page, because an open WebSocket outlives its cookie.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.access.accounts import Account

COOKIE = "tsumugi_session"
LONGEST_SECONDS = 8 * 3600


@dataclass
class Session:
    """One signed-in browser."""

    account: Account
    started: float
    last_seen: float
    purpose_code: str | None = None  # 利用目的 chosen for looking at persons


class Sessions:
    """The table of open sessions of this process."""

    def __init__(self, idle_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def start(self, account: Account) -> str:
        """Open a session; returns its id for the cookie."""
        session_id = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._drop_expired(now)
            self._open[session_id] = Session(account, now, now)
        return session_id

    def get(self, session_id: str | None, *, touch: bool) -> Session | None:
        """The live session of that id. ``touch`` counts this as activity of the user."""
        if not session_id:
            return None
        now = self._clock()
        with self._lock:
            self._drop_expired(now)
            session = self._open.get(session_id)
            if session is not None and touch:
                session.last_seen = now
            return session

    def end(self, session_id: str | None) -> Account | None:
        """Close a session; returns whose it was."""
        with self._lock:
            session = self._open.pop(session_id or "", None)
        return session.account if session else None

    def end_all(self, user_name: str) -> int:
        """Revoke every session of one account; returns how many there were."""
        with self._lock:
            ids = [key for key, session in self._open.items() if session.account.user_name == user_name]
            for key in ids:
                del self._open[key]
        return len(ids)

    def _drop_expired(self, now: float) -> None:
        expired = [
            key
            for key, session in self._open.items()
            if now - session.last_seen > self._idle_seconds or now - session.started > LONGEST_SECONDS
        ]
        for key in expired:
            del self._open[key]

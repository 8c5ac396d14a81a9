"""One step of a site at a time: two loads of one inbox would take the same file twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest import at_rest
from ingest.site.errors import SiteError


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the site's lock; at the end its databases are hashed as they lie.

    The system lets the lock go when the process ends, however it ends.

    Raises SiteError when another step of the site is running.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "step.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SiteError(f"another step of this site is running ({home}); wait for it to end") from None
        try:
            yield
        finally:
            at_rest.settle(home)

"""Work that goes on beside its owner: one thing at a time, in the order in which it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import Any


class Beside:
    """A thread of its own; a context at whose end nothing of it is left to do."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._doing: Future[Any] | None = None

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        if error is None:
            self.settle()

    def do(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin with ``work`` when what was asked for before is done, which is waited for: no two pile up."""
        self.settle()
        self._doing = self._pool.submit(copy_context().run, work, *arguments)

    def settle(self) -> None:
        """Wait until nothing is left to do. Raises what was raised there."""
        doing, self._doing = self._doing, None
        if doing is not None:
            doing.result()

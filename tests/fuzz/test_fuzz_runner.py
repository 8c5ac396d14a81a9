"""A mutant that hangs or takes its process along is told as one, and the others go on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from tests.fuzz import runner

HANGS, FINE = 3, 4


def _waits() -> None:
    time.sleep(600)


def _never_ends() -> None:
    while True:
        pass


def _dies() -> None:
    os._exit(1)


def _work(numbers: list[int], pipe: Connection, hang: Callable[[], None]) -> None:
    for number in numbers:
        pipe.send(("begun", number, f"mutant {number}", "uke"))
        if number == HANGS:
            hang()
        pipe.send(("done", False, []))
    pipe.send(("finished",))


def _with_waiting(numbers: list[int], pipe: Connection) -> None:
    _work(numbers, pipe, _waits)


def _without_end(numbers: list[int], pipe: Connection) -> None:
    _work(numbers, pipe, _never_ends)


def _with_death(numbers: list[int], pipe: Connection) -> None:
    _work(numbers, pipe, _dies)


@pytest.mark.parametrize(
    ("work", "told"), [(_with_waiting, "hangs"), (_without_end, "hangs"), (_with_death, "the process died")]
)
def test_a_mutant_that_never_comes_back_is_told_and_the_next_is_run(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[list[int], Connection], None], told: str
) -> None:
    monkeypatch.setattr(runner, "_work", work)
    monkeypatch.setattr(runner, "KILL_SECONDS", 2.0)
    monkeypatch.setattr(runner, "SECONDS", 0.5)
    report = runner.run([HANGS, FINE])
    assert len(report.failures) == 1 and report.failures[0].startswith(f"mutant {HANGS}: {told}")
    assert report.run.total() == 2

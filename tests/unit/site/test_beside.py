"""Work beside its owner: in order, never two at once, and what fails there is told."""

from __future__ import annotations

import threading
import time

import pytest

from ingest.site.beside import Beside


def test_what_is_asked_for_is_done_in_order_and_never_two_at_once() -> None:
    done: list[tuple[int, bool]] = []
    busy = threading.Lock()

    def work(number: int) -> None:
        is_alone = busy.acquire(blocking=False)
        time.sleep(0.01)
        done.append((number, is_alone))
        busy.release()

    with Beside() as beside:
        for number in range(5):
            beside.do(work, number)
    assert done == [(number, True) for number in range(5)]


def test_what_fails_is_told_by_the_next_word_and_once() -> None:
    def fail() -> None:
        raise ValueError("no room")

    with Beside() as beside:
        beside.do(fail)
        with pytest.raises(ValueError, match="no room"):
            beside.do(print)
        beside.settle()
    with pytest.raises(ValueError, match="no room"), Beside() as beside:
        beside.do(fail)


def test_the_owner_who_fails_waits_and_tells_of_itself() -> None:
    done: list[int] = []

    def work() -> None:
        time.sleep(0.01)
        done.append(1)
        raise ValueError("of the work")

    with pytest.raises(KeyError, match="of the owner"), Beside() as beside:
        beside.do(work)
        raise KeyError("of the owner")
    assert done == [1]

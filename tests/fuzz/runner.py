"""Mutants in processes of their own, which are ended when a reader hangs.

A mutant hangs when it took longer than ``SECONDS`` both on the clock and of the processor: on a machine
that does much else the clock alone says nothing. Every ``KILL_SECONDS`` its process is looked at, and ended when it has
used more than its time or did nothing at all.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

SECONDS = 10.0
KILL_SECONDS = 120.0
IDLE_SECONDS = 0.2
"""Of the processor: who used less while it was not looked at waits for something that does not come."""
START_SECONDS = 600.0
"""What a process may take for each good file that it reads first: loops over bytes are compiled there."""
MEGABYTES = 1500
"""Resident memory that no mutant may cost; the largest is a file of 10 MB."""


@dataclass
class Report:
    """What a run of mutants found."""

    run: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def _work(numbers: list[int], pipe: Connection) -> None:
    """Checks the numbers in their order and sends what became of each (in a process of its own)."""
    from tests.fuzz.check import check
    from tests.fuzz.corpus import originals
    from tests.fuzz.mutations import Mutant, mutant

    with tempfile.TemporaryDirectory() as home:
        for original in originals():  # what is compiled at its first use is no part of a mutant's time
            check(Mutant(-1, original.name, original.format, (), original.data), Path(home))
            pipe.send(("warmed", original.name))
        for number in numbers:
            made = mutant(number)
            pipe.send(("begun", number, str(made), made.original))
            clock, used = time.monotonic(), time.process_time()
            outcome = check(made, Path(home))
            clock, used = time.monotonic() - clock, time.process_time() - used
            failures = list(outcome.failures)
            if clock > SECONDS and used > SECONDS:
                failures.append(f"took {clock:.0f} s, {used:.0f} s of the processor")
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            if memory > MEGABYTES:
                failures.append(f"took {memory} MB")
            pipe.send(("done", outcome.is_refused, failures))
            if memory > MEGABYTES:
                break  # the mark does not go down: the rest is for another process
        pipe.send(("finished",))


def _outcomes(numbers: list[int]) -> Iterator[tuple[str, str, bool, list[str]]]:
    """(mutant, original, is refused, failures) of each number, over as many processes as it takes."""
    context = multiprocessing.get_context("spawn")
    rest = list(numbers)
    while rest:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(rest, theirs), daemon=True)
        process.start()
        theirs.close()
        told, original = "", ""
        begun = used = 0.0
        try:
            while True:
                if not ours.poll(KILL_SECONDS if told else START_SECONDS):
                    if not told:
                        raise RuntimeError("the process of the mutants does not get started")
                    before, used = used, _processor_seconds(process.pid)
                    if used - begun < SECONDS and used - before > IDLE_SECONDS:
                        continue  # others have the processor
                    yield told, original, False, [f"hangs: ended after {used - begun:.0f} s of the processor"]
                    break
                message = ours.recv()
                if message[0] == "begun":
                    _, number, told, original = message
                    begun = used = _processor_seconds(process.pid)
                    rest = rest[rest.index(number) + 1 :]
                elif message[0] == "done":
                    yield told, original, message[1], message[2]
                elif message[0] == "finished":
                    break
        except EOFError:
            if not told:
                raise RuntimeError("the process of the mutants did not start") from None
            yield told, original, False, [f"the process died ({process.exitcode})"]
        finally:
            process.kill()
            process.join()
            ours.close()


def _processor_seconds(process: int | None) -> float:
    """What a process has used of the processor; nothing where it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(numbers: Iterable[int], log: Path | None = None) -> Report:
    """Checks every number; ``log`` gets a line for each failure as it is found."""
    report = Report()
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"  # of the children: their frames are small
    try:
        for told, original, is_refused, failures in _outcomes(list(numbers)):
            report.run[original] += 1
            report.refused[original] += is_refused
            if log and report.run.total() % 500 == 0:
                with log.open("a", encoding="utf-8") as handle:
                    handle.write(f"{report.run.total()} mutants\n")
            for failure in failures:
                report.failures.append(f"{told}: {failure}")
                if log:
                    with log.open("a", encoding="utf-8") as handle:
                        handle.write(report.failures[-1] + "\n")
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before
    return report


if __name__ == "__main__":
    import sys

    first, last = int(sys.argv[1]), int(sys.argv[2])
    whole = run(range(first, last), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    for name in sorted(whole.run):
        print(f"{name:20} {whole.run[name]:6} mutants, {whole.refused[name]:6} refused")
    print(f"{len(whole.failures)} failures", *whole.failures[:50], sep="\n")

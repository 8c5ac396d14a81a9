"""Attack after attack at the desk of one center, and genuine batches in between; `python -m tests.attacks.campaign`."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.center.receive import receive
from ingest.progress import ProgressCallback, silent
from tests.attacks.kinds import KINDS
from tests.attacks.world import NEEDLE, World

SEED = 20250301
STORY = 6  # batches for the gaps, the refusals and the restore at the end


class Breach(AssertionError):
    """An attack got through, or was answered with the reason of another fault."""


def run(root: Path, attacks: int, blocks: int, progress: ProgressCallback = silent) -> dict[str, Any]:
    """``attacks`` attacks in ``blocks`` blocks, a genuine batch taken after each; returns what became of all.

    Raises Breach at the first attack that landed a row, left a plaintext byte on the disk, or got another answer
    than its own. Every attack is made from ``SEED``, its kind and its number alone.
    """
    world = World(root, blocks + STORY + 1)
    with _temporary_files_in(world.temporary):
        return _run(world, root, attacks, blocks, progress)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Whatever is written aside is written where it is searched."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before[1]


def _run(world: World, root: Path, attacks: int, blocks: int, progress: ProgressCallback) -> dict[str, Any]:
    _search_finds_what_is_planted(world)
    by_kind: dict[str, Counter[str]] = {kind.__name__: Counter() for kind in KINDS}
    searched = 0
    with world.desk() as desk:
        _genuine(world, desk, 1)
        done = 0
        for block in range(blocks):
            due = block + 2
            before = desk.landed()
            for _ in range(attacks * (block + 1) // blocks - attacks * block // blocks):
                kind = KINDS[done % len(KINDS)]
                chance = random.Random(f"{SEED}-{kind.__name__}-{done}")  # noqa: S311
                desk.forget()
                answer = kind(world, due, chance)
                try:
                    received, answers = desk.take()
                except Exception as error:
                    raise Breach(f"{kind.__name__} {done} was not answered at all: {type(error).__name__}") from error
                _judge(world, f"{kind.__name__} {done}", due, answer, received, answers)
                by_kind[kind.__name__][" ".join(answer)] += 1
                done += 1
                if done % 100 == 0 or done == attacks:
                    progress("attack", done, attacks)
            if desk.landed() != before:
                raise Breach(f"rows landed before batch {due}")
            desk.forget()
            searched += _nothing_in_plain(world)
            _genuine(world, desk, due)
            if due > 2 and desk.landed()[0] != due:
                raise Breach(f"batch {due} is not in the warehouse")
    accepted = blocks + 1 + _story(world, blocks + 1, root)
    searched += _nothing_in_plain(world)
    states = Counter(answer.split()[0] for counts in by_kind.values() for answer in counts.elements())
    return {
        "attacks": done,
        "refused": states["refused"],
        "held": states["held"],
        "landed": 0,
        "genuine_accepted": accepted,
        "bytes_searched_for_plaintext": searched,
        "plaintext_found": 0,
        "by_kind": {kind: dict(counts) for kind, counts in by_kind.items() if counts},
    }


def _judge(
    world: World, name: str, due: int, answer: tuple[str, str], received: int, answers: set[tuple[str, str]]
) -> None:
    if received:
        raise Breach(f"{name} was taken")
    if answers != {answer}:
        raise Breach(f"{name} was answered {sorted(answers)}, not {answer}")
    is_due = (world.incoming / f"{due:06d}").exists()
    if answer[0] == "refused" and is_due and world.answer(due) != answer:
        raise Breach(f"{name} has the receipt {world.answer(due)}, not {answer}")
    left = [path.name for path in (world.center.batches / "16").iterdir() if path.suffix]
    if left:
        raise Breach(f"{name} left {left} behind")


def _genuine(world: World, desk: Any, number: int) -> None:
    world.copy(world.batches[number], number)
    received, answers = desk.take()
    if received != 1 or answers or world.answer(number) != ("accepted", ""):
        raise Breach(f"the genuine batch {number} was not taken: {sorted(answers)}")


def _search_finds_what_is_planted(world: World) -> None:
    """A search that finds nothing proves nothing: text, Parquet and database in plain are found first."""
    import duckdb

    places = (
        world.center.home / "planted.txt",
        world.temporary / "planted.parquet",
        world.temporary / "planted.duckdb",
    )
    places[0].parent.mkdir(parents=True, exist_ok=True)
    places[0].write_bytes(b"x" * 1000 + NEEDLE.encode())
    with duckdb.connect(str(places[2])) as connection:
        connection.execute(f"COPY (SELECT 1 AS a) TO '{places[1]}' (FORMAT parquet)")
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    found, _ = world.plaintext()
    if sorted(found) != sorted(map(str, places)):
        raise Breach(f"the search found {found}, planted were {places}")
    for place in places:
        place.unlink()


def _nothing_in_plain(world: World) -> int:
    found, searched = world.plaintext()
    if found:
        raise Breach(f"plaintext in {found}")
    return searched


def _story(world: World, last: int, root: Path) -> int:
    """A gap, a refusal, the center put back to a backup: in the end every genuine batch is taken; returns how many."""

    def take(*numbers: int) -> tuple[int, int, int]:
        for number in numbers:
            world.copy(world.batches[number], number)
        figures = receive(world.settings, silent)
        return figures["received"], figures["held"], figures["refused"]

    def expect(found: tuple[int, int, int], expected: tuple[int, int, int], what: str) -> None:
        if found != expected:
            raise Breach(f"{what}: received, held, refused {found}, not {expected}")

    world.clear()
    expect(take(last + 2, last + 3), (0, 2, 0), "a gap")
    expect(take(last + 1), (3, 0, 0), "the gap filled")
    world.clear()
    damaged = world.copy(world.batches[last + 4], last + 4)
    (damaged / world.parquet(damaged)[0]).unlink()
    expect(take(last + 5), (0, 1, 1), "a damaged batch")
    world.clear()
    shutil.copytree(world.center.home, root / "backup")
    expect(take(last + 4, last + 5), (2, 0, 0), "the whole batch after the damaged one")
    shutil.rmtree(world.center.home)
    (root / "backup").rename(world.center.home)
    world.clear()
    expect(take(last + 6), (0, 1, 0), "after the restore")
    expect(take(last + 4, last + 5), (3, 0, 0), "filled up after the restore")
    return STORY


def main() -> None:
    """Run as many attacks as the first argument says, with a progress line; the last line is JSON."""
    attacks = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    start, cpu = time.perf_counter(), time.process_time()

    def tell(_: str, done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,} attacks, {time.perf_counter() - start:,.0f} s", end="", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), attacks, 10, tell)
    print(file=sys.stderr)
    figures |= {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""Mutated files of every format through the one door: no traceback, no hang, no row lost, no value told.

Each failure names its mutant; ``python -m tests.fuzz.check NUMBER FILE`` repeats it by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.formats import read, recognise
from tests.fuzz import accounting, runner
from tests.fuzz.corpus import Original, originals, planted
from tests.fuzz.mutations import COMMON, HEAVY, Mutant, mutant

SHORT, LONG, PARTS = 140, 10_000, 8


@pytest.mark.parametrize("original", originals(), ids=lambda original: original.name)
def test_the_files_that_are_mutated_are_good_ones(original: Original, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(original.data)
    reading = read(path)
    assert recognise(path)[0].format == reading.format == original.format
    assert reading.set_aside.is_empty() and not reading.problems
    assert all(frame.height for frame in reading.tables.values())
    assert accounting.misplaced(reading, original.data) == []


def test_the_people_in_the_files_are_those_that_no_message_may_name() -> None:
    for original in originals():
        text = original.text()
        assert original.name in ("insured-counts", "population", "districts") or any(
            value in text for value in planted()
        )


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    for original in originals():
        path = tmp_path / "file"
        path.write_bytes(original.data)
        reading = read(path)
        name = next(iter(reading.tables))
        reading.tables[name] = reading.tables[name].slice(1).head(-1)
        assert accounting.misplaced(reading, original.data) != []


def test_a_number_gives_the_same_mutant_again() -> None:
    assert mutant(1234) == mutant(1234)
    assert mutant(1234).data != mutant(1234 + len(originals())).data


def test_the_long_form_meets_every_mutation_of_every_format() -> None:
    seen = {(made.original, name) for made in map(_light, range(LONG)) for name in made.mutations}
    names = [mutation.__name__ for mutation in (*COMMON, *HEAVY)]
    assert {(original.name, name) for original in originals() for name in names} - seen == set()


def _light(number: int) -> Mutant:
    """The mutant without its bytes."""
    return mutant(number, is_made=False)


def test_mutants_of_every_format_are_read_or_refused_and_every_row_is_accounted_for() -> None:
    report = runner.run(range(SHORT))
    assert report.failures == []
    assert report.run.total() == SHORT
    assert 0 < report.refused.total() < SHORT


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_mutants_are_read_or_refused_and_every_row_is_accounted_for(part: int) -> None:
    start, count = SHORT + part * (LONG // PARTS), LONG // PARTS
    report = runner.run(range(start, start + count))
    assert report.failures == []
    assert report.run.total() == count
